"""What scan, evaluate, report and demo do once there is evidence: judge, keep, write, print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from spbe_audit.catalogue import Catalogue, load_catalogue
from spbe_audit.cli.log_lines import say
from spbe_audit.cli.options import MANUAL_ANSWERS, WAIVERS
from spbe_audit.evaluation import evaluate
from spbe_audit.finding import Assessment, Waiver
from spbe_audit.follow_up import with_follow_ups
from spbe_audit.history import Historian, with_history
from spbe_audit.identity import subjects_of
from spbe_audit.manual_answers import load_answers, with_answers
from spbe_audit.policy import Policy, load_policy
from spbe_audit.report.templates import BUILT_IN, Templates
from spbe_audit.report.write import write_report
from spbe_audit.store import Store, StoredRun
from spbe_audit.waivers import apply_waivers, load_waivers


@dataclass(frozen=True, slots=True)
class Rules:
    """The checks and the policy that judge, and what is waived."""

    catalogue: Catalogue
    policy: Policy
    waivers: tuple[Waiver, ...] = ()


def load_rules(policy: str, check_folders: Sequence[Path], *, waivers: Path | None = None) -> Rules:
    """Load all of them, so that mistakes in them are told before anything is scanned."""
    catalogue = load_catalogue(folders=check_folders)
    return Rules(
        catalogue=catalogue,
        policy=load_policy(policy, catalogue=catalogue),
        waivers=load_waivers(waivers, checks=[one.check.id for one in catalogue])
        if waivers
        else (),
    )


def find_answers(given: Path | None, folder: Path) -> Path | None:
    """The file of manual answers: the one that was named, or the one in a folder, if any."""
    usual = folder / MANUAL_ANSWERS
    return given or (usual if usual.is_file() else None)


def find_waivers(given: Path | None, folder: Path) -> Path | None:
    """The file of waivers: the one that was named, or the one in a folder, if any."""
    usual = folder / WAIVERS
    return given or (usual if usual.is_file() else None)


def last_day(run: StoredRun) -> date:
    """The day on which a run ended where its services are, by which waivers and deadlines go."""
    summary = run.summary
    return (summary.finished or summary.started).astimezone(ZoneInfo(run.time_zone)).date()


def assess(store: Store, run: StoredRun, rules: Rules, answers: Path | None = None) -> Assessment:
    """Judge a run, merge the manual answers, and add what auditees answered."""
    assessment = _judged(run, rules, answers)
    return with_follow_ups(assessment, store.follow_ups(), on=last_day(run))


def _judged(run: StoredRun, rules: Rules, answers: Path | None) -> Assessment:
    assessment = apply_waivers(
        evaluate(run, rules.policy, catalogue=rules.catalogue),
        rules.waivers,
        on=last_day(run),
        policy=rules.policy,
        subjects=lambda finding: subjects_of(finding, rules.catalogue.get(finding.check).check),
    )
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
    assessment = _judged(run, rules, answers)
    store.save_findings(run.id, rules.policy.id, assessment.findings)
    Historian(store, rules.policy, rules.catalogue).note(assessment)
    return with_follow_ups(assessment, store.follow_ups(), on=last_day(run))


def compared(
    store: Store, assessment: Assessment, rules: Rules, *, before: str | None = None, quiet: bool
) -> Assessment:
    """The assessment seen from the run before, or from the one named, where there is one."""
    historian = historian_of(store, rules, quiet=quiet)
    return with_history(assessment, historian.over_time(assessment, before=before))


def historian_of(store: Store, rules: Rules, *, quiet: bool) -> Historian:
    """Judges the runs of a file by these rules; tells of those that it has to judge first."""

    def tell(run_id: str) -> None:
        if not quiet:
            say(f"Judging the earlier run {run_id}, once", event="judging", run=run_id)

    return Historian(store, rules.policy, rules.catalogue, on_judging=tell)


def write_and_tell(
    assessment: Assessment,
    rules: Rules,
    *,
    output: Path,
    formats: Sequence[str],
    language: str,
    time_zone: str,
    quiet: bool,
    recorded: StoredRun,
    templates: Templates = BUILT_IN,
) -> None:
    """Write the report with the evidence of the run; on the way out say where it is."""
    write_report(
        assessment,
        output=output,
        formats=formats,
        language=language,
        catalogue=rules.catalogue,
        time_zone=time_zone,
        templates=templates,
        recorded=recorded,
        evidence_file=recorded.file_name,
    )
    if not quiet:
        click.echo(f"Report: {output / 'index.html'}")
