"""The group of commands, loaded one by one so that each starts quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from spbe_audit.cli import log_lines
from spbe_audit.version import VERSION

_COMMANDS = {
    "checks": "What is checked, and how",
    "demo": "Start the reference services and audit them",
    "diff": "What changed between two runs, and whether the system or the rule did",
    "doctor": "What is installed, and what to do about what is not",
    "evaluate": "Judge stored evidence again, without the network",
    "followup": "What agencies answer to findings: send out, take back, list",
    "init": "Write an annotated target list and its companions",
    "policies": "Which answers a regulation wants",
    "report": "Write reports from stored evidence",
    "sample": "Ask every service once whether it is up, for cron",
    "scan": "Scan services, judge them, and write the report",
    "store": "What the evidence file holds, and cutting off what is old",
    "targets": "Check a target list without scanning",
    "tls": "Show what TLS endpoints offer, quickly",
    "verify": "Recompute the chain of stored evidence",
}


class LazyCommands(click.Group):
    """Finds a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command, sorted."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; None lets click say which one is near."""
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command = import_module(f"spbe_audit.cli.{cmd_name}_command").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The list of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="spbe-audit")
def group() -> None:
    """Audit the security of web services against the SPBE clauses.

    Begin with `spbe-audit demo`, or with `spbe-audit init` and `spbe-audit scan targets.yaml`.

    Exit codes: 0 nothing at or above the threshold, 1 findings at or above --fail-on, 2 wrong usage
    or input, 3 finished but not everything could be judged, 4 refused: out of scope, 5 a defect of
    spbe-audit.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    log_lines.begin()
    try:
        result = group.main(args=arguments, prog_name="spbe-audit", standalone_mode=False)
    except click.ClickException as error:
        if log_lines.is_json():
            log_lines.say(error.format_message(), event="wrong_usage", level="error")
        else:
            error.show()
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        log_lines.say(
            "Stopped. What was collected is kept; --resume goes on from there.",
            event="stopped",
            level="warning",
        )
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last place where a defect can be explained
        return _explain(error)
    return result if isinstance(result, int) else 0


def _explain(error: Exception) -> int:
    from spbe_audit.cli.exit_codes import ExitCode, exit_code_of_error  # noqa: PLC0415 - starts quickly
    from spbe_audit.errors import SpbeAuditError  # noqa: PLC0415 - starts quickly

    if isinstance(error, SpbeAuditError):
        log_lines.say(error.diagnostics(), event="refused", level="error")
        return exit_code_of_error(error)
    if os.environ.get("SPBE_AUDIT_DEBUG"):
        raise error
    log_lines.say(
        f"A defect in spbe-audit: {type(error).__name__}: {error}\n"
        "Please report it with the command you used. SPBE_AUDIT_DEBUG=1 shows where it happened.",
        event="defect",
        level="error",
    )
    return ExitCode.DEFECT
