"""What scan, evaluate, report and demo do once there is evidence: judge, keep, write, print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from spbe_audit.catalogue import Catalogue, load_catalogue
from spbe_audit.cli.options import MANUAL_ANSWERS
from spbe_audit.evaluation import evaluate
from spbe_audit.finding import Assessment
from spbe_audit.manual_answers import load_answers, with_answers
from spbe_audit.policy import Policy, load_policy
from spbe_audit.report.write import write_report
from spbe_audit.store import Store, StoredRun


@dataclass(frozen=True, slots=True)
class Rules:
    """The checks and the policy that judge."""

    catalogue: Catalogue
    policy: Policy


def load_rules(policy: str, check_folders: Sequence[Path]) -> Rules:
    """Load both, so that mistakes in them are told before anything is scanned."""
    catalogue = load_catalogue(folders=check_folders)
    return Rules(catalogue=catalogue, policy=load_policy(policy, catalogue=catalogue))


def find_answers(given: Path | None, folder: Path) -> Path | None:
    """The file of manual answers: the one that was named, or the one in a folder, if any."""
    usual = folder / MANUAL_ANSWERS
    return given or (usual if usual.is_file() else None)


def assess(run: StoredRun, rules: Rules, answers: Path | None = None) -> Assessment:
    """Judge a run and merge the manual answers."""
    assessment = evaluate(run, rules.policy, catalogue=rules.catalogue)
    if answers is None:
        return assessment
    loaded = load_answers(
        answers,
        controls=[control.id for control in rules.policy.controls],
        agencies=[agency.id for agency in run.agencies],
    )
    return with_answers(assessment, loaded)


def judge(store: Store, run: StoredRun, rules: Rules, answers: Path | None = None) -> Assessment:
    """The same, and keep the findings beside the evidence."""
    assessment = assess(run, rules, answers)
    store.save_findings(run.id, rules.policy.id, assessment.findings)
    return assessment


def write_and_tell(
    assessment: Assessment,
    rules: Rules,
    *,
    output: Path,
    formats: Sequence[str],
    language: str,
    time_zone: str,
    quiet: bool,
) -> None:
    """Write the report; on the way out say where it is."""
    write_report(
        assessment,
        output=output,
        formats=formats,
        language=language,
        catalogue=rules.catalogue,
        time_zone=time_zone,
    )
    if not quiet:
        click.echo(f"Report: {output / 'index.html'}")
