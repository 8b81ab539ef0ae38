"""The uptime probe: the same question several times, with a pause between."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx

from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Failure,
    Probe,
    UptimeEvidence,
    UptimeSample,
)
from spbe_audit.network import Door
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of
from spbe_audit.probes.http_transport import TOOL, Reply, Wire, fetch
from spbe_audit.probes.page import decode_text
from spbe_audit.targets import Expectation, Service

_KEYWORD_BODY_LIMIT = 256 * 1024
_SERVER_ERRORS = 500


async def probe_uptime(
    service: Service, *, door: Door, count: int = 3, interval: float = 2.0
) -> Attempt:
    """Take ``count`` samples of a service, ``interval`` seconds apart.

    What the network does is evidence or a Failure, never an exception. A sample that could not
    have its whole time before the probe's deadline is not taken: its silence would prove nothing.
    """
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    visit = _Visit(service, door, begun + door.deadlines.uptime)
    for number in range(count):
        if number:
            await asyncio.sleep(interval)
            if loop.time() + door.deadlines.exchange > visit.end:
                break
        await visit.sample()
    endpoint = Endpoint(
        key=f"uptime {service.url}",
        host=service.host,
        port=service.port,
        address=visit.address or None,
        url=service.url,
    )
    result = visit.silence() or UptimeEvidence(service.url, started, interval, tuple(visit.samples))
    return Attempt(
        probe=Probe.UPTIME,
        endpoint=endpoint,
        started=started,
        duration=round(loop.time() - begun, 6),
        tool=TOOL,
        result=result,
        connections=visit.opened,
    )


@dataclass(slots=True)
class _Visit:
    """The samples taken so far, and until when (by the loop's clock) more may be taken."""

    service: Service
    door: Door
    end: float
    samples: list[UptimeSample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    opened: int = 0
    address: str = ""

    async def sample(self) -> None:
        """Ask once, over a new connection."""
        wire, at = Wire(), self.door.clock()
        try:
            reply = await fetch(
                httpx.URL(self.service.url),
                door=self.door,
                wire=wire,
                seconds=min(self.door.deadlines.exchange, self.door.deadlines.uptime),
                body_limit=_KEYWORD_BODY_LIMIT if self.service.expectation.keyword else 0,
                enough=self.service.expectation.keyword.encode("utf-8", "replace"),
            )
        except NETWORK_ERRORS as error:
            failure = failure_of(error)
            self.failures.append(failure)
            taken = UptimeSample(
                at, up=False, status=None, reason=failure.kind.value, timings=wire.timings()
            )
        else:
            reason = _disappointment(reply, self.service.expectation)
            taken = UptimeSample(
                reply.requested_at, not reason, reply.status, reason, wire.timings()
            )
        self.samples.append(taken)
        self.opened += wire.opened
        self.end += wire.waited
        self.address = wire.address or self.address

    def silence(self) -> Failure | None:
        """The last failure, when no sample got an answer."""
        return self.failures[-1] if len(self.failures) == len(self.samples) else None


def _disappointment(reply: Reply, expectation: Expectation) -> str:
    """Why an answer is not the expected one: ``status`` or ``keyword``; '' when it is."""
    if expectation.statuses and reply.status not in expectation.statuses:
        return "status"
    if not expectation.statuses and reply.status >= _SERVER_ERRORS:
        return "status"
    if not expectation.keyword:
        return ""
    text = decode_text(reply.body, reply.header("content-type"))
    return "" if expectation.keyword in text else "keyword"
