"""The pages behind the findings: working papers, limitations, method, clause catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from spbe_audit.finding import (
    ControlResult,
    ControlStatus,
    ManualAnswer,
    Score,
    ServiceAssessment,
)
from spbe_audit.regulation import Confidence, Regulation, Strength
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import Citation
from spbe_audit.report.glossary import glossary
from spbe_audit.report.page import Page, Place, packed, paths_of
from spbe_audit.report.page_parts import open_reasons_of
from spbe_audit.report.run_facts import (
    cover_lines,
    footprint_lines,
    identity_lines,
    verify_command,
    word_meanings,
)
from spbe_audit.report.site import Site
from spbe_audit.report.summaries import group_by_reason, is_counted

CONTROLS = "controls.html"
LIMITATIONS = "limitations.html"
METHOD = "method.html"
CLAUSES = "clauses.html"

_ROOM_TOGETHER = 200_000


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One clause of the working papers; ``checks`` are the page ('' for none) and title of each."""

    citation: Citation
    status: ControlStatus
    score: Score
    strength: Strength
    answer: ManualAnswer | None
    checks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """One clause of the catalogue."""

    citation: Citation
    strength: Strength


@dataclass(frozen=True, slots=True)
class Instrument:
    """A regulation over a table of its clauses."""

    anchor: str
    title: str
    confidence: Confidence
    revoked: bool
    note: str


@dataclass(frozen=True, slots=True)
class SilentService:
    """A service of which nothing could be judged, and why mostly."""

    page: str
    name: str
    url: str
    agency: str
    reason: str


def control_pages(site: Site) -> Iterator[Page]:
    """The working papers: every clause with its status and the checks that speak to it."""
    counted: dict[ControlStatus, int] = {}
    for result in site.assessment.controls:
        counted[result.status] = counted.get(result.status, 0) + 1
    row = site.macro("rows.html.j2", "control_row")
    checks = _checks(site)

    def rows(results: Iterable[ControlResult]) -> Iterator[Markup]:
        for result in results:
            yield row("", _paper_row(site, result, checks))

    values: dict[str, object] = {
        "statuses": [(one, counted[one]) for one in ControlStatus if one in counted]
    }
    yield from _by_regulation(site, CONTROLS, "controls.html.j2", "papers_table", rows, values)


def clause_pages(site: Site) -> Iterator[Page]:
    """The catalogue of clauses, each with how sure its citation is."""
    row = site.macro("rows.html.j2", "clause_row")

    def rows(results: Iterable[ControlResult]) -> Iterator[Markup]:
        for result in results:
            citation = site.narrator.citation_of(result.control)
            yield row("", ClauseRow(citation, result.control.strength))

    yield from _by_regulation(site, CLAUSES, "clauses.html.j2", "clauses_table", rows, {})


def limitation_pages(site: Site) -> Iterator[Page]:
    """What could not be judged and why, and the services of which nothing could be."""
    row = site.macro("rows.html.j2", "silent_row")
    silent = [one for one in site.assessment.services if _is_silent(one)]
    portions = [*packed(row("", _silent_service(site, one)) for one in silent)]
    paths = paths_of(LIMITATIONS, len(portions))
    findings = (finding for one in site.assessment.services for finding in one.findings)
    manual = sum(one.status is ControlStatus.MANUAL for one in site.assessment.controls)
    reasons = open_reasons_of(site, filter(is_counted, findings))
    shared = {"reasons": reasons, "manual": manual, "silent": len(silent)}
    for number, portion in enumerate(portions, 1):
        values = shared | {"rows": Markup().join(portion), "place": Place(number, paths)}
        yield site.page(paths[number - 1], "limitations.html.j2", values)


def method_page(site: Site, other_files: Sequence[str]) -> Page:
    """How the scan was made, what was sent, what the words mean, how to verify the evidence."""
    run, labels = site.assessment.run, site.labels
    values: dict[str, object] = {
        "cover": cover_lines(site.assessment, labels),
        "words": word_meanings(labels),
        "footprint": footprint_lines(run, labels),
        "tools": sorted(run.tools.items()),
        "glossary": glossary(labels.language, labels.templates),
        "identity": identity_lines(site.assessment, labels),
        "verify_command": verify_command(site.narrator),
        "other_files": other_files,
    }
    return site.page(METHOD, "method.html.j2", values)


def _by_regulation(
    site: Site,
    first: str,
    template: str,
    section: str,
    rows: Callable[[Iterable[ControlResult]], Iterator[Markup]],
    values: Mapping[str, object],
) -> Iterator[Page]:
    """Pages of tables, one for each regulation, or several where it has very many clauses."""
    table = site.macro("rows.html.j2", section)
    portions = [*packed(_tables(site, table, rows))]
    paths = paths_of(first, len(portions))
    for number, portion in enumerate(portions, 1):
        shown = {"tables": Markup().join(portion), "place": Place(number, paths)}
        yield site.page(paths[number - 1], template, shown | dict(values))


def _tables(
    site: Site,
    table: Callable[..., Markup],
    rows: Callable[[Iterable[ControlResult]], Iterator[Markup]],
) -> Iterator[Markup]:
    anchors = FileNames()
    results: dict[str, list[ControlResult]] = {}
    for result in site.assessment.controls:
        results.setdefault(result.control.regulation, []).append(result)
    for regulation in site.assessment.regulations:
        if regulation.id in results:
            for portion in packed(rows(results[regulation.id]), room=_ROOM_TOGETHER):
                anchor = anchors.name_for("regulation", regulation.id)
                yield table(_instrument(site, regulation, anchor), Markup().join(portion))


def _instrument(site: Site, regulation: Regulation, anchor: str) -> Instrument:
    choose = site.labels.choose
    return Instrument(
        anchor=anchor,
        title=choose(regulation.title),
        confidence=regulation.confidence,
        revoked=regulation.status == "revoked",
        note=choose(regulation.status_note) if regulation.status_note else "",
    )


def _checks(site: Site) -> Mapping[str, str]:
    """The check of each requirement that was asked."""
    return {
        finding.requirement: finding.check
        for one in site.assessment.services
        for finding in one.findings
    }


def _paper_row(site: Site, result: ControlResult, checks: Mapping[str, str]) -> PaperRow:
    asked = [one for one in result.requirements if one in checks]
    return PaperRow(
        citation=site.narrator.citation_of(result.control),
        status=result.status,
        score=result.score,
        strength=result.control.strength,
        answer=result.answer,
        checks=tuple(
            (site.finding_pages.get(one, ""), site.narrator.title(checks[one])) for one in asked
        ),
    )


def _is_silent(service: ServiceAssessment) -> bool:
    return service.score.passed + service.score.failed == 0


def _silent_service(site: Site, service: ServiceAssessment) -> SilentService:
    groups = group_by_reason(service.findings)
    reason = site.narrator.reason_in_general(groups[0].reason, groups[0].checks) if groups else ""
    key = service.service.agency, service.service.id
    return SilentService(
        page=site.service_pages[key],
        name=service.service.name,
        url=service.service.display_url,
        agency=site.agency_names[service.service.agency],
        reason=reason or site.labels("not_recorded"),
    )
