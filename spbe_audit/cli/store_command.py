"""spbe-audit store: what the evidence file holds, and cutting off what is old."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from pydantic_core import to_jsonable_python

from spbe_audit.cli import options
from spbe_audit.cli.cut_lines import cut_lines
from spbe_audit.cli.exit_codes import ExitCode
from spbe_audit.cli.judging import load_rules
from spbe_audit.errors import StoreError
from spbe_audit.evaluation import evaluate
from spbe_audit.history import Historian
from spbe_audit.run_lock import RUN_LOCK, SAMPLE_LOCK, hold_lock
from spbe_audit.store import (
    Breach,
    Kept,
    OldRun,
    PruneLimits,
    PrunePlan,
    RunCut,
    Shrinkage,
    Store,
    StoreContents,
)
from spbe_audit.version import VERSION

SCHEMA_VERSION = "1.0"
"""Of the JSON of `store info`."""
PATIENCE = 120.0
"""Seconds to wait for a sampler to end: one is there every few minutes."""

_DAYS = {"d": 1, "w": 7}
_MIB = 1024 * 1024
_WHY_KEPT = {
    Kept.NEWEST: "it is the newest, or may be resumed",
    Kept.ANSWERED: "answers of an auditee are about it",
}


class _Age(click.ParamType[timedelta]):
    """A number of days or weeks, such as 400d or 12w."""

    name = "age"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        found = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", str(value))
        if not found:
            self.fail(f"{value!r} is no age; write 400d for days or 12w for weeks", param, ctx)
        return timedelta(days=int(found[1]) * _DAYS[found[2]])


@click.group("store")
def command() -> None:
    """What the evidence file holds, and cutting off what is old."""


@command.command("info")
@options.store_option
@click.option("--verify", "verified", is_flag=True, help="Recompute the chain too.")
@click.option("--json", "as_json", is_flag=True, help="For a program.")
def info(*, store: Path, verified: bool, as_json: bool) -> int:
    """Show what the evidence file holds: runs, samples, answers, and what was cut off."""
    with Store.open_existing(store) as evidence:
        contents = evidence.contents()
        breaches = evidence.verify() if verified else None
    if as_json:
        click.echo(json.dumps(_document(store, contents, breaches), indent=2))
    else:
        for line in _lines(store, contents, breaches):
            click.echo(line)
    return ExitCode.FINDINGS if breaches else ExitCode.GOOD


@command.command("prune")
@options.store_option
@click.option(
    "--keep-runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Keep the newest N finished runs, and cut those before.",
)
@click.option(
    "--older-than", type=_Age(), metavar="AGE", help="Cut runs older than this: 400d, 60w."
)
@click.option(
    "--samples-older-than", type=_Age(), metavar="AGE", help="Cut samples older than this."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be cut.")
@options.policy_option
@options.checks_option
def prune(
    *,
    store: Path,
    keep_runs: int | None,
    older_than: timedelta | None,
    samples_older_than: timedelta | None,
    dry_run: bool,
    policy: str | None,
    check_folders: Sequence[Path],
) -> int:
    """Cut off old runs and old samples, and make the file smaller.

    What is cut is written down, so that `verify` still holds. How a run was judged stays, and with
    it since when a finding is open. Never cut are the newest finished run, the samples that it
    looks back on, and runs that auditees answered about. A run that was never judged is judged
    first. A file whose chain is broken is left alone.

    \b
    Examples:
      spbe-audit store prune --older-than 400d --samples-older-than 100d
      spbe-audit store prune --keep-runs 12 --dry-run
    """  # noqa: D301 - click wants the control character itself
    now = datetime.now(UTC)
    limits = _limits(now, keep_runs, older_than, samples_older_than)
    if dry_run:
        with Store.open_existing(store) as evidence:
            plan = evidence.plan_prune(limits)
        _tell(plan, verb="Would cut")
        return ExitCode.GOOD
    with _alone_with(store, now) as evidence:
        plan = evidence.plan_prune(limits)
        _refuse_broken(evidence, plan)
        _judge_first(evidence, plan, policy, check_folders)
        cuts = evidence.prune(limits, at=now, by=VERSION)
        _tell(plan, verb="Cut")
        shrunk = evidence.shrink()
    if cuts:
        click.echo(f"{len(cuts)} more cuts are written down, digest {cuts[-1].chain}")
    for line in _shrinkage_lines(shrunk):
        click.echo(line)
    return ExitCode.GOOD


def _limits(
    now: datetime, keep_runs: int | None, runs: timedelta | None, samples: timedelta | None
) -> PruneLimits:
    if keep_runs is not None and runs is not None:
        raise click.UsageError("--keep-runs and --older-than exclude each other")
    if keep_runs is None and runs is None and samples is None:
        raise click.UsageError("say what may go: --keep-runs, --older-than or --samples-older-than")
    return PruneLimits(
        keep_runs=keep_runs,
        runs_before=now - runs if runs else None,
        samples_before=now - samples if samples else None,
    )


@contextmanager
def _alone_with(store: Path, now: datetime) -> Iterator[Store]:
    """The file, while nobody scans or samples into it. Raises StoreLockedError, StoreError."""
    if not store.is_file():
        Store.open_existing(store)
    with (
        hold_lock(store, since=now, suffix=RUN_LOCK),
        hold_lock(store, since=now, suffix=SAMPLE_LOCK, patience=PATIENCE),
        Store.open_existing(store) as evidence,
    ):
        yield evidence


def _refuse_broken(store: Store, plan: PrunePlan) -> None:
    breaches = () if plan.is_empty else store.verify()
    if breaches:
        problem = StoreError(f"{store.path}: {breaches[0]}")
        problem.advice = "Nothing was cut: the file is the trace of what was changed. Keep a copy"
        raise problem


def _judge_first(
    store: Store, plan: PrunePlan, policy: str | None, check_folders: Sequence[Path]
) -> None:
    """Judge the finished runs of which nobody could tell afterwards how they would be judged."""
    for run in (*plan.runs, *plan.bereft):
        if run.finished and _wanted(run, policy) not in run.judged:
            click.echo(f"Judging the run {run.id}, before its evidence is cut", err=True)
            rules = load_rules(_wanted(run, policy), check_folders)
            assessment = evaluate(store.run(run.id), rules.policy, catalogue=rules.catalogue)
            historian = Historian(store, rules.policy, rules.catalogue)
            store.keep_judgement(run.id, historian.in_short(assessment))


def _wanted(run: OldRun, policy: str | None) -> str:
    return policy or run.policy


def _tell(plan: PrunePlan, *, verb: str) -> None:
    for run in plan.runs:
        state = "" if run.finished else " (cut short)"
        click.echo(f"{verb}: run {run.id}{state}, {run.records} records, digest {run.digest}")
    if plan.samples:
        one = plan.samples
        days = f"{one.since:%Y-%m-%d} to {one.until:%Y-%m-%d}"
        click.echo(f"{verb}: batches {one.first} to {one.last}, {one.samples} samples of {days}")
    for run_id, why in plan.kept:
        click.echo(f"Kept: run {run_id}: {_WHY_KEPT[why]}")
    if plan.bereft:
        click.echo(
            f"{len(plan.bereft)} runs that stay look back on these samples: how they were judged is"
            " kept, and their availability cannot be judged again"
        )
    if plan.is_empty:
        click.echo("Nothing is old enough to be cut")


def _shrinkage_lines(shrunk: Shrinkage) -> Iterator[str]:
    for folder, needed in shrunk.needed:
        yield (
            f"The file is not smaller yet: {folder} has less than {needed / _MIB:.0f} MiB free."
            " The room inside is used by later runs; free some space and prune again"
        )
    if not shrunk.needed:
        yield f"Evidence file: {_size(shrunk.before)} before, {_size(shrunk.after)} now"


def _size(size: int) -> str:
    return f"{size / _MIB:.1f} MiB"


def _lines(
    store: Path, contents: StoreContents, breaches: Sequence[Breach] | None
) -> Iterator[str]:
    free = f", {_size(contents.free)} of it unused" if contents.free else ""
    yield f"{store}: version {contents.version}, {_size(contents.size)}{free}"
    for run in contents.runs:
        ended = f"{run.finished:%Y-%m-%d %H:%M}" if run.finished else "cut short"
        share = run.size / contents.size if contents.size else 0.0
        again = f", again of {run.retest_of}" if run.retest_of else ""
        yield (
            f"run {run.id}: {run.started:%Y-%m-%d %H:%M} to {ended}, {run.services} services,"
            f" {run.records} records, policy {run.policy}, {share:.0%} of the file{again}"
        )
    if contents.samples:
        one = contents.samples
        yield (
            f"samples: {one.samples} in {one.batches} batches, {one.since:%Y-%m-%d %H:%M} to"
            f" {one.until:%Y-%m-%d %H:%M}"
        )
    yield f"judgements: {contents.judgements}"
    yield f"follow-up: {contents.answers} findings answered, in {contents.imports} workbooks"
    yield from cut_lines(contents.cuts)
    if breaches is not None:
        yield from (f"broken: {breach}" for breach in breaches)
        yield "the chain verifies" if not breaches else "the chain is broken"


def _document(
    store: Path, contents: StoreContents, breaches: Sequence[Breach] | None
) -> dict[str, Any]:
    told: dict[str, Any] = to_jsonable_python(contents)
    for run in told["runs"]:
        run["share"] = round(run["size"] / contents.size, 4) if contents.size else 0.0
    told["cuts"] = [
        {
            "kind": "run" if isinstance(cut.what, RunCut) else "samples",
            "chain_of_cut": cut.chain,
            **to_jsonable_python(cut.what),
        }
        for cut in contents.cuts
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "file": store.name,
        **told,
        "verified": None if breaches is None else not breaches,
        "breaches": [str(breach) for breach in breaches or ()],
    }
