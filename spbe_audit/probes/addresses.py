"""The addresses probe: asks every address of a name, and its bare or www twin, the same question.

One connection to each: its TLS handshake and one GET of the service's URL, redirects not followed.
Where there is nothing to compare (one address, no twin), nothing is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit, urlunsplit

import httpx

from spbe_audit.evidence import (
    AddressAnswer,
    AddressesEvidence,
    Attempt,
    Endpoint,
    Failure,
    FailureKind,
    NameKind,
    Probe,
)
from spbe_audit.network import Door, NameNotFoundError, NameServerFailedError, OutOfScopeError
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of, short_text
from spbe_audit.probes.http import next_url
from spbe_audit.probes.http_transport import TOOL, Reply, Wire, fetch
from spbe_audit.probes.name_kind import name_kind
from spbe_audit.probes.page import extract_page
from spbe_audit.targets import Service

ADDRESSES_LIMIT = 8
"""How many addresses of the service's own name are asked."""

_BODY_LIMIT = 256 * 1024
_TITLE_END = b"</title"
_URL_LENGTH = 2_000
_WWW = "www."
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def probe_addresses(service: Service, *, door: Door) -> Attempt:
    """Visit each address of a service's name, and its twin at one address of each family.

    The twin is the name with "www." before it, or without it where the service has it. What the
    network does is evidence or a Failure, never an exception.
    """
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    round_trip = _Round(service, door, begun + door.deadlines.http)
    try:
        result: AddressesEvidence | Failure = await round_trip.evidence()
    except NETWORK_ERRORS as error:
        result = failure_of(error)
    return Attempt(
        probe=Probe.ADDRESSES,
        endpoint=Endpoint(
            key=f"addresses {service.url}", host=service.host, port=service.port, url=service.url
        ),
        started=started,
        duration=round(loop.time() - begun, 6),
        tool=TOOL,
        result=result,
        connections=round_trip.opened,
    )


@dataclass(slots=True)
class _Round:
    """One visit to all addresses; ``end`` (by the loop's clock) is when it must be over."""

    service: Service
    door: Door
    end: float
    opened: int = 0
    failures: list[Failure] = field(default_factory=list)

    async def evidence(self) -> AddressesEvidence | Failure:
        """All answers; a Failure where nothing answered at all. Raises one of NETWORK_ERRORS."""
        started, host = self.door.clock(), self.service.host
        async with asyncio.timeout(self.door.deadlines.connect):
            own = (await self.door.addresses_in_scope(host))[:ADDRESSES_LIMIT]
            known = await self.door.resolve(host)
        left_out = tuple(address for address in known if address not in own)
        twin, twin_addresses = await self._twin()
        pairs = [(host, address) for address in own]
        pairs += [(twin, address) for address in twin_addresses]
        if len(pairs) == 1:
            pairs = []  # nothing to compare it with
        answers = await asyncio.gather(*(self._visit(name, address) for name, address in pairs))
        if answers and len(self.failures) == len(answers):
            return self.failures[0]
        if twin and not twin_addresses:
            silent = FailureKind.NAME_SERVER_FAILED.value
            answers.append(AddressAnswer(twin, "", failure=silent))
        return AddressesEvidence(host, started, tuple(answers), twin, left_out)

    async def _twin(self) -> tuple[str, tuple[str, ...]]:
        """The twin with one address of each family; '' where there is none in scope or in the DNS.

        A name without addresses is one about which the name server did not answer.
        """
        twin = twin_name(self.service.host)
        if not twin or (name_kind(twin) is not NameKind.DOMAIN and twin not in self.door.hosts):
            return "", ()
        try:
            async with asyncio.timeout(self.door.deadlines.connect):
                addresses = await self.door.addresses_in_scope(twin)
        except (OutOfScopeError, NameNotFoundError):
            return "", ()
        except (NameServerFailedError, TimeoutError):
            return twin, ()
        return twin, _one_of_each_family(addresses)

    async def _visit(self, host: str, address: str) -> AddressAnswer:
        url, wire = httpx.URL(self.service.url).copy_with(host=host), Wire()
        try:
            left = self.end - asyncio.get_running_loop().time()
            reply = await fetch(
                url,
                door=self.door,
                wire=wire,
                seconds=min(max(0.0, left), self.door.deadlines.exchange),
                body_limit=_BODY_LIMIT,
                enough=_TITLE_END,
                address=address,
            )
        except NETWORK_ERRORS as error:
            failure = failure_of(error)
            self.failures.append(failure)
            return replace(_greeting(host, address, wire), failure=failure.kind.value)
        finally:
            self.opened += wire.opened
        return _answer(_greeting(host, address, wire), url, reply)


def twin_name(host: str) -> str:
    """The name with "www." before it, or without it; '' for an address."""
    if name_kind(host) is NameKind.ADDRESS:
        return ""
    bare = host.removeprefix(_WWW)
    return f"{_WWW}{host}" if bare == host else bare


def _one_of_each_family(addresses: Sequence[str]) -> tuple[str, ...]:
    """The first IPv4 and the first IPv6 address, in the order given."""
    first: dict[bool, str] = {}
    for address in addresses:
        first.setdefault(":" in address, address)
    return tuple(first.values())


def _greeting(host: str, address: str, wire: Wire) -> AddressAnswer:
    """What the TLS handshake showed, if there was one."""
    return AddressAnswer(
        host=host,
        address=address,
        tls=f"{wire.tls_version} {wire.tls_suite or ''}".strip() if wire.tls_version else "",
        certificate=hashlib.sha256(wire.leaf).hexdigest() if wire.leaf else "",
    )


def _answer(greeting: AddressAnswer, url: httpx.URL, reply: Reply) -> AddressAnswer:
    """The answer to the GET."""
    location = next_url(url, reply.header("location")) if reply.status in _REDIRECTS else None
    page = extract_page(reply.body, reply.header("content-type"), str(url))
    return replace(
        greeting,
        status=reply.status,
        location=_without_query(str(location)) if location else "",
        title=short_text(page.title) if page and reply.readable else "",
        server=short_text(reply.header("server")),
    )


def _without_query(url: str) -> str:
    """A redirect's goal without what differs from visit to visit and may be secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))[:_URL_LENGTH]
