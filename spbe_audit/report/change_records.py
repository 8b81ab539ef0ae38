"""Comparisons and changes as JSON data, for audit.json and for `diff --format json`."""

from __future__ import annotations

from collections.abc import Mapping

from spbe_audit.over_time import Change, Comparison, RunMark
from spbe_audit.report.labels import Labels

Json = Mapping[str, object]


def comparison_record(comparison: Comparison, labels: Labels) -> Json:
    """The two runs, what judged them differently, and how many findings are in each state."""
    return {
        "before": _run(comparison.before, labels),
        "after": _run(comparison.after, labels),
        "policy": comparison.policy,
        "rules_changed": [part.value for part in comparison.rules_changed],
        "counts": {state.value: n for state, n in comparison.counts().items()},
        "joined": list(comparison.joined),
        "left": list(comparison.left),
    }


def change_record(change: Change, labels: Labels) -> Json:
    """What became of one finding."""
    return {
        "id": change.identity.id,
        "state": change.state.value,
        "cause": change.cause.value if change.cause else None,
        "severity": change.severity.value,
        "agency": change.agency,
        "service": change.identity.service,
        "requirement": change.identity.requirement,
        "check": change.check,
        "subject": change.identity.subject,
        "first_seen": _run(change.first_seen, labels),
        "open_since": _run(change.open_since, labels),
        "last_seen": _run(change.last_seen, labels),
        "age_days": change.age_days,
        "reason": change.reason,
        "evidence": change.evidence,
    }


def _run(run: RunMark, labels: Labels) -> Json:
    at = run.at.astimezone(labels.zone).isoformat(timespec="seconds")
    return {"id": run.id, "started": at}
