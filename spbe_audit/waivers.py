"""Waivers: fails whose risk somebody accepted for a while. They are marked, and never hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from typing import TypeVar

from spbe_audit.check import Verdict
from spbe_audit.finding import (
    AgencyAssessment,
    Assessment,
    Finding,
    ServiceAssessment,
    Waiver,
    WaiverState,
    WaiverUse,
)
from spbe_audit.policy import Policy
from spbe_audit.severity import Severity
from spbe_audit.text_file import nearest
from spbe_audit.waiver_file import is_pattern, load_waivers

NO_SERVICE = "no_service"
NOT_ASKED = "not_asked"
NOT_FAILING = "not_failing"
NO_SUBJECT = "no_subject"
REPLACED = "replaced"
"""Why a waiver is unused: no such service, the check was not asked, nothing fails, nothing that
fails is about its subject, or others cover what it did."""

Subjects = Callable[[Finding], Collection[str]]
"""What is at fault within a service, such as cookies or ports; '' or nothing for all of it."""

_Meant = Mapping[str, frozenset[str]]
"""The subjects that a waiver means, by the id of the fail; none where it means all of it."""
_Place = tuple[str, str]
_Counts = Counter[_Place]
"""How many waived fails there are in all, under each aspect and under each control."""
_RolledUp = TypeVar("_RolledUp", Assessment, AgencyAssessment, ServiceAssessment)
_ORDER = list(WaiverState)
_ALL = frozenset({"", "*"})


def no_subjects(_finding: Finding) -> tuple[str, ...]:
    """The subjects of a finding where none are known."""
    return ()


def apply_waivers(
    assessment: Assessment,
    waivers: Sequence[Waiver],
    *,
    on: date,
    policy: Policy,
    subjects: Subjects = no_subjects,
) -> Assessment:
    """The assessment with what is waived on a day marked and counted, and every waiver's use.

    Only a fail can be waived: what could not be judged is no risk that anybody knows. Verdicts,
    statuses and counts of fails stay as they were observed. ``on`` is the day of the run's end.
    """
    if not waivers:
        return assessment
    found = _Found(assessment, subjects)
    meant = {waiver.number: found.meant_by(waiver) for waiver in waivers}
    in_force = [waiver for waiver in waivers if waiver.granted <= on <= waiver.expires]
    covered = {
        fail.id: cover
        for fail in found.fails
        if (cover := _cover(found.subjects_of[fail.id], fail, in_force, meant))
    }
    uses = (_use(waiver, on, meant[waiver.number], covered, found) for waiver in waivers)
    ordered = sorted(uses, key=lambda use: (_ORDER.index(use.state), use.waiver.number))
    return _Marker(covered, policy).marked(replace(assessment, waivers=tuple(ordered)))


def is_waived(waivers: Iterable[Waiver], *, service: str, check: str, on: date) -> bool:
    """Whether a waiver covers, on a day, all that a check may find at a service."""
    return any(
        one.subject in _ALL
        and one.granted <= on <= one.expires
        and fnmatchcase(check, one.check)
        and fnmatchcase(service, one.service)
        for one in waivers
    )


class _Found:
    """The findings of a run, as waivers look for them."""

    def __init__(self, assessment: Assessment, subjects: Subjects) -> None:
        self.services = [service.service.id for service in assessment.services]
        self.partial = bool(assessment.run.retest_of)
        self.fails = [one for one in assessment.findings if one.verdict is Verdict.FAIL]
        self.subjects_of = {fail.id: frozenset(subjects(fail)) for fail in self.fails}
        self._by_check: dict[str, list[Finding]] = {}
        for finding in assessment.findings:
            self._by_check.setdefault(finding.check, []).append(finding)

    def named_by(self, waiver: Waiver) -> list[Finding]:
        """The findings, whatever their verdict, whose service and check a waiver names."""
        return [
            finding
            for check, findings in self._by_check.items()
            if fnmatchcase(check, waiver.check)
            for finding in findings
            if fnmatchcase(finding.service, waiver.service)
        ]

    def meant_by(self, waiver: Waiver) -> _Meant:
        """The fails that a waiver means, each with those of its subjects that it means."""
        fails = [one for one in self.named_by(waiver) if one.verdict is Verdict.FAIL]
        if waiver.subject in _ALL:
            return {fail.id: frozenset() for fail in fails}
        meant = {
            fail.id: frozenset(
                one for one in self.subjects_of[fail.id] if fnmatchcase(one, waiver.subject)
            )
            for fail in fails
        }
        return {key: subjects for key, subjects in meant.items() if subjects}

    def why_unused(self, waiver: Waiver) -> str:
        """Why a waiver means nothing that fails."""
        named = self.named_by(waiver)
        if any(one.verdict is Verdict.FAIL for one in named):
            return NO_SUBJECT
        if named:
            return NOT_FAILING
        known = any(fnmatchcase(one, waiver.service) for one in self.services)
        return NOT_ASKED if known or self.partial else NO_SERVICE


def _cover(
    subjects: frozenset[str], fail: Finding, in_force: Sequence[Waiver], meant: Mapping[int, _Meant]
) -> tuple[Waiver, ...]:
    """The waivers that cover a fail wholly, alone or together; none where something is left."""
    touching = [one for one in in_force if fail.id in meant[one.number]]
    parts = [meant[one.number][fail.id] for one in touching]
    if all(parts) and frozenset().union(*parts) != subjects:
        return ()
    return tuple(touching)


def _use(
    waiver: Waiver,
    on: date,
    meant: _Meant,
    covered: Mapping[str, tuple[Waiver, ...]],
    found: _Found,
) -> WaiverUse:
    if on < waiver.granted:
        return WaiverUse(waiver, WaiverState.NOT_YET)
    waived = tuple(one for one in meant if one in covered)
    active = {one: tuple(sorted(meant[one])) for one in meant if one not in covered}
    if on > waiver.expires:
        if active:
            return WaiverUse(waiver, WaiverState.EXPIRED, findings=tuple(active))
        return _unused(waiver, REPLACED if waived else found.why_unused(waiver), found)
    if not meant:
        return _unused(waiver, found.why_unused(waiver), found)
    return WaiverUse(waiver, WaiverState.IN_FORCE, findings=waived, partly=active)


def _unused(waiver: Waiver, why: str, found: _Found) -> WaiverUse:
    near = why == NO_SERVICE and not is_pattern(waiver.service)
    suggestion = nearest(waiver.service, found.services) if near else ""
    return WaiverUse(waiver, WaiverState.UNUSED, why=why, meant=suggestion.strip('"'))


class _Marker:
    """Marks fails as waived, and counts them in every score that they are in."""

    def __init__(self, covered: Mapping[str, tuple[Waiver, ...]], policy: Policy) -> None:
        self._covered = covered
        self._aspects_of = {
            one.id: tuple(aspect.id for aspect in policy.aspects if aspect.covers(one))
            for one in policy.requirements
        }

    def marked(self, assessment: Assessment) -> Assessment:
        """The assessment with its waived fails marked."""
        counts: _Counts = Counter()
        agencies = [self._agency(agency, counts) for agency in assessment.agencies]
        return _counted(replace(assessment, agencies=tuple(agencies)), counts)

    def _agency(self, agency: AgencyAssessment, total: _Counts) -> AgencyAssessment:
        counts: _Counts = Counter()
        services = [self._service(service, counts) for service in agency.services]
        total.update(counts)
        return _counted(replace(agency, services=tuple(services)), counts)

    def _service(self, service: ServiceAssessment, total: _Counts) -> ServiceAssessment:
        if not any(finding.id in self._covered for finding in service.findings):
            return service
        findings = [
            replace(finding, waivers=self._covered.get(finding.id, ()))
            for finding in service.findings
        ]
        counts: _Counts = Counter()
        for finding in findings:
            if finding.waived and finding.severity is not Severity.INFO:
                counts.update(self._places(finding))
        total.update(counts)
        return _counted(replace(service, findings=tuple(findings)), counts)

    def _places(self, finding: Finding) -> Iterator[_Place]:
        """Where a fail is counted; INFO is counted nowhere."""
        yield "score", ""
        for aspect in self._aspects_of.get(finding.requirement, ()):
            yield "aspect", aspect
        for control in finding.controls:
            yield "control", control


def _counted(rolled_up: _RolledUp, counts: _Counts) -> _RolledUp:
    """A roll-up with the waived fails in each of its scores."""
    if not counts:
        return rolled_up
    return replace(
        rolled_up,
        score=replace(rolled_up.score, waived=counts["score", ""]),
        aspects=tuple(
            replace(one, score=replace(one.score, waived=counts["aspect", one.id]))
            for one in rolled_up.aspects
        ),
        controls=tuple(
            replace(one, score=replace(one.score, waived=counts["control", one.control.id]))
            for one in rolled_up.controls
        ),
    )


__all__ = ["Subjects", "apply_waivers", "is_waived", "load_waivers", "no_subjects"]
