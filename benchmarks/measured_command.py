"""Runs a command in a namespace and measures what it costs."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.namespaces import Namespace

_LOOK_EVERY = 0.01
_LOOK_FOR_CHILDREN_EVERY = 0.05
_KIB = 1024
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost.

    ``cpu_seconds`` are those of the command and of its children; ``peak_bytes`` is the largest sum
    of the peaks of resident memory of its processes that lived at the same time, seen by looking
    every 10 ms (memory that processes share counts for each); ``connections`` are the TCP
    connections begun in the namespace meanwhile. ``finished`` is false where it was cut short.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    connections: int
    finished: bool = True


def measure(
    namespace: Namespace, command: Sequence[str], folder: Path, *, limit: float = 900.0
) -> Cost:
    """Run a command inside and wait for it, killing it after ``limit`` seconds.

    What it prints goes to ``folder``/output.txt and errors.txt, and ``folder`` is where it runs.
    Its exit code is not judged: several scanners end with one that is not 0 when they find a fault.
    """
    before = namespace.connections_opened()
    with (folder / "output.txt").open("wb") as output, (folder / "errors.txt").open("wb") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - the words are this package's own
            namespace.command(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=folder,
            start_new_session=True,
        )
        family = _Family(process.pid)
        finished = _watch(process.pid, family, begun + limit)
        if not finished:
            os.killpg(process.pid, signal.SIGKILL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(
        seconds=seconds,
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_bytes=family.peak_bytes,
        connections=namespace.connections_opened() - before,
        finished=finished,
    )


class _Family:
    """A process and its descendants, as /proc shows them now and then."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._members = {root}
        self._strangers: set[int] = set()
        self._next_search = 0.0
        self.peak_bytes = 0

    def look(self) -> None:
        """Add up the memory of those who live."""
        now = time.monotonic()
        if now >= self._next_search:
            self._search()
            self._next_search = now + _LOOK_FOR_CHILDREN_EVERY
        peaks = {pid: _peak_bytes(pid) for pid in self._members}
        self._members = {pid for pid, peak in peaks.items() if peak or pid == self._root}
        self.peak_bytes = max(self.peak_bytes, sum(peaks.values()))

    def _search(self) -> None:
        """Find new descendants: processes whose numbers are above the root's, parents first."""
        above = {int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()}
        for pid in sorted(pid for pid in above if pid > self._root):
            if pid not in self._members and pid not in self._strangers:
                parent = _parent(pid)
                (self._members if parent in self._members else self._strangers).add(pid)


def _watch(pid: int, family: _Family, until: float) -> bool:
    """Look at the family until the process ends; false when the time is over before."""
    descriptor = os.pidfd_open(pid)
    try:
        while time.perf_counter() < until:
            ended, _, _ = select.select([descriptor], (), (), _LOOK_EVERY)
            if ended:
                return True
            family.look()
    finally:
        os.close(descriptor)
    return False


def _peak_bytes(pid: int) -> int:
    """The peak of a process's resident memory; 0 when it is gone."""
    try:
        lines = (_PROC / str(pid) / "status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return 0
    told = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(next(told, "0")) * _KIB


def _parent(pid: int) -> int:
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])
