"""The sheet of waivers, in workbooks of a run that has some."""

from __future__ import annotations

from collections.abc import Iterator

from spbe_audit.finding import Assessment
from spbe_audit.report.labels import Labels
from spbe_audit.report.waiver_view import waiver_rows
from spbe_audit.report.wording import shortened
from spbe_audit.report.xlsx_table import Column, Row, Sheet


def waiver_sheets(assessment: Assessment, labels: Labels) -> tuple[Sheet, ...]:
    """The one sheet, those that have expired first; none where nothing is waived."""
    if not assessment.waivers:
        return ()
    columns = (
        Column(labels("waiver_status"), 20),
        Column(labels("service"), 18),
        Column(labels("check_code"), 22),
        Column(labels("waiver_subject"), 16),
        Column(labels("waiver_reason"), 40),
        Column(labels("compensating_control"), 34),
        Column(labels("risk_owner"), 22),
        Column(labels("approver"), 22),
        Column(labels("waiver_reference"), 22),
        Column(labels("granted"), 18),
        Column(labels("expires"), 18),
        Column(labels("waiver_findings"), 22),
        Column(labels("waiver_note"), 36),
    )
    name = labels("sheet_waivers")
    return (Sheet(name, columns, lambda: _rows(assessment, labels), fixed=1, pages_wide=2),)


def _rows(assessment: Assessment, labels: Labels) -> Iterator[Row]:
    for row in waiver_rows(assessment, labels):
        waiver = row.use.waiver
        yield (
            row.state,
            shortened(waiver.service, labels),
            waiver.check,
            shortened(waiver.subject, labels),
            waiver.reason,
            waiver.compensating_control,
            waiver.owner,
            waiver.approver,
            waiver.reference,
            labels.day(waiver.granted),
            labels.day(waiver.expires),
            "\n".join(finding.id for finding in row.findings),
            " ".join(row.notes),
        )
