"""Do the conditions of the BREACH attack meet on the page?"""

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, NoHtml


class CompressionParams(Params):
    """The encodings whose length tells what was compressed."""

    encodings: tuple[str, ...] = ("gzip", "x-gzip", "deflate", "br", "zstd", "compress")


@check("http.compression", needs=HttpEvidence, params=CompressionParams, about=About.PAGE)
def compression(http: HttpEvidence, params: CompressionParams) -> Outcome:
    """Note whether a page with forms comes compressed; the rest of the attack is not seen here."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    front = http.front_html
    if isinstance(front, NoHtml):
        refuse = Outcome.not_applicable if front.does_not_apply else Outcome.unknown
        return refuse(front.value)
    if front.answer.scheme != "https":
        return Outcome.not_applicable("no_https")
    if not front.page.forms:
        return Outcome.not_applicable("no_form") if front.whole else Outcome.unknown("page_cut_off")
    stated = (front.answer.header("content-encoding") or "").split(",")
    used = tuple(one.strip().lower() for one in stated if one.strip().lower() in params.encodings)
    return Outcome.passed(
        url=front.answer.url,
        encoding=used,
        forms=len(front.page.forms),
        conditions_meet=bool(used),
    )
