"""spbe-audit demo: start the reference services and audit them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.exit_codes import ExitCode
from spbe_audit.cli.judging import judge, load_rules, write_and_tell
from spbe_audit.cli.progress import shown_progress
from spbe_audit.cli.summary import print_summary
from spbe_audit.demo import reference_targets
from spbe_audit.network import Deadlines
from spbe_audit.report.languages import languages_of
from spbe_audit.run_lock import hold_lock
from spbe_audit.scan_options import ScanOptions
from spbe_audit.scanner import scan
from spbe_audit.store import Store
from spbe_audit.target_files import load_targets

_QUICK = ScanOptions(
    uptime_interval=0.5,
    confirm_after=0.5,
    deadlines=Deadlines(connect=2.0, exchange=3.0),
)
"""Loopback answers at once or never, so the demonstration need not be patient."""


@click.command("demo")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="The folder for the target list, the evidence and the report.",
)
@options.language_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def command(*, output: Path, language: str, quiet: bool) -> int:
    """Start a dozen services of known state on loopback, and audit them for real.

    One is good; each of the others has one fault, and the report names it. Two do not answer: they
    show how a thing that could not be tested is told from one that is good.
    """
    output.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC)
    store = output / "spbe-audit.db"
    with (
        reference_targets(output, now=now, language=languages_of(language)[0]) as targets,
        hold_lock(store, since=now),
        Store.open(store) as evidence,
    ):
        listed = load_targets(targets)
        rules = load_rules(listed.policy, ())
        with shown_progress(quiet=quiet) as on_progress:
            result = scan(listed, store=evidence, options=_QUICK, on_progress=on_progress)
        assessment = judge(evidence, result.evidence, rules)
    if not quiet:
        print_summary(assessment, rules.catalogue)
    with Store.open_existing(store) as evidence:
        write_and_tell(
            assessment,
            rules,
            output=output / "report",
            formats=options.FORMATS,
            language=language,
            time_zone=listed.time_zone,
            quiet=quiet,
            recorded=evidence.run(result.evidence.id),
        )
    return ExitCode.GOOD
