"""Strips of time as inline SVG: no script, no style attribute, a text alternative in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from markupsafe import Markup

_WIDTH = 1000
"""Units of a strip from end to end."""
_MARGIN = 12
"""Units that stay free at both ends, so that a mark at an end is seen whole."""
_NARROWEST = 4
SOON = timedelta(days=90)
LAST = timedelta(days=30)
"""How long before its end a certificate should be, and must be, renewed."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a strip shows from end to end."""

    begins: datetime
    ends: datetime

    def place(self, moment: datetime) -> int:
        """Where a moment stands, in units; one outside stands at the nearer end."""
        whole = (self.ends - self.begins).total_seconds() or 1.0
        share = min(1.0, max(0.0, (moment - self.begins).total_seconds() / whole))
        return _MARGIN + round(share * (_WIDTH - 2 * _MARGIN))


def span_of(moments: Sequence[datetime]) -> Span:
    """The time from the first to the last of some moments; there must be one at least."""
    return Span(min(moments), max(moments))


def renewal_marks(begins: datetime, ends: datetime) -> tuple[datetime, datetime]:
    """Where the last 90 and the last 30 days begin; a period that is no longer has no such part."""
    last = ends - LAST if ends - LAST > begins else ends
    soon = ends - SOON if ends - SOON > begins else last
    return soon, last


def validity_strip(
    begins: datetime, ends: datetime, now: datetime, *, span: Span, label: str
) -> Markup:
    """A validity period with its last 90 and 30 days set off, and a line at ``now``."""
    inner = Markup('<rect class="track" y="20" width="1000" height="10"/>')
    edges = (begins, *renewal_marks(begins, ends), ends)
    for (kind, top, height), (start, stop) in zip(_PARTS, pairwise(edges), strict=True):
        if stop > start:
            inner += _block(kind, span.place(start), span.place(stop), top=top, height=height)
    inner += Markup('<path class="now" d="M{} 0V50"/>').format(span.place(now))
    return _strip(label, inner)


def cell_strip(kinds: Sequence[str], *, label: str) -> Markup:
    """Equal cells side by side: up, down, rest (announced maintenance) and gap (nobody looked)."""
    inner, count = Markup(), max(1, len(kinds))
    apart = 4 if count <= _FEW else 0
    begin = 0
    for number, kind in enumerate(kinds):
        if not apart and number + 1 < len(kinds) and kinds[number + 1] == kind:
            continue
        left, right = begin * _WIDTH // count, (number + 1) * _WIDTH // count
        top, height = _CELLS[kind]
        inner += _block(kind, left, right - apart, top=top, height=height)
        begin = number + 1
    return _strip(label, inner)


_PARTS = (("good", 10, 30), ("part", 14, 22), ("bad", 18, 14))
"""Class, top and height of the parts of a validity period: it tapers off towards its end."""
_FEW = 30
"""So many cells are drawn one by one; more flow together where they are alike."""
_CELLS = {"up": (20, 30), "down": (0, 50), "rest": (35, 15), "gap": (46, 4)}
"""Top and height by kind, so that kinds differ in more than colour."""


def _block(kind: str, left: int, right: int, *, top: int, height: int) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        kind, left, top, max(_NARROWEST, right - left), height
    )


def _strip(label: str, inner: Markup) -> Markup:
    return Markup(
        '<svg class="strip" viewBox="0 0 1000 50" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(label, inner)
