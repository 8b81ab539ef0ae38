"""What auditees answered, in words: beside its finding, and finding by finding for an agency."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.finding import AgencyAssessment, Assessment, Finding, FollowUp, FollowUpStatus
from spbe_audit.follow_up import is_contradicted, is_open
from spbe_audit.report.labels import Labels
from spbe_audit.report.xlsx_table import Cell


@dataclass(frozen=True, slots=True)
class FollowUpCounts:
    """How many open findings are answered, are not, and are past their deadline."""

    answered: int
    unanswered: int
    overdue: int


@dataclass(frozen=True, slots=True)
class AgencyFollowUp:
    """An agency with its findings that are open or answered: overdue first, then the gravest."""

    agency: AgencyAssessment
    counts: FollowUpCounts
    findings: tuple[Finding, ...]


def follow_up_words(labels: Labels) -> tuple[str, ...]:
    """The states of a follow-up that an auditee chooses from, in the order of FollowUpStatus."""
    return tuple(labels(f"follow_up_{status.value}") for status in FollowUpStatus)


def follow_up_cells(answer: FollowUp | None, labels: Labels) -> tuple[Cell, ...]:
    """Response, action plan, person in charge, deadline and state; nothing where none is known."""
    if answer is None:
        return None, None, None, None, None
    state = labels(f"follow_up_{answer.status.value}") if answer.status else None
    return answer.response, answer.action_plan, answer.person_in_charge, answer.deadline, state


def follow_up_notes(finding: Finding, labels: Labels) -> tuple[str, ...]:
    """What stands out about an answer: that it is overdue, contradicted, or no longer needed."""
    answer = finding.follow_up
    if answer is None:
        return ()
    notes = []
    if answer.overdue:
        notes.append(labels("overdue_days", n=answer.overdue))
    if is_contradicted(finding):
        notes.append(labels("still_seen"))
    if not is_open(finding):
        notes.append(labels("waived" if finding.waived else f"verdict_{finding.verdict.value}"))
    return tuple(notes)


def follow_up_lines(assessment: Assessment, labels: Labels) -> tuple[str, ...]:
    """How far the follow-up is in all, for a reader of the first page; empty before any answer."""
    if not any(finding.follow_up for finding in assessment.findings):
        return ()
    counts = count_follow_ups(assessment.findings)
    told = (
        ("follow_ups_overdue", counts.overdue),
        ("follow_ups_answered", counts.answered),
        ("follow_ups_unanswered", counts.unanswered),
    )
    return tuple(labels(key, n=count) for key, count in told if count)


def agency_follow_ups(assessment: Assessment) -> tuple[AgencyFollowUp, ...]:
    """The agencies that have something to follow up, in the order of the target list."""
    found = ((agency, _concerned(agency)) for agency in assessment.agencies)
    return tuple(
        AgencyFollowUp(agency, count_follow_ups(findings), findings)
        for agency, findings in found
        if findings
    )


def count_follow_ups(findings: tuple[Finding, ...]) -> FollowUpCounts:
    """The counts of some findings; what is not open any more counts nowhere."""
    still_open = [finding for finding in findings if is_open(finding)]
    answered = [finding.follow_up for finding in still_open if finding.follow_up]
    return FollowUpCounts(
        answered=len(answered),
        unanswered=len(still_open) - len(answered),
        overdue=sum(answer.overdue > 0 for answer in answered),
    )


def _concerned(agency: AgencyAssessment) -> tuple[Finding, ...]:
    findings = (finding for service in agency.services for finding in service.findings)
    concerned = [finding for finding in findings if is_open(finding) or finding.follow_up]
    return tuple(sorted(concerned, key=_urgency))


def _urgency(finding: Finding) -> tuple[int, bool, int]:
    overdue = finding.follow_up.overdue if finding.follow_up else 0
    return -overdue, not is_open(finding), finding.severity.rank
