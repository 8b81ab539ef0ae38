"""spbe-audit scan: scan services, judge them, write the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.exit_codes import exit_code_of
from spbe_audit.cli.judging import find_answers, judge, load_rules, write_and_tell
from spbe_audit.cli.progress import shown_progress
from spbe_audit.cli.summary import print_summary
from spbe_audit.cli.target_arguments import load_target_arguments
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
@options.time_zone_option
@options.fail_on_option
@options.checks_option
@options.answers_option
@click.option("--resume", is_flag=True, help="Go on with a run that was cut short.")
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
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    *,
    targets: tuple[str, ...],
    policy: str | None,
    output: Path,
    formats: Sequence[str],
    store: Path,
    language: str,
    time_zone: str | None,
    fail_on: str,
    check_folders: Sequence[Path],
    answers: Path | None,
    families: tuple[str, ...],
    intensity: str,
    resume: bool,
    skip_out_of_scope: bool,
    quiet: bool,
) -> int:
    """Scan TARGETS, judge what was seen, and write the report.

    TARGETS is a target list (YAML, CSV, or a text file with one URL a line) or one or more URLs.
    Without an engagement in the list, only loopback addresses are scanned.

    \b
    Examples:
      spbe-audit scan targets.yaml --output report
      spbe-audit scan https://127.0.0.1:8443 --only tls --only http
      spbe-audit scan targets.yaml --quiet --fail-on high      (from cron)
    """  # noqa: D301 - click wants the control character itself
    listed = load_target_arguments(targets)
    if policy:
        listed = replace(listed, policy=policy)
    rules = load_rules(listed.policy, check_folders)
    answers = find_answers(answers, Path(listed.source).parent)
    scan_options = ScanOptions(intensity=Intensity(intensity), families=families or tuple(FAMILIES))
    with hold_lock(store, since=datetime.now(UTC)), Store.open(store) as evidence:
        result = _scan(
            listed,
            evidence,
            scan_options,
            resume=resume,
            skip_out_of_scope=skip_out_of_scope,
            quiet=quiet,
        )
        assessment = judge(evidence, result.evidence, rules, answers)
    if not quiet:
        print_summary(assessment, rules.catalogue)
    write_and_tell(
        assessment,
        rules,
        output=output,
        formats=formats,
        language=language,
        time_zone=time_zone or listed.time_zone,
        quiet=quiet,
    )
    return exit_code_of(assessment, Severity(fail_on))


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
        result = scan(
            listed,
            store=store,
            options=scan_options,
            resume=resume,
            skip_out_of_scope=skip_out_of_scope,
            on_progress=on_progress,
        )
    for refusal in result.left_out:
        click.echo(f"Left out: {refusal}", err=True)
    return result
