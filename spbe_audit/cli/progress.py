"""How a scan's progress is shown: a bar on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from spbe_audit.cli.log_lines import is_json, say
from spbe_audit.scanner import Progress

_PLAIN_INTERVAL = 5.0
_PHASES = {"scan": "Scanning", "confirm": "Confirming"}

OnProgress = Callable[[Progress], None]


@contextmanager
def shown_progress(*, quiet: bool) -> Iterator[OnProgress]:
    """Give a callback for the scan; on standard error, so that output can be piped."""
    if quiet:
        yield _ignore
    elif sys.stderr.isatty() and not is_json():
        with _bar() as callback:
            yield callback
    else:
        yield _plain_lines()


def _ignore(_progress: Progress) -> None:
    pass


@contextmanager
def _bar() -> Iterator[OnProgress]:
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        MofNCompleteColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415 - as above

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def show(progress: Progress) -> None:
            if progress.phase not in tasks:
                tasks[progress.phase] = bar.add_task(_PHASES[progress.phase], total=progress.total)
            bar.update(tasks[progress.phase], completed=progress.done, total=progress.total)

        yield show


def _plain_lines() -> OnProgress:
    last_shown = float("-inf")

    def show(progress: Progress) -> None:
        nonlocal last_shown
        now = time.monotonic()
        if progress.done < progress.total and now - last_shown < _PLAIN_INTERVAL:
            return
        last_shown = now
        say(
            f"{_PHASES[progress.phase]}: {progress.done} of {progress.total} services,"
            f" {progress.unanswered} probes without an answer",
            event="progress",
            phase=progress.phase,
            done=progress.done,
            total=progress.total,
            unanswered=progress.unanswered,
        )

    return show
