"""spbe-audit checks: what is checked, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from spbe_audit.catalogue import BUILT_IN, CatalogueEntry, load_catalogue
from spbe_audit.check import Outcome
from spbe_audit.check_examples import evidence_text, examples_of
from spbe_audit.check_texts import fill
from spbe_audit.cli import options
from spbe_audit.policy import Policy, load_policy
from spbe_audit.testing.cases import Case, run_case

_NOT_ASKED = "-"

policy_option = click.option(
    "--policy", default="spbe", show_default=True, metavar="P", help="A policy's name or file."
)


@click.group("checks")
def command() -> None:
    """What is checked, and how."""


@command.command("list")
@click.option("--family", metavar="FAMILY", help="Only the checks of this family.")
@policy_option
@options.checks_option
@options.language_option
def list_checks(
    family: str | None, policy: str, check_folders: Sequence[Path], language: str
) -> None:
    """Every check: severity and clauses under a policy, intensity, title.

    A check that the policy does not ask has "-" for its severity. The intensity is the lowest at
    which the question is asked.
    """
    catalogue = load_catalogue(folders=check_folders)
    loaded = load_policy(policy, catalogue=catalogue)
    entries = [one for one in catalogue if family in {None, one.check.family}]
    if not entries:
        known = ", ".join(dict.fromkeys(one.check.family for one in catalogue))
        raise click.UsageError(f"There is no family {family!r}; there are: {known}.")
    width = max(len(one.check.id) for one in entries)
    for entry in entries:
        severity, clauses = _under(entry, loaded)
        origin = "" if entry.origin == BUILT_IN else f"  ({entry.origin})"
        title = entry.texts.title.in_language(language)
        click.echo(
            f"{entry.check.id:{width}}  {severity:8}  {entry.texts.intensity:8}  {title}{origin}"
        )
        if clauses:
            click.echo(f"{'':{width}}  {', '.join(clauses)}")


def _under(entry: CatalogueEntry, policy: Policy) -> tuple[str, tuple[str, ...]]:
    """The severities and the clauses of a check under a policy."""
    asked = [one for one in policy.requirements if one.check == entry.check.id]
    severity = "/".join(dict.fromkeys(one.severity.value for one in asked)) or _NOT_ASKED
    clauses = dict.fromkeys(control for one in asked for control in one.controls)
    return severity, tuple(clauses)


@command.command("show")
@click.argument("check_id", metavar="ID")
@policy_option
@options.checks_option
@options.language_option
def show_check(check_id: str, policy: str, check_folders: Sequence[Path], language: str) -> None:
    """All about one check: question, reason, parameters, clauses, remedy, examples."""
    catalogue = load_catalogue(folders=check_folders)
    entry = catalogue.get(check_id)
    severity, clauses = _under(entry, load_policy(policy, catalogue=catalogue))
    texts = entry.texts
    click.echo(f"{entry.check.id}: {texts.title.in_language(language)}\n")
    click.echo(f"{texts.question.in_language(language).strip()}\n")
    click.echo(f"{texts.why.in_language(language).strip()}\n")
    click.echo(f"Severity under {policy}: {severity}")
    click.echo(f"Clauses: {', '.join(clauses) or 'good practice, no clause'}")
    click.echo(f"Asked from intensity: {texts.intensity}")
    click.echo(f"Evidence: {', '.join(entry.check.probes)}")
    for line in _parameter_lines(entry, language):
        click.echo(line)
    click.echo(f"\n{texts.remedy.text.in_language(language).strip()}")
    for software, snippet in texts.remedy.snippets.items():
        click.echo(f"\n{software}:\n{_indented(snippet)}")
    if texts.references:
        click.echo(f"\nReferences: {', '.join(texts.references)}")
    for case in examples_of(entry):
        click.echo(f"\n{_example(entry, case, language)}")


def _parameter_lines(entry: CatalogueEntry, language: str) -> Iterator[str]:
    fields = entry.check.params_type.model_fields
    if fields:
        yield "\nParameters and their defaults:"
    for name, field in fields.items():
        default = field.get_default(call_default_factory=True)
        yield f"  {name} = {default!r}"
        yield f"    {entry.texts.params[name].in_language(language)}"


def _example(entry: CatalogueEntry, case: Case, language: str) -> str:
    """One case: what it lays over healthy evidence, and the sentence that comes of it."""
    evidence = evidence_text(case) or "(healthy in all)"
    outcome = run_case(entry.check, case)
    return f"Example, {case.verdict}: {case.name}\n{_indented(evidence)}\n  -> " + _sentence(
        entry, outcome, language
    )


def _sentence(entry: CatalogueEntry, outcome: Outcome, language: str) -> str:
    texts = entry.texts.passed if outcome.verdict == "pass" else entry.texts.failed
    return fill(texts.in_language(language).strip(), outcome.facts)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())
