"""What a command prints after judging: twenty lines at most, and every count right."""

from __future__ import annotations

import re
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from spbe_audit.check import Verdict
from spbe_audit.cli.summary import print_summary
from spbe_audit.finding import Assessment, Score
from spbe_audit.severity import Severity
from spbe_audit.targets import Agency
from tests.assessments import assess, catalogue, finding, many, ordinary, service


def summary(assessment: Assessment, *, colour: bool = False, **environment: str) -> list[str]:
    """The lines that are printed."""

    @click.command()
    def show() -> None:
        print_summary(assessment, catalogue())

    return CliRunner(env=environment).invoke(show, color=colour).output.splitlines()


def test_the_counts_are_right() -> None:
    lines = summary(ordinary())
    assert lines[:4] == [
        "Policy spbe: 5 services of 3 agencies",
        "  compliance 62%: 8 of 13 answers conform",
        "  coverage   72%: 13 of 18 could be judged",
        "Findings: 1 critical, 2 high, 2 low, at 2 services",
    ]
    assert re.fullmatch(r"  critical No database is within reach +portal", lines[5])
    assert lines[6].endswith("  portal, sehat")
    assert lines[-3:] == [
        "Not judged: 5 questions, at 3 services",
        "      3 timeout: arsip",
        "      2 too few samples: portal, sehat",
    ]


def test_it_stays_within_twenty_lines() -> None:
    checks = [one.check.id for one in catalogue()]
    reasons = [f"reason_{number}" for number in range(30)]
    one = service("x", "a")
    found = [
        *(
            finding(one, check, Verdict.FAIL, severity=severity)
            for check in checks
            for severity in (Severity.CRITICAL, Severity.HIGH, Severity.LOW)
        ),
        *(finding(one, checks[0], Verdict.UNKNOWN, reason=reason) for reason in reasons),
    ]
    lines = summary(assess([(Agency("a", "A", (one,)), {"x": found})]))
    assert len(lines) < 20  # the path of the report is one more
    assert "  and 11 more kinds of finding" in lines
    assert lines[-1] == "  and 27 more reasons"


def test_many_services_are_counted() -> None:
    lines = summary(many(10, 20))
    assert lines[0] == "Policy spbe: 200 services of 10 agencies"
    assert lines[5].endswith("layanan-0000-0000, layanan-0000-0001, layanan-0000-0002 and 197 more")


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        (Score(passed=999, failed=1), "99%"),
        (Score(passed=1, failed=999), "1%"),
        (Score(passed=7), "100%"),
        (Score(failed=7), "0%"),
        (Score(), "not known"),
    ],
)
def test_a_share_is_not_rounded_to_all_or_nothing(score: Score, shown: str) -> None:
    assert summary(replace(ordinary(), score=score))[1].startswith(f"  compliance {shown}:")


def test_there_is_colour_on_a_terminal_only_and_only_if_it_is_wanted() -> None:
    assert any("\x1b[31m" in line for line in summary(ordinary(), colour=True))
    assert not any("\x1b" in line for line in summary(ordinary()))
    assert not any("\x1b" in line for line in summary(ordinary(), colour=True, NO_COLOR="1"))


def test_an_id_cannot_steer_the_terminal() -> None:
    one = service("\x1b[2J\u202ex", "a")
    failing = finding(one, "cookie.secure", Verdict.FAIL)
    (line,) = [
        line
        for line in summary(assess([(Agency("a", "A", (one,)), {one.id: [failing]})]))
        if "Cookies" in line
    ]
    assert line.endswith("[U+001B][2J[U+202E]x")
    assert not re.search(r"[\x00-\x1f]", line)
