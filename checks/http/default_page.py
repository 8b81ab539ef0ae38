"""Is the front page the service's own, and not the welcome page of its server?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence


class DefaultPageParams(Params):
    """Which families of marks are a welcome page."""

    families: tuple[str, ...] = ("default",)


@check("http.default_page", needs=HttpEvidence, params=DefaultPageParams, about=About.PAGE)
def default_page(http: HttpEvidence, params: DefaultPageParams) -> Outcome:
    """Pass when the front page bears no mark of a server's welcome page."""
    page = http.front_page
    if page is None:
        if http.front_failure:
            return Outcome.unknown(http.front_failure)
        return Outcome.not_applicable("not_a_page")
    marks = page.page.bears(*params.families) if page.page else ()
    title = page.page.title if page.page else ""
    if marks:
        return Outcome.failed(url=page.url, kind=marks, title=title, server=page.header("server"))
    return Outcome.passed(url=page.url, title=title)
