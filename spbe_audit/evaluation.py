"""Judges recorded evidence under a policy. Pure: the same run and policy give the same findings."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from spbe_audit.catalogue import BUILT_IN, Catalogue, load_catalogue
from spbe_audit.check import About, Check, Outcome, Verdict
from spbe_audit.contested import Contest, recognise
from spbe_audit.evidence import Evidence, Failure, Probe
from spbe_audit.finding import (
    AgencyAssessment,
    Assessment,
    Finding,
    PolicySummary,
    ServiceAssessment,
)
from spbe_audit.key_use import find_key_uses, with_key_use
from spbe_audit.over_time import identity_id
from spbe_audit.policy import Policy, Requirement
from spbe_audit.recorded_run import (
    RecordedAttempt,
    RecordedRun,
    ServiceEvidence,
    deciding_attempt,
)
from spbe_audit.roll_up import RollUp, Tally
from spbe_audit.targets import Agency, Service

LOG = logging.getLogger(__name__)

CHECK_FAILED = "check_failed"
NOT_PROBED = "not_probed"

_WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE)


def evaluate(run: RecordedRun, policy: Policy, *, catalogue: Catalogue | None = None) -> Assessment:
    """Judge every service of a run under a policy.

    ``catalogue`` holds the checks; without one, all that are installed. Raises CatalogueError for
    a check of the policy that is not there.
    """
    catalogue = catalogue or load_catalogue()
    summary = run.summary
    checks = _checks(policy, catalogue)
    questions = _asked(checks, catalogue, summary.families)
    findings = {
        collected.service.id: _findings(collected, questions)
        for collected in _collected(run, questions)
    }
    roll_up = RollUp(policy)
    total = Tally()
    agencies = []
    for agency in run.agencies:
        assessed, tally = _agency(agency, findings, questions, roll_up)
        agencies.append(assessed)
        total.add(tally)
    return Assessment(
        engagement=run.engagement,
        policy=PolicySummary(id=policy.id, title=policy.title, digest=policy.digest),
        run=summary,
        agencies=tuple(agencies),
        regulations=policy.regulations,
        score=roll_up.score(total.all),
        aspects=roll_up.aspects(total),
        controls=roll_up.controls(total),
    )


def evaluate_service(
    evidence: ServiceEvidence, policy: Policy, catalogue: Catalogue
) -> tuple[Finding, ...]:
    """The findings about one service, worst first. Raises CatalogueError."""
    return _findings(evidence, _checks(policy, catalogue))


@dataclass(frozen=True, slots=True)
class _Question:
    """A requirement of the policy with the check that it names."""

    requirement: Requirement
    check: Check


_Source = tuple[RecordedAttempt, ...] | Evidence


@dataclass(frozen=True, slots=True)
class _Answer:
    """An outcome with what it rests on."""

    outcome: Outcome
    attempts: tuple[RecordedAttempt, ...] = ()
    visits: int = 0


def _checks(policy: Policy, catalogue: Catalogue) -> tuple[_Question, ...]:
    return tuple(
        _Question(requirement, catalogue.get(requirement.check).check)
        for requirement in policy.requirements
    )


def _asked(
    questions: Sequence[_Question], catalogue: Catalogue, families: Collection[str]
) -> tuple[_Question, ...]:
    """Those that the run was made for: a run may leave out families of our own."""
    if not families:
        return tuple(questions)
    ours = {entry.check.family for entry in catalogue if entry.origin == BUILT_IN}
    left_out = ours - set(families)
    return tuple(one for one in questions if one.check.family not in left_out)


def _collected(run: RecordedRun, questions: Sequence[_Question]) -> Iterator[ServiceEvidence]:
    """The evidence of each service, with what follows from that of all where it is asked for."""
    if not any(Probe.KEY_USE in question.check.probes for question in questions):
        yield from run.evidence()
        return
    uses = find_key_uses(run.evidence())
    for collected in run.evidence():
        yield with_key_use(collected, uses)


def _agency(
    agency: Agency,
    findings: Mapping[str, tuple[Finding, ...]],
    questions: Sequence[_Question],
    roll_up: RollUp,
) -> tuple[AgencyAssessment, Tally]:
    total = Tally()
    services = []
    for service in agency.services:
        found = findings.get(service.id)
        if found is None:
            found = _findings(ServiceEvidence(service=service, attempts={}), questions)
        tally = roll_up.tally(found)
        total.add(tally)
        services.append(_service(service, found, tally, roll_up))
    assessed = AgencyAssessment(
        agency=agency,
        services=tuple(services),
        score=roll_up.score(total.all),
        aspects=roll_up.aspects(total),
        controls=roll_up.controls(total),
    )
    return assessed, total


def _service(
    service: Service, findings: tuple[Finding, ...], tally: Tally, roll_up: RollUp
) -> ServiceAssessment:
    return ServiceAssessment(
        service=service,
        findings=findings,
        score=roll_up.score(tally.all),
        aspects=roll_up.aspects(tally),
        controls=roll_up.controls(tally),
    )


def _findings(evidence: ServiceEvidence, questions: Sequence[_Question]) -> tuple[Finding, ...]:
    answers = _behind_gates([*_answers(evidence, questions)])
    findings = [_finding(evidence.service, question, answer) for question, answer in answers]
    return tuple(sorted(findings, key=_worst_first))


def _worst_first(finding: Finding) -> tuple[int, int, str, str]:
    verdict = _WORST_FIRST.index(finding.verdict)
    return verdict, finding.severity.rank, finding.check, finding.requirement


def _answers(
    evidence: ServiceEvidence, questions: Sequence[_Question]
) -> Iterator[tuple[_Question, _Answer]]:
    """An answer to each question for which something was asked of the network."""
    contest = recognise(evidence)
    for question in questions:
        if not evidence.attempts:
            # The run was cut short before this service's turn came.
            yield question, _Answer(Outcome.unknown(NOT_PROBED))
            continue
        sources = [_source(evidence, probe) for probe in question.check.probes]
        if all(sources):
            yield question, _answer(question, sources, contest)


def _source(evidence: ServiceEvidence, probe: Probe) -> _Source:
    """What was derived for a service, or else the attempts of a probe; empty when it made none."""
    derived = evidence.derived.get(probe)
    return evidence.attempts.get(probe, ()) if derived is None else derived


def _answer(question: _Question, sources: Sequence[_Source], contest: Contest | None) -> _Answer:
    visits = max((len(one) for one in sources if isinstance(one, tuple)), default=1)
    collected: list[Evidence] = []
    rests_on: list[RecordedAttempt] = []
    for attempts in sources:
        if not isinstance(attempts, tuple):
            collected.append(attempts)
            continue
        newest = deciding_attempt(attempts)
        if isinstance(newest.attempt.result, Failure):
            outcome = Outcome.unknown(newest.attempt.result.kind.value)
            return _Answer(_agreed(question, outcome, contest), tuple(attempts), visits)
        collected.append(newest.attempt.result)
        rests_on.append(newest)
    if contest and question.check.about is About.PAGE:
        return _Answer(contest.outcome, tuple(rests_on), visits)
    return _Answer(_outcome(question, tuple(collected)), tuple(rests_on), visits)


def _agreed(question: _Question, failure: Outcome, contest: Contest | None) -> Outcome:
    """What a probe that came home empty means: its failure, or the contest that explains it."""
    explained = contest and (contest.explains_silence or question.check.about is About.PAGE)
    return contest.outcome if contest and explained else failure


def _outcome(question: _Question, evidence: tuple[Evidence, ...]) -> Outcome:
    try:
        return _sound(question.check.run(evidence, question.requirement.params))
    except Exception:
        # A defect of the check, or evidence that was made to break it: neither good nor bad.
        LOG.exception("the check %s failed on its evidence", question.check.id)
        return Outcome.unknown(CHECK_FAILED)


def _sound(outcome: Outcome) -> Outcome:
    """The outcome, if it can be reported. Raises TypeError or ValueError where it cannot be."""
    if not isinstance(outcome, Outcome):
        raise TypeError(f"a check answered {outcome!r}, which is not an Outcome")
    json.dumps(dict(outcome.facts), allow_nan=False)
    return outcome


def _behind_gates(
    answers: Sequence[tuple[_Question, _Answer]],
) -> Sequence[tuple[_Question, _Answer]]:
    """Where a gate failed, nothing else that was seen can be believed to be about the service."""
    for gate, answer in answers:
        reason = gate.requirement.gate
        if reason and answer.outcome.verdict is Verdict.FAIL:
            hidden = Outcome.unknown(reason)
            return [
                (one, told if one is gate else replace(told, outcome=hidden))
                for one, told in answers
            ]
    return answers


def _finding(service: Service, question: _Question, answer: _Answer) -> Finding:
    requirement, outcome = question.requirement, answer.outcome
    return Finding(
        id=identity_id(service.id, requirement.id),
        agency=service.agency,
        service=service.id,
        url=service.url,
        requirement=requirement.id,
        check=requirement.check,
        verdict=outcome.verdict,
        reason=outcome.reason,
        severity=requirement.severity,
        controls=requirement.controls,
        facts=outcome.facts,
        evidence=tuple(recorded.digest for recorded in answer.attempts),
        observed_at=_observed_at(answer.attempts),
        attempts=answer.visits,
    )


def _observed_at(attempts: Sequence[RecordedAttempt]) -> datetime | None:
    return max((recorded.attempt.started for recorded in attempts), default=None)


__all__ = ["evaluate", "evaluate_service"]
