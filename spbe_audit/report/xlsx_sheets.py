"""The sheets of the workbook as plain tables: their columns, and their rows one after another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from spbe_audit.check import Verdict
from spbe_audit.finding import (
    AgencyAssessment,
    Assessment,
    ControlResult,
    ControlStatus,
    Finding,
    Score,
    ServiceAssessment,
)
from spbe_audit.report.csv_document import criterion
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.follow_up_view import follow_up_cells, follow_up_words
from spbe_audit.report.labels import Labels
from spbe_audit.report.page_parts import LEVELS, summary_of
from spbe_audit.report.run_facts import cover_lines, footprint_lines, identity_lines
from spbe_audit.report.site import MOST_SERVICES
from spbe_audit.report.summaries import ServiceKey, fault_counts, group_by_reason
from spbe_audit.report.waiver_view import waiver_lines
from spbe_audit.report.wording import shortened
from spbe_audit.report.xlsx_table import Cell, Column, Input, Row, Sheet
from spbe_audit.report.xlsx_waivers import waiver_sheets


def sheets_of(assessment: Assessment, narrator: Narrator) -> tuple[Sheet, ...]:
    """Every sheet, in the order of the workbook."""
    labels = narrator.labels
    return (
        Sheet(
            labels("sheet_summary"),
            (Column(labels("item"), 38), Column(labels("content"), 92)),
            lambda: _summary_rows(assessment, labels),
        ),
        Sheet(
            labels("sheet_findings"),
            _finding_columns(labels),
            lambda: _finding_rows(assessment, narrator),
            fixed=1,
            pages_wide=3,
        ),
        Sheet(
            labels("sheet_papers"),
            _paper_columns(labels),
            lambda: _paper_rows(assessment, narrator),
            fixed=2,
            pages_wide=2,
        ),
        Sheet(
            labels("sheet_services"),
            _service_columns(labels),
            lambda: _service_rows(assessment, labels),
            fixed=2,
        ),
        Sheet(
            labels("sheet_limitations"),
            _limitation_columns(labels),
            lambda: _limitation_rows(assessment, narrator),
        ),
        *waiver_sheets(assessment, labels),
    )


def earliest_deadline(assessment: Assessment, labels: Labels) -> date:
    """The day of the scan where the report is read: no deadline lies before it."""
    return assessment.run.started.astimezone(labels.zone).date()


def _summary_rows(assessment: Assessment, labels: Labels) -> Iterator[Row]:
    run, score, services = assessment.run, assessment.score, assessment.services
    summary = summary_of(services, score, labels)
    yield labels("report_title"), labels("nature")
    yield from (
        (label, shortened(value, labels)) for label, value in cover_lines(assessment, labels)
    )
    yield labels("executive_summary"), "\n".join(summary.lines)
    yield labels("services_examined"), summary.services
    yield labels("services_grave"), summary.grave
    yield from _score_rows(score, labels)
    for aspect in assessment.aspects:
        title = labels.choose(aspect.title)
        for what, share in (
            ("compliance", aspect.score.compliance),
            ("coverage", aspect.score.coverage),
        ):
            yield labels("of_aspect", aspect=title, what=labels(what)), _share(share, labels)
    counts = fault_counts(finding for service in services for finding in service.findings)
    yield from (
        (f"{labels('findings')}: {labels(f'severity_{level}')}", counts[level]) for level in LEVELS
    )
    yield labels("limitations"), labels("limitations_general")
    if run.finished is None:
        yield labels("limitations"), labels("limitations_unfinished")
    for label, count in footprint_lines(run, labels):
        yield f"{labels('footprint')}: {label}", count
    for name, version in sorted(run.tools.items()):
        yield f"{labels('tools')}: {name}", version
    yield from identity_lines(assessment, labels)


def _score_rows(score: Score, labels: Labels) -> Iterator[Row]:
    yield labels("compliance"), _share(score.compliance, labels)
    yield labels("coverage"), _share(score.coverage, labels)
    yield labels("column_passed"), score.passed
    yield labels("column_failed"), score.failed
    yield labels("column_unknown"), score.unknown
    yield labels("column_not_applicable"), score.not_applicable


def _finding_columns(labels: Labels) -> tuple[Column, ...]:
    """Those with an input are for people."""
    return (
        Column(labels("finding_id"), 18),
        Column(labels("agency"), 22),
        Column(labels("service"), 22),
        Column(labels("url"), 26),
        Column(labels("check"), 26),
        Column(labels("check_code"), 22),
        Column(labels("severity"), 12),
        Column(labels("answer_status"), 14),
        Column(labels("criteria"), 34),
        Column(labels("condition"), 46),
        Column(labels("cause"), 22, Input.TEXT),
        Column(labels("consequence"), 36),
        Column(labels("recommendation"), 40),
        Column(labels("observed_at_in", zone=labels.zone_name), 19),
        Column(f"{labels('evidence')} ({labels('evidence_digest')})", 24),
        Column(labels("repeat"), 36),
        Column(labels("auditee_response"), 32, Input.TEXT),
        Column(labels("action_plan"), 32, Input.TEXT),
        Column(labels("person_in_charge"), 22, Input.TEXT),
        Column(labels("deadline"), 13, Input.DATE),
        Column(
            labels("follow_up_status"),
            22,
            Input.CHOICE,
            follow_up_words(labels),
        ),
        Column(labels("waiver"), 36),
    )


def _finding_rows(assessment: Assessment, narrator: Narrator) -> Iterator[Row]:
    for agency in assessment.agencies:
        for service in agency.services:
            for finding in service.findings:
                if finding.verdict in {Verdict.FAIL, Verdict.UNKNOWN}:
                    yield _finding_row(finding, service, agency.agency.name, narrator)


def _finding_row(
    finding: Finding, service: ServiceAssessment, agency_name: str, narrator: Narrator
) -> Row:
    view, labels = narrator.view(finding, service.service, None), narrator.labels
    criteria = [criterion(citation, narrator) for citation in view.citations]
    return (
        finding.id,
        shortened(agency_name, labels),
        shortened(service.service.name, labels),
        shortened(finding.url, labels),
        view.title,
        finding.check,
        _severity(finding, labels),
        labels(f"verdict_{finding.verdict.value}"),
        "\n".join(criteria) or labels("good_practice"),
        view.condition_text,
        None,
        view.consequence,
        view.remedy,
        finding.observed_at,
        "\n".join(finding.evidence),
        view.command,
        *follow_up_cells(finding.follow_up, labels),
        "\n".join(waiver_lines(finding, labels)),
    )


def _paper_columns(labels: Labels) -> tuple[Column, ...]:
    return (
        Column(labels("catalogue"), 24),
        Column(labels("citation"), 24),
        Column(labels("agency"), 24),
        Column(labels("clause_title"), 46),
        Column(labels("confidence"), 15),
        Column(labels("strength"), 13),
        Column(labels("status"), 18),
        Column(labels("compliance"), 12),
        Column(labels("coverage"), 12),
        Column(labels("number_of_findings"), 12),
        Column(labels("column_unknown"), 12),
        Column(labels("requirements"), 34),
        Column(labels("manual_answer"), 40),
        Column(labels("auditor_note"), 40, Input.TEXT),
        Column(labels("clause_id"), 24),
    )


def _paper_rows(assessment: Assessment, narrator: Narrator) -> Iterator[Row]:
    """Each control once for all agencies, then for each agency that it was observed of."""
    everyone = narrator.labels("all_agencies")
    of_agencies = [_observed_controls(agency) for agency in assessment.agencies]
    for result in assessment.controls:
        yield _paper_row(result, everyone, narrator)
        for agency, observed in zip(assessment.agencies, of_agencies, strict=True):
            own = observed.get(result.control.id)
            if own is not None:
                yield _paper_row(own, agency.agency.name, narrator)


def _observed_controls(agency: AgencyAssessment) -> dict[str, ControlResult]:
    """The controls of an agency that an observation or an answer of its own speaks to."""
    unspoken = {ControlStatus.MANUAL, ControlStatus.NOT_EXAMINED}
    return {
        result.control.id: result
        for result in agency.controls
        if result.status not in unspoken or (result.answer and result.answer.agency)
    }


def _paper_row(result: ControlResult, agency: str, narrator: Narrator) -> Row:
    labels, control, score = narrator.labels, result.control, result.score
    citation = narrator.citation_of(control)
    revoked = f" ({labels('revoked')})" if citation.revoked else ""
    return (
        citation.instrument + revoked,
        citation.clause,
        shortened(agency, labels),
        citation.title,
        labels(f"confidence_{control.confidence.value}"),
        labels(f"strength_{control.strength.value}"),
        labels(f"status_{result.status.value}"),
        score.compliance,
        score.coverage,
        score.failed,
        score.unknown,
        ", ".join(result.requirements),
        _answer_text(result, labels),
        None,
        control.id,
    )


def _answer_text(result: ControlResult, labels: Labels) -> str:
    answer = result.answer
    if answer is None:
        return ""
    basis = labels(
        "manual_answer_basis",
        by=answer.by,
        date=labels.day(answer.date),
        reference=answer.reference,
    )
    return f"{labels(f'status_{answer.status.value}')}, {basis} {answer.note}".strip()


def _service_columns(labels: Labels) -> tuple[Column, ...]:
    keys = ("column_passed", "column_failed", "column_unknown", "column_not_applicable")
    return (
        Column(labels("agency"), 30),
        Column(labels("service"), 30),
        Column(labels("url"), 40),
        Column(labels("compliance"), 12),
        Column(labels("coverage"), 12),
        *(Column(labels(key), 13) for key in keys),
        *(Column(labels(f"severity_{level.value}"), 11) for level in LEVELS),
    )


def _service_rows(assessment: Assessment, labels: Labels) -> Iterator[Row]:
    for agency in assessment.agencies:
        for one in agency.services:
            counts, score = fault_counts(one.findings), one.score
            yield (
                shortened(agency.agency.name, labels),
                shortened(one.service.name, labels),
                shortened(one.service.url, labels),
                score.compliance,
                score.coverage,
                score.passed,
                score.failed,
                score.unknown,
                score.not_applicable,
                *(counts[level] for level in LEVELS),
            )


def _limitation_columns(labels: Labels) -> tuple[Column, ...]:
    return (
        Column(labels("reason"), 70),
        Column(labels("reason_code"), 24),
        Column(labels("answers_count"), 14),
        Column(labels("services_count"), 14),
        Column(labels("services_concerned"), 60),
    )


def _limitation_rows(assessment: Assessment, narrator: Narrator) -> Iterator[Row]:
    labels = narrator.labels
    names: dict[ServiceKey, str] = {
        (one.service.agency, one.service.id): one.service.name for one in assessment.services
    }
    findings = (finding for one in assessment.services for finding in one.findings)
    for group in group_by_reason(findings):
        shown = [shortened(names[key], labels) for key in group.services[:MOST_SERVICES]]
        if len(group.services) > MOST_SERVICES:
            shown.append(labels("and_more", n=len(group.services) - MOST_SERVICES))
        yield (
            narrator.reason_in_general(group.reason, group.checks),
            group.reason,
            group.answers,
            len(group.services),
            ", ".join(shown),
        )


def _severity(finding: Finding, labels: Labels) -> Cell:
    """The severity; only a finding has it in its colour, a question that stayed open has not."""
    if finding.verdict is Verdict.FAIL:
        return finding.severity
    return labels(f"severity_{finding.severity.value}")


def _share(share: float | None, labels: Labels) -> Cell:
    return labels("no_share") if share is None else share
