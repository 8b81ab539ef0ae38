"""The first page: who allowed what, and what a head of agency has to know of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from spbe_audit.finding import Assessment, ControlStatus, ServiceAssessment
from spbe_audit.report.changes_page import brief_text
from spbe_audit.report.entered_pages import entered
from spbe_audit.report.labels import Labels
from spbe_audit.report.page import Page
from spbe_audit.report.page_parts import LEVELS, agency_row, open_reasons_of, service_row
from spbe_audit.report.requirement_groups import RequirementGroup
from spbe_audit.report.run_facts import scope_text
from spbe_audit.report.site import Site
from spbe_audit.report.summaries import (
    is_counted,
    is_fault,
    is_grave,
    worst_agencies,
    worst_services,
)
from spbe_audit.severity import Severity

INDEX = "index.html"
MOST_AGENCIES = 20
"""Agencies that the first page compares; the others are on the page of all agencies."""

_FIX_FIRST = 5
_SERVICES_FIRST = 10
_REASONS_FIRST = 3
_AGENCIES_NAMED = 3
_SHORTEST_LEAD = 40
_NEXT_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"(A-Z])")
_FAMILIES = ("dns", "tls", "certificate", "http", "cookie", "ports", "uptime")


@dataclass(frozen=True, slots=True)
class FirstFix:
    """One fix in plain words: what may happen, and who should do what."""

    page: str
    severity: Severity
    title: str
    services: int
    consequence: str
    who: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Brief:
    """What stands in the three blocks of the summary."""

    looked_at: tuple[str, ...]
    wrong: tuple[str, ...]
    fixes: tuple[FirstFix, ...]
    not_judged: tuple[str, ...]
    reasons: tuple[str, ...]


def front_page(site: Site, other_files: Sequence[str]) -> Page:
    """The first page; ``other_files`` are those written beside the pages."""
    assessment, labels = site.assessment, site.labels
    worst = worst_services(assessment.services)
    compared = worst_agencies(assessment.agencies)
    row = site.macro("rows.html.j2", "agency_row")
    values: dict[str, object] = {
        "policy_title": labels.choose(assessment.policy.title),
        "cover": _cover(assessment, labels),
        "brief": _brief(site),
        "entered": entered(assessment, labels),
        "score": assessment.score,
        "services_first": [_first(site, one) for one in worst[:_SERVICES_FIRST]],
        "services_first_more": max(0, len(worst) - _SERVICES_FIRST),
        "aspects": assessment.aspects,
        "agency_rows": Markup().join(
            row("", agency_row(site, agency)) for agency in compared[:MOST_AGENCIES]
        ),
        "agencies_more": max(0, len(compared) - MOST_AGENCIES),
        "levels": LEVELS,
        "other_files": other_files,
        "changes": brief_text(assessment.comparison, labels) if assessment.comparison else "",
    }
    return site.page(INDEX, "index.html.j2", values)


def responsible(check: str, labels: Labels) -> str:
    """Who usually has to act when a check fails."""
    family = check.partition(".")[0]
    return labels(f"who_{family}" if family in _FAMILIES else "who_other")


def lead(text: str) -> str:
    """The first sentence of a text; the first ones where that is very short."""
    sentences = _NEXT_SENTENCE.split(text)
    taken = sentences.pop(0)
    while sentences and len(taken) < _SHORTEST_LEAD:
        taken = f"{taken} {sentences.pop(0)}"
    return taken


def _brief(site: Site) -> Brief:
    fixes = [group for group in site.groups if not group.is_observation]
    return Brief(
        looked_at=_looked_at(site.assessment, site.labels),
        wrong=_wrong(site.assessment.services, site.labels),
        fixes=tuple(_first_fix(site, group) for group in fixes[:_FIX_FIRST]),
        not_judged=_not_judged(site.assessment, site.labels),
        reasons=_reasons(site),
    )


def _looked_at(assessment: Assessment, labels: Labels) -> tuple[str, ...]:
    """What was looked at, and how much of it could be judged."""
    services, score = assessment.services, assessment.score
    if not services:
        return (labels("summary_none_services"),)
    asked = {
        finding.requirement
        for service in services
        for finding in service.findings
        if is_counted(finding)
    }
    judged = score.passed + score.failed
    return (
        labels(
            "looked_at",
            services=labels("services_n", n=len(services)),
            agencies=labels("agencies_n", n=len(assessment.agencies)),
            points=labels("points_n", n=len(asked)),
        ),
        labels(
            "summary_judged" if judged else "summary_judged_none",
            applicable=judged + score.unknown,
            judged=judged,
            passed=score.passed,
            failed=score.failed,
        ),
    )


def _wrong(services: Sequence[ServiceAssessment], labels: Labels) -> tuple[str, ...]:
    """How many services have faults, the grave ones first."""
    grave = sum(any(map(is_grave, service.findings)) for service in services)
    faulty = sum(any(map(is_fault, service.findings)) for service in services)
    if not faulty:
        return (labels("no_findings"),)
    first = labels("summary_grave", n=grave, total=len(services))
    lines = [first if grave else labels("summary_grave_none")]
    if faulty > grave:
        lines.append(labels("summary_other", n=faulty - grave))
    return tuple(lines)


def _not_judged(assessment: Assessment, labels: Labels) -> tuple[str, ...]:
    """What stays open: answers, whole services, clauses that no scan can see."""
    services, score = assessment.services, assessment.score
    lines = [] if assessment.run.finished else [labels("limitations_unfinished")]
    concerned = sum(service.score.unknown > 0 for service in services)
    if score.unknown:
        services_n = labels("services_n", n=concerned)
        lines.append(labels("open_answers", n=score.unknown, services=services_n))
    elif score.passed + score.failed:
        lines.append(labels("summary_complete"))
    dark = sum(one.score.passed + one.score.failed == 0 for one in services)
    if dark:
        lines.append(labels("summary_dark", n=dark))
    manual = sum(one.status is ControlStatus.MANUAL for one in assessment.controls)
    if manual:
        lines.append(labels("open_clauses", n=manual))
    return tuple(lines)


def _reasons(site: Site) -> tuple[str, ...]:
    """The most frequent reasons why answers could not be given."""
    findings = (finding for one in site.assessment.services for finding in one.findings)
    reasons = open_reasons_of(site, filter(is_counted, findings))
    return tuple(
        site.labels("reason_n", reason=one.explanation.rstrip("."), n=one.answers)
        for one in reasons[:_REASONS_FIRST]
    )


def _first_fix(site: Site, group: RequirementGroup) -> FirstFix:
    narrator = site.narrator
    return FirstFix(
        page=site.finding_pages[group.requirement],
        severity=group.severity,
        title=narrator.title(group.check),
        services=group.services,
        consequence=lead(narrator.consequence(group.check)),
        who=responsible(group.check, site.labels),
        remedy=lead(narrator.remedy(group.check)),
    )


def _cover(assessment: Assessment, labels: Labels) -> list[tuple[str, str]]:
    """Who allowed what, when it was done, and of whom."""
    run, engagement = assessment.run, assessment.engagement
    lines = [(labels("letter"), engagement.letter if engagement else labels("no_engagement"))]
    if engagement:
        lines += [
            (labels("issued_by"), engagement.issued_by),
            (labels("validity"), labels.days(engagement.valid_from, engagement.valid_until)),
            (labels("scope"), scope_text(engagement)),
            (labels("contact"), engagement.contact),
        ]
    start = labels.moment(run.started)
    when = labels.period(run.started, run.finished) if run.finished else ""
    return [
        *lines,
        (labels("scan_time"), when or labels("unfinished", start=start)),
        (labels("auditee"), _auditee(assessment, labels)),
    ]


def _auditee(assessment: Assessment, labels: Labels) -> str:
    """The agencies by name where they are few, else how many they are."""
    names = [agency.agency.name for agency in assessment.agencies]
    if not names:
        return labels("word_none")
    if len(names) > _AGENCIES_NAMED:
        return labels("agencies_n", n=len(names))
    return labels.listed(names)


def _first(site: Site, service: ServiceAssessment) -> dict[str, object]:
    """A service among those to start with."""
    row = service_row(site, service)
    return {
        "page": row.page,
        "name": row.name,
        "agency": site.agency_names[service.service.agency],
        "counts": [(level, n) for level, n in zip(LEVELS, row.counts, strict=True) if n],
    }
