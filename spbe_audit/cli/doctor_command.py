"""spbe-audit doctor: what is installed, and what to do about what is not."""

from __future__ import annotations

from pathlib import Path

import click

from spbe_audit.cli.exit_codes import ExitCode
from spbe_audit.doctor import examine


@click.command("doctor")
def command() -> int:
    """Look at what spbe-audit needs: programs, libraries, the clock, room on the disk."""
    examinations = examine(Path())
    for one in examinations:
        word = "good" if one.good else ("MISSING" if one.needed else "optional")
        click.echo(f"{word:9} {one.subject}: {one.found}")
        if one.advice:
            click.echo(f"          -> {one.advice}")
    broken = any(one.needed and not one.good for one in examinations)
    return ExitCode.WRONG_INPUT if broken else ExitCode.GOOD
