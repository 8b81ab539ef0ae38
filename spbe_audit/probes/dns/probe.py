"""The dns probe: what the system resolver and the DNS itself say about a host name.

Resolvers are asked about the target, which no scope forbids. The zone's own name servers are
asked too where the engagement covers them. Every question is counted.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import dns.exception
import dns.resolver
import dns.version

from spbe_audit.evidence import (
    DNS_STATEMENTS,
    Attempt,
    DnsAnswer,
    DnsEvidence,
    DnssecStatus,
    DnsStatus,
    Endpoint,
    Failure,
    FailureKind,
    NameKind,
    Probe,
    Tool,
    mail_domain,
    registrable_domain,
    zone_in,
)
from spbe_audit.network import Door, NameNotFoundError, NameServerFailedError
from spbe_audit.probes.dns.dnssec import ROOT_ANCHORS, Anchors, follow_chain
from spbe_audit.probes.dns.name_servers import ask_name_servers
from spbe_audit.probes.dns.questions import (
    DNS_PORT,
    Asker,
    Question,
    Server,
    fits_in_a_question,
)
from spbe_audit.probes.failures import failure_of, short_text
from spbe_audit.probes.name_kind import name_kind
from spbe_audit.scope import literal_address
from spbe_audit.targets import Intensity

_LEVELS = 8
_HOST_TYPES = ("A", "AAAA", "CNAME", "NS", "CAA")


def random_label() -> str:
    """A label that nobody has chosen for a name."""
    return f"spbe-audit-{secrets.token_hex(8)}"


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """What a laboratory sets otherwise than the world.

    ``anchors`` are DS records by zone; ``authority_port`` is where the zone's own name servers
    are asked; ``label`` makes a name that does not exist.
    """

    anchors: Anchors
    authority_port: int = DNS_PORT
    label: Callable[[], str] = random_label


_THE_WORLD = DnsSettings(ROOT_ANCHORS)


async def probe_dns(
    *,
    host: str,
    door: Door,
    name_servers: tuple[Server, ...] = (),
    intensity: Intensity = Intensity.STANDARD,
    settings: DnsSettings = _THE_WORLD,
) -> Attempt:
    """Ask about one host; ``name_servers`` (address, port) are asked instead of the system's.

    A name that does not exist is evidence. The attempt fails only when neither the system
    resolver nor any name server said anything.
    """
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    name = host.rstrip(".").lower()
    ends = begun + door.deadlines.dns
    addresses, problem = await _addresses(door, host, ends)
    servers = list(name_servers) or await asyncio.to_thread(_system_servers_for, name, addresses)
    kind = name_kind(name)
    if kind is NameKind.DOMAIN and not servers and _loopback_alone(addresses):
        kind = NameKind.SPECIAL_USE
    asker = Asker(servers, ends)
    ask = kind is NameKind.DOMAIN or (kind is NameKind.SPECIAL_USE and bool(servers))
    answers = await _answers(asker, name, ask=ask)
    if kind is NameKind.SPECIAL_USE and addresses and _denied(answers):
        answers = ()  # the hosts file knows it, and no DNS does
    if isinstance(problem, NameNotFoundError) and not answers:
        answers = (DnsAnswer(name, "A", DnsStatus.NO_NAME),)
    evidence = DnsEvidence(
        host=name, collected_at=started, kind=kind, addresses=addresses, answers=answers
    )
    failure = _failure(problem, answers)
    if asker.asked and _heard(answers):
        evidence = await _completed(evidence, asker, door, intensity, settings)
    if evidence.dnssec and evidence.dnssec.status is DnssecStatus.BOGUS:
        failure = None  # that is why nobody answers
    return Attempt(
        probe=Probe.DNS,
        endpoint=Endpoint(key=f"dns {host}", host=host),
        started=started,
        duration=loop.time() - begun,
        tool=Tool("dnspython", dns.version.version),
        result=failure
        or replace(evidence, name_servers_asked=tuple(_written(server) for server in asker.asked)),
        connections=asker.queries,
    )


def system_name_servers() -> list[Server]:
    """The name servers that the system is configured with; none when that cannot be read."""
    try:
        resolver = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError, ValueError):
        return []
    servers = (server for server in resolver.nameservers if isinstance(server, str))
    return [(server, resolver.port) for server in servers if literal_address(server)]


async def _addresses(
    door: Door, host: str, deadline: float
) -> tuple[tuple[str, ...], Exception | None]:
    """The system resolver's addresses, or why there are none."""
    try:
        async with asyncio.timeout_at(deadline):
            return await door.resolve(host), None
    except (NameNotFoundError, NameServerFailedError, TimeoutError) as error:
        return (), error


async def _answers(asker: Asker, name: str, *, ask: bool) -> tuple[DnsAnswer, ...]:
    """What is asked about a name first; nothing when it cannot stand in a question."""
    if not ask or not fits_in_a_question(name):
        return ()
    parents = _parents(name)
    first = await asker.ask_all(
        [(name, kind) for kind in _HOST_TYPES] + [(parent, "CAA") for parent in parents]
    )
    own_zone = first[_HOST_TYPES.index("NS")]
    return (*first, *await _zone_answers(asker, own_zone, parents))


async def _zone_answers(
    asker: Asker, last: DnsAnswer, parents: Sequence[str]
) -> tuple[DnsAnswer, ...]:
    """Who serves the zone that a name lies in: the nearest parent that has name servers.

    The climb ends at a parent about which nothing was said, since the zone may begin there.
    """
    climbed = [last]
    for parent in parents:
        if zone_in(tuple(climbed)):
            break
        if climbed[-1].status not in DNS_STATEMENTS and not climbed[-1].canonical_name:
            break
        climbed += await asker.ask_all([(parent, "NS")])
    return tuple(climbed[1:])


