"""The machine that a measurement was made on, as Markdown."""

from __future__ import annotations

import os
import platform
import re
import ssl
import subprocess
from collections.abc import Iterable
from pathlib import Path

_KIB_PER_GIB = 1024 * 1024


def machine_table(programs: Iterable[tuple[str, str]]) -> str:
    """Processor, memory, system and the versions of the programs that took part, one a line."""
    rows = [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{_memory_gib():.0f} GiB"),
        ("system", f"{_system()}, Linux {platform.release()}"),
        ("Python", f"{platform.python_version()}, {ssl.OPENSSL_VERSION}"),
        ("nginx", _nginx_version()),
        *programs,
    ]
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join(lines) + "\n"


def _processor() -> str:
    told = re.search(
        r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE
    )
    return told[1] if told else platform.machine()


def _memory_gib() -> float:
    told = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text("utf-8"), re.MULTILINE)
    return int(told[1]) / _KIB_PER_GIB if told else 0.0


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()


def _nginx_version() -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    told = subprocess.run(
        ["nginx", "-V"],  # noqa: S607 - wherever the system keeps it
        env={"PATH": path},
        capture_output=True,
        check=False,
        text=True,
    ).stderr
    server, library = re.search(r"nginx/(\S+)", told), re.search(r"OpenSSL (\S+)", told)
    return ", OpenSSL ".join(found[1] for found in (server, library) if found)
