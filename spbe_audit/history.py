"""The judged runs of an evidence file, and a run compared with those before it.

How a run was judged is kept when that is first done, and stands: a later change of the policy or of
a check does not change what was reported then. What is missing is judged by the present rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from spbe_audit.catalogue import Catalogue
from spbe_audit.checks_digest import checks_digest
from spbe_audit.comparison import compare, lives_of
from spbe_audit.errors import StoreError
from spbe_audit.evaluation import evaluate
from spbe_audit.finding import Assessment
from spbe_audit.judgement import Judgement, judgement_of
from spbe_audit.over_time import Comparison, Trend
from spbe_audit.policy import Policy
from spbe_audit.store import RunInfo, Store, StoredRun
from spbe_audit.trends import trend_of

OnJudging = Callable[[str], None]
"""Told the id of each earlier run that has to be judged first, which takes a while."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """A run seen from an earlier one, and the trend up to it."""

    comparison: Comparison
    trend: Trend


class Historian:
    """Judges the runs of one evidence file under one policy, each no more often than needed."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        catalogue: Catalogue,
        *,
        on_judging: OnJudging | None = None,
    ) -> None:
        self._store = store
        self._policy = policy
        self._catalogue = catalogue
        self._on_judging = on_judging
        self._checks_digest = checks_digest(catalogue)

    def in_short(self, assessment: Assessment) -> Judgement:
        """An assessment by the present rules in short."""
        return judgement_of(
            assessment, self._policy, self._catalogue, checks_digest=self._checks_digest
        )

    def note(self, assessment: Assessment) -> None:
        """Keep how a run was judged, unless that is known already.

        A file that cannot be written to is left as it is: it can be judged again.
        """
        run = assessment.run
        if run.finished and self._store.judgement(run.id, self._policy.id) is None:
            self._keep(self.in_short(assessment))

    def over_time(
        self, after: Assessment | StoredRun, *, before: str | None = None
    ) -> OverTime | None:
        """A run compared with an earlier one, by default the one before; None where there is none.

        The run itself may have been cut short; those that it is compared with are finished.
        Raises StoreError when ``before`` is not a finished run before it.
        """
        after_id = after.run.id if isinstance(after, Assessment) else after.id
        infos = [info for info in self._known() if info.finished or info.id == after_id]
        ids = [info.id for info in infos]
        if after_id not in ids:
            return None
        place = ids.index(after_id)
        earlier = place - 1 if before is None else _place_before(ids[:place], before)
        if earlier < 0:
            return None
        history = [self._recorded(info) for info in infos[:place]]
        history.append(self._present(after, infos[place]))
        return self._compared(history, earlier, _waived(after))

    def _compared(
        self, history: Sequence[Judgement], before: int, waived: frozenset[tuple[str, str]]
    ) -> OverTime:
        lives = lives_of(history)
        cut = any(info.cut for info in self._known() if info.id == history[before].run.id)
        comparison = compare(
            history,
            before,
            old_by_new_rules=None if cut else self._by_present_rules(history[before]),
            old_is_lost=cut and not self._is_present(history[before]),
            waived=waived,
            lives=lives,
        )
        return OverTime(comparison, trend_of(history, lives=lives))

    def _known(self) -> list[RunInfo]:
        """The runs that can be told of: one that was cut off, if it is known how it was judged."""
        judged = self._store.judged_runs(self._policy.id)
        infos = self._store.runs(with_cut=True)
        return [info for info in infos if not info.cut or info.id in judged]

    def _recorded(self, info: RunInfo) -> Judgement:
        """How a run was judged; judged now by the present rules where that is not known."""
        known = self._store.judgement(info.id, self._policy.id)
        if known:
            return known
        if self._on_judging:
            self._on_judging(info.id)
        judged = self._judged(info.id)
        self._keep(judged)
        return judged

    def _present(self, after: Assessment | StoredRun, info: RunInfo) -> Judgement:
        """The run that is compared, by the present rules."""
        if isinstance(after, Assessment):
            return self.in_short(after)
        recorded = self._recorded(info)
        return recorded if self._is_present(recorded) else self._judged(info.id)

    def _by_present_rules(self, old: Judgement) -> Judgement | None:
        """The evidence of an earlier run by the present rules; None where they are the same."""
        return None if self._is_present(old) else self._judged(old.run.id)

    def _is_present(self, judgement: Judgement) -> bool:
        rules = judgement.policy_digest, judgement.checks_digest
        return rules == (self._policy.digest, self._checks_digest)

    def _judged(self, run_id: str) -> Judgement:
        run = self._store.run(run_id)
        return self.in_short(evaluate(run, self._policy, catalogue=self._catalogue))

    def _keep(self, judgement: Judgement) -> None:
        with suppress(StoreError):
            self._store.keep_judgement(judgement.run.id, judgement)


def with_history(assessment: Assessment, over_time: OverTime | None) -> Assessment:
    """The assessment with what became of its findings, for the report."""
    if over_time is None:
        return assessment
    return replace(assessment, comparison=over_time.comparison, trend=over_time.trend)


def find_run(store: Store, wanted: str) -> RunInfo:
    """The run with an id, or with one that begins or ends so. Raises StoreError for none or two."""
    infos = store.runs(with_cut=True)
    exact = [info for info in infos if info.id == wanted]
    alike = [info for info in infos if info.id.startswith(wanted) or info.id.endswith(wanted)]
    found = exact or alike
    if len(found) == 1:
        return found[0]
    shown = ", ".join(info.id for info in (found or infos)[-5:])
    if found:
        raise _error(f"{store.path}: {len(found)} runs begin or end with {wanted}", shown)
    raise _error(f"{store.path}: no run {wanted}", shown)


def _error(problem: str, shown: str) -> StoreError:
    error = StoreError(problem)
    error.advice = f"Name one of: {shown}" if shown else "Scan something first"
    return error


def _place_before(ids: Sequence[str], before: str) -> int:
    if before in ids:
        return ids.index(before)
    raise _error(f"{before} is no finished run before the other one", ", ".join(ids[-5:]))


def _waived(after: Assessment | StoredRun) -> frozenset[tuple[str, str]]:
    if not isinstance(after, Assessment):
        return frozenset()
    return frozenset(_pairs(after))


def _pairs(assessment: Assessment) -> Iterator[tuple[str, str]]:
    return ((one.service, one.requirement) for one in assessment.findings if one.waived)
