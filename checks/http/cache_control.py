"""Are pages that ask for a password kept out of caches?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import Exchange, HttpEvidence, NoHtml


class CacheControlParams(Params):
    """The directives of Cache-Control of which one at least must be there."""

    accepted: tuple[str, ...] = ("no-store",)


@check("http.cache_control", needs=HttpEvidence, params=CacheControlParams, about=About.PAGE)
def cache_control(http: HttpEvidence, params: CacheControlParams) -> Outcome:
    """Pass when every page with a password form that was seen may not be stored."""
    pages = [one for one in http.own_exchanges() if one.page and one.page.password_forms]
    stored = [one for one in pages if not _directives(one) & {*params.accepted}]
    if stored:
        return Outcome.failed(
            url=stored[0].url,
            received=stored[0].header_values("cache-control"),
            pages=tuple(dict.fromkeys(one.url for one in stored)),
        )
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    front = http.front_html
    if isinstance(front, NoHtml) and not pages:
        refuse = Outcome.not_applicable if front.does_not_apply else Outcome.unknown
        return refuse(front.value)
    if not isinstance(front, NoHtml) and not front.whole and not pages:
        return Outcome.unknown("page_cut_off")
    if not pages:
        return Outcome.not_applicable("no_password_form")
    received = pages[0].header_values("cache-control")
    return Outcome.passed(pages=tuple(dict.fromkeys(one.url for one in pages)), received=received)


def _directives(answer: Exchange) -> set[str]:
    """The names of the directives, in lower case (RFC 9111 5.2)."""
    stated = answer.header("cache-control") or ""
    return {one.partition("=")[0].strip().lower() for one in stated.split(",")}
