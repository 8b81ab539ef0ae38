"""The exit codes of every command, as the README states them."""

from __future__ import annotations

from enum import IntEnum

from spbe_audit.check import Verdict
from spbe_audit.comparison import DELIBERATE
from spbe_audit.errors import ScopeError, SpbeAuditError
from spbe_audit.finding import Assessment, WaiverState
from spbe_audit.news import Kind, News
from spbe_audit.over_time import Comparison, State
from spbe_audit.severity import Severity


class ExitCode(IntEnum):
    """What the caller of a command may rely on."""

    GOOD = 0
    FINDINGS = 1
    WRONG_INPUT = 2
    NOT_ALL_JUDGED = 3
    OUT_OF_SCOPE = 4
    DEFECT = 5
    STOPPED = 130


def exit_code_of_error(error: SpbeAuditError) -> ExitCode:
    """The code for an error that the user can do something about."""
    return ExitCode.OUT_OF_SCOPE if isinstance(error, ScopeError) else ExitCode.WRONG_INPUT


def exit_code_of(assessment: Assessment, fail_on: Severity) -> ExitCode:
    """Findings at or above the threshold first, then services that could not be judged.

    An observation of severity info never decides an exit code, nor does what is waived. What an
    expired waiver covered does, however grave it is: somebody has to decide about it again.
    """
    counted = [f for f in assessment.findings if f.severity is not Severity.INFO and not f.waived]
    expired = {
        finding
        for use in assessment.waivers
        if use.state is WaiverState.EXPIRED
        for finding in use.findings
    }
    if any(f.id in expired for f in counted):
        return ExitCode.FINDINGS
    if any(f.verdict is Verdict.FAIL and f.severity.at_least(fail_on) for f in counted):
        return ExitCode.FINDINGS
    if any(f.verdict is Verdict.UNKNOWN for f in counted):
        return ExitCode.NOT_ALL_JUDGED
    return ExitCode.GOOD


def exit_code_of_changes(comparison: Comparison, fail_on: Severity) -> ExitCode:
    """What is new or back at or above the threshold first, then what is open and gave no answer.

    What nobody asked this time, as at a lower intensity, is no failure to answer.
    """
    worse = (State.NEW, State.REGRESSED)
    if any(one.state in worse and one.severity.at_least(fail_on) for one in comparison.changes):
        return ExitCode.FINDINGS
    silent = comparison.in_state(State.NOT_RETESTABLE)
    if any(change.reason not in DELIBERATE for change in silent):
        return ExitCode.NOT_ALL_JUDGED
    return ExitCode.GOOD


def exit_code_of_news(news: News, fail_on: Severity, *, cut_short: bool) -> ExitCode:
    """What is new or back at or above the threshold first, then what gives no answer any more.

    An expired waiver decides however grave it is, as in exit_code_of, until somebody renews it or
    mends what it covered. What gave no answer at the run before either is no news.
    """
    if any(one.kind is Kind.WAIVER_EXPIRED or one.severity.at_least(fail_on) for one in news.items):
        return ExitCode.FINDINGS
    return ExitCode.NOT_ALL_JUDGED if news.silences or cut_short else ExitCode.GOOD
