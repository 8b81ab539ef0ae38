"""How compliance, coverage and open findings went from run to run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from spbe_audit.over_time import Shares
from spbe_audit.report.trend_chart import MOST_POINTS, Line, line_chart
from spbe_audit.severity import Severity
from spbe_audit.trends import trend_of
from tests.judgements import FIRST, answers, judged, mark

PORTAL = "portal"


def test_a_trend_of_four_weeks() -> None:
    history = [
        judged(0, {PORTAL: answers("f 22 8081", "f")}),
        judged(1, {PORTAL: answers("f 22", "u")}),
        judged(2, {PORTAL: answers("p", "p")}, score=(9, 0, 1, 0)),
        judged(3, {PORTAL: answers("p", "f")}, policy_digest="p2"),
    ]
    trend = trend_of(history)
    assert [point.run for point in trend.points] == [mark(week) for week in range(4)]
    assert [point.open[Severity.HIGH] for point in trend.points] == [2, 1, 0, 0]
    assert [point.open[Severity.MEDIUM] for point in trend.points] == [1, 1, 0, 1]
    assert [point.open_of.get("a", 0) for point in trend.points] == [3, 2, 0, 1]
    assert [point.median_days for point in trend.points] == [None, 7.0, 14.0, 14.0]
    assert [point.rules_changed for point in trend.points] == [False, False, False, True]
    assert trend.points[2].shares == Shares(1.0, 0.9)
    assert trend.points[0].agencies["a"] == Shares(8 / 9, 0.9)
    assert trend.points[0].aspects["security"].compliance == 0.8
    assert trend.median_days == {"": 14.0, "a": 14.0}


def test_a_service_that_is_dead_keeps_its_findings_in_the_count() -> None:
    history = [judged(week, {PORTAL: answers(one)}) for week, one in enumerate("fuuf")]
    assert [point.open[Severity.HIGH] for point in trend_of(history).points] == [1, 1, 1, 1]


def test_a_service_that_left_takes_them_along() -> None:
    history = [judged(0, {PORTAL: answers("f")}), judged(1, {})]
    assert [point.open[Severity.HIGH] for point in trend_of(history).points] == [1, 0]


def test_runs_that_asked_less_are_no_points() -> None:
    history = [
        judged(0, {PORTAL: answers("f")}),
        judged(1, {PORTAL: answers("p", "-")}, partial=True),
        judged(2, {PORTAL: answers("-", "p")}, families=("http",)),
        judged(3, {PORTAL: answers("p")}),
    ]
    trend = trend_of(history)
    assert [point.run for point in trend.points] == [mark(0), mark(3)]
    assert trend.median_days == {"": 7.0, "a": 7.0}, "they resolve findings all the same"


def test_what_was_resolved_long_ago_leaves_the_median_of_a_point() -> None:
    history = [judged(0, {PORTAL: answers("f")}), judged(1, {PORTAL: answers("p")})]
    history += [judged(week, {PORTAL: answers("p")}) for week in (13, 14, 15)]
    assert [one.median_days for one in trend_of(history).points] == [None, 7.0, 7.0, None, None]


# --- the drawing


def _chart(*values: float | None, highest: float = 1.0) -> str:
    moments = [FIRST + timedelta(days=place) for place in range(len(values))]
    return str(line_chart(moments, [Line("good", values)], highest=highest, label="x < y"))


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([0.0, 1.0], '<path class="good" d="M12 188L988 12"/>'),
        ([0.0, 0.5, 1.0], '<path class="good" d="M12 188L500 100 988 12"/>'),
        ([1.0, 1.0, None, 0.5], '<path class="good" d="M12 12L337 12"/>'),
        ([1.0, 1.0, None, 0.5], '<path class="good dot" d="M988 100h0"/>'),
        ([0.5], '<path class="good dot" d="M12 100h0"/>'),
        ([2.0, -1.0], '<path class="good" d="M12 12L988 188"/>'),
    ],
)
def test_a_line_is_drawn_to_scale(values: list[float | None], drawn: str) -> None:
    assert drawn in _chart(*values)


def test_nothing_is_drawn_of_nothing() -> None:
    assert 'class="good' not in _chart(None, None)
    assert 'd="M12 188L988 188"' in _chart(0.0, 0.0, highest=0.0)


def test_a_chart_has_a_text_and_no_style() -> None:
    chart = _chart(0.0, 1.0)
    assert 'role="img" aria-label="x &lt; y"' in chart
    assert "style=" not in chart


def test_a_long_line_is_thinned_but_keeps_its_ends() -> None:
    values = [0.0] * 999 + [1.0]
    chart = _chart(*values)
    line = chart.partition('class="good" d="')[2].partition('"')[0]
    assert len(line.replace("M", " ").replace("L", " ").split()) == 2 * MOST_POINTS
    assert line.startswith("M12 188L")
    assert line.endswith(" 988 12")


def test_marks_stand_where_the_rules_changed() -> None:
    moments = [FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=4)]
    line = Line("good", [0.0, 0.0, 0.0])
    chart = line_chart(moments, [line], highest=1, label="", marks=[moments[1]])
    assert '<path class="mark" d="M256 0V200"/>' in str(chart)
