"""spbe-audit sample: one sample of every service, for cron every few minutes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.exit_codes import ExitCode
from spbe_audit.cli.target_arguments import load_target_arguments
from spbe_audit.run_lock import SAMPLE_LOCK, hold_lock
from spbe_audit.sampler import DEADLINE, NOT_REACHED, SampleResult, sample
from spbe_audit.store import Store

MOST_NAMED = 20


@click.command("sample")
@click.argument("targets", nargs=-1, required=True)
@options.store_option
@click.option(
    "--deadline",
    type=click.FloatRange(min=1.0),
    default=DEADLINE,
    show_default=True,
    help="Seconds for all services together; those not reached by then have no sample.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=1.0),
    help="Seconds between two calls, for the record. [default: found out from the samples]",
)
@click.option(
    "--skip-out-of-scope",
    is_flag=True,
    help="Leave services outside the engagement out instead of refusing to sample.",
)
@click.option("--quiet", is_flag=True, help="Print nothing but errors, and who was not reached.")
def command(
    *,
    targets: tuple[str, ...],
    store: Path,
    deadline: float,
    interval: float | None,
    skip_out_of_scope: bool,
    quiet: bool,
) -> int:
    """Ask every service of TARGETS once whether it is up, and keep the answers in the store.

    Made for cron every five minutes; `spbe-audit scan` judges the samples of the last 30 days under
    the policy. A service that is down is an answer, not an error.

    \b
    Example of a cron line:
      */5 * * * *  cd /srv/spbe-audit && spbe-audit sample targets.yaml --quiet
    """  # noqa: D301 - click wants the control character itself
    listed = load_target_arguments(targets)
    since = datetime.now(UTC)
    with hold_lock(store, since=since, suffix=SAMPLE_LOCK), Store.open(store) as evidence:
        result = sample(
            listed,
            store=evidence,
            deadline=deadline,
            interval=interval,
            skip_out_of_scope=skip_out_of_scope,
        )
    _tell(result, quiet=quiet)
    return ExitCode.GOOD if result.ledger else ExitCode.NOT_ALL_JUDGED


def _tell(result: SampleResult, *, quiet: bool) -> None:
    told = {
        service: reason
        for service, reason in result.missing.items()
        if reason == NOT_REACHED or not quiet
    }
    for service, reason in list(told.items())[:MOST_NAMED]:
        click.echo(f"No sample of {service}: {reason}", err=True)
    if len(told) > MOST_NAMED:
        click.echo(f"No sample of {len(told) - MOST_NAMED} more", err=True)
    if quiet:
        return
    for refusal in result.left_out:
        click.echo(f"Left out: {refusal}", err=True)
    taken = result.up + result.down
    click.echo(
        f"{taken} of {taken + len(result.missing)} services sampled:"
        f" {result.up} up, {result.down} down"
    )
