"""Does the page limit what other sites learn from the Referer field?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence

_POLICIES = {
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
}


class ReferrerPolicyParams(Params):
    """Which policies tell other sites too much."""

    rejected: tuple[str, ...] = ("unsafe-url", "no-referrer-when-downgrade")


@check("http.referrer_policy", needs=HttpEvidence, params=ReferrerPolicyParams, about=About.PAGE)
def referrer_policy(http: HttpEvidence, params: ReferrerPolicyParams) -> Outcome:
    """Pass when the last policy that browsers recognise is not a rejected one."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    received = page.header_values("referrer-policy")
    tokens = [token.strip().lower() for value in received for token in value.split(",")]
    recognised = [token for token in tokens if token in _POLICIES]
    effective = recognised[-1] if recognised else None
    facts = {"url": page.url, "received": received, "effective": effective}
    if effective and effective not in params.rejected:
        return Outcome.passed(**facts)
    unusable = "unrecognised" if received else "missing"
    return Outcome.failed(problem="rejected_policy" if effective else unusable, **facts)
