"""The lines and units that `init` writes do what they say, as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spbe_audit.initialise import write_starter_files
from spbe_audit.store import Store
from tests.servers.inboxes import web_site

BIN = Path(sys.executable).parent
INSTALLED = "/opt/spbe-audit/bin/"
FIELDS = 5


def cron_lines(folder: Path) -> tuple[dict[str, str], list[str]]:
    """The assignments and the commands of the crontab, read as cron does."""
    assignments, commands = {}, []
    for line in (folder / "crontab.example").read_text("utf-8").splitlines():
        if assigned := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            assignments[assigned[1]] = assigned[2]
        elif line and not line.startswith("#"):
            commands.append(line.split(None, FIELDS)[FIELDS])
    return assignments, commands


def small_list(folder: Path, url: str) -> None:
    (folder / "targets.yaml").write_text(
        "defaults: {ports: {expected: []}}\n"
        "agencies:\n  - id: dinas\n    name: Dinas Contoh\n    services:\n"
        f"      - {{id: portal, name: Portal, url: '{url}', kind: public-service}}\n"
    )


def test_the_lines_of_the_crontab_run_as_written(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    write_starter_files(folder)
    assignments, commands = cron_lines(folder)
    assert assignments["PATH"].startswith(INSTALLED.rstrip("/"))
    environment = {
        "PATH": f"{BIN}:{assignments['PATH']}",
        "HOME": str(tmp_path),
        "AUDIT_DIR": str(folder),
        "NO_PROXY": "*",
    }
    nightly, sample = commands
    with web_site() as site:
        small_list(folder, site.url)
        first = run(sample, environment)
        assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
        done = run(nightly, environment)
    assert done.returncode == 1, done.stderr
    assert "which is the first" in done.stdout
    assert "http.https_available" in done.stdout
    assert (folder / "laporan" / "index.html").is_file()
    assert "spbe_audit_run_finished 1\n" in (folder / "spbe-audit.prom").read_text()
    with Store.open_existing(folder / "spbe-audit.db") as store:
        assert [info.finished is not None for info in store.runs()] == [True]


def run(command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command as cron does."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_unit_and_crontab_run_the_same_command(tmp_path: Path) -> None:
    write_starter_files(tmp_path)
    unit = (tmp_path / "spbe-audit.service").read_text("utf-8")
    started = re.search(r"^ExecStart=(\S+) (.*)$", unit, re.MULTILINE)
    assert started
    assert started[1] == f"{INSTALLED}spbe-audit"
    nightly = cron_lines(tmp_path)[1][0].partition("spbe-audit ")[2]
    assert started[2] == f"{nightly} --log-format json"
    for line in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="):
        assert f"\n{line}\n" in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    write_starter_files(tmp_path)
    units = [tmp_path / "spbe-audit.service", tmp_path / "spbe-audit.timer"]
    text = units[0].read_text("utf-8")
    units[0].write_text(text.replace(INSTALLED, f"{BIN}/"))
    assert accepted(units).returncode == 0, accepted(units).stderr
    assert not accepted(units).stderr
    units[0].write_text(text.replace("ProtectSystem=strict", "ProtectSystem=strictly"))
    assert accepted(units).stderr


def accepted(units: list[Path]) -> subprocess.CompletedProcess[str]:
    """What systemd says of units."""
    return subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", *map(str, units)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
