"""Are the versions that the server shows still mended by their makers?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    LISTED_PRODUCTS,
    HttpEvidence,
    ShownVersion,
    find_end_of_life,
    shown_versions,
)


class KnownSoftwareParams(Params):
    """Where versions are looked for, and the products that a distribution is known to mend."""

    headers: tuple[str, ...] = ("Server", "X-Powered-By", "X-Generator")
    left_out: tuple[str, ...] = ()


@check("http.known_software", needs=HttpEvidence, params=KnownSoftwareParams)
def known_software(http: HttpEvidence, params: KnownSoftwareParams) -> Outcome:
    """Pass when no version shown is one whose support ended before the evidence was collected."""
    if http.front is None:
        return Outcome.unknown(http.front_failure or "fact_unknown", fact="response")
    shown = [
        one
        for one in shown_versions(_statements(http, params))
        if one.product not in params.left_out
    ]
    if not shown:
        return Outcome.not_applicable("no_version")
    versions = tuple(f"{one.product} {one.version}" for one in shown)
    ended = tuple(told for one in shown if (told := _ended(one, http)))
    if ended:
        return Outcome.failed(ended=ended, versions=versions, server=http.front.header("server"))
    if not any(one.product in LISTED_PRODUCTS for one in shown):
        return Outcome.not_applicable("not_listed", versions=versions)
    return Outcome.passed(versions=versions)


def _statements(http: HttpEvidence, params: KnownSoftwareParams) -> list[str]:
    found = []
    for hop in http.own_exchanges():
        found += [value for name in params.headers for value in hop.header_values(name)]
        found += [hop.page.generator, hop.page.title] if hop.page else []
    return found


def _ended(shown: ShownVersion, http: HttpEvidence) -> dict[str, str] | None:
    entry = find_end_of_life(shown)
    if entry is None or http.collected_at.date() <= entry.ended:
        return None
    return {
        "name": f"{shown.product} {shown.version}",
        "ended": entry.ended.isoformat(),
        "platform": entry.note,
    }
