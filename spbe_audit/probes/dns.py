"""The dns probe: what the system resolver and the DNS itself say about a host name.

Name servers are asked, not the target, so no scope applies; the questions are counted all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.version

from spbe_audit.evidence import (
    Attempt,
    DnsAnswer,
    DnsEvidence,
    DnsStatus,
    Endpoint,
    Failure,
    FailureKind,
    NameKind,
    Probe,
    Tool,
)
from spbe_audit.network import Door, NameNotFoundError, NameServerFailedError
from spbe_audit.probes.failures import failure_of, short_text
from spbe_audit.scope import literal_address

QUERY_TIMEOUT = 3.0
"""Seconds for one exchange with one name server, TCP included."""

_DNS_PORT = 53
_TRIES = 2
_AT_ONCE = 8
_LEVELS = 8
_RECORDS = 200
_RECORD_LENGTH = 4096
_UDP_PAYLOAD = 1232  # passes every path unfragmented (DNS Flag Day 2020)

_HOST_TYPES = ("A", "AAAA", "CNAME", "NS", "CAA", "TXT", "DS", "DNSKEY")
_ZONE_TYPES = ("NS", "DS", "DNSKEY")

_STATEMENTS = frozenset({DnsStatus.ANSWER, DnsStatus.NO_DATA, DnsStatus.NO_NAME})
_STATUSES = {
    dns.rcode.NOERROR: DnsStatus.ANSWER,
    dns.rcode.NXDOMAIN: DnsStatus.NO_NAME,
    dns.rcode.REFUSED: DnsStatus.REFUSED,
}
_EDNS_NOT_UNDERSTOOD = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})

_SPECIAL_USE = frozenset(
    {"localhost", "test", "invalid", "example", "local", "internal", "onion", "alt", "home.arpa"}
)
"""RFC 6761, 6762, 7686, 8375, 9476, and .internal, which ICANN reserved for private use."""


@dataclass(slots=True)
class _Asker:
    """Asks the name servers of one probe; lives as long as the probe.

    A server that did not answer goes to the end of the row, so that a dead one is waited for
    once and not at each question.
    """

    servers: list[tuple[str, int]]
    deadline: float
    asked: dict[tuple[str, int], None] = field(default_factory=dict)
    queries: int = 0
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def ask_all(self, questions: Iterable[tuple[str, str]]) -> list[DnsAnswer]:
        """The answers to (name, type) questions, in their order; asked side by side."""
        return await asyncio.gather(*(self._ask(name, kind) for name, kind in questions))

    async def _ask(self, name: str, record_type: str) -> DnsAnswer:
        try:
            async with asyncio.timeout_at(self.deadline), self._places:
                return await self._best_answer(name, record_type)
        except TimeoutError:
            return DnsAnswer(name, record_type, DnsStatus.TIMEOUT)

    async def _best_answer(self, name: str, record_type: str) -> DnsAnswer:
        answer = DnsAnswer(name, record_type, DnsStatus.SERVER_FAILED)
        for _ in range(_TRIES):
            for server in tuple(self.servers):
                answer = await self._answer_of(server, name, record_type)
                if answer.status in _STATEMENTS:
                    return answer
                if answer.status is DnsStatus.TIMEOUT:
                    self.servers.remove(server)
                    self.servers.append(server)
        return answer

    async def _answer_of(self, server: tuple[str, int], name: str, record_type: str) -> DnsAnswer:
        try:
            response = await self._exchange(server, name, record_type, edns=True)
            if response.rcode() in _EDNS_NOT_UNDERSTOOD:
                response = await self._exchange(server, name, record_type, edns=False)
            return _read(response, name, record_type)
        except (TimeoutError, dns.exception.Timeout):
            return DnsAnswer(name, record_type, DnsStatus.TIMEOUT)
        except (dns.exception.DNSException, OSError, EOFError, ValueError):
            return DnsAnswer(name, record_type, DnsStatus.SERVER_FAILED)

    async def _exchange(
        self, server: tuple[str, int], name: str, record_type: str, *, edns: bool
    ) -> dns.message.Message:
        """One question over UDP, and over TCP where the answer did not fit.

        Datagrams that are no answer to this question (garbage, a wrong id, another sender) are
        passed over: whoever sends them first must not be able to speak for the server.
        """
        query = dns.message.make_query(
            name,
            record_type,
            use_edns=0 if edns else False,
            want_dnssec=edns,
            payload=_UDP_PAYLOAD if edns else None,
        )
        query.flags |= dns.flags.AD
        host, port = server
        self.asked[server] = None
        self.queries += 1
        async with asyncio.timeout(QUERY_TIMEOUT):
            response, used_tcp = await dns.asyncquery.udp_with_fallback(
                query, host, port=port, ignore_unexpected=True, ignore_errors=True
            )
        self.queries += used_tcp
        return response


async def probe_dns(
    *, host: str, door: Door, name_servers: tuple[tuple[str, int], ...] = ()
) -> Attempt:
    """Ask about one host; ``name_servers`` (address, port) are asked instead of the system's.

    A name that does not exist is evidence. The attempt fails only when neither the system
    resolver nor any name server said anything.
    """
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    name = host.rstrip(".").lower()
    kind = _kind(name)
    servers = list(name_servers)
    if kind is NameKind.DOMAIN and not servers:
        servers = await asyncio.to_thread(_system_name_servers)
    asker = _Asker(servers, begun + door.deadlines.dns)
    ask = kind is NameKind.DOMAIN or (kind is NameKind.SPECIAL_USE and bool(name_servers))
    (addresses, problem), answers = await asyncio.gather(
        _addresses(door, host, asker.deadline), _answers(asker, name, ask=ask)
    )
    if isinstance(problem, NameNotFoundError) and not answers:
        answers = (DnsAnswer(name, "A", DnsStatus.NO_NAME),)
    failure = _failure(problem, answers)
    return Attempt(
        probe=Probe.DNS,
        endpoint=Endpoint(key=f"dns {host}", host=host),
        started=started,
        duration=loop.time() - begun,
        tool=Tool("dnspython", dns.version.version),
        result=failure
        or DnsEvidence(
            host=name,
            collected_at=started,
            kind=kind,
            addresses=addresses,
            answers=answers,
            name_servers_asked=tuple(_written(server) for server in asker.asked),
        ),
        connections=asker.queries,
    )


async def _addresses(
    door: Door, host: str, deadline: float
) -> tuple[tuple[str, ...], Exception | None]:
    """The system resolver's addresses, or why there are none."""
    try:
        async with asyncio.timeout_at(deadline):
            return await door.resolve(host), None
    except (NameNotFoundError, NameServerFailedError, TimeoutError) as error:
        return (), error


