"""How compliance, coverage and open findings went from run to run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from spbe_audit.comparison import Life, lives_of, open_at
from spbe_audit.finding import Score
from spbe_audit.judgement import Judgement
from spbe_audit.over_time import Identity, Shares, Trend, TrendPoint
from spbe_audit.severity import Severity

LOOK_BACK = timedelta(days=90)
"""Over which resolved findings the days of one point are taken."""


def trend_of(
    history: Sequence[Judgement], *, lives: Mapping[Identity, Life] | None = None
) -> Trend:
    """The trend up to the last run of a history, which is oldest first.

    Runs that asked less are no points of it: those that tested open findings again, and those of
    other families of checks than the last run. ``lives`` saves finding them again.
    """
    lives = lives_of(history) if lives is None else lives
    took = sorted(_resolved(history, lives), key=lambda one: one[0])
    compared = [
        place
        for place, judgement in enumerate(history)
        if not judgement.partial and judgement.families == history[-1].families
    ]
    changed = _changes_of_rules([history[place] for place in compared])
    return Trend(
        points=tuple(
            _point(history[place], place, lives, took, rules_changed=other)
            for place, other in zip(compared, changed, strict=True)
        ),
        median_days=_medians(took),
    )


_Took = tuple[datetime, float, str]
"""When a finding was resolved, after how many days, and of which agency it was."""


def _resolved(history: Sequence[Judgement], lives: Mapping[Identity, Life]) -> Iterator[_Took]:
    for identity, life in lives.items():
        for spell in life.spells:
            if spell.ended is not None:
                end = history[spell.ended].run.at
                days = (end - history[spell.began].run.at) / timedelta(days=1)
                agency = history[spell.ended].services[identity.service].agency
                yield end, days, agency


def _changes_of_rules(compared: Sequence[Judgement]) -> list[bool]:
    def rules(judgement: Judgement) -> tuple[str, str]:
        return judgement.policy_digest, judgement.checks_digest

    later = [rules(one) != rules(other) for one, other in pairwise(compared)]
    return [False, *later] if compared else []


def _point(
    judgement: Judgement,
    place: int,
    lives: Mapping[Identity, Life],
    took: Sequence[_Took],
    *,
    rules_changed: bool,
) -> TrendPoint:
    by_severity: Counter[Severity] = Counter()
    by_agency: Counter[str] = Counter()
    for identity in open_at(lives, judgement, place):
        question = judgement.questions[judgement.place_of[identity.requirement]]
        by_severity[question.severity] += 1
        by_agency[judgement.services[identity.service].agency] += 1
    now = judgement.run.at
    recent = [days for end, days, _ in took if now - LOOK_BACK < end <= now]
    return TrendPoint(
        run=judgement.run,
        shares=_shares(judgement.score),
        open={level: by_severity[level] for level in Severity if level is not Severity.INFO},
        median_days=median(recent) if recent else None,
        agencies={agency: _shares(counts) for agency, counts in judgement.agencies.items()},
        open_of=dict(by_agency),
        aspects={aspect: _shares(counts) for aspect, counts in judgement.aspects.items()},
        rules_changed=rules_changed,
    )


def _shares(counts: tuple[int, int, int, int]) -> Shares:
    score = Score(*counts)
    return Shares(score.compliance, score.coverage)


def _medians(took: Sequence[_Took]) -> Mapping[str, float]:
    of_agency: dict[str, list[float]] = {}
    for _, days, agency in took:
        of_agency.setdefault("", []).append(days)
        of_agency.setdefault(agency, []).append(days)
    return {agency: median(days) for agency, days in of_agency.items()}
