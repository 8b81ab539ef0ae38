"""Text from the network made harmless for a reader: what is invisible or reorders is spelt out."""

from __future__ import annotations

import re

LONGEST_VALUE = 500
"""Characters that are shown of one value; the rest is told by its length."""
MOST_ITEMS = 40
"""Items that are shown of one list; the rest is counted."""

_INVISIBLE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f\xad"  # control characters, soft hyphen
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters that show nothing
    "\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"  # number signs
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # bidirectional controls, joiners
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffb\ufffe\uffff\ufdd0-\ufdef"  # variation selectors, BOM
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\ud800-\udfff\ue000-\uf8ff"  # lone surrogates, private use
    "\U000e0000-\U0010ffff"  # tags, private use
    "]"
)
_FORMULA_START = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


def spelt_out(text: str) -> str:
    """The text with each invisible or reordering character shown as its code, "[U+202E]"."""
    if text.isascii() and text.isprintable():
        return text
    return _INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def spreadsheet_safe(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula, with nothing invisible in it."""
    mark = "'" if _FORMULA_START.match(text) else ""
    return mark + spelt_out(text)
