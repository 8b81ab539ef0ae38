"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from spbe_audit.severity import Severity

DEFAULT_STORE = Path("spbe-audit.db")
DEFAULT_OUTPUT = Path("spbe-audit-report")
MANUAL_ANSWERS = "manual-answers.yaml"
FORMATS = ("html", "json", "csv")

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
    type=click.Choice(FORMATS),
    multiple=True,
    default=FORMATS,
    show_default=True,
    help="May be repeated; index.html is always written.",
)
language_option = _option(
    "--language",
    type=click.Choice(["id", "en"]),
    default="id",
    show_default=True,
    help="The language of the report.",
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
