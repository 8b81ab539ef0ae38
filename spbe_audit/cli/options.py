"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from spbe_audit.cli.durations import Duration
from spbe_audit.cli.log_lines import LogFormat, log_as
from spbe_audit.report import formats
from spbe_audit.severity import Severity

DEFAULT_STORE = Path("spbe-audit.db")
DEFAULT_OUTPUT = Path("spbe-audit-report")
MANUAL_ANSWERS = "manual-answers.yaml"
WAIVERS = "waivers.yaml"
FORMATS = ("html", "json", "csv")
"""What is written unless something else is asked for: no more than we need is installed for it."""

F = TypeVar("F", bound=Callable[..., Any])


def _option(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, **settings)


store_option = _option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_STORE,
    show_default=True,
    help="The evidence file.",
)
run_option = _option("--run", "run_id", metavar="ID", help="A run in the file. [default: newest]")
policy_option = _option(
    "--policy",
    metavar="P",
    help="A policy's name or file. [default: the target list's, else spbe]",
)
checks_option = _option(
    "--checks",
    "check_folders",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="A folder with checks of your own; may be repeated.",
)
answers_option = _option(
    "--answers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"The auditor's own answers. [default: {MANUAL_ANSWERS}, where there is one]",
)
waivers_option = _option(
    "--waivers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Findings whose risk was accepted for a while. [default: {WAIVERS}, where there is one]",
)
output_option = _option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_OUTPUT,
    show_default=True,
    help="The folder for the report.",
)
format_option = _option(
    "--format",
    "formats",
    type=click.Choice(formats.FORMATS),
    multiple=True,
    default=FORMATS,
    show_default=True,
    help="May be repeated; index.html is always written.",
)
language_option = _option(
    "--language",
    type=click.Choice(["id,en", "en,id", "id", "en"]),
    default="id,en",
    show_default=True,
    help="The languages of the pages, which link to each other. All else is in the first.",
)
templates_option = _option(
    "--templates",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A folder with templates, words and a branding.yaml of your own.",
)
time_zone_option = _option(
    "--time-zone",
    metavar="ZONE",
    help="The zone of the times in the report. [default: the target list's, else Asia/Jakarta]",
)
fail_on_option = _option(
    "--fail-on",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.MEDIUM.value,
    show_default=True,
    help="Exit with 1 when a finding is at least this severe.",
)
only_changes_option = _option(
    "--only-changes",
    is_flag=True,
    help="Speak only of what is new since the last run, also in the exit code.",
)
notify_option = _option(
    "--notify",
    metavar="TARGET",
    multiple=True,
    envvar="SPBE_AUDIT_NOTIFY",
    show_envvar=True,
    help="Where each agency's news is sent, as apprise writes it; ${NAME} is filled from the"
    " environment. May be repeated.",
)
metrics_option = _option(
    "--metrics",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write figures for Prometheus' textfile collector.",
)
time_budget_option = _option(
    "--time-budget",
    type=Duration(),
    metavar="TIME",
    help="Begin no more services after 90, 90s, 30m or 2h; --resume goes on with the others.",
)


def _log_from_here(ctx: click.Context, _parameter: click.Parameter, value: LogFormat) -> None:
    ctx.with_resource(log_as(value))


log_format_option = _option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    is_eager=True,  # what is wrong with other options is told in this form too
    expose_value=False,
    callback=_log_from_here,
    help="How progress and problems are written to standard error.",
)
