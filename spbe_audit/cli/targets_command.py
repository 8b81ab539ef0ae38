"""spbe-audit targets: check a target list without scanning."""

from __future__ import annotations

import asyncio

import click

from spbe_audit.cli.target_arguments import load_target_arguments
from spbe_audit.errors import ScopeError
from spbe_audit.scan_options import ScanOptions
from spbe_audit.scanner import find_refusals, open_door
from spbe_audit.targets import TargetList


@click.group("targets")
def command() -> None:
    """Check a target list without scanning."""


@command.command("validate")
@click.argument("targets", nargs=-1, required=True)
def validate_targets(targets: tuple[str, ...]) -> None:
    """Read TARGETS and hold every service against the scope of the engagement.

    Names are resolved; no service is contacted. Mistakes in the file give exit code 2, services
    out of scope 4.
    """
    listed = load_target_arguments(targets)
    refusals = asyncio.run(_refusals(listed))
    if refusals:
        raise refusals
    click.echo(
        f"good: {len(listed.services)} services of {len(listed.agencies)} agencies,"
        f" policy {listed.policy}"
    )


async def _refusals(listed: TargetList) -> ScopeError | None:
    refusals = await find_refusals(listed, open_door(listed, ScanOptions()))
    return ScopeError(list(refusals.values())) if refusals else None
