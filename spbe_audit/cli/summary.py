"""The summary that a command prints after judging: what matters, in some twenty lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable

import click

from spbe_audit.catalogue import Catalogue
from spbe_audit.check import Verdict
from spbe_audit.cli.waiver_notes import expired_lines
from spbe_audit.finding import Assessment, Finding, Score
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.severity import Severity

COLOURS = {
    Severity.CRITICAL: "red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}
_WORST_SHOWN = 7
_REASONS_SHOWN = 3
_NAMES_SHOWN = 3
_LONGEST_TITLE = 58


def print_summary(assessment: Assessment, catalogue: Catalogue) -> None:
    """Counts, the worst findings with how many services share them, and what is unknown."""
    for line in expired_lines(assessment):
        click.secho(line, fg="red")
    if assessment.run.retest_of:
        click.echo(f"Tested again: only what was open since {assessment.run.retest_of}")
    counted = [f for f in assessment.findings if f.severity is not Severity.INFO]
    failed = [f for f in counted if f.verdict is Verdict.FAIL and not f.waived]
    unknown = [f for f in counted if f.verdict is Verdict.UNKNOWN]
    _print_scores(assessment)
    by_severity = Counter(finding.severity for finding in failed)
    counts = ", ".join(
        click.style(f"{by_severity[severity]} {severity}", fg=COLOURS.get(severity))
        for severity in Severity
        if by_severity[severity]
    )
    waived = assessment.score.waived
    accepted = f", and {waived} waived" if waived else ""
    where = f", at {_counted('service', len(_keys(failed)))}" if failed else ""
    _tell(f"Findings: {counts or 'none'}{where}{accepted}")
    _print_worst(failed, catalogue)
    _print_unknown(unknown)


def _print_scores(assessment: Assessment) -> None:
    """What was looked at, how much of it conforms, and how much could be judged at all."""
    score = assessment.score
    judged = score.passed + score.failed
    services = _counted("service", len(assessment.services))
    agencies = _counted("agency", len(assessment.agencies))
    _tell(f"Policy {assessment.policy.id}: {services} of {agencies}")
    _tell(f"  compliance {_compliance(score)}: {score.passed} of {judged} answers conform")
    _tell(
        f"  coverage   {_percent(score.coverage)}:"
        f" {judged} of {judged + score.unknown} could be judged"
    )


def _print_worst(failed: Iterable[Finding], catalogue: Catalogue) -> None:
    """The kinds of finding, gravest first, then those that most services share."""
    groups: dict[tuple[int, str], list[Finding]] = {}
    for finding in failed:
        groups.setdefault((finding.severity.rank, finding.check), []).append(finding)
    ranked = sorted(groups.items(), key=lambda group: (group[0][0], -len(group[1]), group[0][1]))
    if ranked:
        _tell("Not met, gravest first:")
    for (_, check), findings in ranked[:_WORST_SHOWN]:
        severity = findings[0].severity
        word = click.style(f"{severity.value:8}", fg=COLOURS.get(severity))
        title = catalogue.get(check).texts.title.en
        _tell(f"  {word} {_fitted(title)}  {_services(findings)}")
    if len(ranked) > _WORST_SHOWN:
        _tell(f"  and {_counted('more kind', len(ranked) - _WORST_SHOWN)} of finding")


def _print_unknown(unknown: list[Finding]) -> None:
    """Why questions stayed open, the most frequent reasons first."""
    if not unknown:
        return
    where = _counted("service", len(_keys(unknown)))
    _tell(f"Not judged: {_counted('question', len(unknown))}, at {where}")
    by_reason: dict[str, list[Finding]] = {}
    for finding in unknown:
        by_reason.setdefault(finding.reason or "unknown", []).append(finding)
    ranked = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    for reason, findings in ranked[:_REASONS_SHOWN]:
        _tell(f"  {len(findings):>5} {reason.replace('_', ' ')}: {_services(findings)}")
    if len(ranked) > _REASONS_SHOWN:
        _tell(f"  and {_counted('more reason', len(ranked) - _REASONS_SHOWN)}")


def _services(findings: Iterable[Finding]) -> str:
    """The first services by id, and how many more there are."""
    names = [spelt_out(service) for _, service in _keys(findings)]
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _keys(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((finding.agency, finding.service) for finding in findings))


def _fitted(title: str) -> str:
    """A title in a column: cut where it is longer, filled up where it is shorter."""
    cut = title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
    return f"{cut:{_LONGEST_TITLE}}"


def _compliance(score: Score) -> str:
    """The compliance, and what it is without the waived fails where there are some."""
    after = f" ({_percent(score.compliance_after_waivers)} after waivers)" if score.waived else ""
    return _percent(score.compliance) + after


def _percent(share: float | None) -> str:
    """A share in whole percent; 100 and 0 only where it is exactly that."""
    if share is None:
        return "not known"
    return f"{share if share in {0, 1} else min(max(share, 0.01), 0.99):.0%}"


def _counted(noun: str, count: int) -> str:
    """A count with its noun: "1 agency", "2,000 services"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def _tell(line: str) -> None:
    """One line; its colours are left out off a terminal, and where NO_COLOR asks for it."""
    click.echo(line, color=False if os.environ.get("NO_COLOR") else None)
