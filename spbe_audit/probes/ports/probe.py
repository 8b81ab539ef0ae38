"""The ports probe: nmap where it is installed, our own connect scan otherwise."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv6Address

from spbe_audit.evidence import (
    PORT_NAMES,
    Attempt,
    Endpoint,
    Failure,
    FailureKind,
    OpenPort,
    PortsEvidence,
    Probe,
    Tool,
)
from spbe_audit.network import Door, OutOfScopeError
from spbe_audit.probes.failures import failure_of, short_text
from spbe_audit.probes.ports.connect import connect_sweep
from spbe_audit.probes.ports.nmap import NmapFailedError, find_nmap, nmap_sweep
from spbe_audit.probes.ports.port_sets import ports_to_ask, range_notation
from spbe_audit.probes.ports.sweep import Sweep, only_an_address
from spbe_audit.targets import Intensity
from spbe_audit.version import VERSION

_log = logging.getLogger(__name__)
_DISCARD_PORT = 9


async def probe_ports(
    *, host: str, address: str, declared: tuple[int, ...], door: Door, intensity: Intensity
) -> Attempt:
    """Ask which ports of an address are open.

    ``declared`` are the ports that the target list names for the address; they are asked at every
    intensity. A host whose every port is filtered is evidence. Raises ValueError when ``address``
    is not an address.
    """
    only_an_address(address)
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    tool, connections = Tool("spbe-audit", VERSION), 0
    result: PortsEvidence | Failure | None = _out_of_reach(host, address, door)
    if result is None:
        ports = ports_to_ask(intensity, declared)
        sweep = await _sweep(host, address, ports, door, begun + door.deadlines.ports)
        tool, connections = sweep.tool, sweep.connections
        result = _result(sweep, address, declared, started)
    return Attempt(
        probe=Probe.PORTS,
        endpoint=Endpoint(key=f"ports {address}", host=host, address=address),
        started=started,
        duration=loop.time() - begun,
        tool=tool,
        result=result,
        connections=connections,
    )


def _out_of_reach(host: str, address: str, door: Door) -> Failure | None:
    try:
        door.permit(host, address)
    except OutOfScopeError as error:
        return failure_of(error)
    return _missing_route(address)


async def _sweep(
    host: str, address: str, ports: Sequence[int], door: Door, deadline: float
) -> Sweep:
    order = {"host": host, "address": address}
    begun = 0
    program = find_nmap()
    if program:
        try:
            return await nmap_sweep(
                program=program, **order, ports=ports, door=door, deadline=deadline
            )
        except NmapFailedError as error:
            _log.warning("nmap failed, asking the ports of %s without it: %s", address, error)
            begun = error.connections
    sweep = await connect_sweep(**order, ports=ports, door=door, deadline=deadline)
    return replace(sweep, connections=begun + sweep.connections)


def _missing_route(address: str) -> Failure | None:
    """Why this machine cannot send to an address at all, which would look like a silent host.

    Connecting a datagram socket makes the kernel choose a route, and sends nothing.
    """
    is_v6 = isinstance(only_an_address(address), IPv6Address)
    try:
        with socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect((address, _DISCARD_PORT))
    except OSError as error:
        text = f"this machine has no route to {address}: {error.strerror}"
        return Failure(FailureKind.UNREACHABLE, short_text(text))
    return None


def _result(
    sweep: Sweep, address: str, declared: tuple[int, ...], collected_at: datetime
) -> PortsEvidence | Failure:
    if not sweep.asked:
        return Failure(FailureKind.TIMEOUT, "no port could be asked within the time allowed")
    return PortsEvidence(
        address=address,
        collected_at=collected_at,
        engine=sweep.engine,
        asked=range_notation(sweep.asked),
        asked_count=len(sweep.asked),
        open=tuple(OpenPort(port, PORT_NAMES.get(port, "")) for port in sorted(sweep.open)),
        closed=sweep.closed,
        filtered=sweep.filtered,
        declared=declared,
    )
