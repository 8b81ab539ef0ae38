"""The workbook in which an agency answers: what it holds, and the marks by which it is known again.

A mark is a keyed digest of one cell (HMAC-SHA-256, RFC 2104), cut to eight hex digits. The key
stays in the evidence file, so only what that file sent out, and nobody changed, comes back in.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from spbe_audit.evidence import canonical_json
from spbe_audit.finding import AgencyAssessment, Assessment, Finding, ServiceAssessment
from spbe_audit.follow_up import is_open
from spbe_audit.report.csv_document import criterion
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.follow_up_view import follow_up_cells, follow_up_words
from spbe_audit.report.labels import Labels
from spbe_audit.report.wording import shortened
from spbe_audit.report.xlsx_document import cell_text, write_sheets
from spbe_audit.report.xlsx_table import Column, Input, Row, Sheet

FIXED = (
    "finding_id",
    "agency",
    "service",
    "service_id",
    "check",
    "check_code",
    "severity",
    "criteria",
    "condition",
    "recommendation",
    "first_seen",
)
"""The columns that nobody may change, by their labels. A finding's number comes first."""
ANSWERS = (
    "auditee_response",
    "action_plan",
    "person_in_charge",
    "deadline",
    "follow_up_status",
)
"""The columns for the auditee, by their labels."""
MARK = "follow_up_mark"
ORIGIN_SHEET = "spbe-audit"
"""The hidden sheet that says where a workbook comes from."""

_WIDTHS = (18, 22, 22, 16, 28, 22, 12, 34, 46, 40, 17)
_MARK_LENGTH = 8
_ESCAPED = re.compile("(?:_x005[Ff])*_x([0-9A-Fa-f]{4})_")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a workbook is about, and the language that it speaks."""

    run: str
    policy: str
    agency: str
    language: str


def write_follow_up(
    assessment: Assessment,
    agency: AgencyAssessment,
    narrator: Narrator,
    path: Path,
    *,
    key: bytes,
    first_seen: Mapping[str, datetime],
) -> None:
    """Fill a path with the workbook of one agency: its open findings, with earlier answers.

    ``first_seen`` is by the finding's id. Raises ReportError where XlsxWriter is not installed.
    """
    labels = narrator.labels
    origin = Origin(assessment.run.id, assessment.policy.id, agency.agency.id, labels.language)

    def rows() -> Iterator[Row]:
        for service, finding in open_findings(agency):
            fixed = _fixed(finding, service, agency, narrator, first_seen.get(finding.id))
            marks = marks_of(key, origin, [cell_text(text, labels) for text in fixed])
            yield (*fixed, *follow_up_cells(finding.follow_up, labels), "-".join(marks))

    sheets = (
        Sheet(labels("sheet_follow_up"), _columns(labels), rows, 1, 3, protected=True),
        _instructions(assessment, agency, labels),
        Sheet(
            ORIGIN_SHEET,
            (Column(ORIGIN_SHEET, 80),),
            lambda: [(origin_text(key, origin),)],
            hidden=True,
        ),
    )
    write_sheets(sheets, assessment, labels, path, title=labels("follow_up_title"))


def open_findings(agency: AgencyAssessment) -> Iterator[tuple[ServiceAssessment, Finding]]:
    """The findings of an agency that somebody has to do something about."""
    for service in agency.services:
        for finding in service.findings:
            if is_open(finding):
                yield service, finding


def marks_of(key: bytes, origin: Origin, fixed: Sequence[str]) -> list[str]:
    """The marks of the fixed cells of a row, in the order of FIXED."""
    finding = comparable(fixed[0])
    return [
        _mark(key, [asdict(origin), finding, column, comparable(text)])
        for column, text in zip(FIXED, fixed, strict=True)
    ]


def origin_text(key: bytes, origin: Origin) -> str:
    """The origin as it stands in a workbook, with its mark."""
    told = asdict(origin)
    return canonical_json({**told, "mark": _mark(key, ["origin", told])})


def read_origin(key: bytes, text: str) -> Origin | None:
    """The origin that a workbook states; None where this evidence file did not write it."""
    try:
        told = json.loads(text)
        origin = Origin(**{name: str(told[name]) for name in Origin.__dataclass_fields__})
    except (ValueError, TypeError, KeyError):
        return None
    return origin if hmac.compare_digest(origin_text(key, origin), text.strip()) else None


def comparable(text: str) -> str:
    """A text without what saving it in another program changes: line ends, blanks, escapes."""
    # Some programs escape what is escaped already, each time that they save.
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return "\n".join(line.rstrip() for line in plain.splitlines()).strip()


def _mark(key: bytes, content: object) -> str:
    whole = hmac.new(key, canonical_json(content).encode("ascii"), "sha256")
    return whole.hexdigest()[:_MARK_LENGTH]


def _columns(labels: Labels) -> tuple[Column, ...]:
    fixed = (Column(labels(name), width) for name, width in zip(FIXED, _WIDTHS, strict=True))
    return (
        *fixed,
        Column(labels("auditee_response"), 36, Input.TEXT),
        Column(labels("action_plan"), 36, Input.TEXT),
        Column(labels("person_in_charge"), 24, Input.TEXT),
        Column(labels("deadline"), 13, Input.DATE),
        Column(labels("follow_up_status"), 22, Input.CHOICE, follow_up_words(labels)),
        Column(labels(MARK), 12, hidden=True),
    )


def _fixed(
    finding: Finding,
    service: ServiceAssessment,
    agency: AgencyAssessment,
    narrator: Narrator,
    first_seen: datetime | None,
) -> tuple[str, ...]:
    """The fixed cells of a row, in the order of FIXED."""
    labels = narrator.labels
    view = narrator.view(finding, service.service, None)
    criteria = "\n".join(criterion(citation, narrator) for citation in view.citations)
    seen = labels.day(first_seen.astimezone(labels.zone).date()) if first_seen else ""
    return (
        finding.id,
        shortened(agency.agency.name, labels),
        shortened(service.service.name, labels),
        finding.service,
        view.title,
        finding.check,
        labels(f"severity_{finding.severity.value}"),
        criteria or labels("good_practice"),
        view.condition_text,
        view.remedy,
        seen,
    )


def _instructions(assessment: Assessment, agency: AgencyAssessment, labels: Labels) -> Sheet:
    run = assessment.run
    policy = f"{labels.choose(assessment.policy.title)} ({assessment.policy.id})"
    rows: list[Row] = [
        (labels("follow_up_title"), shortened(agency.agency.name, labels)),
        (labels("scan_time"), labels.moment(run.finished or run.started)),
        (labels("run_id"), run.id),
        (labels("policy"), policy),
        *(
            (labels("sheet_instructions"), labels(f"instruction_{name}"))
            for name in ("fill", "keep", "observed", "return")
        ),
    ]
    columns = (Column(labels("item"), 30), Column(labels("content"), 92))
    return Sheet(labels("sheet_instructions"), columns, lambda: rows)


__all__ = [
    "ANSWERS",
    "FIXED",
    "MARK",
    "ORIGIN_SHEET",
    "Origin",
    "comparable",
    "marks_of",
    "open_findings",
    "origin_text",
    "read_origin",
    "write_follow_up",
]
