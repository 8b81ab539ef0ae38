"""Listens to the open ports of an address: greetings, SSH algorithms, TLS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from spbe_audit.evidence import (
    PORT_NAMES,
    Attempt,
    Endpoint,
    Failure,
    FailureKind,
    PortService,
    PortsEvidence,
    Probe,
    ServicesEvidence,
    TlsEvidence,
    Tool,
)
from spbe_audit.network import Door, OutOfScopeError
from spbe_audit.probes.failures import failure_of
from spbe_audit.probes.services.line import Contact
from spbe_audit.probes.services.port import ask_port
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.targets import Intensity
from spbe_audit.version import VERSION

MOST_PORTS: Mapping[Intensity, int] = MappingProxyType(
    {Intensity.LIGHT: 0, Intensity.STANDARD: 20, Intensity.THOROUGH: 100}
)
"""How many open ports are asked at each intensity, those with a known number first."""
MOST_TLS_PORTS = 10
"""How many of those that speak TLS are asked what they offer, STARTTLS last."""

_AT_ONCE = 10
_PORT_SECONDS = 20.0
_SHORTEST = 2.0
_SHORTEST_TLS = 10.0
_GUARD_ASKED, _GUARD_SHARE = 50, 0.5


@dataclass(slots=True)
class _Visit:
    """One visit under way: until when (the loop's time), and what it has found and cost."""

    host: str
    address: str
    door: Door
    ends: float
    services: dict[int, PortService] = field(default_factory=dict)
    connections: int = 0


async def probe_services(
    *,
    host: str,
    ports: PortsEvidence,
    own_ports: frozenset[int],
    door: Door,
    trust_anchors: tuple[bytes, ...] = (),
    intensity: Intensity = Intensity.STANDARD,
) -> Attempt:
    """One visit to the open ports of an address. Never raises for the network.

    ``own_ports`` are those that other probes ask. Everything together ends within
    ``door.deadlines.ports``; a port whose turn does not come stands in ``left_out``, and so do all
    those of an address that answers on every port.
    """
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    visit = _Visit(host, ports.address, door, begun + door.deadlines.ports)
    wanted = [one.port for one in ports.open if one.port not in own_ports]
    result: ServicesEvidence | Failure
    try:
        door.permit(host, ports.address)
    except OutOfScopeError as error:
        result = failure_of(error)
    else:
        chosen = _chosen(wanted, ports, intensity)
        await _ask_all(visit, chosen)
        await _ask_tls(visit, trust_anchors)
        result = ServicesEvidence(
            address=ports.address,
            collected_at=started,
            services=tuple(visit.services[port] for port in sorted(visit.services)),
            left_out=tuple(port for port in sorted(wanted) if port not in visit.services),
        )
    return Attempt(
        probe=Probe.SERVICES,
        endpoint=Endpoint(key=f"services {ports.address}", host=host, address=ports.address),
        started=started,
        duration=round(loop.time() - begun, 3),
        tool=Tool("spbe-audit", VERSION),
        result=result,
        connections=visit.connections,
    )


def _chosen(wanted: Sequence[int], ports: PortsEvidence, intensity: Intensity) -> Sequence[int]:
    """The ports to ask; none of an address that says yes to everything, and means nothing by it."""
    if ports.seems_all_open(asked=_GUARD_ASKED, share=_GUARD_SHARE):
        return ()
    telling_first = sorted(wanted, key=lambda port: (port not in PORT_NAMES, port))
    return telling_first[: MOST_PORTS[intensity]]


async def _ask_all(visit: _Visit, chosen: Sequence[int]) -> None:
    """Ask the ports, a few side by side, until all are asked or the time is up."""
    loop, waiting = asyncio.get_running_loop(), iter(chosen)

    async def work() -> None:
        for port in waiting:
            if visit.ends - loop.time() < _SHORTEST:
                return
            deadline = min(visit.ends, loop.time() + _PORT_SECONDS)
            contact = Contact(visit.host, visit.address, port, visit.door, deadline)
            visit.services[port] = await ask_port(contact)
            visit.connections += contact.connections

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(chosen))):
            group.create_task(work())


async def _ask_tls(visit: _Visit, trust_anchors: tuple[bytes, ...]) -> None:
    """Let the tls probe ask, briefly, the first few ports that speak TLS or go over to it."""
    spoken = [one for one in visit.services.values() if one.has_tls]
    spoken.sort(key=lambda one: (one.protocol in OPENINGS, one.port))

    async def ask(port: int, protocol: str) -> None:
        left = visit.ends - asyncio.get_running_loop().time()
        if left < _SHORTEST_TLS:
            return
        limits = replace(visit.door.deadlines, tls=min(visit.door.deadlines.tls, left))
        try:
            async with asyncio.timeout(left):
                attempt = await probe_tls(
                    host=visit.host,
                    port=port,
                    address=visit.address,
                    door=replace(visit.door, deadlines=limits),
                    trust_anchors=trust_anchors,
                    intensity=Intensity.LIGHT,
                    questions=(),
                    starttls=protocol if protocol in OPENINGS else None,
                )
        except TimeoutError:
            visit.services[port] = replace(visit.services[port], failure=FailureKind.TIMEOUT.value)
            return
        visit.connections += attempt.connections
        visit.services[port] = _with_tls(visit.services[port], attempt)

    async with asyncio.TaskGroup() as group:
        for one in spoken[:MOST_TLS_PORTS]:
            group.create_task(ask(one.port, one.protocol))


def _with_tls(service: PortService, attempt: Attempt) -> PortService:
    if isinstance(attempt.result, TlsEvidence):
        return replace(service, tls=attempt.result)
    failure = attempt.failure.kind.value if attempt.failure else None
    return replace(service, failure=failure)
