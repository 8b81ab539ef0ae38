"""Does the content security policy also restrict plug-ins, base addresses and forms?"""

from collections.abc import Sequence

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import ContentPolicy, HttpEvidence, admits_any_host, enforced_policies


class CspHardeningParams(Params):
    """``none_wanted`` must be shut for all, ``limited`` must be there and not admit any site."""

    none_wanted: tuple[str, ...] = ("object-src",)
    limited: tuple[str, ...] = ("base-uri", "form-action")


@check(
    "http.csp_hardening",
    needs=HttpEvidence,
    params=CspHardeningParams,
    about=About.PAGE,
    subject="lacking",
)
def csp_hardening(http: HttpEvidence, params: CspHardeningParams) -> Outcome:
    """Pass when every directive is restricted by at least one enforced policy."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    policies = enforced_policies(page)
    if not any(policy.known for policy in policies):
        return Outcome.not_applicable("no_csp")
    lacking = (
        *(name for name in params.none_wanted if not any(map(_is_none, _lists(policies, name)))),
        *(name for name in params.limited if not any(map(_is_limited, _lists(policies, name)))),
    )
    texts = tuple(policy.text for policy in policies)
    if lacking:
        return Outcome.failed(url=page.url, policies=texts, lacking=lacking)
    return Outcome.passed(
        url=page.url, policies=texts, restricted=(*params.none_wanted, *params.limited)
    )


def _lists(policies: Sequence[ContentPolicy], name: str) -> list[tuple[str, ...]]:
    """What each policy that governs a directive, itself or through a fallback, says of it."""
    lists = (policy.effective(name) for policy in policies)
    return [sources for sources in lists if sources is not None]


def _is_none(sources: Sequence[str]) -> bool:
    """Whether a list lets nothing through; beside other sources browsers overlook 'none'."""
    return {source.lower() for source in sources} <= {"'none'"}


def _is_limited(sources: Sequence[str]) -> bool:
    return not any(map(admits_any_host, sources))
