"""A page of the report, and how long lists are cut so that no page grows too large."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

MOST_BYTES = 1_000_000
"""A page is never larger: beyond, browsers stall."""
ROOM_FOR_ROWS = 600_000
"""Bytes of rows on one page; the rest is for what stands around them."""
MOST_ROWS = 200
"""Rows that a reader still finds a way through."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its path relative to the report's folder, and its text."""

    path: str
    text: str

    @property
    def bytes(self) -> int:
        """How large the page is on disk."""
        return size_of(self.text)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page stands among the pages of one list: 1 of ``paths``, relative to the folder."""

    number: int
    paths: tuple[str, ...]

    @property
    def previous(self) -> str:
        """The page before, '' for the first one."""
        return self.paths[self.number - 2] if self.number > 1 else ""

    @property
    def next(self) -> str:
        """The page after, '' for the last one."""
        return self.paths[self.number] if self.number < len(self.paths) else ""


def size_of(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def packed(
    rows: Iterable[Markup], *, most: int = MOST_ROWS, room: int = ROOM_FOR_ROWS
) -> Iterator[tuple[Markup, ...]]:
    """Rows in the portions of pages: at most so many rows and so many bytes in each.

    A row that alone is larger than the room has a page of its own. No rows are one empty portion.
    """
    held: list[Markup] = []
    size, any_yet = 0, False
    for row in rows:
        length = size_of(row)
        if held and (len(held) == most or size + length > room):
            yield tuple(held)
            held, size, any_yet = [], 0, True
        held.append(row)
        size += length
    if held or not any_yet:
        yield tuple(held)


def paths_of(first: str, count: int) -> tuple[str, ...]:
    """The paths of a list's pages: "findings.html", "findings-2.html", ..."""
    stem = first.removesuffix(".html")
    return (first, *(f"{stem}-{number}.html" for number in range(2, count + 1)))
