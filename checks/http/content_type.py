"""Does the page say what it is, and in which character set it is written?"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from spbe_audit.check import About, Fact, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence


class ContentTypeParams(Params):
    """Which types are texts that need a character set. They are patterns, * for any text."""

    text_types: tuple[str, ...] = ("text/*",)


_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";,]+)', re.IGNORECASE)


@check("http.content_type", needs=HttpEvidence, params=ContentTypeParams, about=About.PAGE)
def content_type(http: HttpEvidence, params: ContentTypeParams) -> Outcome:
    """Pass when the field names one type, and for a text also its character set."""
    if http.front_failure:
        return Outcome.unknown(http.front_failure)
    page = http.front_page
    if page is None:
        return Outcome.not_applicable("not_a_page")
    received = page.header_values("content-type")
    if not received and not page.body_size:
        return Outcome.not_applicable("no_content")
    match = _CHARSET.search(received[0]) if received else None
    charset = match[1] if match else None
    problem = _problem(received, charset, params)
    facts: dict[str, Fact] = {"url": page.url, "received": received, "charset": charset}
    return Outcome.failed(problem=problem, **facts) if problem else Outcome.passed(**facts)


def _problem(received: Sequence[str], charset: str | None, params: ContentTypeParams) -> str | None:
    if not received:
        return "missing"
    if len(set(received)) > 1:
        return "repeated"
    media_type = received[0].partition(";")[0].strip().lower()
    if not _TYPE.fullmatch(media_type):
        return "malformed"
    is_text = any(fnmatchcase(media_type, pattern.lower()) for pattern in params.text_types)
    return "no_charset" if is_text and charset is None else None
