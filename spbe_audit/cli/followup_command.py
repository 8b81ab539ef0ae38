"""spbe-audit followup: what agencies answer to findings: send out, take back, list."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from spbe_audit.catalogue import Catalogue
from spbe_audit.cli import options
from spbe_audit.cli.judging import (
    Rules,
    compared,
    find_waivers,
    judge,
    load_rules,
)
from spbe_audit.errors import ReportError
from spbe_audit.finding import AgencyAssessment, Assessment, Finding
from spbe_audit.follow_up import is_contradicted, is_open
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.follow_up_form import open_findings, write_follow_up
from spbe_audit.report.follow_up_return import Expectations, KnownRun, Returned, read_returned
from spbe_audit.report.follow_up_view import AgencyFollowUp, agency_follow_ups
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import load_labels
from spbe_audit.report.write import write_file
from spbe_audit.store import FollowUpImport, Store, StoredRun
from spbe_audit.text_file import nearest

_FILE_NAMES = {"id": "tindak-lanjut", "en": "follow-up"}
_LONGEST_PLAN = 100


@click.group("followup")
def command() -> None:
    """What agencies answer to findings: send out, take back, list (tindak lanjut)."""


@command.command("export")
@options.store_option
@options.run_option
@options.policy_option
@options.checks_option
@options.waivers_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for the workbooks.",
)
@click.option(
    "--agency", "agencies", multiple=True, metavar="ID", help="Only this one; may be repeated."
)
@click.option(
    "--language",
    type=click.Choice(["id", "en"]),
    default="id",
    show_default=True,
    help="The language of the workbooks.",
)
def export(
    *,
    store: Path,
    run_id: str | None,
    policy: str | None,
    check_folders: Sequence[Path],
    waivers: Path | None,
    output: Path,
    agencies: tuple[str, ...],
    language: str,
) -> int:
    """Write a workbook for each agency with its open findings, for it to answer in.

    What is waived is not among them. Answers that were imported before stand in their cells.
    """
    with Store.open_existing(store) as evidence:
        run = evidence.run(run_id)
        rules = _rules(run, policy, check_folders, waivers)
        assessment = judge(evidence, run, rules)
        seen = _first_seen(compared(evidence, assessment, rules, quiet=False))
        key = evidence.follow_up_key()
    narrator = narrator_for(assessment, rules.catalogue, load_labels(language, run.time_zone))
    places = _places(_chosen(assessment, agencies), output, language)
    for agency, place in places:
        write_file(
            place,
            partial(write_follow_up, assessment, agency, narrator, key=key, first_seen=seen),
        )
        click.echo(f"{place}: {sum(1 for _ in open_findings(agency))} open findings")
    if not places:
        click.echo("Nothing is open: there is nothing to follow up")
    return 0


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@options.store_option
@click.option(
    "--by", metavar="NAME", help="Who enters the answers. [default: the user of this system]"
)
def import_files(*, files: tuple[Path, ...], store: Path, by: str | None) -> int:
    """Take over what agencies answered in FILES: all of it, or nothing where anything is wrong.

    Every mistake is told with the address of its cell. The next report shows the answers.
    """
    with Store.open_existing(store) as evidence:
        at, name = datetime.now(UTC), by or _user()
        returned = read_returned(files, _expectations(evidence), at=at, by=name)
        known = {one.digest for one in returned if evidence.follow_ups_imported(one.digest)}
        evidence.add_follow_ups(
            [
                FollowUpImport(
                    file=one.path.name,
                    digest=one.digest,
                    run=one.origin.run,
                    at=at,
                    by=name,
                    answers=one.answers,
                )
                for one in returned
                if one.digest not in known or one.answers
            ]
        )
    for one in returned:
        _tell(one, known=one.digest in known)
    return 0


@command.command("list")
@options.store_option
@options.run_option
@options.policy_option
@options.checks_option
@options.waivers_option
def list_open(
    *,
    store: Path,
    run_id: str | None,
    policy: str | None,
    check_folders: Sequence[Path],
    waivers: Path | None,
) -> int:
    """What is open, who answered for it, and what is past its deadline when the run ended."""
    with Store.open_existing(store) as evidence:
        run = evidence.run(run_id)
        rules = _rules(run, policy, check_folders, waivers)
        assessment = judge(evidence, run, rules)
    followed = agency_follow_ups(assessment)
    for one in followed:
        for line in _agency_lines(one, rules.catalogue):
            click.echo(line)
    if not any(is_open(finding) for finding in assessment.findings):
        click.echo("Nothing is open")
    return 0


def _rules(
    run: StoredRun, policy: str | None, check_folders: Sequence[Path], waivers: Path | None
) -> Rules:
    waived = find_waivers(waivers, Path())
    return load_rules(policy or run.policy_id, check_folders, waivers=waived)


def _first_seen(assessment: Assessment) -> dict[str, datetime]:
    """When each open finding was first seen, by its id: in this run where there is none before."""
    seen = {one.id: assessment.run.started for one in assessment.findings if is_open(one)}
    ids = {(one.service, one.requirement): one.id for one in assessment.findings}
    for change in assessment.comparison.changes if assessment.comparison else ():
        finding = ids.get(change.identity[:2], "")
        if finding in seen:
            seen[finding] = min(seen[finding], change.first_seen.at)
    return seen


def _chosen(assessment: Assessment, wanted: Sequence[str]) -> list[AgencyAssessment]:
    """The agencies with open findings, or those of them that were named."""
    known = [agency.agency.id for agency in assessment.agencies]
    for one in wanted:
        if one not in known:
            near = nearest(one, known)
            raise ReportError(
                f"the run has no agency {one}" + (f"; did you mean {near}?" if near else ""),
                f"It has: {', '.join(known)}",
            )
    return [
        agency
        for agency in assessment.agencies
        if (not wanted or agency.agency.id in wanted) and any(open_findings(agency))
    ]


def _places(
    agencies: Sequence[AgencyAssessment], output: Path, language: str
) -> list[tuple[AgencyAssessment, Path]]:
    """The file of each agency. Raises ReportError where one is there: it may hold answers."""
    names = FileNames()
    places = [
        (agency, output / f"{_FILE_NAMES[language]}-{names.name_for(agency.agency.id)}.xlsx")
        for agency in agencies
    ]
    present = [str(place) for _, place in places if place.exists()]
    if present:
        raise ReportError(
            f"{' and '.join(present)}: there already, nothing was written",
            "It may hold answers: import it, or name another folder with --output",
        )
    return places


def _expectations(store: Store) -> Expectations:
    runs = {info.id for info in store.runs()}

    def known(run_id: str) -> KnownRun | None:
        if run_id not in runs:
            return None
        run = store.run(run_id)
        day = run.summary.started.astimezone(ZoneInfo(run.time_zone)).date()
        return KnownRun(findings=store.finding_ids(run_id), day=day)

    return Expectations(
        key=store.follow_up_key(),
        run=known,
        words=lambda language: load_labels(language, "Asia/Jakarta"),
        answers=store.follow_ups(),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("Say who enters the answers, with --by NAME.") from error


def _tell(returned: Returned, *, known: bool) -> None:
    count = len(returned.answers)
    again = " (imported before)" if known else ""
    click.echo(f"{returned.path}: {count} new or changed answers{again}")


def _agency_lines(followed: AgencyFollowUp, catalogue: Catalogue) -> Iterator[str]:
    counts = followed.counts
    yield spelt_out(
        f"{followed.agency.agency.id}: {counts.answered + counts.unanswered} open,"
        f" {counts.answered} answered, {counts.overdue} overdue"
    )
    for finding in followed.findings:
        if is_open(finding):
            yield from _finding_lines(finding, catalogue)


def _finding_lines(finding: Finding, catalogue: Catalogue) -> Iterator[str]:
    answer = finding.follow_up
    title = catalogue.get(finding.check).texts.title.en
    yield spelt_out(f"  {finding.severity.value:8} {finding.service}: {title} [{finding.check}]")
    if answer is None:
        yield "           no answer yet"
        return
    due = f"due {answer.deadline}" if answer.deadline else "no deadline"
    if answer.overdue:
        days = "day" if answer.overdue == 1 else "days"
        due = click.style(f"{due}, {answer.overdue} {days} overdue", fg="red")
    state = answer.status.value.replace("_", " ") if answer.status else "no status"
    seen = ", but it is seen still" if is_contradicted(finding) else ""
    plan = " ".join(answer.action_plan.split())[:_LONGEST_PLAN]
    parts = (f"{state}{seen}", spelt_out(answer.person_in_charge), spelt_out(plan))
    yield "           " + "; ".join((due, *filter(None, parts)))
