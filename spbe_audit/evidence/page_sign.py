"""A sign by which a page is known."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sign:
    """One way to know a page: all that is given must hold.

    ``holds`` are literals and ``shape`` patterns for the text as ``page_marks`` folds it (lower
    case, quotes plain); ``title`` is a pattern for the title or the first heading. ``most_links``
    and ``longest`` keep out pages with content of their own.
    """

    mark: str
    holds: tuple[str, ...] = ()
    title: re.Pattern[str] | None = None
    shape: tuple[re.Pattern[str], ...] = ()
    most_links: int | None = None
    longest: int | None = None


def sign(
    mark: str,
    *holds: str,
    title: str = "",
    shape: str | tuple[str, ...] = (),
    most_links: int | None = None,
    longest: int | None = None,
) -> Sign:
    """A sign whose patterns are given as text.

    Every repeat in a pattern must have an upper bound, and most patterns begin with a literal: that
    keeps the time in proportion to the text, whatever the text is.
    """
    shapes = (shape,) if isinstance(shape, str) else shape
    return Sign(
        mark,
        holds,
        re.compile(title) if title else None,
        tuple(re.compile(one) for one in shapes),
        most_links,
        longest,
    )
