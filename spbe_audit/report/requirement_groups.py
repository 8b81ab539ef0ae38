"""Findings gathered by requirement: one fix, and every service that needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from spbe_audit.check import Verdict
from spbe_audit.finding import Finding, Score
from spbe_audit.report.summaries import service_key
from spbe_audit.severity import Severity


@dataclass(frozen=True, slots=True)
class RequirementGroup:
    """One requirement that is not met somewhere.

    ``findings`` are its fails in the order of the target list, ``controls`` the clauses of all of
    them, ``score`` counts its answers at every service, those of severity info too.
    """

    requirement: str
    check: str
    severity: Severity
    controls: tuple[str, ...]
    findings: tuple[Finding, ...]
    score: Score

    @property
    def services(self) -> int:
        """How many services need the fix."""
        return len({service_key(finding) for finding in self.findings})

    @property
    def agencies(self) -> int:
        """How many agencies those services belong to."""
        return len({finding.agency for finding in self.findings})

    @property
    def is_observation(self) -> bool:
        """Whether it counts against nothing."""
        return self.severity is Severity.INFO


def group_by_requirement(findings: Iterable[Finding]) -> tuple[RequirementGroup, ...]:
    """What failed, by requirement: gravest first, then what concerns most services."""
    counted: Counter[tuple[str, Verdict]] = Counter()
    gathered: dict[str, list[Finding]] = {}
    for finding in findings:
        counted[finding.requirement, finding.verdict] += 1
        if finding.verdict is Verdict.FAIL:
            gathered.setdefault(finding.requirement, []).append(finding)
    groups = [_group(requirement, found, counted) for requirement, found in gathered.items()]
    return tuple(
        sorted(groups, key=lambda one: (one.severity.rank, -one.services, one.requirement))
    )


def _group(
    requirement: str, found: list[Finding], counted: Counter[tuple[str, Verdict]]
) -> RequirementGroup:
    return RequirementGroup(
        requirement=requirement,
        check=found[0].check,
        severity=min((finding.severity for finding in found), key=lambda one: one.rank),
        controls=tuple(dict.fromkeys(control for one in found for control in one.controls)),
        findings=tuple(found),
        score=Score(
            passed=counted[requirement, Verdict.PASS],
            failed=counted[requirement, Verdict.FAIL],
            unknown=counted[requirement, Verdict.UNKNOWN],
            not_applicable=counted[requirement, Verdict.NOT_APPLICABLE],
        ),
    )