async def _completed(
    known: DnsEvidence, asker: Asker, door: Door, intensity: Intensity, settings: DnsSettings
) -> DnsEvidence:
    """What is asked once the zone is known: its mail policies, its signatures, its servers."""
    zone, address = known.zone, known.answer(known.host, "A")
    delegation = known.answer(zone, "NS") if zone else None
    mail, wildcard, dnssec, servers = await asyncio.gather(
        asker.ask_all(_mail_questions(known.host, zone)),
        _is_wildcard(known, asker, settings.label),
        follow_chain(
            asker,
            known.host,
            zone=zone,
            anchors=settings.anchors,
            now=known.collected_at,
            plain=address or DnsAnswer(known.host, "A", DnsStatus.TIMEOUT),
        ),
        ask_name_servers(
            asker,
            zone or "",
            delegation.records if delegation else (),
            door=door,
            intensity=intensity,
            port=settings.authority_port,
        ),
    )
    return replace(
        known,
        answers=(*known.answers, *mail),
        dnssec=dnssec,
        name_servers=servers,
        thorough=intensity is Intensity.THOROUGH,
        wildcard=wildcard,
    )


def _mail_questions(host: str, zone: str | None) -> list[Question]:
    """Who receives mail for the domain, and which policies it publishes against forged mail."""
    if zone is None:
        return []
    domain = mail_domain(host, zone)
    policies = dict.fromkeys((domain, registrable_domain(domain)))
    return [
        (domain, "MX"),
        (domain, "TXT"),
        *((f"_dmarc.{name}", "TXT") for name in policies if fits_in_a_question(f"_dmarc.{name}")),
    ]


async def _is_wildcard(known: DnsEvidence, asker: Asker, label: Callable[[], str]) -> bool | None:
    """Whether a random name beside the host leads where the host leads; None: not known."""
    if known.zone == known.host:  # a wildcard above a zone does not reach into it
        return False
    beside = f"{label()}.{known.host.partition('.')[2]}"
    own = [known.answer(known.host, kind) for kind in ("A", "AAAA")]
    if beside.endswith(".") or not fits_in_a_question(beside) or not _all_said(own):
        return None
    other = await asker.ask_all([(beside, kind) for kind in ("A", "AAAA")])
    if not _all_said(other):
        return None
    there, here = _destination(other), _destination(answer for answer in own if answer)
    return bool(there) and there == here


def _destination(answers: Iterable[DnsAnswer]) -> frozenset[str]:
    """Where a name leads: to the end of its aliases, or else to its addresses."""
    answers = tuple(answer for answer in answers if answer.records)
    aliases = {answer.canonical_name for answer in answers if answer.canonical_name}
    return frozenset(aliases or {record for answer in answers for record in answer.records})


def _parents(name: str) -> list[str]:
    """The names above a host, nearest first, without the public top level."""
    labels = name.split(".")
    return [".".join(labels[depth:]) for depth in range(1, len(labels) - 1)][: _LEVELS - 1]


def _system_servers_for(name: str, addresses: Sequence[str]) -> list[Server]:
    """The system's name servers, as far as they can know this host; none where they cannot.

    A name of special use, or one that leads to loopback alone, is of this machine or its
    laboratory: only a name server on this machine is asked about it.
    """
    if name_kind(name) is NameKind.ADDRESS or name.rpartition(".")[2] == "localhost":
        return []
    servers = system_name_servers()
    if name_kind(name) is NameKind.DOMAIN and not _loopback_alone(addresses):
        return servers
    return servers if _loopback_alone([address for address, _ in servers]) else []


def _loopback_alone(addresses: Sequence[str]) -> bool:
    """Whether there are addresses, and none of them leads off this machine."""
    parsed = [literal_address(address) for address in addresses]
    return bool(parsed) and all(address and address.is_loopback for address in parsed)


def _denied(answers: Iterable[DnsAnswer]) -> bool:
    """Whether the name server says that there is no such name."""
    return any(one.type == "A" and one.status is DnsStatus.NO_NAME for one in answers)


def _written(server: Server) -> str:
    """A name server's address, with its port where that is not the usual one."""
    address, port = server
    if port == DNS_PORT:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _all_said(answers: Iterable[DnsAnswer | None]) -> bool:
    return all(answer and answer.status in DNS_STATEMENTS for answer in answers)


def _said(answers: Iterable[DnsAnswer]) -> bool:
    return any(answer.status in DNS_STATEMENTS for answer in answers)


def _heard(answers: Iterable[DnsAnswer]) -> bool:
    """Whether it is worth while to ask on: a server that fails may do so because it validates."""
    worth = DNS_STATEMENTS | {DnsStatus.SERVER_FAILED}
    return any(answer.status in worth for answer in answers)


def _failure(problem: Exception | None, answers: Iterable[DnsAnswer]) -> Failure | None:
    """A failure when nothing at all is known: a name that does not exist is known not to."""
    if problem is None or isinstance(problem, NameNotFoundError) or _said(answers):
        return None
    if isinstance(problem, TimeoutError):
        text = "neither the system resolver nor a name server answered within the time allowed"
        return Failure(FailureKind.TIMEOUT, text)
    failure = failure_of(problem)
    return Failure(failure.kind, short_text(f"{failure.text}; no name server answered"))
