"""Sends the engine to an endpoint: with a place for its process, the door's leave, a deadline."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from spbe_audit.evidence import Failure
from spbe_audit.network import Door, OutOfScopeError
from spbe_audit.probes.socket_failures import failure_of_socket
from spbe_audit.probes.tls.deep.job import GRACE, EngineJob, EngineReport, FlawsFound, KnownOffer
from spbe_audit.probes.tls.deep.process import child_places, missing
from spbe_audit.scope import literal_address
from spbe_audit.targets import Intensity

_MOST_AT_ONCE = 10

R = TypeVar("R", bound=EngineReport | FlawsFound | Failure)


@dataclass(frozen=True, slots=True)
class Errand:
    """Where the engine is sent, and what it is told: see EngineJob."""

    host: str
    address: str
    port: int
    intensity: Intensity
    starttls: str | None = None
    known: KnownOffer | None = None


async def run_errand(
    errand: Errand, door: Door, seconds: float, engine: Callable[[EngineJob], Awaitable[R]]
) -> R | Failure:
    """Let the engine do an errand, and count its connections.

    ``seconds`` begin when a process has its place. What the network does is in the result.
    """
    failure = missing()
    if failure:
        return failure
    async with child_places():
        until = time.monotonic() + seconds - GRACE
        try:
            permit = door.permit(errand.host, errand.address)
        except OutOfScopeError as error:
            return failure_of_socket(error)
        job = EngineJob(
            host=errand.host,
            server_name=None if literal_address(errand.host) else errand.host.rstrip(".") or None,
            address=errand.address,
            port=errand.port,
            intensity=errand.intensity,
            at_once=max(1, min(permit.budget.at_once, _MOST_AT_ONCE)),
            per_second=permit.budget.per_second,
            patience=door.deadlines.exchange,
            until=until,
            user_agent=door.user_agent,
            starttls=errand.starttls,
            known=errand.known,
        )
        report = await engine(job)
    if not isinstance(report, Failure):
        permit.count(report.connections)
    return report
