"""Findings gathered the ways a reader asks for them: by check, by reason, by gravity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from spbe_audit.check import Verdict
from spbe_audit.finding import AgencyAssessment, Finding, ServiceAssessment
from spbe_audit.severity import Severity

ServiceKey = tuple[str, str]
"""Agency id and service id."""


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """One fix and the services that need it."""

    check: str
    severity: Severity
    services: tuple[ServiceKey, ...]


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """One reason why questions stayed open, how often, and at which services.

    ``checks`` are those that met it; where a reason belongs to one check its words do too.
    """

    reason: str
    answers: int
    services: tuple[ServiceKey, ...]
    checks: tuple[str, ...]


def service_key(finding: Finding) -> ServiceKey:
    """Which service a finding is about."""
    return finding.agency, finding.service


def is_fault(finding: Finding) -> bool:
    """Whether a finding counts against compliance: a fail that is more than an observation."""
    return finding.verdict is Verdict.FAIL and finding.severity is not Severity.INFO


def is_observation(finding: Finding) -> bool:
    """Whether a finding is a fail of severity info, which counts against nothing."""
    return finding.verdict is Verdict.FAIL and finding.severity is Severity.INFO


def is_counted(finding: Finding) -> bool:
    """Whether an answer counts in scores: observations do not."""
    return finding.severity is not Severity.INFO


def is_grave(finding: Finding) -> bool:
    """Whether a finding is a fault of critical or high severity."""
    return is_fault(finding) and finding.severity.at_least(Severity.HIGH)


def group_by_check(findings: Iterable[Finding]) -> tuple[CheckGroup, ...]:
    """Faults by check: gravest first, then those that concern most services."""
    gathered: dict[str, dict[ServiceKey, Severity]] = {}
    for finding in findings:
        if is_fault(finding):
            services = gathered.setdefault(finding.check, {})
            key = service_key(finding)
            services[key] = min(
                services.get(key, finding.severity), finding.severity, key=lambda one: one.rank
            )
    groups = [_check_group(check, services) for check, services in gathered.items()]
    return tuple(
        sorted(groups, key=lambda group: (group.severity.rank, -len(group.services), group.check))
    )


def group_by_reason(findings: Iterable[Finding]) -> tuple[ReasonGroup, ...]:
    """Answers that could not be given, by reason: most frequent first."""
    gathered: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.verdict is Verdict.UNKNOWN:
            gathered.setdefault(finding.reason or "", []).append(finding)
    groups = [
        ReasonGroup(
            reason=reason,
            answers=len(members),
            services=tuple(dict.fromkeys(service_key(member) for member in members)),
            checks=tuple(dict.fromkeys(member.check for member in members)),
        )
        for reason, members in gathered.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-group.answers, group.reason)))


def fault_counts(findings: Iterable[Finding]) -> Mapping[Severity, int]:
    """How many faults there are of each severity; every severity is a key."""
    counted = Counter(finding.severity for finding in findings if is_fault(finding))
    return {severity: counted[severity] for severity in Severity}


def worst_services(services: Sequence[ServiceAssessment]) -> tuple[ServiceAssessment, ...]:
    """Services with faults, gravest first; ties keep the order of the target list."""
    with_faults = [service for service in services if any(map(is_fault, service.findings))]
    return tuple(sorted(with_faults, key=lambda one: _gravity(fault_counts(one.findings))))


def worst_agencies(agencies: Sequence[AgencyAssessment]) -> tuple[AgencyAssessment, ...]:
    """Agencies by critical faults, high faults, then lowest compliance."""

    def order(agency: AgencyAssessment) -> tuple[float, ...]:
        counts = fault_counts(f for service in agency.services for f in service.findings)
        compliance = agency.score.compliance
        grave = -counts[Severity.CRITICAL], -counts[Severity.HIGH]
        return (*grave, 2.0 if compliance is None else compliance)

    return tuple(sorted(agencies, key=order))


def _check_group(check: str, services: Mapping[ServiceKey, Severity]) -> CheckGroup:
    """The services of a group, gravest first."""
    ordered = sorted(services, key=lambda key: services[key].rank)
    return CheckGroup(check, services[ordered[0]], tuple(ordered))


def _gravity(counts: Mapping[Severity, int]) -> tuple[int, ...]:
    return tuple(-counts[severity] for severity in Severity)
