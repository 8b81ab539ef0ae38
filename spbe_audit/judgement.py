"""A judged run in short: what every service answered, and which subjects were at fault.

It is made from an assessment, and small enough that those of a year fit in memory. For each
service it holds one character for each question that was asked of the run: the verdict in
``verdicts``, the place of a reason in ``reasons`` and of an evidence digest in ``rests_on``.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from pydantic import TypeAdapter

from spbe_audit.catalogue import Catalogue
from spbe_audit.check import Check, Verdict
from spbe_audit.evidence import canonical_json
from spbe_audit.finding import AgencyAssessment, Assessment, Finding, Score, ServiceAssessment
from spbe_audit.identity import EVERYTHING, Look, look_of, subjects_of
from spbe_audit.over_time import Identity, RunMark
from spbe_audit.policy import Policy
from spbe_audit.severity import Severity

VERSION = 1
"""Of the stored form; one of another version is made anew from the evidence."""

_LETTER = {
    Verdict.PASS: "p",
    Verdict.FAIL: "f",
    Verdict.UNKNOWN: "u",
    Verdict.NOT_APPLICABLE: "n",
}
_VERDICT = {letter: verdict for verdict, letter in _LETTER.items()}
_NONE = "-"
_FIRST = 0x30
"""The character that stands for place 0 of a list."""


@dataclass(frozen=True, slots=True)
class Question:
    """A requirement of the policy: its id, its check and how grave a failure is."""

    requirement: str
    check: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered to a question."""

    verdict: Verdict
    reason: str | None
    evidence: str | None
    subjects: tuple[str, ...]
    look: Look


