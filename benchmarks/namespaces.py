"""Network namespaces of our own: what runs in one can reach nothing but what was put there."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_START_LIMIT = 10.0
_PROGRAMS = ("ip", "nsenter", "setpriv", "unshare")


class NamespaceError(Exception):
    """No namespace could be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, known by a process that does nothing but hold it."""

    pid: int

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The command line that runs ``arguments`` inside."""
        return [_program("nsenter"), f"--target={self.pid}", "--net", "--", *arguments]

    def configure(self, *settings: str) -> None:
        """Run iproute2's ``ip`` inside, once for each line of arguments."""
        for line in settings:
            command = self.command([_program("ip"), *line.split()])
            subprocess.run(command, check=True)  # noqa: S603 - the words are this package's own

    def connections_opened(self) -> int:
        """TCP connections begun from inside so far, as the kernel counts them."""
        return _active_opens(Path(f"/proc/{self.pid}/net/snmp").read_text())

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Move the calling thread inside, until the block ends. Sockets made there stay there."""
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path(f"/proc/{self.pid}/ns/net").open() as there:
                _set_namespace(there.fileno())
            try:
                yield
            finally:
                _set_namespace(home.fileno())


def why_not() -> str:
    """Why namespaces and delay links cannot be made here and what to do, or ''."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}: apt install iproute2 util-linux"
    if os.geteuid() != 0:
        return (
            "network namespaces need root: run this as root, or put"
            " 'unshare --user --map-root-user' before the command"
        )
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "there is no /dev/net/tun: load the kernel's module tun, or give it to the container"
    return ""


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A new namespace with loopback up and nothing else. Raises NamespaceError."""
    if reason := why_not():
        raise NamespaceError(reason)
    # The holder dies with us, and the namespace with the holder, even when we are killed.
    holding = [_program("setpriv"), "--pdeathsig", "KILL", _program("unshare"), "--net"]
    holder = subprocess.Popen([*holding, "sleep", "infinity"])  # noqa: S603 - all words are ours
    try:
        _wait_for_own_namespace(holder)
        made = Namespace(holder.pid)
        made.configure("link set lo up")
        yield made
    finally:
        holder.kill()
        holder.wait()


def _wait_for_own_namespace(holder: subprocess.Popen[bytes]) -> None:
    home = Path("/proc/self/ns/net").readlink()
    limit = time.monotonic() + _START_LIMIT
    while Path(f"/proc/{holder.pid}/ns/net").readlink() == home:
        if holder.poll() is not None or time.monotonic() > limit:
            raise NamespaceError("unshare --net failed: is this user allowed to make namespaces?")
        time.sleep(0.002)


def _set_namespace(descriptor: int) -> None:
    # os.setns came with Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


def _active_opens(counters: str) -> int:
    """The counter ActiveOpens of a text in the form of /proc/net/snmp."""
    names, values = (line.split() for line in counters.splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("ActiveOpens")])


def _program(name: str) -> str:
    return shutil.which(name) or name
