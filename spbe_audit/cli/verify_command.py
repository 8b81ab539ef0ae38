"""spbe-audit verify: recompute the chain of stored evidence."""

from __future__ import annotations

from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.exit_codes import ExitCode
from spbe_audit.store import Store


@click.command("verify")
@options.store_option
def command(store: Path) -> int:
    """Recompute the chain of every run and of the samples, and name the first broken record.

    Compare the digest of a run with the one printed in its report: the chain shows that nothing
    was changed inside the file, the printed digest that it is the same file.
    """
    with Store.open_existing(store) as evidence:
        breaches = evidence.verify()
        runs = evidence.runs()
        samples = evidence.sample_ledger()
    broken = {breach.run for breach in breaches}
    for run in runs:
        if run.id not in broken:
            state = "" if run.finished else " (not finished)"
            click.echo(f"good: run {run.id}{state}, {run.records} records, digest {run.digest}")
    if samples and "" not in broken:
        click.echo(f"good: {samples.batches} batches of samples, digest {samples.chain}")
    for breach in breaches:
        click.echo(f"broken: {breach}", err=True)
    return ExitCode.FINDINGS if breaches else ExitCode.GOOD