@dataclass(frozen=True, slots=True)
class ServiceAnswers:
    """The answers of one service; ``faults`` and ``looks`` hold what is out of the ordinary.

    ``faults`` are the subjects of a fail that has any, ``looks`` the subjects that were looked at
    where not all were: both by the place of the question.
    """

    agency: str
    verdicts: str
    reasons: str
    rests_on: str
    digests: tuple[str, ...]
    faults: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    looks: Mapping[int, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """One run under one policy, in short.

    ``policy_digest`` and ``checks_digest`` tell by which rules. ``score``, and ``agencies`` and
    ``aspects`` by their ids, count what passed, failed, is unknown and is not applicable.
    ``partial`` says that only open findings were tested again.
    """

    run: RunMark
    run_digest: str
    policy: str
    policy_digest: str
    checks_digest: str
    scanner: str
    families: tuple[str, ...]
    partial: bool
    questions: tuple[Question, ...]
    reasons: tuple[str, ...]
    services: Mapping[str, ServiceAnswers]
    score: tuple[int, int, int, int]
    agencies: Mapping[str, tuple[int, int, int, int]]
    aspects: Mapping[str, tuple[int, int, int, int]]

    @cached_property
    def place_of(self) -> Mapping[str, int]:
        """The place of each requirement among the questions."""
        return {question.requirement: place for place, question in enumerate(self.questions)}

    def question(self, requirement: str) -> Question | None:
        """The requirement as the policy has it; None where it does not."""
        place = self.place_of.get(requirement)
        return None if place is None else self.questions[place]

    def asked(self, requirement: str) -> bool:
        """Whether the policy has the requirement."""
        return requirement in self.place_of

    def answer(self, service: str, requirement: str) -> Answer | None:
        """What a service answered; None where it was not asked."""
        answers, place = self.services.get(service), self.place_of.get(requirement)
        if answers is None or place is None or answers.verdicts[place] == _NONE:
            return None
        verdict = _VERDICT[answers.verdicts[place]]
        failed = verdict is Verdict.FAIL
        return Answer(
            verdict=verdict,
            reason=_listed(self.reasons, answers.reasons[place]),
            evidence=_listed(answers.digests, answers.rests_on[place]),
            subjects=answers.faults.get(place, ("",)) if failed else (),
            look=_look(answers.looks.get(place)),
        )

    def faults(self) -> Iterator[Identity]:
        """Every finding that is open in this run; observations of severity info are none."""
        counted = [question.severity is not Severity.INFO for question in self.questions]
        for service, answers in self.services.items():
            place = answers.verdicts.find("f")
            while place >= 0:
                if counted[place]:
                    requirement = self.questions[place].requirement
                    for subject in answers.faults.get(place, ("",)):
                        yield Identity(service, requirement, subject)
                place = answers.verdicts.find("f", place + 1)


def judgement_of(
    assessment: Assessment, policy: Policy, catalogue: Catalogue, *, checks_digest: str
) -> Judgement:
    """An assessment under a policy in short. ``checks_digest`` tells the checks that answered."""
    questions = tuple(Question(one.id, one.check, one.severity) for one in policy.requirements)
    places = {question.requirement: place for place, question in enumerate(questions)}
    checks = [catalogue.get(question.check).check for question in questions]
    codes = sorted({one.reason for one in assessment.findings if one.reason})
    run = assessment.run
    return Judgement(
        run=RunMark(run.id, run.started),
        run_digest=run.digest,
        policy=assessment.policy.id,
        policy_digest=assessment.policy.digest,
        checks_digest=checks_digest,
        scanner=run.tools.get("spbe-audit", ""),
        families=run.families,
        partial=bool(run.retest_of),
        questions=questions,
        reasons=tuple(codes),
        services={
            one.service.id: _answers(one, places, checks, codes) for one in assessment.services
        },
        score=_counts(assessment.score),
        agencies={one.agency.id: _counts(one.score) for one in _with_services(assessment)},
        aspects={aspect.id: _counts(aspect.score) for aspect in assessment.aspects},
    )


def _with_services(assessment: Assessment) -> Iterator[AgencyAssessment]:
    return (agency for agency in assessment.agencies if agency.services)


def _counts(score: Score) -> tuple[int, int, int, int]:
    return score.passed, score.failed, score.unknown, score.not_applicable


def _answers(
    assessed: ServiceAssessment,
    places: Mapping[str, int],
    checks: Sequence[Check],
    codes: Sequence[str],
) -> ServiceAnswers:
    verdicts, reasons, rests_on = ([_NONE] * len(places) for _ in range(3))
    digests: dict[str, int] = {}
    faults: dict[int, tuple[str, ...]] = {}
    looks: dict[int, str | tuple[str, ...]] = {}
    for finding in assessed.findings:
        place = places[finding.requirement]
        verdicts[place] = _LETTER[finding.verdict]
        if finding.reason:
            reasons[place] = chr(_FIRST + codes.index(finding.reason))
        if finding.evidence:
            rests_on[place] = chr(_FIRST + digests.setdefault(finding.evidence[-1], len(digests)))
        _note_parts(finding, checks[place], place, faults, looks)
    return ServiceAnswers(
        agency=assessed.service.agency,
        verdicts="".join(verdicts),
        reasons="".join(reasons),
        rests_on="".join(rests_on),
        digests=tuple(digests),
        faults=faults,
        looks=looks,
    )


def _note_parts(
    finding: Finding,
    check: Check,
    place: int,
    faults: dict[int, tuple[str, ...]],
    looks: dict[int, str | tuple[str, ...]],
) -> None:
    """Note the subjects of an answer, and what it looked at where that was not all."""
    subjects = subjects_of(finding, check)
    if subjects and subjects != ("",):
        faults[place] = subjects
    look = look_of(finding, check)
    if look.listed is not None:
        looks[place] = tuple(sorted(look.listed))
    elif look.ports:
        looks[place] = look.ports


def _listed(items: Sequence[str], character: str) -> str | None:
    return None if character == _NONE else items[ord(character) - _FIRST]


def _look(said: str | tuple[str, ...] | None) -> Look:
    if said is None:
        return EVERYTHING
    return Look(ports=said) if isinstance(said, str) else Look(listed=frozenset(said))


# --- the stored form


@cache
def _form() -> TypeAdapter[Judgement]:
    """How a judgement is written; made when first needed, for it takes a tenth of a second."""
    return TypeAdapter(Judgement)


def judgement_to_bytes(judgement: Judgement) -> bytes:
    """The stored form: a byte for its version, then compressed JSON."""
    text = canonical_json(_form().dump_python(judgement, mode="json"))
    return bytes([VERSION]) + zlib.compress(text.encode("ascii"))


def judgement_from_bytes(body: bytes) -> Judgement | None:
    """A stored judgement read back; None for what this version did not write, or cannot read."""
    if body[:1] != bytes([VERSION]):
        return None
    try:
        return _form().validate_json(zlib.decompress(body[1:]))
    except (ValueError, zlib.error):
        return None


__all__ = [
    "Answer",
    "Judgement",
    "Question",
    "ServiceAnswers",
    "judgement_from_bytes",
    "judgement_of",
    "judgement_to_bytes",
]
