"""findings.csv: one line for each finding, for those who work in a spreadsheet.

RFC 4180 (comma, CRLF, quotes where needed), UTF-8 with a byte order mark, without which Excel
reads it in the code page of the machine. No cell begins as a formula does.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from spbe_audit.finding import Assessment, Finding, ServiceAssessment
from spbe_audit.report.finding_view import Citation, Narrator
from spbe_audit.report.follow_up_view import follow_up_cells
from spbe_audit.report.hostile_text import spreadsheet_safe
from spbe_audit.report.labels import Labels
from spbe_audit.report.wording import shortened

BYTE_ORDER_MARK = "\ufeff"
COLUMNS = (
    "finding",
    "agency",
    "agency_name",
    "service",
    "service_name",
    "url",
    "check",
    "title",
    "verdict",
    "status",
    "reason",
    "severity",
    "condition",
    "consequence",
    "recommendation",
    "criteria",
    "controls",
    "observed_at",
    "attempts",
    "evidence",
    "waived_until",
    "waiver_reference",
    "auditee_response",
    "action_plan",
    "person_in_charge",
    "deadline",
    "follow_up_status",
    "days_overdue",
)


def csv_chunks(assessment: Assessment, narrator: Narrator) -> Iterator[str]:
    """The file line by line, its first line the names of the columns."""
    yield BYTE_ORDER_MARK + _line(COLUMNS)
    for agency in assessment.agencies:
        for service in agency.services:
            for finding in service.findings:
                yield _line(_cells(finding, service, agency.agency.name, narrator))


def _cells(
    finding: Finding, service: ServiceAssessment, agency_name: str, narrator: Narrator
) -> Sequence[str]:
    """The cells of a finding, in the order of COLUMNS."""
    view, labels = narrator.view(finding, service.service, None), narrator.labels
    return (
        finding.id,
        finding.agency,
        agency_name,
        finding.service,
        service.service.name,
        shortened(finding.url, labels),
        finding.check,
        view.title,
        finding.verdict.value,
        labels(f"verdict_{finding.verdict.value}"),
        finding.reason or "",
        labels(f"severity_{finding.severity.value}"),
        view.condition_text,
        view.consequence,
        view.remedy,
        "; ".join(criterion(citation, narrator) for citation in view.citations),
        " ".join(finding.controls),
        labels.moment(finding.observed_at),
        str(finding.attempts),
        " ".join(finding.evidence),
        max((waiver.expires.isoformat() for waiver in finding.waivers), default=""),
        "; ".join(dict.fromkeys(waiver.reference for waiver in finding.waivers)),
        *_answer(finding, labels),
    )


def _answer(finding: Finding, labels: Labels) -> Iterator[str]:
    """What the auditee answered; empty cells where nothing is known."""
    response, plan, person, deadline, state = follow_up_cells(finding.follow_up, labels)
    yield from (str(cell or "") for cell in (response, plan, person, deadline, state))
    yield str(finding.follow_up.overdue) if finding.follow_up else ""


def criterion(citation: Citation, narrator: Narrator) -> str:
    """A clause in one line, with how sure we are of it and whether it still holds."""
    labels = narrator.labels
    marks = [labels(f"confidence_{citation.confidence}")] if citation.confidence else []
    if citation.revoked:
        marks.append(labels("revoked"))
    return f"{citation.full} ({', '.join(marks)})" if marks else citation.full


def _line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([spreadsheet_safe(cell) for cell in cells])
    return text.getvalue()
