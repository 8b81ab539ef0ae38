"""What a command says on standard error: lines to read, or one JSON object a line for a log."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

import click

LogFormat = Literal["text", "json"]
Level = Literal["info", "warning", "error"]

_FORMAT: ContextVar[LogFormat] = ContextVar("log_format", default="text")
_NOISY = ("urllib3", "requests", "apprise", "httpx", "httpcore")
"""Libraries whose own lines hold addresses, and with them perhaps secrets."""


def begin(log_format: LogFormat = "text") -> None:
    """Say everything in this form from now on, as `main` does when a command begins."""
    _FORMAT.set(log_format)


def is_json() -> bool:
    """Whether lines are JSON objects."""
    return _FORMAT.get() == "json"


def say(message: str, *, event: str, level: Level = "info", **fields: object) -> None:
    """One line on standard error; ``event`` and ``fields`` are for programs."""
    if is_json():
        _write(_line(level, event, message, fields))
    else:
        click.echo(message, err=True)


@contextmanager
def log_as(log_format: LogFormat) -> Iterator[None]:
    """Within the block the library's own log goes the same way."""
    begin(log_format)
    if not is_json():
        yield
        return
    root = logging.getLogger()
    handler = _JsonLines()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    try:
        yield
    finally:
        logging.captureWarnings(capture=False)
        root.setLevel(before)
        root.removeHandler(handler)


class _JsonLines(logging.Handler):
    """Records of the library as lines of the same log."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_NOISY):
            return
        fields: dict[str, object] = {"logger": record.name}
        if record.exc_info:
            fields["exception"] = logging.Formatter().formatException(record.exc_info)
        level: Level = "info"
        if record.levelno >= logging.WARNING:
            level = "error" if record.levelno >= logging.ERROR else "warning"
        _write(_line(level, "log", record.getMessage(), fields))


def _line(level: Level, event: str, message: str, fields: dict[str, object]) -> str:
    document = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "event": event,
        "message": click.unstyle(message),
        **fields,
    }
    return json.dumps(document, default=str)


def _write(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


__all__ = ["Level", "LogFormat", "begin", "is_json", "log_as", "say"]
