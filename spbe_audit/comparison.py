"""What became of each finding between two runs, and whether the service or the rule changed.

Pure: it reads judgements, which are runs judged in short. The rules:

- A finding is open from the run that first sees it until a run looks again and finds it good. While
  a run cannot tell (no answer, not asked, the service not on the list) it stays open.
- Not applicable is good: the evidence shows that there is nothing left to be at fault. Not asked at
  this intensity is no answer.
- A service that leaves the list takes its findings along; if it comes back, they go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from spbe_audit.check import Verdict
from spbe_audit.judgement import Judgement
from spbe_audit.over_time import Cause, Change, Comparison, Identity, RulePart, State
from spbe_audit.severity import Severity

NOT_ASKED = "not_asked"
"""The reason of a finding whose question was not part of the run."""
NOT_SETTLED = "fact_unknown"
"""The reason of a finding whose subject the check did not get to."""
DELIBERATE = frozenset({NOT_ASKED, "not_asked_at_this_intensity", "name_servers_out_of_scope"})
"""Reasons that somebody chose: the service did not fail to answer, it was not asked."""

_ORDER = list(State)


class Standing(Enum):
    """Where a finding stands in one run, taken by itself."""

    OPEN = auto()
    GOOD = auto()
    UNTOLD = auto()


@dataclass(slots=True)
class Spell:
    """A time in which a finding was open, in places of runs; ``ended`` is None while it lasts."""

    began: int
    last: int
    ended: int | None = None

    def stands_at(self, place: int) -> bool:
        """Whether the finding was open when a run had been judged."""
        return self.began <= place and (self.ended is None or self.ended > place)


@dataclass(slots=True)
class Life:
    """All spells of a finding, first to last; there is one at least."""

    spells: list[Spell] = field(default_factory=list)

    @property
    def spell(self) -> Spell:
        """The present one, or the last there was."""
        return self.spells[-1]


class Told(NamedTuple):
    """Where a finding stands in a run, with the reason and the evidence of the answer."""

    standing: Standing
    reason: str | None = None
    evidence: str | None = None


def told_by(judgement: Judgement, identity: Identity) -> Told:
    """What a run tells of a finding."""
    answer = judgement.answer(identity.service, identity.requirement)
    if answer is None:
        return Told(Standing.UNTOLD, NOT_ASKED)
    if answer.verdict is Verdict.UNKNOWN or answer.reason in DELIBERATE:
        return Told(Standing.UNTOLD, answer.reason, answer.evidence)
    if identity.subject in answer.subjects:
        return Told(Standing.OPEN, None, answer.evidence)
    if answer.look.reached(identity.subject):
        return Told(Standing.GOOD, answer.reason, answer.evidence)
    missed = NOT_ASKED if answer.look.ports else NOT_SETTLED
    return Told(Standing.UNTOLD, missed, answer.evidence)


def lives_of(history: Sequence[Judgement]) -> Mapping[Identity, Life]:
    """The life of every finding that any run saw; ``history`` is oldest first."""
    lives: dict[Identity, Life] = {}
    lasting: set[Identity] = set()
    for place, judgement in enumerate(history):
        seen = set(judgement.faults())
        for identity in seen:
            if identity in lasting:
                lives[identity].spell.last = place
            else:
                lives.setdefault(identity, Life()).spells.append(Spell(place, place))
        for identity in lasting - seen:
            if told_by(judgement, identity).standing is Standing.GOOD:
                lives[identity].spell.ended = place
                lasting.discard(identity)
        lasting |= seen
    return lives


def compare(
    history: Sequence[Judgement],
    before: int,
    *,
    old_by_new_rules: Judgement | None = None,
    old_is_lost: bool = False,
    waived: Collection[tuple[str, str]] = frozenset(),
    lives: Mapping[Identity, Life] | None = None,
) -> Comparison:
    """The last run of a history seen from the one at the place ``before``.

    ``old_by_new_rules`` is the evidence of that earlier run judged by the rules of the last one;
    None says that the rules are the same, or with ``old_is_lost`` that they are not, but that the
    evidence was cut off. ``waived`` are pairs of service and requirement.
    ``lives`` saves finding them again. Raises ValueError where there is no earlier run.
    """
    if not 0 <= before < len(history) - 1:
        raise ValueError("there is no earlier run to compare with")
    pair = _Pair(history, before, old_by_new_rules, waived, old_is_lost=old_is_lost)
    lives = lives_of(history) if lives is None else lives
    changes = (pair.change(identity, life) for identity, life in lives.items())
    old, new = history[before], history[-1]
    left = () if new.partial else _only_in(old, new)
    return Comparison(
        before=old.run,
        after=new.run,
        policy=new.policy,
        changes=tuple(sorted((one for one in changes if one), key=_most_urgent_first)),
        rules_changed=tuple(_rules_changed(old, new)),
        joined=() if old.partial else _only_in(new, old),
        left=left,
    )


def _only_in(one: Judgement, other: Judgement) -> tuple[str, ...]:
    return tuple(service for service in one.services if service not in other.services)


def _counts(judgement: Judgement, identity: Identity) -> bool:
    """Whether the policy of a run asks the question, and not only for information."""
    question = judgement.question(identity.requirement)
    return question is not None and question.severity is not Severity.INFO


def _rules_changed(old: Judgement, new: Judgement) -> Iterator[RulePart]:
    if old.policy_digest != new.policy_digest:
        yield RulePart.POLICY
    if old.checks_digest != new.checks_digest:
        yield RulePart.CHECKS
    if old.scanner != new.scanner:
        yield RulePart.SCANNER


def _most_urgent_first(change: Change) -> tuple[int, int, str, Identity]:
    return _ORDER.index(change.state), change.severity.rank, change.check, change.identity


class _Pair:
    """Two runs of a history, for asking what became of one finding after another."""

    def __init__(
        self,
        history: Sequence[Judgement],
        before: int,
        between: Judgement | None,
        waived: Collection[tuple[str, str]],
        *,
        old_is_lost: bool,
    ) -> None:
        self._history = history
        self._before = before
        self._old, self._new = history[before], history[-1]
        self._between = between
        self._old_is_lost = old_is_lost
        self._waived = waived

    def change(self, identity: Identity, life: Life) -> Change | None:
        """What became of a finding; None where it was open at neither run."""
        was_open = any(spell.stands_at(self._before) for spell in life.spells)
        if life.spell.ended is not None:
            return self._resolved(identity, life) if was_open else None
        old, new = self._old, self._new
        if identity.service not in new.services and not new.partial:
            known = was_open and (old.partial or identity.service in old.services)
            return self._made(identity, life, State.GONE, None) if known else None
        if not _counts(new, identity):
            known = was_open and _counts(old, identity)
            return self._made(identity, life, State.GONE, Cause.RULE) if known else None
        return self._open(identity, life)

    def _resolved(self, identity: Identity, life: Life) -> Change:
        told = told_by(self._history[life.spell.ended or 0], identity)
        cause = self._cause_of(identity, Standing.GOOD)
        return self._made(identity, life, State.RESOLVED, cause, told)

    def _open(self, identity: Identity, life: Life) -> Change:
        told = told_by(self._new, identity)
        if told.standing is Standing.UNTOLD:
            cause = self._cause_of_silence(identity, told)
            return self._made(identity, life, State.NOT_RETESTABLE, cause, told)
        if identity[:2] in self._waived:
            return self._made(identity, life, State.WAIVED, None, told)
        if life.spell.began <= self._before:
            return self._made(identity, life, State.PERSISTING, None, told)
        state = State.NEW if len(life.spells) == 1 else State.REGRESSED
        return self._made(identity, life, state, self._cause_of(identity, Standing.OPEN), told)

    def _cause_of(self, identity: Identity, now: Standing) -> Cause:
        """Whether the old evidence, judged by the new rules, says already what the new one does."""
        between = self._between
        if self._old_is_lost and self._old.asked(identity.requirement):
            return Cause.UNCLEAR
        if self._old_is_lost and identity.service in self._old.services:
            return Cause.RULE
        if between is None or identity.service not in between.services:
            return Cause.SYSTEM
        if not self._old.asked(identity.requirement):
            return Cause.RULE
        then = told_by(self._old, identity).standing
        told = told_by(between, identity).standing
        if told is Standing.UNTOLD:
            return Cause.SYSTEM if then is told else Cause.UNCLEAR
        return Cause.RULE if told is now and told is not then else Cause.SYSTEM

    def _cause_of_silence(self, identity: Identity, told: Told) -> Cause | None:
        """Why a finding cannot be tested again: None where nobody asked."""
        if told.reason in DELIBERATE:
            return None
        between = self._between
        if self._old_is_lost:
            return Cause.UNCLEAR
        if between is None or told_by(self._old, identity).standing is Standing.UNTOLD:
            return Cause.SYSTEM
        by_rule = told_by(between, identity).standing is Standing.UNTOLD
        return Cause.RULE if by_rule else Cause.SYSTEM

    def _made(
        self,
        identity: Identity,
        life: Life,
        state: State,
        cause: Cause | None,
        told: Told | None = None,
    ) -> Change:
        spell, runs = life.spell, self._history
        seen = runs[spell.last]
        until = self._new.run if spell.ended is None else runs[spell.ended].run
        holder = self._new if identity.service in self._new.services else seen
        asked = self._new if _counts(self._new, identity) else seen
        question = asked.questions[asked.place_of[identity.requirement]]
        return Change(
            identity=identity,
            agency=holder.services[identity.service].agency,
            check=question.check,
            severity=question.severity,
            state=state,
            cause=cause,
            first_seen=runs[life.spells[0].began].run,
            open_since=runs[spell.began].run,
            last_seen=seen.run,
            age_days=max(0, (until.at - runs[spell.began].run.at).days),
            reason=told.reason if told else None,
            evidence=told.evidence if told else None,
        )


def open_at(lives: Mapping[Identity, Life], judgement: Judgement, place: int) -> Iterator[Identity]:
    """The findings that stand when a run has been judged, of services and questions that it has.

    Of a run that tested only some again, those of the other services stand too.
    """
    for identity, life in lives.items():
        here = judgement.partial or identity.service in judgement.services
        if (
            here
            and _counts(judgement, identity)
            and any(spell.stands_at(place) for spell in life.spells)
        ):
            yield identity


__all__ = [
    "DELIBERATE",
    "NOT_ASKED",
    "Life",
    "Spell",
    "Standing",
    "compare",
    "lives_of",
    "open_at",
    "told_by",
]
