"""Lines over time as inline SVG: no script, no style attribute, a text alternative in each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from markupsafe import Markup

MOST_POINTS = 120
"""Points of a line; of more, only some are drawn, the first and the last among them."""

_WIDTH, _HEIGHT = 1000, 200
_MARGIN = 12
"""Units that stay free on every side, so that a thick line at an edge is seen whole."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its CSS class, and a value for each moment, None where there is none."""

    kind: str
    values: Sequence[float | None]


def line_chart(
    moments: Sequence[datetime],
    lines: Sequence[Line],
    *,
    highest: float,
    label: str,
    marks: Sequence[datetime] = (),
    kind: str = "chart",
) -> Markup:
    """Lines from 0 to ``highest`` over some moments, oldest first; ``marks`` are upright lines.

    Where a value is missing, the line is broken; a value between two gaps is a dot.
    """
    shown = _thinned(len(moments))
    inner = Markup('<path class="floor" d="M0 {}H{}"/>').format(_HEIGHT - _MARGIN, _WIDTH)
    scale = _Scale(moments, highest)
    for mark in marks:
        inner += Markup('<path class="mark" d="M{} 0V{}"/>').format(scale.across(mark), _HEIGHT)
    for line in lines:
        points = [(moments[place], line.values[place]) for place in shown]
        for css_class, strokes in _drawn(line.kind, points, scale):
            inner += Markup('<path class="{}" d="{}"/>').format(css_class, strokes)
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(kind, _WIDTH, _HEIGHT, label, inner)


class _Scale:
    """Where moments and values stand, in units of the drawing."""

    def __init__(self, moments: Sequence[datetime], highest: float) -> None:
        self._first = moments[0]
        self._span = (moments[-1] - moments[0]).total_seconds() or 1.0
        self._highest = highest or 1.0

    def across(self, moment: datetime) -> int:
        """From the left; the only moment there is stands there."""
        share = (moment - self._first).total_seconds() / self._span
        return _MARGIN + round(min(1.0, max(0.0, share)) * (_WIDTH - 2 * _MARGIN))

    def down(self, value: float) -> int:
        """From the top."""
        share = min(1.0, max(0.0, value / self._highest))
        return _HEIGHT - _MARGIN - round(share * (_HEIGHT - 2 * _MARGIN))


def _drawn(
    kind: str, points: Sequence[tuple[datetime, float | None]], scale: _Scale
) -> Iterator[tuple[str, str]]:
    """The CSS classes and path data of a line's unbroken parts, and of its dots."""
    parts: list[str] = []
    dots: list[str] = []
    for missing, run in groupby(points, key=lambda point: point[1] is None):
        if not missing:
            places = [f"{scale.across(at)} {scale.down(value or 0.0)}" for at, value in run]
            alone = len(places) == 1
            (dots if alone else parts).append(
                f"M{places[0]}h0" if alone else f"M{places[0]}L{' '.join(places[1:])}"
            )
    if parts:
        yield kind, "".join(parts)
    if dots:
        yield f"{kind} dot", "".join(dots)


def _thinned(count: int) -> list[int]:
    """The places that are drawn: all, or evenly spread ones with the first and the last."""
    if count <= MOST_POINTS:
        return list(range(count))
    return [place * (count - 1) // (MOST_POINTS - 1) for place in range(MOST_POINTS)]