async def _answers(asker: _Asker, name: str, *, ask: bool) -> tuple[DnsAnswer, ...]:
    """Everything that is asked about a name; nothing when it cannot stand in a question."""
    if not ask or not _fits_in_a_question(name):
        return ()
    parents = _parents(name)
    first = await asker.ask_all(
        [(name, kind) for kind in _HOST_TYPES] + [(parent, "CAA") for parent in parents]
    )
    own_zone = first[_HOST_TYPES.index("NS")]
    return (*first, *await _zone_answers(asker, own_zone, parents))


async def _zone_answers(
    asker: _Asker, last: DnsAnswer, parents: Sequence[str]
) -> tuple[DnsAnswer, ...]:
    """Who serves the zone that a name lies in: the nearest parent that has name servers.

    The climb ends at a parent about which nothing was said, since the zone may begin there.
    """
    found: list[DnsAnswer] = []
    for parent in parents:
        if last.status not in _STATEMENTS or (last.records and not last.canonical_name):
            break
        answers = await asker.ask_all((parent, kind) for kind in _ZONE_TYPES)
        found += answers
        last = answers[_ZONE_TYPES.index("NS")]
    return tuple(found)


def _parents(name: str) -> list[str]:
    """The names above a host, nearest first, without the public top level."""
    labels = name.split(".")
    return [".".join(labels[depth:]) for depth in range(1, len(labels) - 1)][: _LEVELS - 1]


def _fits_in_a_question(name: str) -> bool:
    try:
        dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError):
        return False
    return True


def _kind(name: str) -> NameKind:
    if literal_address(name) is not None:
        return NameKind.ADDRESS
    special = "." not in name or any(
        name == suffix or name.endswith(f".{suffix}") for suffix in _SPECIAL_USE
    )
    return NameKind.SPECIAL_USE if special else NameKind.DOMAIN


def _system_name_servers() -> list[tuple[str, int]]:
    """The name servers that the system is configured with; none when that cannot be read."""
    try:
        resolver = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError, ValueError):
        return []
    servers = (server for server in resolver.nameservers if isinstance(server, str))
    return [(server, resolver.port) for server in servers if literal_address(server)]


def _read(response: dns.message.Message, name: str, record_type: str) -> DnsAnswer:
    """One response as an answer. Raises DNSException when it is inconsistent."""
    status = _STATUSES.get(response.rcode(), DnsStatus.SERVER_FAILED)
    if status not in _STATEMENTS:
        return DnsAnswer(name, record_type, status)
    if not isinstance(response, dns.message.QueryMessage):
        raise dns.message.NotQueryResponse
    chain = response.resolve_chaining()
    if status is DnsStatus.ANSWER and chain.answer is None:
        status = DnsStatus.REFUSED if _is_referral(response) else DnsStatus.NO_DATA
    return DnsAnswer(
        name=name,
        type=record_type,
        status=status,
        records=_records(chain.answer or ()),
        canonical_name=_plain(chain.canonical_name) if chain.cnames else None,
        authenticated=bool(response.flags & dns.flags.AD),
    )


def _is_referral(response: dns.message.Message) -> bool:
    """Whether a server only points to others: it has not said that there is no such record."""
    if response.answer or response.flags & (dns.flags.AA | dns.flags.RA):
        return False
    types = {rrset.rdtype for rrset in response.authority}
    return dns.rdatatype.NS in types and dns.rdatatype.SOA not in types


def _records(rdatas: Iterable[object]) -> tuple[str, ...]:
    """Records in presentation form (RFC 1035 5.1), which is ASCII whatever the octets were."""
    texts = sorted(str(rdata)[:_RECORD_LENGTH] for rdata in rdatas)
    return tuple(texts[:_RECORDS])


def _plain(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()


def _written(server: tuple[str, int]) -> str:
    """A name server's address, with its port where that is not the usual one."""
    address, port = server
    if port == _DNS_PORT:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _failure(problem: Exception | None, answers: Iterable[DnsAnswer]) -> Failure | None:
    """A failure when nothing at all is known: a name that does not exist is known not to."""
    if problem is None or isinstance(problem, NameNotFoundError):
        return None
    if any(answer.status in _STATEMENTS for answer in answers):
        return None
    if isinstance(problem, TimeoutError):
        text = "neither the system resolver nor a name server answered within the time allowed"
        return Failure(FailureKind.TIMEOUT, text)
    failure = failure_of(problem)
    return Failure(failure.kind, short_text(f"{failure.text}; no name server answered"))
