"""The availability of a service over a period, from its stored samples: derived, not collected.

Three rules hold throughout. A gap, where samples were due and none was taken, never counts as up:
it is named, and neither proves nor ends an outage. A sample inside an announced maintenance window
counts neither way. A window of so many days ends when the audit began.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

USUAL_INTERVAL = 300.0
"""Seconds between samples where nothing tells: the sampler is made for every five minutes."""


@dataclass(frozen=True, slots=True)
class AvailabilitySample:
    """One stored sample. ``first_byte`` and the phases are seconds; None where not reached.

    ``reason`` says why a sample is not up: a FailureKind value, ``status`` or ``keyword``.
    """

    at: datetime
    up: bool
    status: int | None = None
    reason: str = ""
    name: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None

    @property
    def wait(self) -> float | None:
        """Seconds from the beginning to the first byte of the answer; None without an answer."""
        if self.first_byte is None:
            return None
        return (self.name or 0.0) + (self.connect or 0.0) + (self.tls or 0.0) + self.first_byte


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A period that was announced, both ends included; samples in it are left out of the share."""

    begins: datetime
    ends: datetime
    reason: str = ""

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies in the period."""
        return self.begins <= moment <= self.ends


@dataclass(frozen=True, slots=True)
class AvailabilityEvidence:
    """The samples of one service before ``until``, oldest first; there is at least one.

    ``interval`` is how many seconds apart samples were meant to be; where they are further apart
    there is a gap, and a gap never counts as up. ``sla`` is the target list's own share of time in
    percent, None where it names none. ``ledger`` is the chain value of the newest batch of samples
    that was looked at, which covers all before it.
    """

    service: str
    until: datetime
    interval: float
    samples: tuple[AvailabilitySample, ...]
    maintenance: tuple[MaintenanceWindow, ...] = ()
    sla: float | None = None
    ledger: str = ""

    def window_begins(self, days: int) -> datetime:
        """When a window of so many days before the audit begins."""
        return self.until - timedelta(days=days)

    def within(self, days: int) -> tuple[AvailabilitySample, ...]:
        """The samples of the last days, those in maintenance too."""
        return self.samples[self._first_within(days) :]

    def counted(self, days: int) -> tuple[AvailabilitySample, ...]:
        """The samples of the last days that lie in no maintenance window."""
        return tuple(sample for sample in self.within(days) if not self.announced(sample.at))

    def announced(self, moment: datetime) -> bool:
        """Whether a moment lies in announced maintenance."""
        return any(window.holds(moment) for window in self.maintenance)

    def _first_within(self, days: int) -> int:
        return bisect_left(self.samples, self.window_begins(days), key=lambda sample: sample.at)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which samples were due and none was taken; ``missing`` is how many."""

    begins: datetime
    ends: datetime
    missing: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return (self.ends - self.begins).total_seconds()


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many samples were due in a window, and how many of them are there.

    ``begins`` is the window's beginning, or the first sample of a history that is ``young``: one
    that does not reach back so far. ``taken`` counts no more than one sample for each that is due.
    """

    begins: datetime
    young: bool
    expected: int
    taken: int
    gaps: tuple[Gap, ...]


@dataclass(frozen=True, slots=True)
class Outage:
    """From the first sample that was down to the next that was up.

    ``running`` is one with no such next sample: it is followed to the beginning of the audit.
    ``longest`` is its length in seconds without announced maintenance; ``proven`` is what is left
    of that without the ``gaps`` inside, in which nobody looked.
    """

    begins: datetime
    ends: datetime
    running: bool
    longest: float
    proven: float
    gaps: tuple[Gap, ...]


def usual_interval(moments: Iterable[datetime]) -> float:
    """The median spacing of moments in order, in whole seconds: what was meant, gaps or not."""
    spacings = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    return max(1.0, float(round(median(spacings)))) if spacings else USUAL_INTERVAL


def sample_coverage(evidence: AvailabilityEvidence, *, days: int, gap_factor: float) -> Coverage:
    """How far the samples of the last days cover them.

    There is a gap where samples are more than ``gap_factor`` intervals apart.
    """
    begins = evidence.window_begins(days)
    young = evidence.samples[0].at > begins
    begins = evidence.samples[0].at if young else begins
    seconds = (evidence.until - begins).total_seconds()
    expected = math.ceil(seconds / evidence.interval)
    gaps = tuple(_gaps(evidence, begins, gap_factor))
    present = expected - sum(gap.missing for gap in gaps)
    taken = max(0, min(len(evidence.within(days)), present))
    return Coverage(begins, young, expected, taken, gaps)


def _gaps(evidence: AvailabilityEvidence, begins: datetime, factor: float) -> Iterator[Gap]:
    """The gaps between samples from a moment on, the one at the end too."""
    first = bisect_left(evidence.samples, begins, key=lambda sample: sample.at)
    moments = [sample.at for sample in evidence.samples[max(0, first - 1) :]]
    for earlier, later in pairwise([*moments, evidence.until]):
        gap = _gap(evidence.interval, earlier, later, factor)
        if gap and earlier < begins:
            due = round((later - begins).total_seconds() / evidence.interval)
            gap = Gap(begins, later, due) if due else None
        if gap:
            yield gap


def _gap(interval: float, earlier: datetime, later: datetime, factor: float) -> Gap | None:
    """What is missing between two moments in a row; None where nothing is."""
    seconds = (later - earlier).total_seconds()
    if seconds <= factor * interval:
        return None
    return Gap(earlier, later, max(1, round(seconds / interval) - 1))


def outages(evidence: AvailabilityEvidence, *, days: int, gap_factor: float) -> tuple[Outage, ...]:
    """The outages that reach into the last days, oldest first, each in its whole length.

    One begins with a sample that is down outside announced maintenance.
    """
    found: list[Outage] = []
    since: datetime | None = None
    gaps: list[Gap] = []
    earlier = evidence.samples[0].at
    for sample in evidence.samples:
        if since is not None:
            gap = _gap(evidence.interval, earlier, sample.at, gap_factor)
            gaps += [gap] if gap else []
            if sample.up:
                found.append(_outage(evidence, since, sample.at, gaps))
                since = None
        elif not sample.up and not evidence.announced(sample.at):
            since, gaps = sample.at, []
        earlier = sample.at
    if since is not None:
        gap = _gap(evidence.interval, earlier, evidence.until, gap_factor)
        gaps += [gap] if gap else []
        found.append(_outage(evidence, since, evidence.until, gaps, running=True))
    window = evidence.window_begins(days)
    return tuple(outage for outage in found if outage.ends > window)


def _outage(
    evidence: AvailabilityEvidence,
    begins: datetime,
    ends: datetime,
    gaps: Iterable[Gap],
    *,
    running: bool = False,
) -> Outage:
    inside = tuple(gaps)
    announced = [(window.begins, window.ends) for window in evidence.maintenance]
    unseen = [(gap.begins, gap.ends) for gap in inside]
    return Outage(
        begins=begins,
        ends=ends,
        running=running,
        longest=_seconds_outside(begins, ends, announced),
        proven=_seconds_outside(begins, ends, [*announced, *unseen]),
        gaps=inside,
    )


def _seconds_outside(
    begins: datetime, ends: datetime, periods: Iterable[tuple[datetime, datetime]]
) -> float:
    """How much of a time lies in none of the periods, which may overlap."""
    outside, reached = 0.0, begins
    for start, end in sorted(periods):
        if start > reached:
            outside += (min(start, ends) - reached).total_seconds()
        reached = min(max(reached, end), ends)
        if reached >= ends:
            break
    return outside + (ends - reached).total_seconds()


def maintenance_sampled(
    evidence: AvailabilityEvidence, *, days: int
) -> tuple[MaintenanceWindow, ...]:
    """The maintenance windows that samples of the last days are left out for."""
    samples = evidence.within(days)
    return tuple(
        window
        for window in evidence.maintenance
        if any(window.holds(sample.at) for sample in samples)
    )
