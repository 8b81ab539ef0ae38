"""The exit codes of every command, as the README states them."""

from __future__ import annotations

from enum import IntEnum

from spbe_audit.check import Verdict
from spbe_audit.errors import ScopeError, SpbeAuditError
from spbe_audit.finding import Assessment
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

    An observation of severity info never decides an exit code.
    """
    counted = [f for f in assessment.findings if f.severity is not Severity.INFO]
    if any(f.verdict is Verdict.FAIL and f.severity.at_least(fail_on) for f in counted):
        return ExitCode.FINDINGS
    if any(f.verdict is Verdict.UNKNOWN for f in counted):
        return ExitCode.NOT_ALL_JUDGED
    return ExitCode.GOOD
