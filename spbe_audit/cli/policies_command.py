"""spbe-audit policies: which answers a regulation wants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from spbe_audit.catalogue import load_catalogue
from spbe_audit.cli import options
from spbe_audit.policy import load_policy, policy_names


@click.group("policies")
def command() -> None:
    """Which answers a regulation wants."""


@command.command("list")
@options.language_option
def list_policies(language: str) -> None:
    """The policies that come with spbe-audit."""
    catalogue = load_catalogue()
    for name in policy_names(catalogue):
        title = load_policy(name, catalogue=catalogue).title.in_language(language)
        click.echo(f"{name:16}  {title}")


@command.command("show")
@click.argument("policy", metavar="NAME-OR-FILE")
@options.checks_option
def show_policy(policy: str, check_folders: Sequence[Path]) -> None:
    """Every requirement of a policy: check, severity, controls."""
    loaded = load_policy(policy, catalogue=load_catalogue(folders=check_folders))
    click.echo(f"{loaded.id}: {loaded.title.en}")
    click.echo(f"digest {loaded.digest}\n")
    for requirement in loaded.requirements:
        controls = ", ".join(requirement.controls) or "good practice, no clause"
        click.echo(f"{requirement.severity:9} {requirement.id}\n          {controls}")


@command.command("validate")
@click.argument("policies", metavar="NAME-OR-FILE", nargs=-1, required=True)
@options.checks_option
def validate_policies(policies: tuple[str, ...], check_folders: Sequence[Path]) -> None:
    """Check policies; every mistake is told with its position, and the exit code is then 2."""
    catalogue = load_catalogue(folders=check_folders)
    for policy in policies:
        loaded = load_policy(policy, catalogue=catalogue)
        click.echo(f"good: {policy}, {len(loaded.requirements)} requirements")
