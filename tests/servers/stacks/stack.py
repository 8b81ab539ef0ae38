"""A TLS server of one make, and how one that is a program of its own is run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from spbe_audit.evidence import TlsVersion
from tests.servers.nginx import free_ports
from tests.servers.process import is_up, stop

_TRIES = 5

SSL_3_TO_TLS_1_2 = (
    TlsVersion.SSL_3_0,
    TlsVersion.TLS_1_0,
    TlsVersion.TLS_1_1,
    TlsVersion.TLS_1_2,
)
TLS_1_0_TO_1_3 = (*SSL_3_TO_TLS_1_2[1:], TlsVersion.TLS_1_3)

EVERYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
"""All suites of OpenSSL 3.0, in its own language, with keys and hashes of any strength."""
MODERN = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True, slots=True)
class Stack:
    """One TLS server, configured to accept all that it has, or as ``name`` says.

    ``versions`` are those that it is configured to accept. ``missing`` tells what is not installed
    and how to get it, '' when nothing is missing. ``serve`` runs the server in a folder until the
    block ends, and gives its port on 127.0.0.1.
    """

    name: str
    versions: tuple[TlsVersion, ...]
    missing: Callable[[], str]
    serve: Callable[[Path], AbstractContextManager[int]]


def needs(*programs: str, package: str) -> Callable[[], str]:
    """A ``Stack.missing`` for programs that come in a Debian package."""

    def missing() -> str:
        absent = [name for name in programs if not program(name)]
        if not absent:
            return ""
        return f"{', '.join(absent)} not installed: apt install {package}"

    return missing


def program(name: str) -> str | None:
    """The path of a program, also one that only root has on the search path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


@contextmanager
def running(
    directory: Path,
    command: Callable[[int], Sequence[str]],
    *,
    environment: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """Run ``command(port)`` on a free port until the block ends; what it prints is in a log."""
    log = directory / "server.log"
    process, port = _start(log, command, {**os.environ, **(environment or {})})
    try:
        yield port
    finally:
        stop(process)
        # What it forked is in its process group, and may still hold a connection.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _start(
    log: Path, command: Callable[[int], Sequence[str]], environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(_TRIES):
        (port,) = free_ports(1)
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        if is_up(process, (port,)):
            return process, port
        stop(process)
    raise AssertionError(
        f"{command(0)[0]} did not start: {log.read_text(errors='replace')[-2000:]}"
    )
