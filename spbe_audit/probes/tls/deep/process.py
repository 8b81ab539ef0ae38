"""The parent's side of the engine: starts sslyze in a process of its own, bounds it, stops it.

sslyze has no overall deadline and its threads cannot be stopped (a server that drips one byte a
second holds them for ever), so it runs where it can be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
import time
from importlib import metadata
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from pydantic import RootModel, ValidationError

from spbe_audit.evidence import Failure, FailureKind, Tool
from spbe_audit.probes.socket_failures import short_text
from spbe_audit.probes.tls.deep.job import (
    ENGINE,
    GRACE,
    EngineJob,
    EngineReport,
    FlawsDocument,
    FlawsFound,
    JobDocument,
    ReportDocument,
)

D = TypeVar("D", bound=RootModel[Any])
_CHILD = "spbe_audit.probes.tls.deep.child"
_CHILDREN_AT_ONCE = 4
_ANSWER_LIMIT = 8 * 2**20
_ERRORS_LIMIT = 64 * 2**10
_PLACES: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


def tool() -> Tool:
    """The engine and its version, '' where it is not installed."""
    try:
        return Tool(ENGINE, metadata.version(ENGINE))
    except metadata.PackageNotFoundError:
        return Tool(ENGINE, "")


def missing() -> Failure | None:
    """Why the engine cannot be started at all, or None."""
    if importlib.util.find_spec(ENGINE) is not None:
        return None
    return Failure(FailureKind.TOOL_MISSING, "sslyze is not installed: pip install sslyze")


def child_places() -> asyncio.Semaphore:
    """The places for children of the running event loop, each a process of some 80 MB."""
    return _PLACES.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_CHILDREN_AT_ONCE))


async def ask_sslyze(job: EngineJob) -> EngineReport:
    """Have a child do a survey. The child is gone when this returns or is cancelled."""
    answer = await _answer(job, ReportDocument)
    return EngineReport(answer) if isinstance(answer, Failure) else answer.root


async def ask_for_flaws(job: EngineJob) -> FlawsFound | Failure:
    """Have a child look for flaws. The child is gone when this returns or is cancelled."""
    answer = await _answer(job, FlawsDocument)
    return answer if isinstance(answer, Failure) else answer.root


async def _answer(job: EngineJob, document: type[D]) -> D | Failure:
    """Do one job in a child process, and read what it wrote."""
    try:
        process = await _start()
    except OSError as error:
        return Failure(FailureKind.TOOL_FAILED, f"sslyze cannot be started: {error.strerror}")
    try:
        async with asyncio.timeout(job.until + GRACE - time.monotonic()):
            answer, errors = await _converse(process, JobDocument(job).model_dump_json())
    except TimeoutError:
        return Failure(FailureKind.TIMEOUT, "sslyze did not end in the time allowed")
    finally:
        await _end(process)
    try:
        return document.model_validate_json(answer)
    except ValidationError:
        return _without_answer(answer, errors, process.returncode)


async def _start() -> asyncio.subprocess.Process:
    """Start a child that imports what we import, in a session that Ctrl-C does not reach."""
    pipe = asyncio.subprocess.PIPE
    search_path = os.pathsep.join(entry for entry in sys.path if entry)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _CHILD),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        env=os.environ | {"PYTHONPATH": search_path},
        start_new_session=True,
    )


async def _converse(process: asyncio.subprocess.Process, line: str) -> tuple[bytes, bytes]:
    """Hand the job over and read to the end. stdin stays open: its end tells the child to stop."""
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise AssertionError("the child was started with pipes")
    with contextlib.suppress(ConnectionError):
        process.stdin.write(line.encode() + b"\n")
        await process.stdin.drain()
    answer, errors = await asyncio.gather(
        _read(process.stdout, _ANSWER_LIMIT), _read(process.stderr, _ERRORS_LIMIT)
    )
    await process.wait()
    return answer, errors


async def _read(stream: asyncio.StreamReader, limit: int) -> bytes:
    """Everything up to the end of a stream, of which ``limit`` bytes are kept."""
    kept = bytearray()
    while chunk := await stream.read(2**16):
        kept += chunk[: limit - len(kept)]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill the child if it still lives, and reap it."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.communicate()


def _without_answer(answer: bytes, errors: bytes, status: int | None) -> Failure:
    """Why a child wrote nothing that can be read, as far as its last words tell."""
    last_line = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
    if last_line.startswith(("ImportError", "ModuleNotFoundError")):
        text = short_text(f"sslyze cannot be loaded, reinstall it: {last_line}")
        return Failure(FailureKind.TOOL_MISSING, text)
    what = "an answer that cannot be read" if answer else "no answer"
    text = short_text(f"sslyze gave {what} (exit status {status}) {last_line}")
    return Failure(FailureKind.TOOL_FAILED, text)
