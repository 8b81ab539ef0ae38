"""Follow-up: what auditees answered, beside the findings that they answered for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from spbe_audit.check import Verdict
from spbe_audit.finding import (
    AgencyAssessment,
    Assessment,
    Finding,
    FollowUp,
    FollowUpStatus,
    ServiceAssessment,
)
from spbe_audit.severity import Severity


def is_open(finding: Finding) -> bool:
    """Whether somebody has to do something: a fail that counts and that nothing waives."""
    counts = finding.verdict is Verdict.FAIL and finding.severity is not Severity.INFO
    return counts and not finding.waived


def is_contradicted(finding: Finding) -> bool:
    """Whether an auditee says that a finding is done, and it is seen still."""
    answer = finding.follow_up
    return is_open(finding) and answer is not None and answer.status is FollowUpStatus.DONE


def with_follow_ups(
    assessment: Assessment, follow_ups: Mapping[str, FollowUp], *, on: date
) -> Assessment:
    """The assessment with each answer beside its finding, by the finding's id.

    Overdue is what is open although its deadline was before ``on``, the day of the run's end.
    """
    if not follow_ups:
        return assessment
    return replace(
        assessment,
        agencies=tuple(_agency(agency, follow_ups, on) for agency in assessment.agencies),
    )


def _agency(
    agency: AgencyAssessment, follow_ups: Mapping[str, FollowUp], on: date
) -> AgencyAssessment:
    services = tuple(_service(service, follow_ups, on) for service in agency.services)
    return replace(agency, services=services)


def _service(
    service: ServiceAssessment, follow_ups: Mapping[str, FollowUp], on: date
) -> ServiceAssessment:
    if not any(finding.id in follow_ups for finding in service.findings):
        return service
    findings = (_answered(one, follow_ups.get(one.id), on) for one in service.findings)
    return replace(service, findings=tuple(findings))


def _answered(finding: Finding, follow_up: FollowUp | None, on: date) -> Finding:
    if follow_up is None:
        return finding
    late = (on - follow_up.deadline).days if follow_up.deadline else 0
    overdue = max(late, 0) if is_open(finding) else 0
    return replace(finding, follow_up=replace(follow_up, overdue=overdue))


__all__ = ["is_contradicted", "is_open", "with_follow_ups"]
