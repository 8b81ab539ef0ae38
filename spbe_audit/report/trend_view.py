"""A trend in charts, sentences and figures: what the page of changes shows of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from spbe_audit.over_time import Shares, Trend, TrendPoint
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import Labels
from spbe_audit.report.page_parts import LEVELS
from spbe_audit.report.site import Site
from spbe_audit.report.trend_chart import Line, line_chart

_MOST_AGENCIES = 60
_MOST_ROWS = 60
_SHARE = 1.0


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with its title, its highest value and the lines of its key."""

    title: str
    svg: Markup
    highest: str
    key: tuple[tuple[str, str], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class SmallRow:
    """An agency or an aspect with two small charts; ``open`` and ``days`` are '' for aspects."""

    page: str
    name: str
    compliance: str
    compliance_chart: Markup
    coverage: str
    coverage_chart: Markup
    open: str
    days: str


@dataclass(frozen=True, slots=True)
class FigureRow:
    """The figures of one run."""

    run: str
    at: str
    compliance: str
    coverage: str
    open: tuple[int, ...]
    days: str


def trend_values(site: Site, trend: Trend) -> dict[str, object] | None:
    """What the template shows of a trend; None for one without points."""
    if not trend.points:
        return None
    points, labels = trend.points, site.labels
    agencies = site.assessment.agencies
    return {
        "enough": len(points) > 1,
        "first": labels.day(points[0].run.at.astimezone(labels.zone).date()),
        "last": labels.day(points[-1].run.at.astimezone(labels.zone).date()),
        "charts": [_shares(points, labels), _open(points, labels), _days(points, labels)],
        "aspects": [
            _small(points, labels.choose(one.title), labels, _aspect(one.id))
            for one in site.assessment.aspects
        ],
        "agencies": [_agency_row(site, trend, one.agency.id) for one in agencies[:_MOST_AGENCIES]],
        "agencies_more": max(0, len(agencies) - _MOST_AGENCIES),
        "levels": LEVELS,
        "rows": [_figures(point, labels) for point in points[-_MOST_ROWS:]],
    }


def _shares(points: Sequence[TrendPoint], labels: Labels) -> Chart:
    lines = (
        ("good", "compliance", [point.shares.compliance for point in points]),
        ("cover", "coverage", [point.shares.coverage for point in points]),
    )
    return Chart(
        title=labels("trend_shares"),
        svg=_drawn(points, lines, labels, highest=_SHARE, told=labels.percent),
        highest=labels.percent(_SHARE),
        key=tuple((kind, labels(word)) for kind, word, _ in lines),
    )


def _open(points: Sequence[TrendPoint], labels: Labels) -> Chart:
    lines = tuple(
        (
            f"level-{level.value}",
            f"severity_{level.value}",
            [float(one.open[level]) for one in points],
        )
        for level in LEVELS
    )
    highest = max(max(values) for _, _, values in lines)
    return Chart(
        title=labels("trend_open"),
        svg=_drawn(points, lines, labels, highest=highest, told=labels.number),
        highest=labels.number(highest),
        key=tuple((kind, labels(word)) for kind, word, _ in lines),
    )


def _days(points: Sequence[TrendPoint], labels: Labels) -> Chart:
    values = [point.median_days for point in points]
    highest = max((value for value in values if value is not None), default=0.0)
    lines = (("cover", "trend_days", values),)
    return Chart(
        title=labels("trend_days"),
        svg=_drawn(points, lines, labels, highest=highest, told=labels.number),
        highest=labels.number(round(highest, 1)),
        key=(),
        note=labels("trend_days_note"),
    )


def _drawn(
    points: Sequence[TrendPoint],
    lines: Sequence[tuple[str, str, Sequence[float | None]]],
    labels: Labels,
    *,
    highest: float,
    told: Callable[[float], str],
) -> Markup:
    sentences = [_sentence(labels(word), points, values, labels, told) for _, word, values in lines]
    return line_chart(
        [point.run.at for point in points],
        [Line(kind, values) for kind, _, values in lines],
        highest=highest,
        label=" ".join(sentences),
        marks=[point.run.at for point in points if point.rules_changed],
    )


def _sentence(
    what: str,
    points: Sequence[TrendPoint],
    values: Sequence[float | None],
    labels: Labels,
    told: Callable[[float], str],
) -> str:
    """A line in words: its ends, its lowest and its highest value."""
    known = [
        (point, value) for point, value in zip(points, values, strict=True) if value is not None
    ]
    if not known:
        return labels("trend_text_none", what=what)
    numbers = [value for _, value in known]

    def day(place: int) -> str:
        return labels.day(known[place][0].run.at.astimezone(labels.zone).date())

    return labels(
        "trend_text",
        what=what,
        first=told(numbers[0]),
        first_day=day(0),
        last=told(numbers[-1]),
        last_day=day(-1),
        lowest=told(min(numbers)),
        highest=told(max(numbers)),
    )


_Shares = Callable[[TrendPoint], Shares | None]


def _aspect(aspect: str) -> _Shares:
    return lambda point: point.aspects.get(aspect)


def _agency(agency: str) -> _Shares:
    return lambda point: point.agencies.get(agency)


def _agency_row(site: Site, trend: Trend, agency: str) -> SmallRow:
    days = trend.median_days.get(agency)
    return _small(
        trend.points,
        site.agency_names[agency],
        site.labels,
        _agency(agency),
        page=site.agency_pages[agency],
        open_now=site.labels.number(trend.points[-1].open_of.get(agency, 0)),
        days=site.labels("no_share") if days is None else site.labels.number(round(days, 1)),
    )


def _small(
    points: Sequence[TrendPoint],
    name: str,
    labels: Labels,
    shares: _Shares,
    *,
    page: str = "",
    open_now: str = "",
    days: str = "",
) -> SmallRow:
    found = [shares(point) for point in points]
    compliance = [one.compliance if one else None for one in found]
    coverage = [one.coverage if one else None for one in found]

    def chart(kind: str, word: str, values: Sequence[float | None]) -> Markup:
        what = f"{spelt_out(name)}, {labels(word)}"
        label = _sentence(what, points, values, labels, labels.percent)
        moments = [point.run.at for point in points]
        return line_chart(
            moments, [Line(kind, values)], highest=_SHARE, label=label, kind="chart small-chart"
        )

    return SmallRow(
        page=page,
        name=name,
        compliance=labels.percent(compliance[-1]),
        compliance_chart=chart("good", "compliance", compliance),
        coverage=labels.percent(coverage[-1]),
        coverage_chart=chart("cover", "coverage", coverage),
        open=open_now,
        days=days,
    )


def _figures(point: TrendPoint, labels: Labels) -> FigureRow:
    days = point.median_days
    return FigureRow(
        run=point.run.id,
        at=labels.moment(point.run.at),
        compliance=labels.percent(point.shares.compliance),
        coverage=labels.percent(point.shares.coverage),
        open=tuple(point.open[level] for level in LEVELS),
        days=labels("no_share") if days is None else labels.number(round(days, 1)),
    )
