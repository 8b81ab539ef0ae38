"""Are browsers kept from guessing the type of a response?"""

from spbe_audit.check import About, NoParams, Outcome, check
from spbe_audit.evidence import HttpEvidence


@check("http.content_type_options", needs=HttpEvidence, params=NoParams, about=About.PAGE)
def content_type_options(http: HttpEvidence, _: NoParams) -> Outcome:
    """Pass when the first value of X-Content-Type-Options is nosniff, as browsers read it."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    received = page.header_values("x-content-type-options")
    first = ", ".join(received).partition(",")[0].strip()
    if first.lower() == "nosniff":
        return Outcome.passed(url=page.url, received=received)
    problem = "not_nosniff" if received else "missing"
    return Outcome.failed(url=page.url, received=received, problem=problem)
