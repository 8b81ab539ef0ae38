"""Whom a scan tells of its outcome beside the report: messages to people, figures to a monitor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from click.core import ParameterSource

from spbe_audit.cli.judging import Rules, historian_of
from spbe_audit.cli.log_lines import say
from spbe_audit.delivery import Target, deliver, holds_secret, read_targets
from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment
from spbe_audit.judgement import Judgement
from spbe_audit.messages import messages_of
from spbe_audit.news import News, news_of, open_now
from spbe_audit.over_time import Comparison
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.labels import load_labels
from spbe_audit.report.languages import languages_of
from spbe_audit.report.metrics_document import (
    Ending,
    metrics_text,
    refuse_metrics,
    write_metrics,
)
from spbe_audit.report.templates import Templates
from spbe_audit.store import Store


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where messages and metrics go."""

    targets: tuple[Target, ...]
    metrics: Path | None


@dataclass(frozen=True, slots=True)
class Tidings:
    """A compared assessment with its news, and the same in short."""

    assessment: Assessment
    present: Judgement
    news: News


def find_listeners(notify: Sequence[str], metrics: Path | None) -> Listeners:
    """Make ready to tell, so that mistakes are told before anything is scanned.

    Raises NotificationError and ReportError.
    """
    source = click.get_current_context().get_parameter_source("notify")
    if source is ParameterSource.COMMANDLINE:
        for place, target in enumerate(notify, 1):
            if holds_secret(target):
                _warn_of_secret(place)
    if metrics:
        refuse_metrics(metrics)
    return Listeners(read_targets(notify, os.environ), metrics)


def find_tidings(store: Store, assessment: Assessment, rules: Rules, time_zone: str) -> Tidings:
    """The news of an assessment that has been compared."""
    present = historian_of(store, rules, quiet=True).in_short(assessment)
    earlier = _earlier(store, assessment.comparison)
    news = news_of(assessment, present, earlier, zone=ZoneInfo(time_zone))
    return Tidings(assessment, present, news)


def send_messages(
    tidings: Tidings,
    listeners: Listeners,
    rules: Rules,
    *,
    language: str,
    time_zone: str,
    templates: Templates,
    report: Path,
) -> None:
    """Send each agency's news to every target. What fails is told, and costs nothing else."""
    if not listeners.targets or not tidings.news.fresh:
        return
    assessment = tidings.assessment
    narrators = [
        narrator_for(assessment, rules.catalogue, load_labels(one, time_zone, templates))
        for one in languages_of(language)
    ]
    messages = messages_of(assessment, tidings.news, narrators, report=str(report.resolve()))
    for failed in deliver(listeners.targets, messages):
        say(
            f"Not delivered: {failed.missing} of {failed.of} messages to {failed.target.name}."
            " The run is not affected. Check its address, and that its server answers.",
            event="not_delivered",
            level="warning",
            target=failed.target.place,
            kind=failed.target.kind,
            missing=failed.missing,
        )


def put_metrics(
    tidings: Tidings, listeners: Listeners, *, exit_code: int, not_reached: int, left_out: int
) -> None:
    """Write the metrics, where they are wanted. What fails is told, and costs nothing else."""
    if listeners.metrics is None:
        return
    text = metrics_text(
        tidings.assessment,
        tidings.news,
        Ending(datetime.now(UTC), exit_code, not_reached, left_out),
        open_now=open_now(tidings.assessment, tidings.present),
    )
    try:
        write_metrics(listeners.metrics, text)
    except ReportError as error:
        say(error.diagnostics(), event="metrics_not_written", level="warning")


def _warn_of_secret(place: int) -> None:
    say(
        f"Notification target {place} seems to hold a secret: every user of this machine can read"
        " it in the list of processes. Write ${NAME} in its place within single quotes, and set"
        " NAME in the environment; or set all of it as SPBE_AUDIT_NOTIFY.",
        event="secret_on_command_line",
        level="warning",
    )


def _earlier(store: Store, comparison: Comparison | None) -> list[Judgement]:
    """How the runs before were judged, newest first, down to one that asked everybody."""
    found: list[Judgement] = []
    if comparison is None:
        return found
    ids = [info.id for info in store.runs() if info.finished]
    for run_id in reversed(ids[: ids.index(comparison.before.id) + 1]):
        judgement = store.judgement(run_id, comparison.policy)
        if judgement:
            found.append(judgement)
            if not judgement.partial:
                break
    return found


__all__ = [
    "Listeners",
    "Tidings",
    "find_listeners",
    "find_tidings",
    "put_metrics",
    "send_messages",
]
