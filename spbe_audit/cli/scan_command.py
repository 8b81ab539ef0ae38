"""spbe-audit scan: scan services, judge them, write the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.exit_codes import ExitCode
from spbe_audit.cli.judging import find_answers, find_waivers, judge, load_rules
from spbe_audit.cli.outcome import Outlet, tell_outcome
from spbe_audit.cli.progress import shown_progress
from spbe_audit.cli.retest import Retest, find_retest
from spbe_audit.cli.target_arguments import load_target_arguments
from spbe_audit.cli.telling import find_listeners
from spbe_audit.policy import tls_questions
from spbe_audit.report.template_folder import load_templates
from spbe_audit.run_lock import hold_lock
from spbe_audit.scan_options import FAMILIES, ScanOptions
from spbe_audit.scanner import ScanResult, scan
from spbe_audit.severity import Severity
from spbe_audit.store import Store
from spbe_audit.targets import Intensity, TargetList


@click.command("scan")
@click.argument("targets", nargs=-1, required=True)
@options.policy_option
@options.output_option
@options.format_option
@options.store_option
@options.language_option
@options.templates_option
@options.time_zone_option
@options.fail_on_option
@options.checks_option
@options.answers_option
@options.waivers_option
@click.option("--resume", is_flag=True, help="Go on with a run that was cut short.")
@click.option(
    "--open-findings",
    is_flag=True,
    help="Only what is open since the last run: its services, its families of checks.",
)
@click.option(
    "--only",
    "families",
    type=click.Choice(list(FAMILIES)),
    multiple=True,
    metavar="FAMILY",
    help=f"Only these families of checks: {', '.join(FAMILIES)}. May be repeated.",
)
@click.option(
    "--intensity",
    type=click.Choice([intensity.value for intensity in Intensity]),
    default=Intensity.STANDARD.value,
    show_default=True,
    help="How much is sent to each service.",
)
@click.option(
    "--skip-out-of-scope",
    is_flag=True,
    help="Leave services outside the engagement out instead of refusing the run.",
)
@options.time_budget_option
@options.only_changes_option
@options.notify_option
@options.metrics_option
@options.log_format_option
@click.option(
    "--quiet", is_flag=True, help="Print nothing but errors; with --only-changes, and what is new."
)
def command(
    *,
    targets: tuple[str, ...],
    policy: str | None,
    output: Path,
    formats: Sequence[str],
    store: Path,
    language: str,
    templates: Path | None,
    time_zone: str | None,
    fail_on: str,
    check_folders: Sequence[Path],
    answers: Path | None,
    waivers: Path | None,
    families: tuple[str, ...],
    intensity: str,
    resume: bool,
    open_findings: bool,
    skip_out_of_scope: bool,
    time_budget: float | None,
    only_changes: bool,
    notify: Sequence[str],
    metrics: Path | None,
    quiet: bool,
) -> int:
    """Scan TARGETS, judge what was seen, and write the report.

    TARGETS is a target list (YAML, CSV, or a text file with one URL a line) or one or more URLs.
    Without an engagement in the list, only loopback addresses are scanned.

    \b
    Examples:
      spbe-audit scan targets.yaml --output report
      spbe-audit scan https://127.0.0.1:8443 --only tls --only http
      spbe-audit scan targets.yaml --only-changes --quiet      (from cron, every night)
      spbe-audit scan targets.yaml --open-findings             (has it been mended?)
    """  # noqa: D301 - click wants the control character itself
    listed = load_target_arguments(targets)
    if policy:
        listed = replace(listed, policy=policy)
    folder = Path(listed.source).parent
    rules = load_rules(listed.policy, check_folders, waivers=find_waivers(waivers, folder))
    looks = load_templates(templates)
    listeners = find_listeners(notify, metrics)
    answers = find_answers(answers, folder)
    scan_options = ScanOptions(
        intensity=Intensity(intensity),
        families=families or tuple(FAMILIES),
        tls_questions=tls_questions(rules.policy, rules.catalogue),
        time_budget=time_budget,
    )
    now = datetime.now(UTC)
    with hold_lock(store, since=now), Store.open(store) as evidence:
        if open_findings:
            retest = find_retest(listed, scan_options, evidence, rules, now=now)
            if not retest.targets.services:
                return _nothing_open(retest, quiet=quiet)
            listed, scan_options = retest.targets, retest.options
        result = _scan(
            listed,
            evidence,
            scan_options,
            resume=resume,
            skip_out_of_scope=skip_out_of_scope,
            quiet=quiet,
        )
        assessment = judge(evidence, result.evidence, rules, answers)
    outlet = Outlet(
        output=output,
        formats=formats,
        language=language,
        time_zone=time_zone or listed.time_zone,
        templates=looks,
        listeners=listeners,
        fail_on=Severity(fail_on),
        only_changes=only_changes,
        quiet=quiet,
    )
    return tell_outcome(store, result, assessment, rules, outlet)


def _nothing_open(retest: Retest, *, quiet: bool) -> int:
    if not quiet:
        click.echo(f"Nothing is open since run {retest.options.retest_of}: nothing was scanned")
    return ExitCode.GOOD


def _scan(
    listed: TargetList,
    store: Store,
    scan_options: ScanOptions,
    *,
    resume: bool,
    skip_out_of_scope: bool,
    quiet: bool,
) -> ScanResult:
    with shown_progress(quiet=quiet) as on_progress:
        return scan(
            listed,
            store=store,
            options=scan_options,
            resume=resume,
            skip_out_of_scope=skip_out_of_scope,
            on_progress=on_progress,
        )
