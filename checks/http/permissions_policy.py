"""Does the page say which sites may use the camera, the microphone and the location?"""

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, PermissionsPolicy, parse_permissions_policy


class PermissionsPolicyParams(Params):
    """Which features have to be restricted; ``must_be_named`` does not trust browsers' defaults."""

    features: tuple[str, ...] = ("camera", "microphone", "geolocation")
    must_be_named: bool = True


@check(
    "http.permissions_policy",
    needs=HttpEvidence,
    params=PermissionsPolicyParams,
    about=About.PAGE,
)
def permissions_policy(http: HttpEvidence, params: PermissionsPolicyParams) -> Outcome:
    """Pass when the policy is readable and names each feature, open to listed origins at most."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    received = page.header_values("permissions-policy")
    outdated = page.header_values("feature-policy")
    policy = parse_permissions_policy(", ".join(received))
    facts: dict[str, Fact] = {"url": page.url, "received": received, "feature_policy": outdated}
    if not received:
        problem = "only_feature_policy" if outdated else "missing"
        return Outcome.failed(problem=problem, lacking=params.features, **facts)
    if not policy.readable:
        return Outcome.failed(problem="bad_syntax", lacking=params.features, **facts)
    opened = tuple(name for name in params.features if policy.open_to_all(name))
    lacking = (*opened, *_unnamed(policy, params))
    if lacking:
        problem = "open_to_all" if opened else "not_named"
        return Outcome.failed(problem=problem, lacking=lacking, **facts)
    return Outcome.passed(allowed=_allowed(policy, params), **facts)


def _unnamed(policy: PermissionsPolicy, params: PermissionsPolicyParams) -> tuple[str, ...]:
    if not params.must_be_named:
        return ()
    return tuple(name for name in params.features if name not in policy.features)


def _allowed(policy: PermissionsPolicy, params: PermissionsPolicyParams) -> dict[str, Fact]:
    """The features with those who may use them; what is not named is left to browsers."""
    return {name: policy.features[name] for name in params.features if name in policy.features}
