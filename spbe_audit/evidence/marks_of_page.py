"""What a page is, or gives away, by its text: pure, bounded, in time linear in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spbe_audit.evidence.leak_signs import LEAK_SIGNS
from spbe_audit.evidence.page_sign import Sign
from spbe_audit.evidence.page_signs import PAGE_SIGNS

_SIGNS: tuple[Sign, ...] = (*LEAK_SIGNS, *PAGE_SIGNS)

MARKS: tuple[str, ...] = tuple(dict.fromkeys(sign.mark for sign in _SIGNS))
"""Every mark, in families: "stack_trace.php", "listing.apache", "maintenance" and so on."""

TEXT_LIMIT = 1024 * 1024
"""Characters that are looked at; the rest of a longer text is ignored."""

_TITLE = re.compile(r"<title(?:\s[^>]{0,200})?>([^<]{0,2000})")
_HEADING = re.compile(r"<h[1-3](?:\s[^>]{0,500})?>\s{0,100}+(?:<\w{1,10}>)?([^<]{0,2000})")
_PLAIN = (
    ("&#039;", "'"),
    ("&#39;", "'"),
    ("&#x27;", "'"),
    ("&apos;", "'"),
    ("\u2019", "'"),
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("\\/", "/"),
)
"""What is written in many ways and read in one; < and > stay as they are, escaped or not."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A text made ready: lower case, quotes plain, its title and first heading on one line each."""

    text: str
    titles: tuple[str, ...]
    links: int


def page_marks(text: str) -> tuple[str, ...]:
    """The marks that a page, or the text of another answer, bears; in the order of MARKS."""
    sheet = _sheet(text[:TEXT_LIMIT])
    found: dict[str, None] = {}
    for sign in _SIGNS:
        if not _is_told(sign.mark, found) and _bears(sheet, sign):
            found[sign.mark] = None
    return tuple(found)


def _is_told(mark: str, found: Iterable[str]) -> bool:
    """Whether a mark adds nothing: it was found, or is the generic one of a family that was."""
    family, _, kind = mark.partition(".")
    if kind == "generic":
        return any(one.startswith(f"{family}.") for one in found)
    return mark in found


def _sheet(text: str) -> _Sheet:
    folded = text.lower()
    for written, plain in _PLAIN:
        folded = folded.replace(written, plain)
    titles = (pattern.search(folded) for pattern in (_TITLE, _HEADING))
    return _Sheet(
        folded,
        tuple(" ".join(title[1].split()) for title in titles if title),
        folded.count("<a "),
    )


def _bears(sheet: _Sheet, sign: Sign) -> bool:
    """Whether a sign stands in a text; what costs least is asked first."""
    if sign.longest is not None and len(sheet.text) > sign.longest:
        return False
    if sign.most_links is not None and sheet.links > sign.most_links:
        return False
    if sign.title and not any(sign.title.search(title) for title in sheet.titles):
        return False
    return all(literal in sheet.text for literal in sign.holds) and all(
        pattern.search(sheet.text) for pattern in sign.shape
    )
