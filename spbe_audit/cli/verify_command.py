"""spbe-audit verify: recompute the chain of stored evidence."""

from __future__ import annotations

from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.cut_lines import cut_lines
from spbe_audit.cli.exit_codes import ExitCode
from spbe_audit.store import Store


@click.command("verify")
@options.store_option
def command(store: Path) -> int:
    """Recompute the chain of every run and of the samples, and name the first broken record.

    What `store prune` cut off is named too: it is missing by intent.

    Compare the digest of a run with the one printed in its report: the chain shows that nothing
    was changed inside the file, the printed digest that it is the same file.
    """
    with Store.open_existing(store) as evidence:
        breaches = evidence.verify()
        runs = evidence.runs()
        samples = evidence.sample_ledger()
        cuts = [] if any(one.unit == "cut" for one in breaches) else evidence.cuts()
    broken = {breach.run for breach in breaches}
    whole = not any(breach.owner == "samples" for breach in breaches)
    for run in runs:
        if run.id not in broken:
            state = "" if run.finished else " (not finished)"
            click.echo(f"good: run {run.id}{state}, {run.records} records, digest {run.digest}")
    if samples and whole:
        click.echo(f"good: {samples.batches} batches of samples, digest {samples.chain}")
    for line in cut_lines(cuts):
        click.echo(line)
    if cuts:
        click.echo(f"good: {len(cuts)} cuts, digest {cuts[-1].chain}")
    for breach in breaches:
        click.echo(f"broken: {breach}", err=True)
    return ExitCode.FINDINGS if breaches else ExitCode.GOOD
