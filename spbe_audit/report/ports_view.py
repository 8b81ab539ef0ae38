"""The open ports of an address and what speaks there, as the page of a service shows them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from spbe_audit.evidence import OpenPort, PortService, PortsEvidence, ServicesEvidence
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import Told, clipped, told
from spbe_audit.report.tls_view import versions_in_short

MOST_PORTS = 100
_LONGEST = 160
_LONGEST_RANGES = 3000


@dataclass(frozen=True, slots=True)
class PortLine:
    """One open port. ``expected`` is whether the target list declares it."""

    port: int
    usual: str
    program: str
    banner: str
    tls: str
    marks: tuple[str, ...]
    expected: bool
    new: bool
    why: Told | None


@dataclass(frozen=True, slots=True)
class PortsView:
    """``declared_closed`` are ports that the target list declares and that were not open."""

    counted: str
    engine: str
    ranges: str
    lines: tuple[PortLine, ...]
    more: int
    declared_closed: str


def ports_view(
    ports: PortsEvidence,
    services: ServicesEvidence | None,
    labels: Labels,
    *,
    own: Collection[int | None] = (),
) -> PortsView:
    """The address in words. ``services`` is what the open ports said; None where unasked.

    ``own`` are the ports of the service itself, which are not asked what they speak.
    """
    opened = {one.port for one in ports.open}
    closed = [str(port) for port in ports.declared if port not in opened]
    new = frozenset(ports.newly_open()) if ports.previous_open is not None else frozenset()
    return PortsView(
        counted=labels(
            "ports_counted",
            n=ports.asked_count,
            address=clipped(ports.address, 80, labels),
            open=len(ports.open),
            closed=ports.closed,
            filtered=ports.filtered,
        ),
        engine=clipped(ports.engine, 40, labels),
        ranges=clipped(ports.asked, _LONGEST_RANGES, labels),
        lines=tuple(
            _line(one, ports, services, labels, new=one.port in new, own=one.port in own)
            for one in ports.open[:MOST_PORTS]
        ),
        more=max(0, len(ports.open) - MOST_PORTS),
        declared_closed=", ".join(closed[:MOST_PORTS]),
    )


def _line(
    one: OpenPort,
    ports: PortsEvidence,
    services: ServicesEvidence | None,
    labels: Labels,
    *,
    new: bool,
    own: bool,
) -> PortLine:
    said = services.on(one.port) if services else None
    return PortLine(
        port=one.port,
        usual=clipped(one.service, 60, labels),
        program=labels("port_own") if own and said is None else _program(said, labels),
        banner=clipped((said.banner if said else "") or one.banner, _LONGEST, labels),
        tls=versions_in_short(said.tls, labels) if said and said.tls else "",
        marks=tuple(_marks(said, labels)) if said else (),
        expected=one.port in ports.declared,
        new=new,
        why=told(said.failure, labels) if said and said.failure else None,
    )


def _program(said: PortService | None, labels: Labels) -> str:
    """What a port turned out to speak, with the version that it shows."""
    if said is None:
        return labels("not_asked")
    if not (said.protocol or said.software):
        return labels("port_unheard")
    version = f" {said.version}" if said.version else ""
    if said.software and said.software.lower() != said.protocol:
        return clipped(f"{said.protocol.upper()}: {said.software}{version}", 100, labels)
    return clipped(f"{said.program}{version}", 100, labels)


def _marks(said: PortService, labels: Labels) -> Iterator[str]:
    """What a dialogue brought to light beside the program's name."""
    if said.starttls is False:
        yield labels("port_no_starttls")
    if said.clear_login:
        yield labels("port_clear_login")
    if said.anonymous_login:
        yield labels("port_anonymous")
