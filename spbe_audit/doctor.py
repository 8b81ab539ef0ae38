"""What is installed, and what to do about what is not."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sqlite3
import ssl
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from spbe_audit.errors import ReportError
from spbe_audit.report.pdf_document import load_weasyprint
from spbe_audit.version import VERSION

_EARLIEST_SANE_YEAR = 2026


@dataclass(frozen=True, slots=True)
class Examination:
    """One thing that was looked at; ``advice`` is empty where nothing is to be done.

    ``needed`` tells whether a scan is impossible without it.
    """

    subject: str
    found: str
    good: bool
    needed: bool
    advice: str = ""


def examine(folder: Path) -> tuple[Examination, ...]:
    """Look at the machine and at the folder in which evidence would be written."""
    return (
        Examination("spbe-audit", VERSION, good=True, needed=True),
        _python(),
        Examination("OpenSSL of Python", ssl.OPENSSL_VERSION, good=True, needed=True),
        Examination("SQLite", sqlite3.sqlite_version, good=True, needed=True),
        _library("sslyze", "TLS probe"),
        _library("cryptography", "certificates"),
        _library("certifi", "the pinned Mozilla store"),
        _nmap(),
        _workbook("XlsxWriter", "xlsxwriter", "--format xlsx and followup export"),
        _workbook("openpyxl", "openpyxl", "followup import"),
        _print(),
        _messenger(),
        _clock(),
        _folder(folder),
    )


def _python() -> Examination:
    return Examination("Python", platform.python_version(), good=True, needed=True)


def _library(name: str, purpose: str) -> Examination:
    if importlib.util.find_spec(name) is None:
        advice = f"pip install {name}"
        return Examination(name, f"missing ({purpose})", good=False, needed=True, advice=advice)
    return Examination(name, version(name), good=True, needed=True)


def _nmap() -> Examination:
    path = shutil.which("nmap")
    if path is None:
        return Examination(
            "nmap",
            "missing; ports are scanned by spbe-audit itself",
            good=False,
            needed=False,
            advice=_install_advice("nmap"),
        )
    shown = subprocess.run(  # noqa: S603 - the path is the one that the system gave
        [path, "--version"], capture_output=True, text=True, timeout=10, check=False
    )
    first_line = shown.stdout.partition("\n")[0] or "does not run"
    return Examination("nmap", first_line, good=shown.returncode == 0, needed=False)


def _workbook(name: str, module: str, use: str) -> Examination:
    if importlib.util.find_spec(module) is None:
        return Examination(
            name,
            f"missing; {use} needs it",
            good=False,
            needed=False,
            advice="pip install 'spbe-audit[xlsx]'",
        )
    return Examination(name, version(module), good=True, needed=False)


def _print() -> Examination:
    try:
        found: str = load_weasyprint().__version__
    except ReportError as error:
        return Examination(
            "WeasyPrint",
            "missing or without its libraries; --format pdf needs it",
            good=False,
            needed=False,
            advice=error.advice,
        )
    return Examination("WeasyPrint", found, good=True, needed=False)


def _messenger() -> Examination:
    if importlib.util.find_spec("apprise") is None:
        return Examination(
            "apprise",
            "missing; --notify needs it",
            good=False,
            needed=False,
            advice="pip install 'spbe-audit[notify]'",
        )
    return Examination("apprise", version("apprise"), good=True, needed=False)


def _clock() -> Examination:
    now = datetime.now(UTC)
    good = now.year >= _EARLIEST_SANE_YEAR
    advice = "" if good else "Set the clock, best by NTP: certificates are judged by it"
    return Examination(
        "Clock", now.isoformat(timespec="seconds"), good=good, needed=True, advice=advice
    )


def _folder(folder: Path) -> Examination:
    free = shutil.disk_usage(folder).free
    megabytes = free // 1_000_000
    good = megabytes > 100  # noqa: PLR2004 - room for a run of some hundred services
    advice = "" if good else "Free some space, or choose another folder with --store"
    return Examination("Free space here", f"{megabytes} MB", good=good, needed=True, advice=advice)


def _install_advice(package: str) -> str:
    if sys.platform == "darwin":
        return f"brew install {package}"
    if sys.platform == "win32":
        return f"Install {package} with its own installer"
    return f"sudo apt install {package} (or the like of your distribution)"
