"""What follows when a scan has been judged: what is printed, written, sent, and the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spbe_audit.cli.exit_codes import ExitCode, exit_code_of, exit_code_of_news
from spbe_audit.cli.judging import Rules, compared, write_and_tell
from spbe_audit.cli.log_lines import say
from spbe_audit.cli.news_lines import print_news
from spbe_audit.cli.summary import print_summary
from spbe_audit.cli.telling import (
    Listeners,
    Tidings,
    find_tidings,
    put_metrics,
    send_messages,
)
from spbe_audit.cli.waiver_notes import tell_waivers
from spbe_audit.finding import Assessment
from spbe_audit.report.templates import Templates
from spbe_audit.scanner import ScanResult
from spbe_audit.severity import Severity
from spbe_audit.store import Store

_NAMED = 8
"""Services that are named in a line before "and n more"."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """How and where the outcome of a scan is told."""

    output: Path
    formats: Sequence[str]
    language: str
    time_zone: str
    templates: Templates
    listeners: Listeners
    fail_on: Severity
    only_changes: bool
    quiet: bool


def tell_outcome(
    store: Path, result: ScanResult, assessment: Assessment, rules: Rules, outlet: Outlet
) -> ExitCode:
    """Print, write the report, send messages, write metrics; gives the exit code."""
    if not outlet.only_changes:
        tell_waivers(assessment, summary_follows=not outlet.quiet)
        if not outlet.quiet:
            print_summary(assessment, rules.catalogue)
    with Store.open_existing(store) as evidence:
        assessment = compared(evidence, assessment, rules, quiet=outlet.quiet)
        tidings = find_tidings(evidence, assessment, rules, outlet.time_zone)
        if outlet.only_changes:
            print_news(assessment, tidings.news, rules.catalogue, quiet=outlet.quiet)
        _tell_left_out(result, assessment, only_news=outlet.only_changes and outlet.quiet)
        _tell_not_reached(result)
        _write(evidence, result, assessment, rules, outlet)
    code = _exit_code(result, tidings, outlet)
    _send(tidings, rules, outlet)
    put_metrics(
        tidings,
        outlet.listeners,
        exit_code=code,
        not_reached=len(result.not_reached),
        left_out=len(result.left_out),
    )
    return code


def _exit_code(result: ScanResult, tidings: Tidings, outlet: Outlet) -> ExitCode:
    if outlet.only_changes:
        return exit_code_of_news(tidings.news, outlet.fail_on, cut_short=bool(result.not_reached))
    return exit_code_of(tidings.assessment, outlet.fail_on)


def _write(
    evidence: Store, result: ScanResult, assessment: Assessment, rules: Rules, outlet: Outlet
) -> None:
    write_and_tell(
        assessment,
        rules,
        output=outlet.output,
        formats=outlet.formats,
        language=outlet.language,
        time_zone=outlet.time_zone,
        quiet=outlet.quiet,
        recorded=evidence.run(result.evidence.id),
        templates=outlet.templates,
    )


def _send(tidings: Tidings, rules: Rules, outlet: Outlet) -> None:
    send_messages(
        tidings,
        outlet.listeners,
        rules,
        language=outlet.language,
        time_zone=outlet.time_zone,
        templates=outlet.templates,
        report=outlet.output / "index.html",
    )


def _tell_left_out(result: ScanResult, assessment: Assessment, *, only_news: bool) -> None:
    """Say which services lie outside the engagement; with ``only_news`` those that came to."""
    comparison = assessment.comparison
    for refusal in result.left_out:
        service = refusal.subject.partition(" ")[0]
        if not only_news or comparison is None or service in comparison.left:
            say(f"Left out: {refusal}", event="left_out", level="warning", service=service)


def _tell_not_reached(result: ScanResult) -> None:
    if not result.not_reached:
        return
    count = len(result.not_reached)
    shown = ", ".join(result.not_reached[:_NAMED])
    more = f" and {count - _NAMED} more" if count > _NAMED else ""
    say(
        f"The time budget is over before {count} {'service' if count == 1 else 'services'}"
        f" could be finished: {shown}{more}. The same command with --resume goes on with them.",
        event="time_over",
        level="warning",
        not_reached=count,
    )
