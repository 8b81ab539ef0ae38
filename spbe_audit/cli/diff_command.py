"""spbe-audit diff: what changed between two runs, and whether the system or the rule did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from spbe_audit.catalogue import Catalogue
from spbe_audit.cli import options
from spbe_audit.cli.diff_text import diff_lines
from spbe_audit.cli.exit_codes import exit_code_of_changes
from spbe_audit.cli.judging import assess, find_waivers, historian_of, load_rules
from spbe_audit.errors import StoreError
from spbe_audit.history import OverTime, find_run
from spbe_audit.over_time import Comparison
from spbe_audit.report.change_records import change_record, comparison_record
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.labels import Labels, load_labels
from spbe_audit.severity import Severity
from spbe_audit.store import Store

SCHEMA_VERSION = "1.0"
"""Of the JSON: its objects are those of `comparison` and `changes` in audit.json."""


@click.command("diff")
@click.argument("runs", nargs=-1, metavar="[RUN] [RUN]")
@options.store_option
@options.policy_option
@click.option(
    "--language",
    type=click.Choice(["id", "en"]),
    default="en",
    show_default=True,
    help="The language of the text.",
)
@options.time_zone_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Forty lines to read, or every finding for a program.",
)
@options.fail_on_option
@options.checks_option
@options.waivers_option
def command(
    *,
    runs: tuple[str, ...],
    store: Path,
    policy: str | None,
    language: str,
    time_zone: str | None,
    form: str,
    fail_on: str,
    check_folders: Sequence[Path],
    waivers: Path | None,
) -> int:
    """Say what changed from one run to a later one. Nothing is sent.

    Without RUN the last two finished runs are compared, with one RUN that one and the last. The
    beginning or the end of an id is enough. The earlier evidence is judged by the present rules
    too: so it is seen whether the system changed or the rule.

    Exit codes: 1 something is new or back at or above --fail-on, 3 something open gave no answer,
    0 neither.

    \b
    Examples:
      spbe-audit diff
      spbe-audit diff 20261113 20261120 --language id
      spbe-audit diff --format json > changes.json
    """  # noqa: D301 - click wants the control character itself
    with Store.open_existing(store) as evidence:
        before, after = _pair(evidence, runs)
        run = evidence.run(after)
        rules = load_rules(
            policy or run.policy_id, check_folders, waivers=find_waivers(waivers, Path())
        )
        judged = assess(evidence, run, rules) if rules.waivers else run
        over_time = historian_of(evidence, rules, quiet=False).over_time(judged, before=before)
        labels = load_labels(language, time_zone or run.time_zone)
    comparison = _found(over_time)
    _print(comparison, labels, rules.catalogue, form=form)
    return exit_code_of_changes(comparison, Severity(fail_on))


def _pair(store: Store, wanted: Sequence[str]) -> tuple[str, str]:
    """The ids of two finished runs, the older first. Raises StoreError where there are not two."""
    if len(wanted) > 2:  # noqa: PLR2004 - a pair
        raise click.UsageError("name two runs at most")
    finished = [info.id for info in store.runs(with_cut=True) if info.finished]
    if len(finished) < 2:  # noqa: PLR2004 - a pair
        raise _error(f"{store.path}: there are not two finished runs yet", "Scan once more")
    named = [find_run(store, one).id for one in wanted]
    if len(named) == 1:
        named.append(finished[-1] if named[0] != finished[-1] else finished[-2])
    before, after = named or finished[-2:]
    for one in (before, after):
        if one not in finished:
            raise _error(f"{store.path}: the run {one} is not finished", "Finish it with --resume")
    if before == after:
        raise _error(f"the run {before} is named twice", "Name two different runs")
    return (before, after) if finished.index(before) < finished.index(after) else (after, before)


def _error(problem: str, advice: str) -> StoreError:
    error = StoreError(problem)
    error.advice = advice
    return error


def _found(over_time: OverTime | None) -> Comparison:
    if over_time is None:
        raise _error("there is nothing to compare with", "Scan once more")
    return over_time.comparison


def _print(comparison: Comparison, labels: Labels, catalogue: Catalogue, *, form: str) -> None:
    if form == "json":
        document = {
            "schema_version": SCHEMA_VERSION,
            **comparison_record(comparison, labels),
            "changes": [change_record(change, labels) for change in comparison.changes],
        }
        click.echo(json.dumps(document, indent=2, allow_nan=False))
        return
    narrator = Narrator(catalogue=catalogue, labels=labels, regulations={}, clauses={})
    for line in diff_lines(comparison, narrator):
        click.echo(line)
