"""Do error pages keep the inside of the application to themselves?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, SurfaceEvidence


class ErrorPageParams(Params):
    """Which families of marks are a leak."""

    leaks: tuple[str, ...] = ("stack_trace", "debug", "sql_error", "path_leak")


_FIRST_ERROR = 400


@check(
    "http.error_page",
    needs=(HttpEvidence, SurfaceEvidence),
    params=ErrorPageParams,
    about=About.PAGE,
)
def error_page(http: HttpEvidence, surface: SurfaceEvidence, params: ErrorPageParams) -> Outcome:
    """Pass when neither the page for a random path nor any error answer shows such a leak."""
    errors = [hop for hop in http.own_exchanges() if hop.status >= _FIRST_ERROR and hop.page]
    found = [
        (hop.url, mark) for hop in errors if hop.page for mark in hop.page.bears(*params.leaks)
    ]
    answers = surface.asked({"missing"})
    told = [one for one in surface.paths if one.status is not None and one.status >= _FIRST_ERROR]
    found += [(one.url, mark) for one in (*answers, *told) for mark in one.bears(*params.leaks)]
    if found:
        leaks = tuple({"name": url, "kind": mark} for url, mark in dict.fromkeys(found))
        return Outcome.failed(leaks=leaks)
    silence = surface.silence({"missing"})
    if silence:
        return Outcome.unknown(silence)
    return Outcome.passed(
        urls=tuple(one.url for one in answers), statuses=tuple(one.status for one in answers)
    )
