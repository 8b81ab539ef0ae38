"""spbe-audit evaluate: judge stored evidence again, without the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from spbe_audit.cli import options
from spbe_audit.cli.exit_codes import exit_code_of
from spbe_audit.cli.judging import find_answers, find_waivers, judge, load_rules
from spbe_audit.cli.summary import print_summary
from spbe_audit.cli.waiver_notes import tell_waivers
from spbe_audit.severity import Severity
from spbe_audit.store import Store


@click.command("evaluate")
@options.store_option
@options.run_option
@options.policy_option
@options.fail_on_option
@options.checks_option
@options.answers_option
@options.waivers_option
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    *,
    store: Path,
    run_id: str | None,
    policy: str | None,
    fail_on: str,
    check_folders: Sequence[Path],
    answers: Path | None,
    waivers: Path | None,
    quiet: bool,
) -> int:
    """Judge a stored run again, under the same policy or another one.

    Nothing is sent. The answers depend on the evidence and the policy alone, so a run of last
    year can be judged under this year's policy.
    """
    with Store.open_existing(store) as evidence:
        run = evidence.run(run_id)
        waived = find_waivers(waivers, Path())
        rules = load_rules(policy or run.policy_id, check_folders, waivers=waived)
        assessment = judge(evidence, run, rules, find_answers(answers, Path()))
    tell_waivers(assessment, summary_follows=not quiet)
    if not quiet:
        print_summary(assessment, rules.catalogue)
    return exit_code_of(assessment, Severity(fail_on))
