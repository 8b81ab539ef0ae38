"""The tls probe: what one TLS endpoint offers."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Failure,
    FailureKind,
    Probe,
    TlsAnswer,
    TlsEvidence,
)
from spbe_audit.network import Door, OutOfScopeError
from spbe_audit.probes.failures import failure_of
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.deep.job import ENGINE, GRACE, EngineJob, EngineReport
from spbe_audit.probes.tls.deep.process import ask_sslyze, child_places, missing, tool
from spbe_audit.probes.tls.greeting import Greeting, greet, sni
from spbe_audit.probes.tls.own_questions import ask_ourselves
from spbe_audit.targets import Intensity

_MOST_AT_ONCE = 10
_ENGINE_SHARE = 0.85


async def probe_tls(
    *,
    host: str,
    port: int,
    address: str,
    door: Door,
    trust_anchors: tuple[bytes, ...] = (),
    intensity: Intensity = Intensity.STANDARD,
) -> Attempt:
    """Learn what a TLS endpoint offers. What the network does is in the result, never raised.

    ``door.deadlines.tls`` bounds the greeting, the engine and our own questions together; the wait
    for one of the few places for engines comes on top.
    """
    endpoint = Endpoint(f"tls {address}:{port} {host}", host, port, address)
    started, begun = door.clock(), time.monotonic()
    greeting = await greet(host=host, address=address, port=port, door=door)
    left = door.deadlines.tls - (time.monotonic() - begun)
    result = greeting.failure or _without_engine(greeting, endpoint, started)
    connections = greeting.connections
    if result is None:
        report, seconds = await _ask_engine(endpoint, door, intensity, left * _ENGINE_SHARE)
        result = _combined(greeting, report.result)
        connections += report.connections
        if isinstance(result, TlsEvidence):
            contact = Contact(host, address, port, door)
            left -= seconds
            result = await ask_ourselves(contact, result, intensity=intensity, seconds=left)
            connections += contact.connections
    if isinstance(result, TlsEvidence):
        result = replace(result, collected_at=started, trust_anchors=trust_anchors)
    return Attempt(
        probe=Probe.TLS,
        endpoint=endpoint,
        started=started,
        duration=round(time.monotonic() - begun, 3),
        tool=tool(),
        result=result,
        connections=connections,
    )


def _without_engine(
    greeting: Greeting, endpoint: Endpoint, started: datetime
) -> TlsEvidence | None:
    """The evidence where something other than TLS speaks, which leaves nothing to ask."""
    if greeting.answer in {None, TlsAnswer.HANDSHAKE, TlsAnswer.ALERT}:
        return None
    return TlsEvidence(
        server_name=endpoint.host,
        address=endpoint.address or "",
        port=endpoint.port or 0,
        collected_at=started,
        engine=ENGINE,
        answer=greeting.answer or TlsAnswer.OTHER_PROTOCOL,
        answer_detail=greeting.detail,
    )


async def _ask_engine(
    endpoint: Endpoint, door: Door, intensity: Intensity, seconds: float
) -> tuple[EngineReport, float]:
    """Send the engine to the endpoint, with the door's leave and within the door's budget.

    Also tells how many seconds that took, the wait for a place left out.
    """
    failure = missing()
    if failure:
        return EngineReport(failure), 0.0
    host, address = endpoint.host, endpoint.address or ""
    async with child_places():
        begun = time.monotonic()
        try:
            permit = door.permit(host, address)
        except OutOfScopeError as error:
            return EngineReport(failure_of(error)), 0.0
        job = EngineJob(
            host=host,
            server_name=sni(host),
            address=address,
            port=endpoint.port or 0,
            intensity=intensity,
            at_once=max(1, min(permit.budget.at_once, _MOST_AT_ONCE)),
            per_second=permit.budget.per_second,
            patience=door.deadlines.exchange,
            until=begun + seconds - GRACE,
            user_agent=door.user_agent,
        )
        report = await ask_sslyze(job)
    permit.count(report.connections)
    return report, time.monotonic() - begun


def _combined(greeting: Greeting, result: TlsEvidence | Failure) -> TlsEvidence | Failure:
    """What the engine found, held against what the first contact saw."""
    if isinstance(result, Failure):
        return result
    if not result.versions:
        return _nothing_accepted(greeting, result)
    if greeting.version is None or greeting.version in result.versions:
        return result
    doubt = "it answered the first greeting, but not the engine"
    return replace(result, unknown={**result.unknown, f"versions.{greeting.version}": doubt})


def _nothing_accepted(greeting: Greeting, result: TlsEvidence) -> TlsEvidence | Failure:
    doubts = result.versions_unknown()
    if doubts:
        reason = result.unknown[f"versions.{doubts[0]}"]
        text = f"no handshake succeeded; {', '.join(doubts)} could not be judged: {reason}"
        return Failure(FailureKind.TLS_REFUSED, text)
    if greeting.answer is TlsAnswer.ALERT:
        return replace(result, answer=TlsAnswer.ALERT, answer_detail=greeting.detail)
    text = "the server begins a handshake, but none that sslyze can offer"
    return Failure(FailureKind.TOOL_FAILED, text)
