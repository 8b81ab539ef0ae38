"""One run at a time on an evidence file: an advisory lock that dies with its holder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from spbe_audit.errors import StoreLockedError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextmanager
def hold_lock(store: Path, *, since: datetime) -> Iterator[None]:
    """Hold the lock beside ``store`` (``<store>.lock``) for the length of the block.

    The operating system frees it when the process ends, however it ends. Raises StoreLockedError
    at once when another process holds it.
    """
    path = store.with_name(store.name + ".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _try_lock(descriptor):
            raise _locked(store, path)
        holder = json.dumps({"pid": os.getpid(), "since": since.isoformat(timespec="seconds")})
        os.ftruncate(descriptor, 0)
        os.write(descriptor, holder.encode("ascii"))
        yield
    finally:
        os.close(descriptor)


def _locked(store: Path, lock: Path) -> StoreLockedError:
    try:
        holder = json.loads(lock.read_text("ascii"))
        who = f"process {int(holder['pid'])} since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    error = StoreLockedError(f"{store} is in use by {who}")
    error.advice = "Wait until that run has ended, or give this one another file with --store"
    return error
