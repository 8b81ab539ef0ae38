"""Whether a service answered, as its page shows it: each visit of the scan, and the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from spbe_audit.evidence import (
    AvailabilityEvidence,
    AvailabilitySample,
    Outage,
    UptimeEvidence,
    UptimeSample,
    outages,
)
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import Told, told
from spbe_audit.report.time_strips import cell_strip

MOST_SAMPLES = 20
MOST_OUTAGES = 10
_CELLS = 90
_DAYS = 92
"""The longest that a run looks back."""
_GAP_FACTOR = 1.5
"""Samples that are so many intervals apart have a gap between them."""
_HOUR = timedelta(hours=1)
_STATED = {"status": "sample_status", "keyword": "sample_keyword"}
_LEGEND = {"up": "cell_up", "down": "cell_down", "rest": "cell_rest", "gap": "cell_gap"}


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One request for the service's URL."""

    moment: str
    up: bool
    status: str
    seconds: str
    why: Told | None


@dataclass(frozen=True, slots=True)
class UptimeView:
    """The samples of this visit."""

    strip: Markup
    text: str
    samples: tuple[SampleLine, ...]
    more: int


@dataclass(frozen=True, slots=True)
class OutageLine:
    """One outage; ``proven`` hours are those in which somebody looked."""

    begins: str
    ends: str
    hours: str


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The stored samples before the scan, in equal parts of the time; ``legend`` says which."""

    strip: Markup
    text: str
    legend: tuple[tuple[str, str], ...]
    outages: tuple[OutageLine, ...]
    more: int


def uptime_view(uptime: UptimeEvidence, labels: Labels) -> UptimeView:
    """This visit in words."""
    samples = uptime.samples
    up = sum(sample.up for sample in samples)
    text = labels("samples_text", n=len(samples), up=up, down=len(samples) - up)
    return UptimeView(
        strip=cell_strip(["up" if one.up else "down" for one in samples], label=text),
        text=text,
        samples=tuple(_sample(one, labels) for one in samples[:MOST_SAMPLES]),
        more=max(0, len(samples) - MOST_SAMPLES),
    )


def history_view(history: AvailabilityEvidence, labels: Labels) -> HistoryView:
    """The history in words."""
    kinds = _cells(history)
    counted = [one for one in history.samples if not history.announced(one.at)]
    up = sum(one.up for one in counted)
    text = labels(
        "history_text",
        n=len(history.samples),
        begins=labels.moment(history.samples[0].at),
        ends=labels.moment(history.until),
        up=up,
        down=len(counted) - up,
        rest=len(history.samples) - len(counted),
        gaps=kinds.count("gap"),
        cells=len(kinds),
    )
    found = outages(history, days=_DAYS, gap_factor=_GAP_FACTOR)
    return HistoryView(
        strip=cell_strip(kinds, label=text),
        text=text,
        legend=tuple((kind, labels(key)) for kind, key in _LEGEND.items() if kind in kinds),
        outages=tuple(_outage(one, labels) for one in found[:MOST_OUTAGES]),
        more=max(0, len(found) - MOST_OUTAGES),
    )


def _sample(sample: UptimeSample, labels: Labels) -> SampleLine:
    seconds = sample.timings.total
    return SampleLine(
        moment=labels.moment(sample.at),
        up=sample.up,
        status="" if sample.status is None else str(sample.status),
        seconds="" if seconds is None else labels.number(round(seconds, 3)),
        why=_why(sample.reason, labels),
    )


def _why(reason: str, labels: Labels) -> Told | None:
    """Why a sample is not up; what the answer itself said is no failure of the network."""
    if not reason:
        return None
    return Told(labels(_STATED[reason])) if reason in _STATED else told(reason, labels)


def _cells(history: AvailabilityEvidence) -> list[str]:
    """The kind of each equal part of the time from the first sample to the beginning of the run.

    One sample that is down makes its part down, so that a short outage is still seen.
    """
    begins = history.samples[0].at
    part = max((history.until - begins) / _CELLS, timedelta(seconds=history.interval))
    count = max(1, min(_CELLS, -(-(history.until - begins) // part)))
    held: list[list[AvailabilitySample]] = [[] for _ in range(count)]
    for sample in history.samples:
        held[min(count - 1, (sample.at - begins) // part)].append(sample)
    return [_kind(samples, history) for samples in held]


def _kind(samples: Sequence[AvailabilitySample], history: AvailabilityEvidence) -> str:
    if not samples:
        return "gap"
    counted = [one for one in samples if not history.announced(one.at)]
    if not counted:
        return "rest"
    return "up" if all(one.up for one in counted) else "down"


def _outage(outage: Outage, labels: Labels) -> OutageLine:
    ends = labels("still_down") if outage.running else labels.moment(outage.ends)
    return OutageLine(labels.moment(outage.begins), ends, _hours(outage.proven, labels))


def _hours(seconds: float, labels: Labels) -> str:
    return labels.number(round(seconds / _HOUR.total_seconds(), 2))
