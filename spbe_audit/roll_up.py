"""Adds findings up: for each service, agency and run their score, aspects and controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from spbe_audit.check import Verdict
from spbe_audit.finding import AspectResult, ControlResult, ControlStatus, Finding, Score
from spbe_audit.policy import Policy
from spbe_audit.severity import Severity

Verdicts = Counter[Verdict]

_NOTHING: Verdicts = Counter()
_NO_SCORE = Score()


@dataclass(slots=True)
class Tally:
    """Counts of verdicts in all, under each aspect and under each control."""

    all: Verdicts = field(default_factory=Counter)
    aspects: dict[str, Verdicts] = field(default_factory=dict)
    controls: dict[str, Verdicts] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Count what another tally counted too."""
        self.all.update(other.all)
        for mine, theirs in ((self.aspects, other.aspects), (self.controls, other.controls)):
            for key, verdicts in theirs.items():
                mine.setdefault(key, Counter()).update(verdicts)


class RollUp:
    """How the findings of one policy are added up.

    Requirements of severity info are observations: they count nowhere, and a control that only
    they touch still wants a person.
    """

    def __init__(self, policy: Policy) -> None:
        counted = [one for one in policy.requirements if one.severity is not Severity.INFO]
        self._policy = policy
        self._aspects_of = {
            one.id: tuple(aspect.id for aspect in policy.aspects if aspect.covers(one))
            for one in counted
        }
        self._requirements_of: dict[str, list[str]] = {}
        for one in policy.requirements:
            for control in one.controls:
                self._requirements_of.setdefault(control, []).append(one.id)
        self._judged = {control for one in counted for control in one.controls}
        self._controls: dict[tuple[str, Score], ControlResult] = {}
        self._scores: dict[tuple[int, ...], Score] = {}

    def tally(self, findings: Iterable[Finding]) -> Tally:
        """The counts of one service's findings."""
        tally = Tally()
        for finding in findings:
            if finding.severity is Severity.INFO:
                continue
            tally.all[finding.verdict] += 1
            for aspect in self._aspects_of.get(finding.requirement, ()):
                tally.aspects.setdefault(aspect, Counter())[finding.verdict] += 1
            for control in finding.controls:
                tally.controls.setdefault(control, Counter())[finding.verdict] += 1
        return tally

    def score(self, verdicts: Verdicts) -> Score:
        """The score of some counts; equal scores are one object."""
        if not verdicts:
            return _NO_SCORE
        key = tuple(verdicts[verdict] for verdict in Verdict)
        if key not in self._scores:
            self._scores[key] = Score(
                passed=verdicts[Verdict.PASS],
                failed=verdicts[Verdict.FAIL],
                unknown=verdicts[Verdict.UNKNOWN],
                not_applicable=verdicts[Verdict.NOT_APPLICABLE],
            )
        return self._scores[key]

    def aspects(self, tally: Tally) -> tuple[AspectResult, ...]:
        """Every aspect of the policy with its score."""
        return tuple(
            AspectResult(
                id=aspect.id,
                title=aspect.title,
                score=self.score(tally.aspects.get(aspect.id, _NOTHING)),
            )
            for aspect in self._policy.aspects
        )

    def controls(self, tally: Tally) -> tuple[ControlResult, ...]:
        """Every control in the policy's scope with its status; equal results are one object."""
        results = []
        for control in self._policy.controls:
            score = self.score(tally.controls.get(control.id, _NOTHING))
            key = (control.id, score)
            if key not in self._controls:
                self._controls[key] = ControlResult(
                    control=control,
                    status=self._status(control.id, score),
                    score=score,
                    requirements=tuple(self._requirements_of.get(control.id, ())),
                )
            results.append(self._controls[key])
        return tuple(results)

    def _status(self, control: str, score: Score) -> ControlStatus:
        if control not in self._judged:
            return ControlStatus.MANUAL
        return control_status(score)


def control_status(score: Score) -> ControlStatus:
    """What the findings under a control say of it together."""
    if score.failed:
        return ControlStatus.PARTLY_CONFORMING if score.passed else ControlStatus.NOT_CONFORMING
    if score.passed:
        return ControlStatus.CONFORMING
    if score.unknown:
        return ControlStatus.NOT_TESTABLE
    return ControlStatus.NOT_APPLICABLE if score.not_applicable else ControlStatus.NOT_EXAMINED


__all__ = ["RollUp", "Tally", "control_status"]
