"""What the printed report shows. Long lists are cut, and it says where the rest is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from spbe_audit.check import Verdict
from spbe_audit.finding import Assessment, Finding, ServiceAssessment
from spbe_audit.report.entered_pages import entered
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import Citation, FindingView, Snippet
from spbe_audit.report.glossary import glossary
from spbe_audit.report.labels import Labels
from spbe_audit.report.page_parts import (
    LEVELS,
    Row,
    agency_row,
    instruments_of,
    open_reasons_of,
    service_row,
    summary_of,
)
from spbe_audit.report.run_facts import (
    cover_lines,
    footprint_lines,
    identity_lines,
    verify_command,
    word_meanings,
)
from spbe_audit.report.site import Site
from spbe_audit.report.summaries import (
    CheckGroup,
    ServiceKey,
    group_by_check,
    is_fault,
    service_key,
    worst_agencies,
    worst_services,
)
from spbe_audit.report.waiver_view import waiver_rows
from spbe_audit.report.wording import Piece, server_software

MOST_AGENCIES = 100
MOST_SERVICES_LISTED = 300
MOST_SERVICES_DETAILED = 60
MOST_FINDINGS_OF_SERVICE = 40
MOST_REASONS_OF_SERVICE = 10
MOST_TITLES_OF_REASON = 15
MOST_SNIPPETS = 2
MOST_WAIVERS = 100
_FIX_FIRST = 5
_LONGEST_IN_MARGIN = 70
_SECTIONS = (
    ("summary", "executive_summary"),
    ("aspects", "per_aspect"),
    ("agencies", "agencies_compared"),
    ("findings", "worst_findings"),
    ("services", "print_services_table"),
    ("details", "print_services"),
    ("clauses", "print_clauses"),
    ("limitations", "limitations"),
    ("method", "method"),
    ("glossary", "print_glossary"),
    ("verification", "verification"),
)


@dataclass(frozen=True, slots=True)
class PrintedFix:
    """One fix: the words that all its findings share, and the services that need it.

    ``view`` is that of one of the findings; ``citations`` are the clauses of all of them.
    """

    anchor: str
    group: CheckGroup
    view: FindingView
    citations: tuple[Citation, ...]
    snippets: tuple[Snippet, ...]
    services: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class PrintedReason:
    """One reason why questions about a service stayed open, and the first of those questions."""

    condition: tuple[Piece, ...]
    titles: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True)
class PrintedService:
    """One service in detail, and how many of its findings and reasons are left out."""

    row: Row
    agency: str
    faults: tuple[FindingView, ...]
    faults_left: int
    open: tuple[PrintedReason, ...]
    open_left: int


def print_values(site: Site) -> dict[str, object]:
    """The values of print.html.j2."""
    assessment, labels = site.assessment, site.labels
    services = assessment.services
    fixes = _fixes(site)
    listed = _worst_first(services)
    return {
        "run": assessment.run,
        "created": printed_at(assessment).isoformat(timespec="seconds"),
        "policy_title": labels.choose(assessment.policy.title),
        "letter": _letter(assessment)[:_LONGEST_IN_MARGIN],
        "cover": cover_lines(assessment, labels),
        "sections": _sections(assessment, labels),
        "summary": summary_of(services, assessment.score, labels),
        "entered": entered(assessment, labels),
        "waivers": waiver_rows(assessment, labels)[:MOST_WAIVERS],
        "score": assessment.score,
        "levels": LEVELS,
        "aspects": assessment.aspects,
        "agencies": [
            agency_row(site, one) for one in worst_agencies(assessment.agencies)[:MOST_AGENCIES]
        ],
        "agencies_total": len(assessment.agencies),
        "fixes": fixes,
        "fix_first": fixes[:_FIX_FIRST],
        "services": [_listed(site, one) for one in listed[:MOST_SERVICES_LISTED]],
        "services_total": len(services),
        "details": _details(site, listed[:MOST_SERVICES_DETAILED], fixes),
        **_appendices(site),
    }


def printed_at(assessment: Assessment) -> datetime:
    """The date of the document: when the run ended, or began where it was cut short (UTC)."""
    run = assessment.run
    return (run.finished or run.started).astimezone(UTC)


def _sections(assessment: Assessment, labels: Labels) -> list[tuple[str, str]]:
    """The anchors and titles of the sections; one agency is not compared."""
    alone = len(assessment.agencies) <= 1
    return [(anchor, labels(key)) for anchor, key in _SECTIONS if anchor != "agencies" or not alone]


def _appendices(site: Site) -> dict[str, object]:
    assessment, labels = site.assessment, site.labels
    findings = (finding for one in assessment.services for finding in one.findings)
    return {
        "instruments": instruments_of(site, assessment.controls),
        "reasons": open_reasons_of(site, findings),
        "words": word_meanings(labels),
        "footprint": footprint_lines(assessment.run, labels),
        "tools": sorted(assessment.run.tools.items()),
        "glossary": glossary(labels.language, labels.templates),
        "identity": identity_lines(assessment, labels),
        "verify_command": verify_command(site.narrator),
    }


def _letter(assessment: Assessment) -> str:
    return assessment.engagement.letter if assessment.engagement else ""


def _worst_first(services: Sequence[ServiceAssessment]) -> list[ServiceAssessment]:
    """Services with faults, gravest first, then the others in the order of the target list."""
    faulty = worst_services(services)
    seen = {(one.service.agency, one.service.id) for one in faulty}
    others = (one for one in services if (one.service.agency, one.service.id) not in seen)
    return [*faulty, *others]


def _listed(site: Site, service: ServiceAssessment) -> tuple[Row, str]:
    return service_row(site, service), site.agency_names[service.service.agency]


def _fixes(site: Site) -> tuple[PrintedFix, ...]:
    """The faults of all services, gravest first."""
    services = {(one.service.agency, one.service.id): one for one in site.assessment.services}
    faults: dict[str, list[Finding]] = {}
    for service in services.values():
        for finding in filter(is_fault, service.findings):
            faults.setdefault(finding.check, []).append(finding)
    groups = group_by_check(finding for found in faults.values() for finding in found)
    anchors = FileNames()
    return tuple(
        _fix(site, anchors.name_for("fix", group.check), group, faults[group.check], services)
        for group in groups
    )


def _fix(
    site: Site,
    anchor: str,
    group: CheckGroup,
    faults: Sequence[Finding],
    services: Mapping[ServiceKey, ServiceAssessment],
) -> PrintedFix:
    view = site.narrator.view(faults[0], services[service_key(faults[0])].service, None)
    controls = dict.fromkeys(control for finding in faults for control in finding.controls)
    seen = Counter(server_software(services[service_key(finding)].findings) for finding in faults)
    shown = site.links(group.services)
    return PrintedFix(
        anchor=anchor,
        group=group,
        view=view,
        citations=tuple(site.narrator.citation(control) for control in controls),
        snippets=_snippets(site, faults[0], services, seen),
        services=tuple(link.name for link in shown.shown),
        more=shown.more,
    )


def _snippets(
    site: Site,
    finding: Finding,
    services: Mapping[ServiceKey, ServiceAssessment],
    seen: Mapping[str | None, int],
) -> tuple[Snippet, ...]:
    """The lines to write for the software that most of the services show, else the first ones."""
    service = services[service_key(finding)].service
    often = sorted((one for one in seen if one), key=lambda one: (-seen[one], one))
    for_seen = (site.narrator.view(finding, service, software).seen_snippet for software in often)
    found = [snippet for snippet in for_seen if snippet]
    every = site.narrator.view(finding, service, None).other_snippets
    return tuple(found or every)[:MOST_SNIPPETS]


def _details(
    site: Site, services: Iterable[ServiceAssessment], fixes: Iterable[PrintedFix]
) -> Iterator[PrintedService]:
    """The services in detail, one after another."""
    anchors = {fix.group.check: fix.anchor for fix in fixes}
    for service in services:
        faults = [finding for finding in service.findings if is_fault(finding)]
        reasons = _reasons(site, service)
        row, agency = _listed(site, service)
        yield PrintedService(
            row=row,
            agency=agency,
            faults=_views(site, service, faults[:MOST_FINDINGS_OF_SERVICE], anchors),
            faults_left=max(0, len(faults) - MOST_FINDINGS_OF_SERVICE),
            open=reasons[:MOST_REASONS_OF_SERVICE],
            open_left=max(0, len(reasons) - MOST_REASONS_OF_SERVICE),
        )


def _reasons(site: Site, service: ServiceAssessment) -> tuple[PrintedReason, ...]:
    """The questions about a service that stayed open, by the reason in words."""
    unanswered = [one for one in service.findings if one.verdict is Verdict.UNKNOWN]
    by_words: dict[str, list[FindingView]] = {}
    for view in _views(site, service, unanswered, {}):
        by_words.setdefault(view.condition_text, []).append(view)
    return tuple(
        PrintedReason(
            condition=views[0].condition,
            titles=tuple(view.title for view in views[:MOST_TITLES_OF_REASON]),
            more=max(0, len(views) - MOST_TITLES_OF_REASON),
        )
        for views in by_words.values()
    )


def _views(
    site: Site,
    service: ServiceAssessment,
    findings: Iterable[Finding],
    anchors: Mapping[str, str],
) -> tuple[FindingView, ...]:
    return tuple(
        replace(
            site.narrator.view(finding, service.service, None),
            anchor=anchors.get(finding.check, ""),
        )
        for finding in findings
    )
