"""spbe-audit checks: what is checked, and how."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from spbe_audit.catalogue import load_catalogue
from spbe_audit.cli import options


@click.group("checks")
def command() -> None:
    """What is checked, and how."""


@command.command("list")
@options.checks_option
@options.language_option
def list_checks(check_folders: Sequence[Path], language: str) -> None:
    """Every check with its title."""
    catalogue = load_catalogue(folders=check_folders)
    width = max(len(check_id) for check_id in catalogue.ids)
    for entry in catalogue:
        origin = "" if entry.origin == "built-in" else f"  ({entry.origin})"
        click.echo(f"{entry.check.id:{width}}  {entry.texts.title.in_language(language)}{origin}")


@command.command("show")
@click.argument("check_id", metavar="ID")
@options.checks_option
@options.language_option
def show_check(check_id: str, check_folders: Sequence[Path], language: str) -> None:
    """The question, the reason, the parameters and the remedy of one check."""
    entry = load_catalogue(folders=check_folders).get(check_id)
    texts = entry.texts
    click.echo(f"{entry.check.id}: {texts.title.in_language(language)}\n")
    click.echo(f"{texts.question.in_language(language)}\n")
    click.echo(f"{texts.why.in_language(language).strip()}\n")
    for name, field in entry.check.params_type.model_fields.items():
        description = texts.params[name].in_language(language)
        click.echo(
            f"  {name} = {field.get_default(call_default_factory=True)!r}\n    {description}"
        )
    click.echo(f"\n{texts.remedy.text.in_language(language).strip()}")
    for software, snippet in texts.remedy.snippets.items():
        click.echo(f"\n{software}:")
        click.echo("\n".join(f"    {line}" for line in snippet.strip().splitlines()))
    if texts.references:
        click.echo(f"\n{', '.join(texts.references)}")
