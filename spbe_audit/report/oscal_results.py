"""Observations, risks and findings of one agency, as OSCAL has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from spbe_audit.check import Verdict
from spbe_audit.finding import (
    AgencyAssessment,
    ControlResult,
    ControlStatus,
    Finding,
    FollowUpStatus,
    ManualAnswer,
    RunSummary,
)
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.json_stream import Json, present
from spbe_audit.report.labels import Labels
from spbe_audit.report.oscal_words import (
    NAMESPACE,
    instant,
    markup,
    own_property,
    stable_uuid,
    token,
)
from spbe_audit.report.summaries import is_fault

_STATES = {
    ControlStatus.CONFORMING: ("satisfied", "pass"),
    ControlStatus.PARTLY_CONFORMING: ("not-satisfied", "fail"),
    ControlStatus.NOT_CONFORMING: ("not-satisfied", "fail"),
}
"""What OSCAL says of a control; of the other states it can say nothing that is true."""


@dataclass(frozen=True, slots=True)
class AgencyResult:
    """One agency in one run; ``tool`` is the UUID of the component that observed."""

    agency: AgencyAssessment
    run: RunSummary
    narrator: Narrator
    tool: str

    @property
    def answers(self) -> Iterator[Finding]:
        """Every answer about a service of the agency."""
        return (finding for service in self.agency.services for finding in service.findings)

    def observation_uuid(self, finding: Finding) -> str:
        """Every run observes anew."""
        return stable_uuid("observation", self.run.id, self.run.digest, finding.id)

    @property
    def origin(self) -> Json:
        """Who says so: the tool."""
        return {"actors": [{"type": "tool", "actor-uuid": self.tool}]}


def observations(result: AgencyResult) -> Iterator[Json]:
    """Every answer of a check: passed, failed, open or not applicable."""
    for finding in result.answers:
        yield _observation(finding, result)


def risks(result: AgencyResult) -> Iterator[Json]:
    """Every fault. Its UUID is the same in every run, so that it can be followed up."""
    for finding in result.answers:
        if is_fault(finding):
            yield _risk(finding, result)


def findings(result: AgencyResult) -> Iterator[Json]:
    """Every control of which the observations, or the auditor, say something."""
    touching: dict[str, list[Finding]] = {}
    for finding in result.answers:
        for control in finding.controls:
            touching.setdefault(control, []).append(finding)
    for control_result in result.agency.controls:
        if control_result.status in _STATES:
            answers = touching.get(control_result.control.id, [])
            yield _control_finding(control_result, answers, result)


def _observation(finding: Finding, result: AgencyResult) -> Json:
    narrator = result.narrator
    evidence = [_evidence(digest, narrator.labels) for digest in finding.evidence]
    subject = stable_uuid("service", finding.agency, finding.service)
    return present(
        uuid=result.observation_uuid(finding),
        title=markup(narrator.title(finding.check)),
        description=markup(narrator.condition(finding)),
        props=_observation_props(finding),
        methods=["TEST"],
        types=["finding" if finding.verdict is Verdict.FAIL else "control-objective"],
        subjects=[{"subject-uuid": subject, "type": "inventory-item"}],
        relevant_evidence=evidence or None,
        collected=instant(finding.observed_at or result.run.started),
        remarks=None if finding.observed_at else markup(narrator.labels("oscal_not_collected")),
    )


def _observation_props(finding: Finding) -> list[Json]:
    known = {
        "finding-id": finding.id,
        "check": finding.check,
        "requirement": finding.requirement,
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "severity": finding.severity.value,
        "attempts": finding.attempts,
    }
    return [own_property(name, value) for name, value in known.items() if value is not None]


def _evidence(digest: str, labels: Labels) -> Json:
    return {
        "description": markup(labels("evidence")),
        "props": [own_property("evidence-digest", digest, **{"class": "sha-256"})],
    }


def _risk(finding: Finding, result: AgencyResult) -> Json:
    narrator = result.narrator
    condition, remedy = narrator.condition(finding), narrator.remedy(finding.check)
    facet = {"name": "severity", "system": NAMESPACE, "value": finding.severity.value}
    remediation = {
        "uuid": stable_uuid("remediation", finding.id),
        "lifecycle": "recommendation",
        "title": narrator.labels("recommendation"),
        "description": markup(remedy),
    }
    return present(
        uuid=_risk_uuid(finding),
        title=markup(narrator.title(finding.check)),
        description=markup(condition),
        statement=markup(narrator.consequence(finding.check) or condition),
        status=_risk_status(finding),
        mitigating_factors=_mitigations(finding) or None,
        deadline=_deadline(finding, narrator.labels),
        props=_waiver_props(finding) or None,
        characterizations=[{"origin": result.origin, "facets": [facet]}],
        remediations=[remediation] if remedy else None,
        related_observations=[{"observation-uuid": result.observation_uuid(finding)}],
    )


def _risk_status(finding: Finding) -> str:
    """Open, accepted for a while, or being mended; only an observation closes a risk."""
    if finding.waived:
        return "deviation-approved"
    answer = finding.follow_up
    going_on = answer is not None and answer.status is FollowUpStatus.GOING_ON
    return "remediating" if going_on else "open"


def _waiver_props(finding: Finding) -> list[Json]:
    """By which documents a risk is accepted, until when and why."""
    return [
        own_property(
            "waiver",
            waiver.reference,
            remarks=markup(f"{waiver.granted} / {waiver.expires}: {waiver.reason}"),
        )
        for waiver in finding.waivers
    ]


def _mitigations(finding: Finding) -> list[Json]:
    """What protects a service while a risk is accepted."""
    return [
        {
            "uuid": stable_uuid("mitigation", finding.id, str(waiver.number)),
            "description": markup(waiver.compensating_control),
        }
        for waiver in finding.waivers
    ]


def _deadline(finding: Finding, labels: Labels) -> str | None:
    """The end of the day until which the auditee promised to be done."""
    day = finding.follow_up.deadline if finding.follow_up else None
    if day is None:
        return None
    return instant(datetime.combine(day, time(23, 59, 59), tzinfo=labels.zone))


def _risk_uuid(finding: Finding) -> str:
    return stable_uuid("risk", finding.id)


def _control_finding(
    control_result: ControlResult, answers: Sequence[Finding], result: AgencyResult
) -> Json:
    control, labels = control_result.control, result.narrator.labels
    citation = result.narrator.citation_of(control)
    faults = [answer for answer in answers if is_fault(answer)]
    observed = [{"observation-uuid": result.observation_uuid(answer)} for answer in answers]
    return present(
        uuid=stable_uuid("finding", result.agency.agency.id, control.id),
        title=markup(citation.full),
        description=markup(citation.title),
        props=_control_props(control_result),
        origins=[result.origin] if observed else None,
        target={
            "type": "statement-id",
            "target-id": token(control.id),
            "status": _status(control_result, answers, labels),
        },
        related_observations=observed or None,
        related_risks=[{"risk-uuid": _risk_uuid(fault)} for fault in faults] or None,
    )


def _control_props(result: ControlResult) -> list[Json]:
    known = {
        "control-id": result.control.id,
        "control-status": result.status.value,
        "citation-confidence": result.control.confidence.value,
        "evidence-strength": result.control.strength.value,
        "passed": result.score.passed,
        "failed": result.score.failed,
        "unknown": result.score.unknown,
    }
    return [own_property(name, value) for name, value in known.items()]


def _status(result: ControlResult, answers: Sequence[Finding], labels: Labels) -> Json:
    """The state, with a reminder of what it rests on: observations, the auditor, or both."""
    state, reason = _STATES[result.status]
    indication = "oscal_conforming" if state == "satisfied" else "to_confirm"
    remarks = [labels(indication)] if answers else []
    if result.answer:
        remarks.append(_basis(result.answer, labels))
    return present(state=state, reason=reason, remarks=markup(" ".join(remarks)))


def _basis(answer: ManualAnswer, labels: Labels) -> str:
    """What the auditor answered, and on the strength of what."""
    basis = labels(
        "manual_answer_basis",
        by=answer.by,
        date=labels.day(answer.date),
        reference=answer.reference,
    )
    return f"{labels('manual_answer')}: {labels(f'status_{answer.status.value}')}, {basis}"
