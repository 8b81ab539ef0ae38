"""spbe-audit report: write reports from stored evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.judging import assess, find_answers, load_rules, write_and_tell
from spbe_audit.store import Store


@click.command("report")
@options.store_option
@options.run_option
@options.output_option
@options.format_option
@options.policy_option
@options.language_option
@options.time_zone_option
@options.checks_option
@options.answers_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    *,
    store: Path,
    run_id: str | None,
    output: Path,
    formats: Sequence[str],
    policy: str | None,
    language: str,
    time_zone: str | None,
    check_folders: Sequence[Path],
    answers: Path | None,
    quiet: bool,
) -> int:
    """Write the report of a stored run. Nothing is sent; the same evidence gives the same bytes."""
    with Store.open_existing(store) as evidence:
        run = evidence.run(run_id)
        rules = load_rules(policy or run.policy_id, check_folders)
        assessment = assess(run, rules, find_answers(answers, Path()))
        zone = time_zone or run.time_zone
    write_and_tell(
        assessment,
        rules,
        output=output,
        formats=formats,
        language=language,
        time_zone=zone,
        quiet=quiet,
    )
    return 0
