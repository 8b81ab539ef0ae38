"""The command line as its users meet it: words, files, exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spbe_audit.cli.commands import run

FIVE_MISTAKES = """\
engagement:
  letter: ST-1
  issued_by: Inspektur
  valid: {from: 2026-13-01, until: 2026-12-31}
  scope: ["127.0.0.0/8"]
  contcat: csirt@example.go.id
agencies:
  - id: a
    name: A
    services:
      - {id: one, name: One, url: "gopher://127.0.0.1"}
      - {id: one, name: Two, url: "https://127.0.0.1", kind: publik}
"""


class CountingListener:
    """A listener that counts who connects, and answers nobody."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.connections = 0
        self._socket = socket.create_server((address, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def listener() -> Iterator[CountingListener]:
    listener = CountingListener()
    yield listener
    listener.close()


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_five_mistakes_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("targets.yaml").write_text(FIVE_MISTAKES)
    assert run(["scan", "targets.yaml"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line.split(":")[1] for line in lines] == ["4", "6", "11", "12", "12"]
    assert all(line.startswith("targets.yaml:") for line in lines)
    assert "contact" in lines[1]
    assert "public-service" in lines[4] or "public-service" in lines[3]
    assert not Path("spbe-audit.db").exists()


def test_a_target_out_of_scope_gets_no_packet(
    capsys: pytest.CaptureFixture[str], listener: CountingListener
) -> None:
    Path("targets.yaml").write_text(
        "engagement:\n  letter: ST-1\n  issued_by: I\n"
        "  valid: {from: 2020-01-01, until: 2099-12-31}\n"
        '  scope: ["*.example.go.id", "10.0.0.0/8"]\n  contact: c@example.go.id\n'
        "agencies:\n  - id: a\n    name: A\n    services:\n"
        f"      - {{id: one, name: One, url: 'https://127.0.0.1:{listener.port}'}}\n"
    )
    assert run(["scan", "targets.yaml"]) == 4
    assert 'add "127.0.0.1" to engagement.scope' in capsys.readouterr().err
    assert listener.connections == 0


def test_without_an_engagement_only_loopback_is_scanned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["scan", "https://192.0.2.1"]) == 4
    assert "Add an engagement section" in capsys.readouterr().err


def test_an_engagement_that_is_over_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("targets.yaml").write_text(
        "engagement:\n  letter: ST-1\n  issued_by: I\n"
        "  valid: {from: 2020-01-01, until: 2020-12-31}\n"
        '  scope: ["127.0.0.0/8"]\n  contact: c@example.go.id\n'
        "agencies:\n  - {id: a, name: A, services: [{id: s, name: S, url: 'https://127.0.0.1'}]}\n"
    )
    assert run(["targets", "validate", "targets.yaml"]) == 4
    assert "it is valid from" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["scan"],
        ["scan", "nothing-here.yaml"],
        ["scan", "https://127.0.0.1", "--policy", "no-such-policy"],
        ["scan", "https://127.0.0.1", "--only", "tsl"],
        ["evaluate", "--store", "nothing.db"],
        ["report", "--store", "nothing.db"],
        ["verify", "--store", "nothing.db"],
        ["checks", "show", "tls.modern_versoin"],
        ["policies", "show", "spbee"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_explained_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr().err
    assert shown.strip()
    assert "Traceback" not in shown


def test_a_near_word_is_offered(capsys: pytest.CaptureFixture[str]) -> None:
    run(["checks", "show", "tls.modern_versoin"])
    assert "tls.modern_version" in capsys.readouterr().err


def test_a_service_that_cannot_be_judged_ends_with_three(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    arguments = ["--only", "http", "--output", "out", "--format", "json"]
    assert run(["scan", f"https://127.0.0.1:{port}/", *arguments]) == 3
    assert "refused" in capsys.readouterr().out
    document = json.loads(Path("out/audit.json").read_text())
    said = {(finding["verdict"], finding["reason"]) for finding in document["findings"]}
    assert said == {("unknown", "refused"), ("not_applicable", "one_address")}


def test_stored_evidence_is_judged_and_reported_without_the_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["scan", "http://127.0.0.1:9/", "--only", "http", "--output", "one", "--quiet"])

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert run(["verify"]) == 0
    assert "good: run" in capsys.readouterr().out
    assert run(["evaluate", "--policy", "spbe-intranet"]) == 3
    assert "Policy spbe-intranet" in capsys.readouterr().out
    assert run(["report", "--output", "two", "--quiet"]) == 0
    assert run(["report", "--output", "three", "--quiet"]) == 0
    for path in Path("two").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == Path("three", *path.parts[1:]).read_bytes()


def test_the_store_and_the_report_are_readable_by_their_owner_only() -> None:
    run(["scan", "http://127.0.0.1:9/", "--only", "http", "--output", "out", "--quiet"])
    written = [Path("spbe-audit.db"), *(p for p in Path("out").rglob("*") if p.is_file())]
    assert len(written) > 3
    assert {oct(path.stat().st_mode & 0o777) for path in written} == {"0o600"}


def test_manual_answers_beside_the_target_list_are_merged() -> None:
    Path("audit").mkdir()
    Path("audit/targets.txt").write_text("http://127.0.0.1:9/\n")
    Path("audit/manual-answers.yaml").write_text(
        "answers:\n  - control: bssn-4-2021:p27-a1-a\n    answer: tidak sesuai\n"
        "    by: Siti\n    date: 2026-11-20\n    reference: SOP 7\n"
    )
    run(["scan", "audit/targets.txt", "--only", "http", "--output", "out", "--quiet"])
    controls = {
        one["id"]: one for one in json.loads(Path("out/audit.json").read_text())["controls"]
    }
    assert controls["bssn-4-2021:p27-a1-a"]["status"] == "not_conforming"
    assert controls["bssn-4-2021:p27-a1-a"]["manual_answer"]["by"] == "Siti"
    assert controls["bssn-4-2021:p27-a1-b"]["status"] == "manual"


def test_init_writes_what_targets_validate_accepts() -> None:
    assert run(["init", "audit"]) == 0
    assert Path("audit/targets.yaml").is_file()
    assert run(["init", "audit"]) == 2


@pytest.mark.parametrize(
    "command",
    [
        "checks list",
        "checks show tls.offered",
        "policies list",
        "policies show spbe",
        "policies validate spbe spbe-intranet",
        "doctor",
        "--help",
        "--version",
        *(
            f"{name} --help"
            for name in (
                "scan",
                "evaluate",
                "followup",
                "followup export",
                "followup import",
                "followup list",
                "report",
                "sample",
                "verify",
                "demo",
                "checks",
                "policies",
                "targets",
                "doctor",
                "init",
            )
        ),
    ],
)
def test_every_command_speaks(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command.split()) == 0
    shown = capsys.readouterr().out
    assert shown.strip()
    assert "\\b" not in shown


def test_a_defect_is_told_from_a_wrong_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("spbe_audit.cli.checks_command.load_catalogue", broken)
    assert run(["checks", "list"]) == 5
    assert "A defect in spbe-audit: ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("signal_number", "expected"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_stopped_scan_is_resumed(tmp_path: Path, signal_number: int, expected: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        targets = "\n".join(f"https://127.0.0.1:{port}/{n}" for n in range(3))
        Path("targets.txt").write_text(f"https://127.0.0.1:1/\n{targets}\n")
        arguments = ["scan", "targets.txt", "--only", "http", "--output", "out", "--quiet"]
        process = subprocess.Popen(
            [sys.executable, "-m", "spbe_audit", *arguments],
            cwd=tmp_path,
            stderr=subprocess.DEVNULL,
            env={**os.environ},
        )
        _wait_for_records(tmp_path / "spbe-audit.db")
        process.send_signal(signal_number)
        assert process.wait(20) == expected
    assert run([*arguments, "--resume"]) == 3
    assert run(["verify"]) == 0


def _wait_for_records(store: Path) -> None:
    """Wait until the scan has begun to write."""
    for _ in range(100):
        if store.exists() and store.stat().st_size > 0:
            time.sleep(1.0)
            return
        time.sleep(0.1)
    raise AssertionError("the scan never began")
