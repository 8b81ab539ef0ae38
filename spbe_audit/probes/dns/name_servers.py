"""Asks each name server of a zone itself, and never one that the engagement does not cover."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype

from spbe_audit.evidence import (
    DNS_STATEMENTS,
    DnsAnswer,
    DnsStatus,
    NameServer,
    NameServerStatus,
    Openness,
)
from spbe_audit.network import Door, OutOfScopeError
from spbe_audit.probes.dns import questions
from spbe_audit.probes.dns.questions import Asker, Server
from spbe_audit.targets import Intensity

_MOST_NAMES = 13
_MOST_ADDRESSES = 4  # of each kind, of one name server
_TRIES = 2

_NO_WAY_THERE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
)
_FAILURES = (dns.exception.DNSException, OSError, EOFError, ValueError)
"""What an exchange raises; TimeoutError is an OSError."""


@dataclass(frozen=True, slots=True)
class _Zone:
    """What all questions about one zone share.

    ``port`` is that of its name servers; ``ports`` are those of addresses that are known to serve
    elsewhere, since the target list names them so.
    """

    name: str
    asker: Asker
    door: Door
    intensity: Intensity
    port: int
    ports: Mapping[str, int]

    def place(self, address: str) -> Server:
        return address, self.ports.get(address, self.port)


async def ask_name_servers(
    asker: Asker,
    zone: str,
    names: Sequence[str],
    *,
    door: Door,
    intensity: Intensity,
    port: int,
) -> tuple[NameServer, ...]:
    """Every address of every name server of a zone, with how it answers.

    One question that is not to be passed on (SOA) is sent; at intensity thorough also one for
    recursion and one for a zone transfer, of which the beginning is read and nothing kept.
    """
    names = tuple(dict.fromkeys(names))[:_MOST_NAMES]
    wanted = [(name, kind) for name in names for kind in ("A", "AAAA")]
    answers = await asker.ask_all(wanted)
    shared = _Zone(zone, asker, door, intensity, port, dict(asker.servers))
    listed = [
        server
        for number, name in enumerate(names)
        for server in _addresses(name, answers[2 * number : 2 * number + 2])
    ]
    return tuple(await asyncio.gather(*(_asked(server, shared) for server in listed)))


def _addresses(name: str, answers: Sequence[DnsAnswer]) -> list[NameServer]:
    """A name server once for each address, or once with the reason why it has none."""
    plain = name.rstrip(".").lower()
    addresses = [
        address
        for answer in answers
        if answer.status is DnsStatus.ANSWER
        for address in answer.records[:_MOST_ADDRESSES]
    ]
    if addresses:
        return [NameServer(plain, address, NameServerStatus.NOT_ASKED) for address in addresses]
    known = all(answer.status in DNS_STATEMENTS for answer in answers)
    status = NameServerStatus.NO_ADDRESS if known else NameServerStatus.UNRESOLVED
    return [NameServer(plain, "", status)]


async def _asked(server: NameServer, zone: _Zone) -> NameServer:
    if not server.address or zone.intensity is Intensity.LIGHT:
        return server
    subject = _subject(server, zone.door)
    if subject is None:
        return NameServer(server.name, server.address, NameServerStatus.OUT_OF_SCOPE)
    try:
        async with asyncio.timeout_at(zone.asker.deadline):
            return await _interview(server, subject, zone)
    except OutOfScopeError:  # the engagement has just run out
        return NameServer(server.name, server.address, NameServerStatus.OUT_OF_SCOPE)
    except TimeoutError:
        return NameServer(server.name, server.address, NameServerStatus.NO_ANSWER)


def _subject(server: NameServer, door: Door) -> str | None:
    """Under what the engagement covers the server: its name or its address; None for neither."""
    for subject in (server.name, server.address):
        if door.refusal(subject, server.address) is None:
            return subject
    return None


async def _interview(server: NameServer, subject: str, zone: _Zone) -> NameServer:
    status, offers_recursion = await _authority(server, subject, zone)
    recursion = transfer = Openness.NOT_ASKED
    answered = status in {
        NameServerStatus.ANSWERS,
        NameServerStatus.LAME,
        NameServerStatus.REFUSED,
    }
    if zone.intensity is Intensity.THOROUGH:
        recursion = transfer = Openness.NO_ANSWER
        if answered:
            recursion = await _recursion(server, subject, zone, offered=offers_recursion)
            transfer = await _zone_transfer(server, subject, zone)
    return NameServer(server.name, server.address, status, recursion, transfer)


async def _authority(
    server: NameServer, subject: str, zone: _Zone
) -> tuple[NameServerStatus, bool]:
    """How the server answers for the zone, and whether it says that it recurses for us."""
    status = NameServerStatus.NO_ANSWER
    for _ in range(_TRIES):
        try:
            response = await _exchange(server, subject, zone, (zone.name, "SOA"), flags=0)
        except _FAILURES as error:
            if isinstance(error, OSError) and error.errno in _NO_WAY_THERE:
                status = NameServerStatus.UNREACHABLE
            elif isinstance(error, dns.exception.DNSException | EOFError) and not isinstance(
                error, dns.exception.Timeout
            ):
                status = NameServerStatus.LAME
        else:
            return _standing(response, zone.name), bool(response.flags & dns.flags.RA)
    return status, False


async def _exchange(
    server: NameServer, subject: str, zone: _Zone, question: tuple[str, str], *, flags: int
) -> dns.message.Message:
    async with zone.door.admit(subject, server.address):
        place = zone.place(server.address)
        return await zone.asker.exchange(place, *question, flags=flags)


def _standing(response: dns.message.Message, zone: str) -> NameServerStatus:
    if response.rcode() == dns.rcode.REFUSED:
        return NameServerStatus.REFUSED
    name = dns.name.from_text(zone)
    soa = any((rrset.name, rrset.rdtype) == (name, dns.rdatatype.SOA) for rrset in response.answer)
    authoritative = soa and response.rcode() == dns.rcode.NOERROR
    if authoritative and response.flags & dns.flags.AA:
        return NameServerStatus.ANSWERS
    return NameServerStatus.LAME


async def _recursion(server: NameServer, subject: str, zone: _Zone, *, offered: bool) -> Openness:
    """Whether the server looks up foreign names for us; it is asked for the root's servers.

    A server that offers recursion (RA) and then falls silent or fails was at work on the question.
    """
    try:
        response = await _exchange(server, subject, zone, (".", "NS"), flags=dns.flags.RD)
    except _FAILURES:
        return Openness.OPEN if offered else Openness.NO_ANSWER
    if response.rcode() == dns.rcode.REFUSED or not response.flags & dns.flags.RA:
        return Openness.REFUSED
    return Openness.OPEN


async def _zone_transfer(server: NameServer, subject: str, zone: _Zone) -> Openness:
    """Whether the server begins to hand over the zone. Only the first message is read."""
    query = dns.message.make_query(zone.name, dns.rdatatype.AXFR, flags=0)
    zone.asker.queries += 1
    try:
        async with (
            zone.door.admit(subject, server.address),
            asyncio.timeout(questions.QUERY_TIMEOUT),
        ):
            address, port = zone.place(server.address)
            response = await dns.asyncquery.tcp(query, address, port=port)
    except (TimeoutError, dns.exception.Timeout):
        return Openness.NO_ANSWER
    except _FAILURES:  # it hung up, or listens to no TCP: nothing was handed over
        return Openness.REFUSED
    handed_over = response.rcode() == dns.rcode.NOERROR and any(
        rrset.rdtype == dns.rdatatype.SOA for rrset in response.answer
    )
    return Openness.OPEN if handed_over else Openness.REFUSED
