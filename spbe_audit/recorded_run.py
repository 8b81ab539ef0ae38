"""A run as it was recorded: the evidence of each service, read one service at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from spbe_audit.evidence import Attempt, Evidence, Failure, Probe
from spbe_audit.finding import RunSummary
from spbe_audit.targets import Agency, Engagement, Service


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """An attempt with the SHA-256 digest of its canonical JSON."""

    attempt: Attempt
    digest: str


def deciding_attempt(attempts: Sequence[RecordedAttempt]) -> RecordedAttempt:
    """The newest attempt that brought evidence, or else the newest. There must be one at least."""
    collected = (one for one in reversed(attempts) if not isinstance(one.attempt.result, Failure))
    return next(collected, attempts[-1])


@dataclass(frozen=True, slots=True)
class ServiceEvidence:
    """What was collected for one service: for each probe its attempts, first to last.

    The last attempt decides; the earlier ones are kept to show that it was confirmed. A probe
    that is missing was not part of the run. ``derived`` is evidence from other stored records.
    """

    service: Service
    attempts: Mapping[Probe, tuple[RecordedAttempt, ...]]
    derived: Mapping[Probe, Evidence] = field(default_factory=dict)


class RecordedRun(Protocol):
    """What evaluation and reports need of a run, wherever it is kept."""

    @property
    def summary(self) -> RunSummary:
        """The run itself: when, with what, how much, and its digest."""
        ...

    @property
    def engagement(self) -> Engagement | None:
        """Who allowed the run."""
        ...

    @property
    def policy_id(self) -> str:
        """The policy that the target list names."""
        ...

    @property
    def agencies(self) -> tuple[Agency, ...]:
        """The agencies and services that were to be scanned, in the order of the list."""
        ...

    def evidence(self) -> Iterator[ServiceEvidence]:
        """The evidence of each service, in the order of the list."""
        ...

    def evidence_of(self, service: Service) -> ServiceEvidence:
        """The evidence of one service; without any where the run does not hold it."""
        ...


@runtime_checkable
class Reopenable(Protocol):
    """A run that a copy of this process can read beside it."""

    def reopened(self) -> RecordedRun:
        """The same run, read through a connection of its own."""
        ...


def reopened(run: RecordedRun | None) -> RecordedRun | None:
    """A run for a copy of this process. Raises TypeError where it can be read in this one only."""
    if run is None or isinstance(run, Reopenable):
        return run and run.reopened()
    raise TypeError("this run cannot be opened a second time")
