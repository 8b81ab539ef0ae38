"""--log-format json: every line of standard error is one object, whatever happens."""

from __future__ import annotations

import json
import logging
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from spbe_audit.cli.commands import run as command_line
from spbe_audit.cli.log_lines import begin, log_as, say


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What standard error holds; each line must be whole."""
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    for line in found:
        assert datetime.fromisoformat(line["time"]).tzinfo
        assert line["level"] in {"info", "warning", "error"}
        assert line["event"]
        assert line["message"]
    return found


@pytest.mark.parametrize(
    ("arguments", "code", "event"),
    [
        (["nothing-here.yaml"], 2, "refused"),
        (["https://192.0.2.1"], 4, "refused"),
        (["https://127.0.0.1", "--only", "tsl"], 2, "wrong_usage"),
        (["https://127.0.0.1", "--time-budget", "soon"], 2, "wrong_usage"),
        (["https://127.0.0.1", "--notify", "nosuch://x"], 2, "refused"),
    ],
)
def test_errors_are_objects_too(
    arguments: list[str], code: int, event: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command_line(["scan", *arguments, "--log-format", "json"]) == code
    told = lines(capsys)
    assert told[-1]["event"] == event
    assert told[-1]["level"] == "error"


def test_the_next_command_speaks_plainly_again(capsys: pytest.CaptureFixture[str]) -> None:
    command_line(["scan", "nothing-here.yaml", "--log-format", "json"])
    command_line(["scan", "nothing-here.yaml"])
    first, second = capsys.readouterr().err.splitlines()[:2]
    assert first.startswith("{")
    assert not second.startswith("{")
    assert logging.getLogger().level == logging.WARNING


def test_a_defect_is_an_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("spbe_audit.cli.scan_command.load_target_arguments", broken)
    assert command_line(["scan", "x", "--log-format", "json"]) == 5
    assert [line["event"] for line in lines(capsys)] == ["defect"]


def test_the_library_speaks_in_the_same_log(capsys: pytest.CaptureFixture[str]) -> None:
    with log_as("json"):
        say("one\nline \x1b[31m\udfff", event="own", number=3)
        try:
            int("bad")
        except ValueError:
            logging.getLogger("spbe_audit.scanner").exception("defect in %s", "a probe")
        logging.getLogger("urllib3.connectionpool").warning("https://host/secret-token")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", DeprecationWarning, stacklevel=1)
    begin()
    own, defect, warning = lines(capsys)
    assert own["number"] == 3
    assert own["message"].startswith("one\nline")
    assert defect["level"] == "error"
    assert "ValueError: invalid literal" in defect["exception"]
    assert "old" in warning["message"]
