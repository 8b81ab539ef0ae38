"""A comparison in at most forty lines: counts, then what is most urgent in each state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from spbe_audit.cli.summary import COLOURS
from spbe_audit.over_time import Comparison, State
from spbe_audit.report.change_groups import ChangeGroup, cause_text, groups_of, parts_text
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import Labels
from spbe_audit.report.wording import shortened
from spbe_audit.severity import Severity

MOST_LINES = 40

_KINDS = {
    State.NEW: 7,
    State.REGRESSED: 4,
    State.NOT_RETESTABLE: 4,
    State.RESOLVED: 3,
    State.GONE: 2,
}
"""Kinds of change that are shown of each state; of the others only how many there are."""
_SERVICES = 4
_SUBJECT = 60


def diff_lines(comparison: Comparison, narrator: Narrator) -> Iterator[str]:
    """The comparison line by line, in the narrator's language."""
    labels = narrator.labels
    yield labels(
        "changes_pair",
        after=comparison.after.id,
        after_at=labels.moment(comparison.after.at),
        before=comparison.before.id,
        before_at=labels.moment(comparison.before.at),
        policy=comparison.policy,
    )
    for part in comparison.rules_changed:
        yield labels(f"changes_rule_{part.value}")
    for key, services in (("changes_joined", comparison.joined), ("changes_left", comparison.left)):
        if services:
            yield labels(key, services=_some(services, labels))
    yield from _counts(comparison, labels)
    for state, most in _KINDS.items():
        groups = groups_of(comparison.in_state(state))
        if groups:
            yield _heading(state, len(groups), most, labels)
            yield from (_line(group, narrator) for group in groups[:most])


def _counts(comparison: Comparison, labels: Labels) -> Iterator[str]:
    width = max(len(labels(f"change_{state.value}")) for state in State)
    for state, n in comparison.counts().items():
        levels = Counter(change.severity for change in comparison.in_state(state))
        told = ", ".join(
            click.style(f"{levels[one]} {labels(f'severity_{one.value}')}", fg=COLOURS.get(one))
            for one in Severity
            if levels[one]
        )
        name = labels(f"change_{state.value}")
        yield f"  {name:{width}} {labels.number(n):>6}  {told}".rstrip()


def _heading(state: State, kinds: int, most: int, labels: Labels) -> str:
    name = labels(f"change_{state.value}").capitalize()
    if kinds <= most:
        return click.style(name, bold=True)
    return f"{click.style(name, bold=True)} ({most}/{kinds})"


def _line(group: ChangeGroup, narrator: Narrator) -> str:
    labels = narrator.labels
    word = click.style(
        f"{labels(f'severity_{group.severity.value}'):8}", fg=COLOURS.get(group.severity)
    )
    places = [
        f"{one.service} ({parts_text(_brief(one.subjects), labels)})"
        if one.subjects
        else one.service
        for one in group.services
    ]
    why = " ".join(one.rstrip(".") for one in cause_text(group, narrator))
    told = f"{narrator.title(group.check)} [{group.check}]: {_some(places, labels)}"
    return f"  {word} {spelt_out(told)}" + (f"; {shortened(why, labels)}" if why else "")


def _brief(subjects: Sequence[str]) -> tuple[str, ...]:
    return tuple(one if len(one) <= _SUBJECT else f"{one[:_SUBJECT]}…" for one in subjects)


def _some(names: Sequence[str], labels: Labels) -> str:
    shown = ", ".join(names[:_SERVICES])
    more = len(names) - _SERVICES
    return spelt_out(f"{shown} {labels('and_more', n=more)}" if more > 0 else shown)
