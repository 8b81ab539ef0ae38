"""The page of one service: its state by family, what was observed, and every answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from spbe_audit.check import Verdict
from spbe_audit.finding import AgencyAssessment, Finding, Score, ServiceAssessment
from spbe_audit.report.charts import share_bar
from spbe_audit.report.evidence_view import EvidenceView, evidence_view
from spbe_audit.report.finding_view import FindingView
from spbe_audit.report.labels import Labels
from spbe_audit.report.page import Page
from spbe_audit.report.page_parts import instruments_of
from spbe_audit.report.run_facts import scan_time
from spbe_audit.report.site import Site
from spbe_audit.report.summaries import group_by_reason, is_fault, is_observation
from spbe_audit.report.wording import server_software
from spbe_audit.severity import Severity

_SECTIONS = (
    ("summary", "summary"),
    ("families", "family_states"),
    ("observed", "observed_heading"),
    ("findings", "findings"),
    ("not-tested", "not_tested"),
    ("conforming", "conforming"),
    ("not-applicable", "not_applicable"),
    ("controls", "controls"),
)
_KINDS = {"public-service": "kind_public_service"}
_FIRST = 8
"""Findings that the summary names."""
_FAMILIES = {
    "tls": ("family_tls", "seen-tls"),
    "certificate": ("family_certificate", "seen-certificate"),
    "http": ("family_http", "seen-http"),
    "cookie": ("family_cookie", "seen-cookies"),
    "ports": ("family_ports", "seen-ports"),
    "dns": ("family_dns", "seen-dns"),
    "uptime": ("family_uptime", "seen-uptime"),
}
"""The families of our own: their name, and the section that shows what was observed."""


@dataclass(frozen=True, slots=True)
class FamilyState:
    """How one family of checks stands at a service; ``worst`` is None without open findings.

    ``none`` says then why there are none: nothing was found, or nothing could be judged.
    ``asked`` is false where the scan holds no answer of the family.
    """

    name: str
    section: str
    score: Score
    worst: Severity | None
    none: str
    faults: int
    asked: bool
    compliance_bar: Markup
    coverage_bar: Markup


@dataclass(frozen=True, slots=True)
class OpenReason:
    """One reason why questions stayed open, and how many."""

    words: str
    answers: int


def service_page(site: Site, agency: AgencyAssessment, service: ServiceAssessment) -> Page:
    """The page of one service."""
    path = site.service_pages[service.service.agency, service.service.id]
    return site.page(path, "service.html.j2", lambda one: _values(one, agency, service))


def _values(site: Site, agency: AgencyAssessment, service: ServiceAssessment) -> dict[str, object]:
    """What the template shows; a site that is briefer makes shorter sentences."""
    views = _views(site, service)
    faults = [view for view in views if is_fault(view.finding)]
    notes = [view for view in views if is_observation(view.finding)]
    return {
        "agency": agency.agency,
        "agency_page": site.agency_pages[agency.agency.id],
        "service": service.service,
        "kind": _kind(service.service.kind, site.labels),
        "scan_time": scan_time(site.assessment.run, site.labels),
        "sections": [(anchor, site.labels(key)) for anchor, key in _SECTIONS],
        "score": service.score,
        "families": family_states(service.findings, site.labels),
        "first": faults[:_FIRST],
        "first_more": max(0, len(faults) - _FIRST),
        "seen": _seen(site, service, [*faults, *notes]),
        "faults": faults,
        "notes": notes,
        "reasons": _reasons(site, service),
        "unknowns": _with_verdict(views, Verdict.UNKNOWN),
        "passes": _with_verdict(views, Verdict.PASS),
        "exempt": _with_verdict(views, Verdict.NOT_APPLICABLE),
        "instruments": instruments_of(site, service.controls),
    }


def family_states(findings: Sequence[Finding], labels: Labels) -> tuple[FamilyState, ...]:
    """Each family of our own, asked or not, and then the families of others."""
    by_family: dict[str, list[Finding]] = {family: [] for family in _FAMILIES}
    for finding in findings:
        by_family.setdefault(finding.check.partition(".")[0], []).append(finding)
    return tuple(_family(family, found, labels) for family, found in by_family.items())


def _family(family: str, findings: Sequence[Finding], labels: Labels) -> FamilyState:
    key, section = _FAMILIES.get(family, ("", ""))
    name = labels(key) if key else family
    faults = [finding for finding in findings if is_fault(finding)]
    score = _score(findings)
    return FamilyState(
        name=name,
        section=section,
        score=score,
        worst=min((one.severity for one in faults), key=lambda one: one.rank, default=None),
        none=_without_faults(score, labels),
        faults=len(faults),
        asked=bool(findings),
        compliance_bar=_bar(score.compliance, "good", f"{name}, {labels('compliance')}", labels),
        coverage_bar=_bar(score.coverage, "cover", f"{name}, {labels('coverage')}", labels),
    )


def _without_faults(score: Score, labels: Labels) -> str:
    """Why a family has no findings: silence must not read as good."""
    if score.passed + score.failed:
        return labels("worst_none")
    return labels("worst_unjudged" if score.unknown else "worst_inapplicable")


def _bar(share: float | None, kind: str, what: str, labels: Labels) -> Markup:
    text = labels("bar_text", what=what, share=labels.percent(share))
    return share_bar(share, kind=kind, label=text)


def _score(findings: Iterable[Finding]) -> Score:
    counts = Counter(one.verdict for one in findings if one.severity is not Severity.INFO)
    return Score(
        passed=counts[Verdict.PASS],
        failed=counts[Verdict.FAIL],
        unknown=counts[Verdict.UNKNOWN],
        not_applicable=counts[Verdict.NOT_APPLICABLE],
    )


def _seen(
    site: Site, service: ServiceAssessment, findings: Sequence[FindingView]
) -> EvidenceView | None:
    """What was observed; None where the evidence was not given to the report."""
    if site.recorded is None:
        return None
    collected = site.recorded.evidence_of(service.service)
    return evidence_view(collected, findings, site.narrator.catalogue, site.labels)


def _reasons(site: Site, service: ServiceAssessment) -> list[OpenReason]:
    """Why questions stayed open, each reason once: most frequent first."""
    say = site.narrator.reason_in_general
    return [
        OpenReason(say(group.reason, group.checks), group.answers)
        for group in group_by_reason(service.findings)
    ]


def _views(site: Site, service: ServiceAssessment) -> list[FindingView]:
    """The findings of a service in words, each with an anchor of its own on the page."""
    software = server_software(service.findings)
    return [
        replace(
            site.narrator.view(finding, service.service, software),
            anchor=site.anchors[finding.requirement],
        )
        for finding in service.findings
    ]


def _with_verdict(views: Iterable[FindingView], verdict: Verdict) -> list[FindingView]:
    return [view for view in views if view.finding.verdict is verdict]


def _kind(kind: str, labels: Labels) -> str:
    return labels(_KINDS[kind]) if kind in _KINDS else kind
