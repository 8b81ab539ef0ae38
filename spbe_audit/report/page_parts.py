"""The parts that several HTML pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spbe_audit.finding import (
    AgencyAssessment,
    ControlResult,
    ControlStatus,
    Finding,
    ManualAnswer,
    Score,
    ServiceAssessment,
)
from spbe_audit.regulation import Confidence, Regulation, Strength
from spbe_audit.report.finding_view import Citation
from spbe_audit.report.labels import Labels
from spbe_audit.report.requirement_groups import RequirementGroup, group_by_requirement
from spbe_audit.report.site import ServiceLinks, Site
from spbe_audit.report.summaries import (
    fault_counts,
    group_by_reason,
    is_fault,
    is_grave,
    service_key,
)
from spbe_audit.severity import Severity

LEVELS = (Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)
"""The severities that count, as the columns of a table."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What the first lines of a page say; ``grave`` counts services with grave faults."""

    services: int
    grave: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix and the services that need it; ``page`` is that of all services that do."""

    anchor: str
    page: str
    severity: Severity
    title: str
    count: int
    services: ServiceLinks


@dataclass(frozen=True, slots=True)
class OpenReason:
    """One reason why questions stayed open."""

    explanation: str
    answers: int
    services: ServiceLinks


@dataclass(frozen=True, slots=True)
class Row:
    """One agency or service in a table that compares them; ``counts`` go by LEVELS."""

    page: str
    name: str
    url: str
    services: int
    score: Score
    counts: tuple[int, ...]
    labels: Labels

    @property
    def compliance(self) -> str:
        """Compliance in percent."""
        return self.labels.percent(self.score.compliance)

    @property
    def coverage(self) -> str:
        """Coverage in percent."""
        return self.labels.percent(self.score.coverage)

    @property
    def worst(self) -> str:
        """The gravest severity that occurs, '' for none."""
        return next((level for level, n in zip(LEVELS, self.counts, strict=True) if n), "")

    @property
    def unknown(self) -> int:
        """Answers that could not be given."""
        return self.score.unknown


@dataclass(frozen=True, slots=True)
class ControlRow:
    """One clause with what the observations and the auditor's own answer say of it."""

    citation: Citation
    status: ControlStatus
    score: Score
    strength: Strength
    answer: ManualAnswer | None


@dataclass(frozen=True, slots=True)
class Instrument:
    """One regulation with the clauses that checks touch, and those that none does."""

    title: str
    confidence: Confidence
    revoked: bool
    note: str
    touched: tuple[ControlRow, ...]
    manual: tuple[ControlRow, ...]


def summary_of(services: Sequence[ServiceAssessment], score: Score, labels: Labels) -> Summary:
    """The summary of some services in plain words."""
    grave = sum(any(map(is_grave, service.findings)) for service in services)
    faulty = sum(any(map(is_fault, service.findings)) for service in services)
    if not services:
        return Summary(0, 0, (labels("summary_none_services"),))
    lines = [
        labels("summary_grave", n=grave, total=len(services))
        if grave
        else labels("summary_grave_none")
    ]
    if faulty > grave:
        lines.append(labels("summary_other", n=faulty - grave))
    lines.append(_judged_line(score, labels))
    lines.extend(_open_lines(services, score, labels))
    return Summary(len(services), grave, tuple(lines))


def fixes_of(site: Site, findings: Iterable[Finding]) -> tuple[Fix, ...]:
    """The faults among some findings, as fixes: gravest first."""
    return tuple(_fix(site, group) for group in group_by_requirement(filter(is_fault, findings)))


def open_reasons_of(site: Site, findings: Iterable[Finding]) -> tuple[OpenReason, ...]:
    """Why questions stayed open among some findings: most frequent first."""
    return tuple(
        OpenReason(
            explanation=site.narrator.reason_in_general(group.reason, group.checks),
            answers=group.answers,
            services=site.links(group.services),
        )
        for group in group_by_reason(findings)
    )


def agency_row(site: Site, agency: AgencyAssessment) -> Row:
    """An agency among agencies."""
    return Row(
        page=site.agency_pages[agency.agency.id],
        name=agency.agency.name,
        url="",
        services=len(agency.services),
        score=agency.score,
        counts=_level_counts(f for service in agency.services for f in service.findings),
        labels=site.labels,
    )


def service_row(site: Site, service: ServiceAssessment) -> Row:
    """A service among services."""
    return Row(
        page=site.service_pages[service.service.agency, service.service.id],
        name=service.service.name,
        url=service.service.display_url,
        services=1,
        score=service.score,
        counts=_level_counts(service.findings),
        labels=site.labels,
    )


def instruments_of(site: Site, results: Sequence[ControlResult]) -> tuple[Instrument, ...]:
    """The regulations in catalogue order, each with its clauses among ``results``."""
    by_regulation: dict[str, list[ControlResult]] = {}
    for result in results:
        by_regulation.setdefault(result.control.regulation, []).append(result)
    return tuple(
        _instrument(site, regulation, by_regulation[regulation.id])
        for regulation in site.assessment.regulations
        if regulation.id in by_regulation
    )


def _judged_line(score: Score, labels: Labels) -> str:
    judged = score.passed + score.failed
    if not judged:
        return labels("summary_judged_none")
    return labels(
        "summary_judged",
        applicable=judged + score.unknown,
        judged=judged,
        passed=score.passed,
        failed=score.failed,
    )


def _open_lines(
    services: Sequence[ServiceAssessment], score: Score, labels: Labels
) -> Iterable[str]:
    """What could not be judged, and which services not at all."""
    if not score.unknown:
        if score.passed + score.failed:
            yield labels("summary_complete")
        return
    concerned = sum(service.score.unknown > 0 for service in services)
    yield labels("summary_unknown", n=score.unknown, services=concerned)
    dark = sum(one.score.passed + one.score.failed == 0 for one in services)
    if dark:
        yield labels("summary_dark", n=dark)


def _fix(site: Site, group: RequirementGroup) -> Fix:
    return Fix(
        anchor=site.anchors[group.requirement],
        page=site.finding_pages[group.requirement],
        severity=group.severity,
        title=site.narrator.title(group.check),
        count=group.services,
        services=site.links([*dict.fromkeys(map(service_key, group.findings))]),
    )


def _level_counts(findings: Iterable[Finding]) -> tuple[int, ...]:
    counts = fault_counts(findings)
    return tuple(counts[level] for level in LEVELS)


def _instrument(site: Site, regulation: Regulation, results: Sequence[ControlResult]) -> Instrument:
    rows = [(result.status, _control_row(site, result)) for result in results]
    choose = site.labels.choose
    return Instrument(
        title=choose(regulation.title),
        confidence=regulation.confidence,
        revoked=regulation.status == "revoked",
        note=choose(regulation.status_note) if regulation.status_note else "",
        touched=tuple(row for status, row in rows if status is not ControlStatus.MANUAL),
        manual=tuple(row for status, row in rows if status is ControlStatus.MANUAL),
    )


def _control_row(site: Site, result: ControlResult) -> ControlRow:
    return ControlRow(
        citation=site.narrator.citation_of(result.control),
        status=result.status,
        score=result.score,
        strength=result.control.strength,
        answer=result.answer,
    )
