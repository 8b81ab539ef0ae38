"""Waivers in words: beside the findings that they cover, and one by one with what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from spbe_audit.finding import Assessment, Finding, WaiverState, WaiverUse
from spbe_audit.report.labels import Labels


@dataclass(frozen=True, slots=True)
class WaiverRow:
    """A waiver as a report shows it: its state in words, why, and the findings that it names."""

    use: WaiverUse
    state: str
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def waiver_lines(finding: Finding, labels: Labels) -> tuple[str, ...]:
    """One line for each waiver that covers a finding."""
    return tuple(
        labels(
            "waived_until",
            until=labels.day(waiver.expires),
            reference=waiver.reference,
            reason=waiver.reason,
        )
        for waiver in finding.waivers
    )


def waiver_rows(assessment: Assessment, labels: Labels) -> tuple[WaiverRow, ...]:
    """Every waiver, those that have expired first."""
    by_id = {finding.id: finding for finding in assessment.findings}
    return tuple(
        WaiverRow(
            use=use,
            state=labels(f"waiver_state_{use.state.value}"),
            notes=tuple(_notes(use, labels)),
            findings=tuple(by_id[one] for one in dict.fromkeys((*use.findings, *use.partly))),
        )
        for use in assessment.waivers
    )


def waiver_alarms(assessment: Assessment, labels: Labels) -> tuple[str, ...]:
    """What a reader is to be told of waivers before anything else."""
    counts = waiver_counts(assessment)
    alarms = ((WaiverState.EXPIRED, "waivers_expired"), (WaiverState.UNUSED, "waivers_unused"))
    return tuple(labels(key, n=counts[state]) for state, key in alarms if counts[state])


def waiver_counts(assessment: Assessment) -> Mapping[WaiverState, int]:
    """How many waivers there are in each state, none left out."""
    states = [use.state for use in assessment.waivers]
    return {state: states.count(state) for state in WaiverState}


def _notes(use: WaiverUse, labels: Labels) -> Iterator[str]:
    if use.why:
        yield labels(f"waiver_why_{use.why}")
    if use.meant:
        yield labels("waiver_meant", id=use.meant)
    subjects = dict.fromkeys(subject for covered in use.partly.values() for subject in covered)
    if subjects:
        yield labels("waiver_part", subjects=labels.listed(subjects))


__all__ = ["WaiverRow", "waiver_alarms", "waiver_counts", "waiver_lines", "waiver_rows"]
