"""Which rules about other origins does the page send with itself?"""

from collections.abc import Mapping

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import Exchange, HttpEvidence


class CrossOriginPoliciesParams(Params):
    """Which values are accepted of each field; without any, whatever is sent is only noted."""

    opener_accepted: tuple[str, ...] = ()
    resource_accepted: tuple[str, ...] = ()
    embedder_accepted: tuple[str, ...] = ()


_OPENER = "cross-origin-opener-policy"
_RESOURCE = "cross-origin-resource-policy"
_EMBEDDER = "cross-origin-embedder-policy"
_KNOWN: Mapping[str, tuple[str, ...]] = {
    _OPENER: (
        "unsafe-none",
        "same-origin",
        "same-origin-allow-popups",
        "noopener-allow-popups",
    ),
    _RESOURCE: ("same-origin", "same-site", "cross-origin"),
    _EMBEDDER: ("unsafe-none", "require-corp", "credentialless"),
}


@check(
    "http.cross_origin_policies",
    needs=HttpEvidence,
    params=CrossOriginPoliciesParams,
    about=About.PAGE,
    subject="lacking",
)
def cross_origin_policies(http: HttpEvidence, params: CrossOriginPoliciesParams) -> Outcome:
    """Pass when no field has a value that browsers ignore, or that is not an accepted one."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    accepted = {
        _OPENER: params.opener_accepted,
        _RESOURCE: params.resource_accepted,
        _EMBEDDER: params.embedder_accepted,
    }
    facts: dict[str, Fact] = {
        "url": page.url,
        "opener": page.header(_OPENER),
        "resource": page.header(_RESOURCE),
        "embedder": page.header(_EMBEDDER),
    }
    ineffective = tuple(name for name in _KNOWN if page.header(name) and not _value(page, name))
    others = tuple(
        name for name, values in accepted.items() if values and _value(page, name) not in values
    )
    if ineffective or others:
        problem = "unrecognised" if ineffective else "not_accepted"
        return Outcome.failed(
            problem=problem, lacking=tuple(dict.fromkeys((*ineffective, *others))), **facts
        )
    return Outcome.passed(**facts)


def _value(page: Exchange, name: str) -> str:
    """The value that browsers act upon, without its parameters; '' where they ignore the field."""
    token = (page.header(name) or "").partition(";")[0].strip()
    return token if token in _KNOWN[name] else ""
