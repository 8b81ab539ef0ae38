"""Assessments that are seen from an earlier run, for the tests of the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from spbe_audit.finding import Assessment
from spbe_audit.over_time import (
    Cause,
    Change,
    Comparison,
    Identity,
    RulePart,
    RunMark,
    Shares,
    State,
    Trend,
    TrendPoint,
)
from spbe_audit.severity import Severity
from tests.assessments import EVIDENCE, STARTED, ordinary

AFTER = RunMark("20261120T031530Z-7f3a", STARTED)
BEFORE = RunMark("20261113T031530Z-11c0", STARTED - timedelta(days=7))
LONG_AGO = RunMark("20260605T031530Z-0a01", STARTED - timedelta(days=168))

_CAUSES = {State.NEW: Cause.SYSTEM, State.REGRESSED: Cause.RULE, State.RESOLVED: Cause.UNCLEAR}
_REASONS = {State.NOT_RETESTABLE: "timeout", State.RESOLVED: "no_cookies"}


def change(state: State, service: str = "portal", subject: str = "") -> Change:
    """A change in a state, as it may be."""
    return Change(
        identity=Identity(service, "ports.database_exposed", subject),
        agency="diskominfo",
        check="ports.database_exposed",
        severity=Severity.CRITICAL,
        state=state,
        cause=_CAUSES.get(state),
        first_seen=LONG_AGO,
        open_since=BEFORE,
        last_seen=AFTER,
        age_days=7,
        reason=_REASONS.get(state),
        evidence=EVIDENCE,
    )


def comparison(changes: Sequence[Change] | None = None) -> Comparison:
    """One change in each state, unless they are given."""
    one_of_each = [change(state, subject="6379") for state in State]
    return Comparison(
        before=BEFORE,
        after=AFTER,
        policy="spbe",
        changes=tuple(one_of_each if changes is None else changes),
        rules_changed=tuple(RulePart),
        joined=("ppid",),
        left=("lama", "uji"),
    )


def trend(weeks: int = 8) -> Trend:
    """A trend that rises, with a week in which nothing was judged."""
    return Trend(tuple(_point(week, weeks) for week in range(weeks)), {"": 12.5, "diskominfo": 9.0})


def _point(week: int, weeks: int) -> TrendPoint:
    at = STARTED - timedelta(days=7 * (weeks - 1 - week))
    shares = Shares(None if week == 2 else 0.5 + week / 20, 0.9)
    return TrendPoint(
        run=RunMark(f"run-{week}", at),
        shares=shares,
        open={level: 10 - week for level in Severity if level is not Severity.INFO},
        median_days=None if week < 3 else 12.5,
        agencies={"diskominfo": shares, "dinkes": shares},
        open_of={"diskominfo": 6},
        aspects={"information-security": shares},
        rules_changed=week == 4,
    )


def compared(changes: Sequence[Change] | None = None) -> Assessment:
    """The ordinary assessment with what changed since the run before."""
    return replace(ordinary(), comparison=comparison(changes), trend=trend())
