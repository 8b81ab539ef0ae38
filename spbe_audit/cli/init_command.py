"""spbe-audit init: write an annotated target list and its companions."""

from __future__ import annotations

from pathlib import Path

import click

from spbe_audit.initialise import write_starter_files


@click.command("init")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default=Path())
def command(directory: Path) -> None:
    """Write an annotated target list, a manual-answers file and a cron example into DIRECTORY.

    Files that are there already are never overwritten.
    """
    for path in write_starter_files(directory):
        click.echo(f"wrote {path}")
    click.echo(
        f"Next: edit targets.yaml, then `spbe-audit targets validate {directory / 'targets.yaml'}`"
    )
