"""The HTML report: an index, one page for each agency and one for each service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from spbe_audit.check import Verdict
from spbe_audit.finding import AgencyAssessment, Assessment, Finding, ServiceAssessment
from spbe_audit.report.charts import share_bar
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import FindingView
from spbe_audit.report.labels import Labels
from spbe_audit.report.page_parts import (
    LEVELS,
    agency_row,
    fixes_of,
    instruments_of,
    open_reasons_of,
    service_row,
    summary_of,
)
from spbe_audit.report.site import Site
from spbe_audit.report.summaries import (
    is_fault,
    is_observation,
    worst_agencies,
    worst_services,
)
from spbe_audit.report.wording import server_software

INDEX = "index.html"
VERIFY_COMMAND = "spbe-audit verify --store spbe-audit.db"

_FIX_FIRST = 5
_SERVICES_FIRST = 10
_MOST_AGENCIES_WITH_BARS = 100
_KINDS = {"public-service": "kind_public_service"}
_FOOTPRINT = ("services", "addresses", "attempts", "connections", "requests")
_SECTIONS = (
    ("summary", "executive_summary"),
    ("aspects", "per_aspect"),
    ("agencies", "agencies_compared"),
    ("findings", "worst_findings"),
    ("controls", "controls"),
    ("limitations", "limitations"),
    ("method", "method"),
    ("verification", "verification"),
)
_MEANINGS = (
    ("verdict_pass", "meaning_pass"),
    ("verdict_fail", "meaning_fail"),
    ("status_partly_conforming", "meaning_partly"),
    ("verdict_not_applicable", "meaning_not_applicable"),
    ("verdict_unknown", "meaning_unknown"),
    ("status_not_examined", "meaning_not_examined"),
    ("status_manual", "meaning_manual"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its path relative to the report's folder, and its text."""

    path: str
    text: str


def html_pages(site: Site, *, other_files: Sequence[str]) -> Iterator[Page]:
    """Every page, the index last: a report that has an index is whole."""
    for agency in site.assessment.agencies:
        for service in agency.services:
            yield _service_page(site, agency, service)
        yield _agency_page(site, agency)
    yield index_page(site, other_files)


def index_page(site: Site, other_files: Sequence[str]) -> Page:
    """The first page; ``other_files`` are those written beside it."""
    assessment, labels = site.assessment, site.labels
    services = assessment.services
    fixes = fixes_of(site, _findings(services))
    worst = worst_services(services)
    values: dict[str, object] = {
        "run": assessment.run,
        "policy_title": labels.choose(assessment.policy.title),
        "cover": _cover(assessment, labels),
        "sections": [(anchor, labels(key)) for anchor, key in _SECTIONS],
        "summary": summary_of(services, assessment.score, labels),
        "score": assessment.score,
        "fix_first": fixes[:_FIX_FIRST],
        "services_first": [_first(site, one) for one in worst[:_SERVICES_FIRST]],
        "services_first_more": max(0, len(worst) - _SERVICES_FIRST),
        "aspects": assessment.aspects,
        "agencies": [_compared(site, agency) for agency in worst_agencies(assessment.agencies)],
        "agency_bars": len(assessment.agencies) <= _MOST_AGENCIES_WITH_BARS,
        "levels": LEVELS,
        "groups": fixes,
        "instruments": instruments_of(site, assessment.controls),
        "reasons": open_reasons_of(site, _findings(services)),
        "other_files": other_files,
        "verify_command": VERIFY_COMMAND,
    }
    return Page(INDEX, site.render("index.html.j2", values | _technical_values(site)))


def _technical_values(site: Site) -> dict[str, object]:
    """What the sections on method and verification say."""
    run, policy, labels = site.assessment.run, site.assessment.policy, site.labels
    return {
        "words": [(labels(word), labels(meaning)) for word, meaning in _MEANINGS],
        "footprint": _footprint(site),
        "tools": sorted(run.tools.items()),
        "identity": [
            (labels("policy_id"), policy.id),
            (labels("policy_digest"), policy.digest),
            (labels("run_id"), run.id),
            (labels("run_digest"), run.digest),
        ],
    }


def _agency_page(site: Site, agency: AgencyAssessment) -> Page:
    values: dict[str, object] = {
        "run": site.assessment.run,
        "agency": agency.agency,
        "summary": summary_of(agency.services, agency.score, site.labels),
        "score": agency.score,
        "services": [service_row(site, service) for service in agency.services],
        "levels": LEVELS,
        "aspects": agency.aspects,
        "groups": fixes_of(site, _findings(agency.services)),
        "instruments": instruments_of(site, agency.controls),
        "reasons": open_reasons_of(site, _findings(agency.services)),
    }
    return Page(site.agency_pages[agency.agency.id], site.render("agency.html.j2", values))


