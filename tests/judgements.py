"""Judgements made by hand, for the tests of what changes between runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from spbe_audit.judgement import Judgement, Question, ServiceAnswers
from spbe_audit.over_time import RunMark
from spbe_audit.severity import Severity

FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
QUESTIONS = (
    Question("ports", "ports.unexpected_open", Severity.HIGH),
    Question("hsts", "http.hsts", Severity.MEDIUM),
    Question("note", "dns.ipv6", Severity.INFO),
)
REASONS = ("timeout", "no_tls", "not_asked_at_this_intensity")
EVIDENCE = "0123456789abcdef" * 4


def mark(week: int) -> RunMark:
    """The run of a week, counted from 0."""
    return RunMark(f"run-{week:02}", FIRST + week * WEEK)


def answers(
    ports: str = "p", hsts: str = "p", note: str = "p", *, agency: str = "a", looked: str = ""
) -> ServiceAnswers:
    """A service's answers: "p", "f", "f 22 8081", "u", "n", "not asked here" ("x"), or none ("-").

    ``looked`` are the ports that were asked.
    """
    given = (ports, hsts, note)
    letters = "".join(one[0] for one in given)
    reasons = {"u": "0", "n": "1", "x": "2"}
    faults = {place: tuple(one.split()[1:]) for place, one in enumerate(given) if one[0] == "f"}
    return ServiceAnswers(
        agency=agency,
        verdicts=letters.replace("x", "n"),
        reasons="".join(reasons.get(letter, "-") for letter in letters),
        rests_on="".join("-" if letter == "-" else "0" for letter in letters),
        digests=(EVIDENCE,),
        faults={place: subjects for place, subjects in faults.items() if subjects},
        looks={0: looked} if looked else {},
    )


def judged(week: int, services: Mapping[str, ServiceAnswers], **changes: Any) -> Judgement:
    """A run of a week with what its services answered."""
    plain: dict[str, Any] = {
        "run": mark(week),
        "run_digest": f"{week:064}",
        "policy": "spbe",
        "policy_digest": "p1",
        "checks_digest": "c1",
        "scanner": "0.1.0",
        "families": ("ports", "http"),
        "partial": False,
        "questions": QUESTIONS,
        "reasons": REASONS,
        "services": services,
        "score": (8, 1, 1, 0),
        "agencies": {"a": (8, 1, 1, 0)},
        "aspects": {"security": (4, 1, 0, 0)},
    }
    return Judgement(**plain | changes)
