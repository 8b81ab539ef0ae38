"""What a run tells that nobody was told before: findings, expired waivers, services gone silent.

Pure: it reads an assessment that has been compared, and the judgements of the runs before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from enum import StrEnum

from spbe_audit.check import Verdict
from spbe_audit.evaluation import NOT_PROBED
from spbe_audit.finding import Assessment, Finding, WaiverState
from spbe_audit.judgement import Judgement
from spbe_audit.over_time import Comparison, RunMark, State
from spbe_audit.severity import Severity


class Kind(StrEnum):
    """Why a finding is news."""

    NEW = "new"
    REGRESSED = "regressed"
    WAIVER_EXPIRED = "waiver_expired"


@dataclass(frozen=True, slots=True)
class Item:
    """A finding that is news.

    ``fresh`` is false for an expired waiver that had expired at the run before already: it stays
    news until somebody decides about it, but nobody needs a message about it every night.
    """

    kind: Kind
    agency: str
    service: str
    requirement: str
    check: str
    severity: Severity
    subject: str = ""
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Silence:
    """A service that gives no answer to questions that it answered before: how many, and why.

    ``check`` is one of those that gave the ``reason``, which is the most frequent one.
    """

    agency: str
    service: str
    reason: str
    check: str
    questions: int


@dataclass(frozen=True, slots=True)
class News:
    """What is news since a run, None where there is no earlier one; the gravest first."""

    since: RunMark | None
    items: tuple[Item, ...] = ()
    silences: tuple[Silence, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.items or self.silences)

    @property
    def fresh(self) -> News:
        """The same without what was told before."""
        return News(self.since, tuple(one for one in self.items if one.fresh), self.silences)

    def by_agency(self) -> Mapping[str, News]:
        """The news of each agency that has some, by its id."""
        agencies = dict.fromkeys(
            [one.agency for one in self.items] + [one.agency for one in self.silences]
        )
        return {
            agency: News(
                self.since,
                tuple(one for one in self.items if one.agency == agency),
                tuple(one for one in self.silences if one.agency == agency),
            )
            for agency in agencies
        }

    def counts(self, kind: Kind) -> Mapping[tuple[str, Severity], int]:
        """How many findings of a kind there are of each agency and severity."""
        return Counter((one.agency, one.severity) for one in self.items if one.kind is kind)


def news_of(
    assessment: Assessment, present: Judgement, earlier: Sequence[Judgement], *, zone: tzinfo
) -> News:
    """The news of a run.

    ``present`` is the assessment in short. ``earlier`` are the runs before it, newest first, down
    to one that asked everybody: an answer that is missing in one is looked for in the next. Of the
    first run everything is news. ``zone`` is that of the days on which waivers expire.
    """
    comparison = assessment.comparison
    items = [
        *(_changed(comparison) if comparison else _found(assessment, present)),
        *_expired(assessment, comparison.before.at.astimezone(zone).date() if comparison else None),
    ]
    return News(
        since=comparison.before if comparison else None,
        items=tuple(sorted(dict.fromkeys(items), key=_gravest_first)),
        silences=tuple(_silences(assessment, earlier)),
    )


def _gravest_first(item: Item) -> tuple[int, int, str, str, str]:
    kinds = list(Kind)
    return item.severity.rank, kinds.index(item.kind), item.check, item.service, item.subject


def open_now(assessment: Assessment, present: Judgement) -> Mapping[tuple[str, Severity], int]:
    """How many findings of an agency and a severity stand and are not waived.

    Where the run is compared, those that gave no answer in it stand too.
    """
    comparison = assessment.comparison
    if comparison is None:
        return Counter((one.agency, one.severity) for one in _found(assessment, present))
    return Counter(
        (one.agency, one.severity)
        for one in comparison.changes
        if one.is_open and one.state is not State.WAIVED
    )


def _changed(comparison: Comparison) -> Iterator[Item]:
    kinds = {State.NEW: Kind.NEW, State.REGRESSED: Kind.REGRESSED}
    for change in comparison.changes:
        if change.state in kinds:
            service, requirement, subject = change.identity
            yield Item(
                kind=kinds[change.state],
                agency=change.agency,
                service=service,
                requirement=requirement,
                check=change.check,
                severity=change.severity,
                subject=subject,
            )


def _found(assessment: Assessment, present: Judgement) -> Iterator[Item]:
    """Everything that is at fault, for a run that nothing can be compared with."""
    waived = {(one.service, one.requirement) for one in assessment.findings if one.waived}
    for service, requirement, subject in present.faults():
        question = present.question(requirement)
        if question and (service, requirement) not in waived:
            yield Item(
                kind=Kind.NEW,
                agency=present.services[service].agency,
                service=service,
                requirement=requirement,
                check=question.check,
                severity=question.severity,
                subject=subject,
            )


def _expired(assessment: Assessment, before: date | None) -> Iterator[Item]:
    """What expired waivers covered and still fails; ``before`` is the day of the run before."""
    uses = [one for one in assessment.waivers if one.state is WaiverState.EXPIRED]
    if not uses:
        return
    by_id = {finding.id: finding for finding in assessment.findings}
    for use in uses:
        fresh = before is None or use.waiver.expires >= before
        for finding_id in use.findings:
            if _counts(by_id[finding_id]):
                yield _again(by_id[finding_id], fresh=fresh)


def _again(finding: Finding, *, fresh: bool) -> Item:
    return Item(
        kind=Kind.WAIVER_EXPIRED,
        agency=finding.agency,
        service=finding.service,
        requirement=finding.requirement,
        check=finding.check,
        severity=finding.severity,
        fresh=fresh,
    )


def _counts(finding: Finding) -> bool:
    return finding.severity is not Severity.INFO


def _silences(assessment: Assessment, earlier: Sequence[Judgement]) -> Iterator[Silence]:
    for service in assessment.services:
        silent = [
            one
            for one in service.findings
            if one.verdict is Verdict.UNKNOWN
            and one.reason != NOT_PROBED  # its turn did not come, which is told of the run
            and _counts(one)
            and not _was_silent(one, earlier)
        ]
        if silent:
            reason = Counter(one.reason or "" for one in silent).most_common(1)[0][0]
            yield Silence(
                agency=service.service.agency,
                service=service.service.id,
                reason=reason,
                check=next(one.check for one in silent if (one.reason or "") == reason),
                questions=len(silent),
            )


def _was_silent(finding: Finding, earlier: Sequence[Judgement]) -> bool:
    """Whether the last run that asked the question got no answer either."""
    for judgement in earlier:
        answer = judgement.answer(finding.service, finding.requirement)
        if answer is not None:
            return answer.verdict is Verdict.UNKNOWN
    return False


__all__ = ["Item", "Kind", "News", "Silence", "news_of", "open_now"]