def _service_page(site: Site, agency: AgencyAssessment, service: ServiceAssessment) -> Page:
    views = _views(site, service)
    values: dict[str, object] = {
        "run": site.assessment.run,
        "agency": agency.agency,
        "agency_page": site.agency_pages[agency.agency.id],
        "service": service.service,
        "kind": _kind(service.service.kind, site.labels),
        "scan_time": _scan_time(site.assessment, site.labels),
        "score": service.score,
        "faults": [view for view in views if is_fault(view.finding)],
        "notes": [view for view in views if is_observation(view.finding)],
        "unknowns": _with_verdict(views, Verdict.UNKNOWN),
        "passes": _with_verdict(views, Verdict.PASS),
        "exempt": _with_verdict(views, Verdict.NOT_APPLICABLE),
        "instruments": instruments_of(site, service.controls),
    }
    path = site.service_pages[service.service.agency, service.service.id]
    return Page(path, site.render("service.html.j2", values))


def _views(site: Site, service: ServiceAssessment) -> list[FindingView]:
    """The findings of a service in words, each with an anchor of its own on the page."""
    software = server_software(service.findings)
    anchors = FileNames()
    return [
        replace(
            site.narrator.view(finding, service.service, software),
            anchor=anchors.name_for(finding.check),
        )
        for finding in service.findings
    ]


def _with_verdict(views: Iterable[FindingView], verdict: Verdict) -> list[FindingView]:
    return [view for view in views if view.finding.verdict is verdict]


def _findings(services: Iterable[ServiceAssessment]) -> Iterator[Finding]:
    for service in services:
        yield from service.findings


def _cover(assessment: Assessment, labels: Labels) -> list[tuple[str, str]]:
    """The cover: who allowed what, and what was done."""
    run = assessment.run
    families = ", ".join(run.families)
    return [
        *_engagement_lines(assessment, labels),
        (labels("policy"), f"{labels.choose(assessment.policy.title)} ({assessment.policy.id})"),
        (labels("scan_time"), _scan_time(assessment, labels)),
        (
            labels("coverage_of_run"),
            labels(
                "agencies_and_services",
                agencies=len(assessment.agencies),
                services=len(assessment.services),
            ),
        ),
        (labels("intensity"), labels(f"intensity_{run.intensity}")),
        (labels("families"), families or labels("word_none")),
        (labels("run_id"), run.id),
    ]


def _engagement_lines(assessment: Assessment, labels: Labels) -> list[tuple[str, str]]:
    engagement = assessment.engagement
    if engagement is None:
        return [(labels("letter"), labels("no_engagement"))]
    validity = labels(
        "from_until",
        start=labels.moment(engagement.valid_from),
        end=labels.moment(engagement.valid_until),
    )
    scope = ", ".join([*engagement.names, *map(str, engagement.networks)])
    return [
        (labels("letter"), engagement.letter),
        (labels("issued_by"), engagement.issued_by),
        (labels("validity"), validity),
        (labels("scope"), scope),
        (labels("contact"), engagement.contact),
    ]


def _scan_time(assessment: Assessment, labels: Labels) -> str:
    run = assessment.run
    start = labels.moment(run.started)
    if run.finished is None:
        return labels("unfinished", start=start)
    return labels("from_until", start=start, end=labels.moment(run.finished))


def _kind(kind: str, labels: Labels) -> str:
    return labels(_KINDS[kind]) if kind in _KINDS else kind


def _footprint(site: Site) -> list[tuple[str, int]]:
    """The counts of the run: the known ones first, any other by its own name."""
    counts, labels = site.assessment.run.footprint, site.labels
    known = [(labels(f"footprint_{key}"), counts[key]) for key in _FOOTPRINT if key in counts]
    return known + sorted((key, n) for key, n in counts.items() if key not in _FOOTPRINT)


def _compared(site: Site, agency: AgencyAssessment) -> dict[str, object]:
    """An agency's row on the index, with its bars."""
    row, score = agency_row(site, agency), agency.score
    return {
        "page": row.page,
        "name": row.name,
        "services": row.services,
        "counts": row.counts,
        "unknown": row.unknown,
        "compliance": row.compliance,
        "coverage": row.coverage,
        "compliance_bar": share_bar(
            score.compliance, kind="good", label=f"{site.labels('compliance')}: {row.compliance}"
        ),
        "coverage_bar": share_bar(
            score.coverage, kind="cover", label=f"{site.labels('coverage')}: {row.coverage}"
        ),
    }


def _first(site: Site, service: ServiceAssessment) -> dict[str, object]:
    """A service among those to start with."""
    row = service_row(site, service)
    return {
        "page": row.page,
        "name": row.name,
        "agency": site.agency_names[service.service.agency],
        "counts": [(level, n) for level, n in zip(LEVELS, row.counts, strict=True) if n],
    }
