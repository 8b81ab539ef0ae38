"""Whether an answer is what a site says of pages that do not exist: pure comparison of texts."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote, unquote, urlsplit

ALIKE = 0.9
"""The share of words that two texts of one kind have in common."""

_NOT_FOUND = frozenset({404, 410})
_WORD = re.compile(r"(?<![\w-])[^\W\d_]{2,24}(?![\w-])")


def says_not_found(status: int) -> bool:
    """Whether a status alone says that nothing is there."""
    return status in _NOT_FOUND


def without_echo(text: str, path: str) -> str:
    """A text without the path that was asked, which many pages repeat in one way or another."""
    spellings = {path, path.lstrip("/")}
    spellings |= {spell(one) for one in spellings for spell in (_quoted, escape, _in_json)}
    for spelling in sorted(spellings, key=len, reverse=True):
        text = text.replace(spelling, " ")
    return text


def alike(one: str, other: str) -> bool:
    """Whether two texts are one page: the same words, numbers and tokens aside."""
    left, right = frozenset(_WORD.findall(one)), frozenset(_WORD.findall(other))
    if not left or not right:
        return one.split() == other.split()
    return len(left & right) >= ALIKE * len(left | right)


def redirect_goal(target: str, path: str) -> str | None:
    """Where a redirect leads whatever path is asked, without query; None where it keeps the path.

    A redirect that only adds a slash, a language or a host name still leads to what was asked.
    """
    parts = urlsplit(target)
    if path.strip("/") in unquote(parts.path):
        return None
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _quoted(path: str) -> str:
    return quote(path, safe="")


def _in_json(path: str) -> str:
    return path.replace("/", "\\/")
