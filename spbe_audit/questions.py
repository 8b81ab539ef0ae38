"""What is asked about a service: its probes, each with the endpoint that it is pointed at."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Failure,
    HttpEvidence,
    PortsEvidence,
    Probe,
    Tool,
)
from spbe_audit.network import Door, NameNotFoundError, NameServerFailedError, OutOfScopeError
from spbe_audit.probes.addresses import probe_addresses
from spbe_audit.probes.dns.probe import probe_dns
from spbe_audit.probes.failures import failure_of
from spbe_audit.probes.http import probe_http
from spbe_audit.probes.ports.probe import probe_ports
from spbe_audit.probes.services.probe import probe_services
from spbe_audit.probes.surface.probe import probe_surface
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.probes.uptime import probe_uptime
from spbe_audit.scan_options import ScanOptions
from spbe_audit.targets import Service, TargetList
from spbe_audit.version import VERSION

HTTP_PORT, HTTPS_PORT = 80, 443


@dataclass(frozen=True, slots=True)
class Question:
    """One probe on one endpoint; ``ask`` makes one attempt."""

    probe: Probe
    endpoint: Endpoint
    ask: Callable[[], Awaitable[Attempt]]


@dataclass(frozen=True, slots=True)
class Interview:
    """What every question of a run shares. ``secret`` keys the digests of cookie values."""

    targets: TargetList
    options: ScanOptions
    door: Door
    secret: bytes
    declared_ports: Mapping[str, tuple[int, ...]]


async def declared_ports(services: Iterable[Service], door: Door) -> dict[str, tuple[int, ...]]:
    """The ports that the target list declares on each address, by whichever service."""
    declared: dict[str, set[int]] = {}
    for service in services:
        try:
            addresses = await door.resolve(service.host)
        except (NameNotFoundError, NameServerFailedError):
            continue
        for address in addresses:
            ports = declared.setdefault(address, set())
            ports |= {service.port, *service.expected_ports}
            if service.http_port:
                ports.add(service.http_port)
    return {address: tuple(sorted(ports)) for address, ports in declared.items()}


def web_questions(service: Service, interview: Interview) -> tuple[Question, ...]:
    """The probes that need no more than the service's URL."""
    host, door = service.host, interview.door
    url_endpoint = partial(Endpoint, host=host, port=service.port, url=service.url)
    ask_dns = partial(
        probe_dns,
        host=host,
        door=door,
        name_servers=interview.targets.name_servers,
        intensity=interview.options.intensity,
    )
    ask_uptime = partial(
        probe_uptime,
        service,
        door=door,
        count=interview.options.uptime_samples,
        interval=interview.options.uptime_interval,
    )
    ask_http = partial(probe_http, service, door=door, secret=interview.secret)
    ask_addresses = partial(probe_addresses, service, door=door)
    return (
        Question(Probe.DNS, Endpoint(key=f"dns {host}", host=host), ask_dns),
        Question(Probe.HTTP, url_endpoint(key=f"http {service.url}"), ask_http),
        Question(Probe.ADDRESSES, url_endpoint(key=f"addresses {service.url}"), ask_addresses),
        Question(Probe.UPTIME, url_endpoint(key=f"uptime {service.url}"), ask_uptime),
    )


async def address_questions(
    service: Service, interview: Interview, tls_port: int
) -> tuple[Question, ...]:
    """The probes that are pointed at one address; failures when there is none to point at."""
    host, door = service.host, interview.door
    try:
        address = await _answering_address(door, host, service.port)
    except (OutOfScopeError, NameNotFoundError, NameServerFailedError) as error:
        return _unaskable(host, tls_port, failure_of(error), door)
    tls = Endpoint(
        key=f"tls {address}:{tls_port} {host}", host=host, port=tls_port, address=address
    )
    ports = Endpoint(key=f"ports {address}", host=host, address=address)
    ask_tls = partial(
        probe_tls,
        host=host,
        port=tls_port,
        address=address,
        door=door,
        trust_anchors=interview.targets.trust_anchors,
        intensity=interview.options.intensity,
        questions=interview.options.tls_questions,
    )
    ask_ports = partial(
        probe_ports,
        host=host,
        address=address,
        declared=tuple(sorted({tls_port, *interview.declared_ports.get(address, ())})),
        door=door,
        intensity=interview.options.intensity,
    )
    return Question(Probe.TLS, tls, ask_tls), Question(Probe.PORTS, ports, ask_ports)


