"""A server that a test started as a process of its own: is it up, and stop it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Sequence

_START_LIMIT = 15.0
_STOP_LIMIT = 5.0


def is_up(process: subprocess.Popen[bytes], ports: Sequence[int]) -> bool:
    """Wait until a server listens on all its ports; its own exit is the sign that it could not."""
    limit = time.monotonic() + _START_LIMIT
    waiting = list(ports)
    while time.monotonic() < limit and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", waiting[0])) == 0:
                waiting.pop(0)
        if not waiting:
            return process.poll() is None
        time.sleep(0.02)
    return False


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask a server to end, and insist when it does not."""
    process.terminate()
    try:
        process.wait(timeout=_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
