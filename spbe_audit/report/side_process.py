"""Work in a process of its own beside the work of this one, where the system can fork."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Work(Protocol):
    """Something to be done; it is told whether that is in a process of its own."""

    def __call__(self, *, elsewhere: bool) -> None:
        """Do it."""
        ...


@contextmanager
def beside(work: Work, *, worthwhile: bool) -> Iterator[Callable[[], None]]:
    """Do some work while the block runs; the block calls what it is given to wait for the work.

    Where the work cannot be had beside, or fails there, it is done where the block waits: what goes
    wrong with it is raised there. A process that is still at work when the block fails is ended.
    """

    def do_it_here() -> None:
        work(elsewhere=False)

    if not (worthwhile and can_fork()):
        yield do_it_here
        return
    process = multiprocessing.get_context("fork").Process(target=_quietly, args=(work,))
    process.start()

    def wait() -> None:
        process.join()
        if process.exitcode:
            do_it_here()

    try:
        yield wait
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        process.close()


def can_fork() -> bool:
    """Whether a copy of this process can work beside it: with threads it could stand still."""
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and len(os.sched_getaffinity(0)) > 1
    )


def _quietly(work: Work) -> None:
    """Tell of a failure by the exit code alone: the work is done again where it can be told."""
    try:
        work(elsewhere=True)
    except BaseException:  # noqa: BLE001 - whatever it is happens again in the process that waits
        os._exit(1)
