"""The summary that a command prints after judging: what matters, in some twenty lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import click

from spbe_audit.catalogue import Catalogue
from spbe_audit.check import Verdict
from spbe_audit.finding import Assessment, Finding
from spbe_audit.severity import Severity

_COLOURS = {
    Severity.CRITICAL: "red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
}
_WORST_SHOWN = 8
_NAMES_SHOWN = 4


def print_summary(assessment: Assessment, catalogue: Catalogue) -> None:
    """Counts, the worst findings with how many services share them, and what is unknown."""
    counted = [f for f in assessment.findings if f.severity is not Severity.INFO]
    failed = [f for f in counted if f.verdict is Verdict.FAIL]
    unknown = [f for f in counted if f.verdict is Verdict.UNKNOWN]
    services = len(assessment.services)
    click.echo(
        f"Policy {assessment.policy.id}: {services} {_plural('service', services)},"
        f" compliance {_percent(assessment.score.compliance)},"
        f" coverage {_percent(assessment.score.coverage)}"
    )
    by_severity = Counter(finding.severity for finding in failed)
    counts = ", ".join(
        click.style(f"{by_severity[severity]} {severity}", fg=_COLOURS.get(severity))
        for severity in Severity
        if by_severity[severity]
    )
    click.echo(f"Findings: {counts or 'none'}")
    _print_worst(failed, catalogue)
    _print_unknown(unknown)


def _print_worst(failed: Iterable[Finding], catalogue: Catalogue) -> None:
    groups: dict[tuple[int, str], list[Finding]] = {}
    for finding in failed:
        groups.setdefault((finding.severity.rank, finding.check), []).append(finding)
    ranked = sorted(groups.items(), key=lambda group: (group[0][0], -len(group[1]), group[0][1]))
    for (_, check), findings in ranked[:_WORST_SHOWN]:
        severity = findings[0].severity
        word = click.style(f"{severity.value:8}", fg=_COLOURS.get(severity))
        title = catalogue.get(check).texts.title.en
        click.echo(f"  {word} {title} [{check}]: {_services(findings)}")
    if len(ranked) > _WORST_SHOWN:
        click.echo(f"  and {len(ranked) - _WORST_SHOWN} more kinds of finding")


def _print_unknown(unknown: list[Finding]) -> None:
    if not unknown:
        return
    click.echo(f"Not judged: {len(unknown)} {_plural('question', len(unknown))}")
    by_reason: dict[str, list[Finding]] = {}
    for finding in unknown:
        by_reason.setdefault(finding.reason or "unknown", []).append(finding)
    for reason, findings in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        click.echo(f"  {reason}: {_services(findings)}")


def _services(findings: Iterable[Finding]) -> str:
    names = list(dict.fromkeys(finding.service for finding in findings))
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _percent(share: float | None) -> str:
    return "not known" if share is None else f"{share:.0%}"


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"
