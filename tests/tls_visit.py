"""One visit of the tls probe to a port of loopback, after which nothing may be left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from pathlib import Path

from spbe_audit.evidence import (
    Attempt,
    FailureKind,
    TlsEvidence,
    TlsQuestion,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity

NAME = "layanan.test"
PATIENT = Deadlines(connect=2, exchange=3, tls=20)
HASTY = Deadlines(connect=1, exchange=1, tls=5)
LIMIT = 2.0
"""Seconds by which a visit may outlast its deadline on a busy machine."""

_ESTABLISHED = "01"


def probe(
    port: int,
    *,
    host: str = NAME,
    deadlines: Deadlines = PATIENT,
    intensity: Intensity = Intensity.STANDARD,
    questions: Collection[TlsQuestion] = frozenset(TlsQuestion),
) -> Attempt:
    """Visit a port, and see that it ends in time, leaves nothing open, and can be stored."""
    door = Door(deadlines=deadlines)
    begun = time.monotonic()
    attempt = asyncio.run(_visited(host, port, door, intensity, questions))
    assert time.monotonic() - begun < deadlines.tls + LIMIT
    assert open_to(port) == 0
    assert attempt.connections == sum(door.footprint().values())
    again = attempt_from_json(canonical_json(attempt_to_json(attempt)))
    assert attempt_to_json(again) == attempt_to_json(attempt)
    return attempt


async def _visited(
    host: str, port: int, door: Door, intensity: Intensity, questions: Collection[TlsQuestion]
) -> Attempt:
    attempt = await probe_tls(
        host=host,
        port=port,
        address="127.0.0.1",
        door=door,
        intensity=intensity,
        questions=questions,
    )
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return attempt


def open_to(port: int) -> int:
    """How many connections to a port of loopback are open on this side."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    remote = f"0100007F:{port:04X}"
    fields = (line.split() for line in lines)
    return sum(1 for one in fields if one[2] == remote and one[3] == _ESTABLISHED)


def evidence(attempt: Attempt) -> TlsEvidence:
    """What was seen."""
    assert isinstance(attempt.result, TlsEvidence), attempt.result
    return attempt.result


def failure_kind(attempt: Attempt) -> FailureKind:
    """What kept us from seeing anything."""
    assert attempt.failure is not None, attempt.result
    return attempt.failure.kind
