"""One run and one sampler at a time on an evidence file: locks that die with their holders."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from spbe_audit.errors import StoreError, StoreLockedError

RUN_LOCK = ".lock"
SAMPLE_LOCK = ".sample.lock"
"""Beside the other, so that a scan of hours does not keep samples from being taken."""
_PAUSE = 0.2

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
def hold_lock(
    store: Path, *, since: datetime, suffix: str = RUN_LOCK, patience: float = 0.0
) -> Iterator[None]:
    """Hold the lock beside ``store`` (its name and ``suffix``) for the length of the block.

    The operating system frees it when the process ends, however it ends. Raises StoreLockedError
    when another process holds it, at once or after so many seconds of ``patience``, StoreError
    where it cannot be made.
    """
    path = store.with_name(store.name + suffix)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        problem = StoreError(f"{path}: {error.strerror}")
        problem.advice = "Name a file in a folder that you can write to with --store"
        raise problem from error
    try:
        end = time.monotonic() + patience
        while not _try_lock(descriptor):
            if time.monotonic() >= end:
                raise _locked(store, path)
            time.sleep(_PAUSE)
        holder = json.dumps({"pid": os.getpid(), "since": since.isoformat(timespec="seconds")})
        with suppress(OSError):  # who it is helps others, but on a full disk it cannot be said
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
