"""A scan that ends in time: what was not reached is told, kept, and done by the next --resume."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path

import click
import pytest

from spbe_audit.cli.commands import run as command_line
from spbe_audit.cli.durations import Duration
from spbe_audit.network import Deadlines
from spbe_audit.scan_options import ScanOptions
from spbe_audit.scanner import scan
from spbe_audit.store import Store
from spbe_audit.time_limit import TimeLimit
from tests.servers.inboxes import web_site

PATIENT = Deadlines(connect=0.5, exchange=0.6, http=0.6, tls=0.6, dns=0.6, ports=0.6, uptime=0.6)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("1.5m", 90), ("30m", 1800), ("2h", 7200), (" 5 ", 5)],
)
def test_a_length_of_time(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1d", "2h30m", "1e3", "inf", "nan", "٣"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 90, 90s, 30m or 2h"):
        Duration().convert(text, None, None)


def test_no_service_is_begun_when_the_time_is_over_and_resume_goes_on() -> None:
    """Nobody answers at the port, so each service takes as long as it may."""
    with socket.create_server(("127.0.0.1", 0)) as silent, Store.in_memory() as store:
        port = silent.getsockname()[1]
        targets = [f"http://127.0.0.1:{port}/{n}" for n in range(12)]
        options = ScanOptions(
            families=("uptime",),
            services_at_once=1,
            uptime_samples=1,
            confirm_after=0.1,
            deadlines=PATIENT,
            time_budget=1.0,
        )
        began = time.monotonic()
        first = scan(targets, store=store, options=options)
        assert time.monotonic() - began < 1.0 + options.grace + 1.5
        assert first.not_reached
        assert first.evidence.summary.finished is None
        assert store.verify() == ()
        again = scan(
            targets,
            store=store,
            options=ScanOptions(
                families=("uptime",), uptime_samples=1, confirm_after=0.1, deadlines=PATIENT
            ),
            resume=True,
        )
        assert again.evidence.id == first.evidence.id
        assert again.not_reached == ()
        assert again.evidence.summary.finished
        assert store.verify() == ()


def test_what_is_cut_leaves_no_record_of_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any grace the probes are given up while they wait for an answer."""
    monkeypatch.setattr(ScanOptions, "grace", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as silent, Store.in_memory() as store:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        result = scan([url], store=store, options=ScanOptions(families=("http",), time_budget=0.5))
        assert len(result.not_reached) == 1
        assert result.evidence.summary.finished is None
        assert result.evidence.summary.footprint["attempts"] == 0
        assert store.verify() == ()


def test_only_its_own_end_is_silent() -> None:
    async def wait() -> float:
        now = asyncio.get_running_loop().time()
        async with TimeLimit(no_more=now, cut=now + 0.05).enforced():
            await asyncio.sleep(5)
        return asyncio.get_running_loop().time() - now

    async def fail() -> None:
        async with TimeLimit().enforced():
            raise TimeoutError("of somebody else")

    assert asyncio.run(wait()) < 3
    with pytest.raises(TimeoutError, match="somebody else"):
        asyncio.run(fail())


def test_the_command_reports_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with web_site() as site:
        arguments = ["scan", site.url, "--only", "cookie", "--output", "out", "--format", "json"]
        quiet = [*arguments, "--only-changes", "--quiet", "--resume", "--log-format", "json"]
        assert command_line([*quiet, "--time-budget", "0.001", "--metrics", "x.prom"]) == 3
        told = json.loads(capsys.readouterr().err)
        assert told["event"] == "time_over"
        assert told["not_reached"] == 1
        assert "--resume" in told["message"]
        assert "spbe_audit_run_services_not_reached 1" in Path("x.prom").read_text()
        said = {one["reason"] for one in json.loads(Path("out/audit.json").read_text())["findings"]}
        assert said == {"not_probed"}
        assert command_line([*quiet, "--time-budget", "2m"]) == 0
        assert not capsys.readouterr().err
    with Store.open_existing(Path("spbe-audit.db")) as store:
        (run,) = store.runs()
        assert run.finished
        assert store.verify() == ()
