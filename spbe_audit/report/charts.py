"""Bars as inline SVG: no script, no style attribute, a text alternative in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from spbe_audit.report.hostile_text import spelt_out

_WIDTH = 1000
"""Units of a bar from end to end."""
_NARROWEST = 6
"""Units that a part takes at least, so that one failure among thousands is still seen."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a stacked bar: its CSS class and its count."""

    kind: str
    count: int


def share_bar(share: float | None, *, kind: str, label: str) -> Markup:
    """A bar filled to a share from 0 to 1; a dashed line for None."""
    if share is None:
        inner = Markup('<line class="empty" x1="0" y1="20" x2="1000" y2="20"/>')
    else:
        inner = Markup(
            '<rect class="track" width="1000" height="40"/>'
            '<rect class="{}" width="{}" height="40"/>'
        ).format(kind, round(share * _WIDTH))
    return _figure("bar", label, inner)


def stacked_bar(parts: Sequence[Part], *, label: str) -> Markup:
    """Parts side by side in proportion to their counts; parts of zero are left out."""
    present = [part for part in parts if part.count]
    if not present:
        return share_bar(None, kind="empty", label=label)
    widths = _widths([part.count for part in present])
    inner, x = Markup(), 0
    for part, width in zip(present, widths, strict=True):
        inner += Markup('<rect class="{}" x="{}" width="{}" height="40"/>').format(
            part.kind, x, width - (0 if part is present[-1] else 3)
        )
        x += width
    return _figure("bar", label, inner)


def _widths(counts: Sequence[int]) -> list[int]:
    """Widths that add up to the whole, none below the narrowest; the widest gives what is taken."""
    total = sum(counts)
    widths = [max(_NARROWEST, round(count * _WIDTH / total)) for count in counts]
    widths[widths.index(max(widths))] += _WIDTH - sum(widths)
    return widths


def _figure(css_class: str, label: str, inner: Markup) -> Markup:
    return Markup(
        '<svg class="{}" viewBox="0 0 1000 40" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(css_class, spelt_out(label), inner)
