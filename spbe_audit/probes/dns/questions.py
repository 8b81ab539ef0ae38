"""Asks name servers questions, and reads what they say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from spbe_audit.evidence import DNS_STATEMENTS, DnsAnswer, DnsStatus

QUERY_TIMEOUT = 3.0
"""Seconds for one exchange with one name server, TCP included."""

DNS_PORT = 53

_TRIES = 2
_AT_ONCE = 8
_ALIASES = 8
_RECORDS = 200
_RECORD_LENGTH = 4096
_UDP_PAYLOAD = 1232  # passes every path unfragmented (DNS Flag Day 2020)

_PLAIN = dns.flags.RD | dns.flags.AD
_UNCHECKED = dns.flags.RD | dns.flags.CD

_STATUSES = {
    dns.rcode.NOERROR: DnsStatus.ANSWER,
    dns.rcode.NXDOMAIN: DnsStatus.NO_NAME,
    dns.rcode.REFUSED: DnsStatus.REFUSED,
}
_EDNS_NOT_UNDERSTOOD = frozenset({dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS})

Server = tuple[str, int]
"""Address and port of a name server."""

Question = tuple[str, str]
"""A name and a record type."""


@dataclass(slots=True)
class Asker:
    """Asks the resolving name servers of one probe; lives as long as the probe.

    A server that did not answer goes to the end of the row, so that a dead one is waited for
    once and not at each question. ``queries`` counts every exchange that was begun.
    """

    servers: list[Server]
    deadline: float
    asked: dict[Server, None] = field(default_factory=dict)
    queries: int = 0
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def ask_all(self, questions: Iterable[Question]) -> list[DnsAnswer]:
        """The answers to questions, in their order; asked side by side."""
        return await asyncio.gather(*(self._followed(*one) for one in questions))

    async def fetch_all(
        self, questions: Iterable[Question]
    ) -> dict[Question, dns.message.QueryMessage | None]:
        """The responses to questions, asked so that nobody on the way validates them.

        None where nothing was said. The resolver must not hide what we are to judge (CD flag).
        """
        wanted = tuple(dict.fromkeys(questions))
        found = await asyncio.gather(*(self._ask(*one, flags=_UNCHECKED) for one in wanted))
        responses = (response for _, response in found)
        return dict(zip(wanted, responses, strict=True))

    async def exchange(
        self, server: Server, name: str, record_type: str, *, flags: int
    ) -> dns.message.Message:
        """One question over UDP, and over TCP where the answer did not fit.

        Datagrams that are no answer to this question (garbage, a wrong id, another sender) are
        passed over: whoever sends them first must not be able to speak for the server. Raises
        TimeoutError, OSError, EOFError, ValueError or DNSException.
        """
        response = await self._exchange(server, name, record_type, flags, edns=True)
        if response.rcode() in _EDNS_NOT_UNDERSTOOD:
            response = await self._exchange(server, name, record_type, flags, edns=False)
        return response

    async def _followed(self, name: str, record_type: str) -> DnsAnswer:
        """The answer at the end of the aliases, where a server without recursion leaves it out."""
        answer, _ = await self._ask(name, record_type, flags=_PLAIN)
        for _ in range(_ALIASES):
            target = answer.canonical_name
            if target is None or answer.status in DNS_STATEMENTS:
                break
            further, _ = await self._ask(target, record_type, flags=_PLAIN)
            last = further.canonical_name or target
            answer = replace(further, name=name, canonical_name=last)
            if last == target:
                break
        return answer

    async def _ask(
        self, name: str, record_type: str, *, flags: int
    ) -> tuple[DnsAnswer, dns.message.QueryMessage | None]:
        try:
            async with asyncio.timeout_at(self.deadline), self._places:
                return await self._best_answer(name, record_type, flags)
        except TimeoutError:
            return DnsAnswer(name, record_type, DnsStatus.TIMEOUT), None

    async def _best_answer(
        self, name: str, record_type: str, flags: int
    ) -> tuple[DnsAnswer, dns.message.QueryMessage | None]:
        answer, response = DnsAnswer(name, record_type, DnsStatus.SERVER_FAILED), None
        for _ in range(_TRIES):
            for server in tuple(self.servers):
                answer, response = await self._answer_of(server, name, record_type, flags)
                if answer.status in DNS_STATEMENTS:
                    return answer, response
                if answer.status is DnsStatus.TIMEOUT:
                    self.servers.remove(server)
                    self.servers.append(server)
        return answer, response

    async def _answer_of(
        self, server: Server, name: str, record_type: str, flags: int
    ) -> tuple[DnsAnswer, dns.message.QueryMessage | None]:
        self.asked[server] = None
        try:
            response = await self.exchange(server, name, record_type, flags=flags)
            return _read(response, name, record_type)
        except (TimeoutError, dns.exception.Timeout):
            return DnsAnswer(name, record_type, DnsStatus.TIMEOUT), None
        except (dns.exception.DNSException, OSError, EOFError, ValueError):
            return DnsAnswer(name, record_type, DnsStatus.SERVER_FAILED), None

    async def _exchange(
        self, server: Server, name: str, record_type: str, flags: int, *, edns: bool
    ) -> dns.message.Message:
        query = dns.message.make_query(
            name,
            record_type,
            use_edns=0 if edns else False,
            want_dnssec=edns,
            payload=_UDP_PAYLOAD if edns else None,
            flags=flags,
        )
        host, port = server
        self.queries += 1
        async with asyncio.timeout(QUERY_TIMEOUT):
            response, used_tcp = await dns.asyncquery.udp_with_fallback(
                query, host, port=port, ignore_unexpected=True, ignore_errors=True
            )
        self.queries += used_tcp
        return response


def fits_in_a_question(name: str) -> bool:
    """Whether a name can be written into a query at all."""
    try:
        dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError):
        return False
    return True


def plain_name(name: dns.name.Name) -> str:
    """A name as evidence has it: lower case, without the final dot; '.' for the root."""
    return name.to_text(omit_final_dot=True).lower()


def _read(
    response: dns.message.Message, name: str, record_type: str
) -> tuple[DnsAnswer, dns.message.QueryMessage | None]:
    """One response as an answer. Raises DNSException when it is inconsistent."""
    status = _STATUSES.get(response.rcode(), DnsStatus.SERVER_FAILED)
    if status not in DNS_STATEMENTS:
        return DnsAnswer(name, record_type, status), None
    if not isinstance(response, dns.message.QueryMessage):
        raise dns.message.NotQueryResponse
    chain = response.resolve_chaining()
    if status is DnsStatus.ANSWER and chain.answer is None:
        status = DnsStatus.REFUSED if _is_unfinished(response) else DnsStatus.NO_DATA
    answer = DnsAnswer(
        name=name,
        type=record_type,
        status=status,
        records=_records(chain.answer or ()),
        canonical_name=plain_name(chain.canonical_name) if chain.cnames else None,
        authenticated=bool(response.flags & dns.flags.AD),
    )
    return answer, response if status in DNS_STATEMENTS or response.answer else None


def _is_unfinished(response: dns.message.Message) -> bool:
    """Whether a server only points to others: it has not said that there is no such record.

    It does so with a referral, or with an alias into a zone that is not its own.
    """
    types = {rrset.rdtype for rrset in response.authority}
    if response.flags & dns.flags.RA or dns.rdatatype.SOA in types:
        return False
    if response.answer:
        return True
    return dns.rdatatype.NS in types and not response.flags & dns.flags.AA


def _records(rdatas: Iterable[object]) -> tuple[str, ...]:
    """Records in presentation form (RFC 1035 5.1), which is ASCII whatever the octets were."""
    texts = sorted(str(rdata)[:_RECORD_LENGTH] for rdata in rdatas)
    return tuple(texts[:_RECORDS])
