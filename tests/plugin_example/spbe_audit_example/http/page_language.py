"""Does the front page say in which language it is written?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import HttpEvidence


class PageLanguageParams(Params):
    """The languages that are welcome, as in the lang attribute."""

    welcome: tuple[str, ...] = ("id", "en")


@check("http.page_language", needs=HttpEvidence, params=PageLanguageParams)
def page_language(http: HttpEvidence, params: PageLanguageParams) -> Outcome:
    """Pass when the lang attribute names a welcome language."""
    front = http.front_page
    if front is None:
        return Outcome.unknown(http.front_failure or "not_collected")
    if front.page is None:
        return Outcome.not_applicable("not_a_page")
    language = front.page.language.partition("-")[0].lower()
    if language in params.welcome:
        return Outcome.passed(language=language)
    return Outcome.failed(language=language, welcome=params.welcome)
