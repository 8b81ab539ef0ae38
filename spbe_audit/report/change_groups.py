"""Changes put together for reading: one for all of the same state, requirement and cause."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spbe_audit.comparison import NOT_ASKED
from spbe_audit.over_time import Cause, Change, State
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.labels import Labels
from spbe_audit.severity import Severity

MOST_SUBJECTS = 4
"""Parts of one service that are named before "and n more"."""


@dataclass(frozen=True, slots=True)
class Touched:
    """A service with the parts of it that changed alike."""

    agency: str
    service: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeGroup:
    """Changes alike. ``services`` are those that they are in, ``count`` how many findings."""

    state: State
    severity: Severity
    requirement: str
    check: str
    cause: Cause | None
    reason: str | None
    services: tuple[Touched, ...]
    count: int


def groups_of(changes: Iterable[Change]) -> tuple[ChangeGroup, ...]:
    """Groups in the order of their first change, the larger first where they are as grave."""
    found: dict[tuple[object, ...], list[Change]] = {}
    for change in changes:
        key = (*_kind(change), change.reason)
        found.setdefault(key, []).append(change)
    groups = [_group(alike) for alike in found.values()]
    order = list(State)
    return tuple(
        sorted(groups, key=lambda one: (order.index(one.state), one.severity.rank, -one.count))
    )


def _kind(change: Change) -> tuple[object, ...]:
    return change.state, change.severity, change.identity.requirement, change.cause


def _group(alike: list[Change]) -> ChangeGroup:
    first = alike[0]
    parts: dict[tuple[str, str], list[str]] = {}
    for change in alike:
        subjects = parts.setdefault((change.agency, change.identity.service), [])
        if change.identity.subject:
            subjects.append(change.identity.subject)
    return ChangeGroup(
        state=first.state,
        severity=first.severity,
        requirement=first.identity.requirement,
        check=first.check,
        cause=first.cause,
        reason=first.reason,
        services=tuple(Touched(*place, tuple(subjects)) for place, subjects in parts.items()),
        count=len(alike),
    )


def parts_text(subjects: tuple[str, ...], labels: Labels) -> str:
    """The parts of a service that are at fault: the first few, and how many more there are."""
    shown = ", ".join(subjects[:MOST_SUBJECTS])
    more = len(subjects) - MOST_SUBJECTS
    return f"{shown} {labels('and_more', n=more)}" if more > 0 else shown


def cause_text(group: ChangeGroup, narrator: Narrator) -> Iterator[str]:
    """Why it changed, and why there is no answer, in words."""
    labels = narrator.labels
    if group.reason == NOT_ASKED:
        yield labels("change_not_asked")
    elif group.reason:
        yield narrator.reason_in_general(group.reason, (group.check,))
    if group.cause and group.state not in {State.PERSISTING, State.WAIVED}:
        yield labels(f"change_cause_{group.cause.value}")
