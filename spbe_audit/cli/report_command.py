"""spbe-audit report: write reports from stored evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.judging import (
    assess,
    compared,
    find_answers,
    find_waivers,
    load_rules,
    write_and_tell,
)
from spbe_audit.cli.waiver_notes import tell_waivers
from spbe_audit.history import find_run
from spbe_audit.report.json_document import json_schema
from spbe_audit.report.template_folder import load_templates
from spbe_audit.store import Store


def _print_schema(context: click.Context, _option: click.Parameter, value: object) -> None:
    """Print the schema and stop, whatever else was asked for."""
    if value:
        click.echo(json_schema(), nl=False)
        context.exit()


@click.command("report")
@options.store_option
@options.run_option
@options.output_option
@options.format_option
@options.policy_option
@options.language_option
@options.templates_option
@options.time_zone_option
@options.checks_option
@options.answers_option
@options.waivers_option
@click.option(
    "--compare",
    metavar="RUN",
    help='The run to compare with, or "none". [default: the one before]',
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON schema of audit.json and findings.jsonl, and stop.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    *,
    store: Path,
    run_id: str | None,
    output: Path,
    formats: Sequence[str],
    policy: str | None,
    language: str,
    templates: Path | None,
    time_zone: str | None,
    check_folders: Sequence[Path],
    answers: Path | None,
    waivers: Path | None,
    compare: str | None,
    quiet: bool,
) -> int:
    """Write the report of a stored run. Nothing is sent; the same evidence gives the same bytes."""
    looks = load_templates(templates)
    with Store.open_existing(store) as evidence:
        run = evidence.run(run_id)
        waived = find_waivers(waivers, Path())
        rules = load_rules(policy or run.policy_id, check_folders, waivers=waived)
        assessment = assess(evidence, run, rules, find_answers(answers, Path()))
        tell_waivers(assessment, summary_follows=False)
        if compare != "none":
            before = find_run(evidence, compare).id if compare else None
            assessment = compared(evidence, assessment, rules, before=before, quiet=quiet)
        write_and_tell(
            assessment,
            rules,
            output=output,
            formats=formats,
            language=language,
            time_zone=time_zone or run.time_zone,
            quiet=quiet,
            recorded=run,
            templates=looks,
        )
    return 0
