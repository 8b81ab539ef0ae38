"""Findings, and the roll-up of findings per control, aspect, service and agency: plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from spbe_audit.check import Fact, Verdict
from spbe_audit.over_time import Comparison, Trend
from spbe_audit.regulation import Bilingual, Control, Regulation
from spbe_audit.severity import Severity
from spbe_audit.targets import Agency, Engagement, Service


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception that somebody granted: a risk that is accepted until a day.

    ``service`` and ``check`` are ids or patterns, ``subject`` a pattern of what within the service
    is meant (a cookie, a port), '' for all of it. ``number`` is its place in the file, from 1. It
    holds from ``granted`` to ``expires``, both days included.
    """

    number: int
    service: str
    check: str
    reason: str
    compensating_control: str
    owner: str
    approver: str
    reference: str
    granted: date
    expires: date
    subject: str = ""


class FollowUpStatus(StrEnum):
    """How far an auditee says that it is with a finding."""

    OPEN = "open"
    GOING_ON = "going_on"
    DONE = "done"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What an auditee answered about a finding, and who entered it when from which file.

    ``file_digest`` is the SHA-256 of that file. ``overdue`` counts the days from the deadline to
    the end of the run, 0 where it was not over.
    """

    response: str
    action_plan: str
    person_in_charge: str
    deadline: date | None
    status: FollowUpStatus | None
    entered_at: datetime
    entered_by: str
    file_digest: str
    overdue: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one check about one service.

    ``id`` is the same in every run for the same service and requirement. ``reason`` is a code, set
    for ``unknown`` and ``not_applicable``. ``evidence`` lists the digests of the attempts that the
    answer rests on, ``observed_at`` is when the last of them began (UTC), ``attempts`` how many
    visits were made before the answer was reported. ``waivers`` are those that cover a fail wholly.
    """

    id: str
    agency: str
    service: str
    url: str
    requirement: str
    check: str
    verdict: Verdict
    reason: str | None
    severity: Severity
    controls: tuple[str, ...]
    facts: Mapping[str, Fact]
    evidence: tuple[str, ...]
    observed_at: datetime | None
    attempts: int
    waivers: tuple[Waiver, ...] = ()
    follow_up: FollowUp | None = None

    @property
    def waived(self) -> bool:
        """Whether waivers in force cover all of it."""
        return bool(self.waivers)


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of verdicts; observations of severity info are left out.

    ``waived`` are those of ``failed`` that a waiver covers: they are counted in both.
    """

    passed: int = 0
    failed: int = 0
    unknown: int = 0
    not_applicable: int = 0
    waived: int = 0

    @property
    def compliance(self) -> float | None:
        """Passed among those judged, 0 to 1; None when nothing could be judged."""
        judged = self.passed + self.failed
        return self.passed / judged if judged else None

    @property
    def compliance_after_waivers(self) -> float | None:
        """The same with what is waived left out: it counts neither as passed nor as failed."""
        judged = self.passed + self.failed - self.waived
        return self.passed / judged if judged else None

    @property
    def coverage(self) -> float | None:
        """Judged among those that apply, 0 to 1; None when nothing applies."""
        applicable = self.passed + self.failed + self.unknown
        return (self.passed + self.failed) / applicable if applicable else None


class ControlStatus(StrEnum):
    """What the observations say of a control: an indication for the auditor, never a grade."""

    CONFORMING = "conforming"
    PARTLY_CONFORMING = "partly_conforming"
    NOT_CONFORMING = "not_conforming"
    NOT_APPLICABLE = "not_applicable"
    NOT_TESTABLE = "not_testable"
    NOT_EXAMINED = "not_examined"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class ManualAnswer:
    """What an auditor answered for a control, on the strength of which document or interview.

    ``agency`` is the id of the one agency that it speaks for, '' for all.
    """

    control: str
    status: ControlStatus
    by: str
    date: date
    reference: str
    note: str = ""
    agency: str = ""


@dataclass(frozen=True, slots=True)
class ControlResult:
    """A control with the findings that speak to it. ``requirements`` are those of the policy.

    ``answer`` is the auditor's own; ``status`` is then its status where nothing was observed.
    """

    control: Control
    status: ControlStatus
    score: Score
    requirements: tuple[str, ...]
    answer: ManualAnswer | None = None


@dataclass(frozen=True, slots=True)
class AspectResult:
    """An aspect of the national evaluation with the score of the findings under it."""

    id: str
    title: Bilingual
    score: Score


@dataclass(frozen=True, slots=True)
class ServiceAssessment:
    """One service: its findings (worst first) and their roll-ups."""

    service: Service
    findings: tuple[Finding, ...]
    score: Score
    aspects: tuple[AspectResult, ...]
    controls: tuple[ControlResult, ...]


@dataclass(frozen=True, slots=True)
class AgencyAssessment:
    """One agency: its services and their roll-ups."""

    agency: Agency
    services: tuple[ServiceAssessment, ...]
    score: Score
    aspects: tuple[AspectResult, ...]
    controls: tuple[ControlResult, ...]


class WaiverState(StrEnum):
    """What became of a waiver in a run; the first is told first."""

    EXPIRED = "expired"
    IN_FORCE = "in_force"
    UNUSED = "unused"
    NOT_YET = "not_yet"


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """A waiver with what it met in a run.

    ``findings`` are the ids of the fails that it names: waived when it is in force, active again
    when it has expired. ``partly`` are fails that stay active because something of them is left:
    the subjects that it does cover, by the id. ``why`` is a code, for one that is unused; ``meant``
    is the nearest id that does exist.
    """

    waiver: Waiver
    state: WaiverState
    findings: tuple[str, ...] = ()
    partly: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    why: str = ""
    meant: str = ""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What the report says of the run itself.

    ``tools`` maps a tool's name to its version, ``footprint`` counts what was sent: services,
    addresses, attempts, connections. ``finished`` is None for a run that was cut short.
    ``retest_of`` is the id of the run whose open findings this one tested again, and nothing else;
    '' for a run of everything that was asked for.
    """

    id: str
    started: datetime
    finished: datetime | None
    digest: str
    tools: Mapping[str, str]
    footprint: Mapping[str, int]
    intensity: str
    families: tuple[str, ...]
    retest_of: str = ""


@dataclass(frozen=True, slots=True)
class PolicySummary:
    """What the report says of the policy that judged."""

    id: str
    title: Bilingual
    digest: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """A whole run judged under one policy. ``waivers`` are in the order of WaiverState.

    ``comparison`` and ``trend`` are set where there are earlier runs to see it from.
    """

    engagement: Engagement | None
    policy: PolicySummary
    run: RunSummary
    agencies: tuple[AgencyAssessment, ...]
    regulations: tuple[Regulation, ...]
    score: Score
    aspects: tuple[AspectResult, ...]
    controls: tuple[ControlResult, ...]
    waivers: tuple[WaiverUse, ...] = ()
    comparison: Comparison | None = None
    trend: Trend | None = None

    @property
    def services(self) -> tuple[ServiceAssessment, ...]:
        """Every service of every agency, in the order of the target list."""
        return tuple(service for agency in self.agencies for service in agency.services)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding of every service."""
        return tuple(finding for service in self.services for finding in service.findings)
