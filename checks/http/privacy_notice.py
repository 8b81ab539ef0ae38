"""Does the front page link to a privacy notice?"""

import re
from urllib.parse import unquote

from spbe_audit.check import About, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, NoHtml


class PrivacyNoticeParams(Params):
    """Words of which a link's text or address holds one, in any case."""

    words: tuple[str, ...] = (
        "kebijakan privasi",
        "pernyataan privasi",
        "pemberitahuan privasi",
        "pelindungan data pribadi",
        "perlindungan data pribadi",
        "privacy",
    )


_NOT_A_WORD = re.compile(r"[\W_]+")


@check("http.privacy_notice", needs=HttpEvidence, params=PrivacyNoticeParams, about=About.PAGE)
def privacy_notice(http: HttpEvidence, params: PrivacyNoticeParams) -> Outcome:
    """Note the first link that names a privacy notice; what it says is for a person to read."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    front = http.front_html
    if isinstance(front, NoHtml):
        refuse = Outcome.not_applicable if front.does_not_apply else Outcome.unknown
        return refuse(front.value)
    wanted = [_plain(word) for word in params.words]
    for link in front.page.links:
        told = f" {_plain(link.text)} {_plain(unquote(link.href))} "
        if any(f" {word} " in told for word in wanted):
            return Outcome.passed(url=front.answer.url, text=link.text, link=link.href)
    if front.page.links_left_out or not front.whole:
        return Outcome.unknown("page_cut_off")
    return Outcome.failed(url=front.answer.url, links=len(front.page.links))


def _plain(text: str) -> str:
    """Words parted by single spaces: "/kebijakan-privasi" reads "kebijakan privasi"."""
    return _NOT_A_WORD.sub(" ", text).strip().lower()