def follow_up_questions(
    service: Service, interview: Interview, answered: Mapping[Probe, Attempt]
) -> tuple[Question, ...]:
    """The probes that build on what others brought home.

    Where one of those came home empty, its failure answers for them too, and nothing is sent.
    """
    found: list[Question] = []
    http, ports = answered.get(Probe.HTTP), answered.get(Probe.PORTS)
    if http and isinstance(http.result, HttpEvidence | Failure):
        found.append(_surface_question(service, interview, http.result))
    if ports and ports.failure:
        found.append(_unaskable_services(service, ports, ports.failure, interview.door))
    if ports and isinstance(ports.result, PortsEvidence):
        tls = answered.get(Probe.TLS)
        tls_port = tls.endpoint.port if tls else None
        found.append(_services_question(service, interview, ports.result, tls_port))
    return tuple(found)


def _surface_question(
    service: Service, interview: Interview, http: HttpEvidence | Failure
) -> Question:
    url = service.url
    endpoint = Endpoint(f"surface {url}", service.host, port=service.port, url=url)
    if isinstance(http, Failure):
        ask = partial(_failed, Probe.SURFACE, endpoint, http, interview.door)
        return Question(Probe.SURFACE, endpoint, ask)
    ask = partial(
        probe_surface,
        service,
        http=http,
        door=interview.door,
        secret=interview.secret,
        intensity=interview.options.intensity,
    )
    return Question(Probe.SURFACE, endpoint, ask)


def _services_question(
    service: Service, interview: Interview, ports: PortsEvidence, tls_port: int | None
) -> Question:
    """What speaks on the open ports of an address that no other probe asks.

    Those are its own, and those of its neighbours on the same host.
    """
    neighbours = [one for one in interview.targets.services if one.host == service.host]
    own = {tls_port, *(one.port for one in neighbours), *(one.http_port for one in neighbours)}
    ask = partial(
        probe_services,
        host=service.host,
        ports=ports,
        own_ports=frozenset(port for port in own if port),
        door=interview.door,
        trust_anchors=interview.targets.trust_anchors,
        intensity=interview.options.intensity,
    )
    key = f"services {ports.address}"
    return Question(Probe.SERVICES, Endpoint(key, service.host, address=ports.address), ask)


def _unaskable_services(service: Service, ports: Attempt, failure: Failure, door: Door) -> Question:
    """Where the open ports are not known, that answers for what speaks on them too."""
    address = ports.endpoint.address
    endpoint = Endpoint(f"services {address or service.host}", service.host, address=address)
    ask = partial(_failed, Probe.SERVICES, endpoint, failure, door)
    return Question(Probe.SERVICES, endpoint, ask)


def tls_port_of(service: Service, http: Attempt | None) -> int:
    """Where TLS is to be asked for.

    For an https service its own port. A plain http service shows the way itself when it redirects
    to https on its own host; otherwise 443 beside port 80, and its own port elsewhere.
    """
    if service.scheme == "https":
        return service.port
    if http and isinstance(http.result, HttpEvidence):
        for hop in http.result.entry.hops:
            if hop.scheme == "https" and hop.host == service.host:
                return urlsplit(hop.url).port or HTTPS_PORT
    return HTTPS_PORT if service.port == HTTP_PORT else service.port


def _unaskable(host: str, tls_port: int, failure: Failure, door: Door) -> tuple[Question, ...]:
    tls = Endpoint(key=f"tls {host}:{tls_port}", host=host, port=tls_port)
    ports = Endpoint(key=f"ports {host}", host=host)
    return tuple(
        Question(probe, endpoint, partial(_failed, probe, endpoint, failure, door))
        for probe, endpoint in ((Probe.TLS, tls), (Probe.PORTS, ports))
    )


async def _failed(probe: Probe, endpoint: Endpoint, failure: Failure, door: Door) -> Attempt:
    own = Tool("spbe-audit", VERSION)
    return Attempt(probe, endpoint, door.clock(), 0.0, own, failure)


async def _answering_address(door: Door, host: str, port: int) -> str:
    """The first address of a host that accepts a connection; the first of all when none does."""
    addresses = await door.addresses_in_scope(host)
    if len(addresses) > 1:
        for address in addresses:
            if await _accepts(door, host, address, port):
                return address
    return addresses[0]


async def _accepts(door: Door, host: str, address: str, port: int) -> bool:
    async with door.admit(host, address):
        try:
            async with asyncio.timeout(door.deadlines.connect):
                _, writer = await asyncio.open_connection(address, port)
        except OSError:
            return False
        writer.close()
        return True
