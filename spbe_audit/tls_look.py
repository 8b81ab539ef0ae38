"""A look at the TLS of some endpoints, without a target list, a store or a judgement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from spbe_audit.evidence.attempt import Attempt, Endpoint, Failure, Probe, Tool
from spbe_audit.evidence.tls import TlsQuestion
from spbe_audit.network import Door, NameNotFoundError, NameServerFailedError, OutOfScopeError
from spbe_audit.probes.socket_failures import failure_of_socket
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity
from spbe_audit.version import VERSION

DEFAULT_PORTS = {
    "smtp": 25,
    "imap": 143,
    "pop3": 110,
    "ftp": 21,
    "ldap": 389,
    "postgresql": 5432,
    "mysql": 3306,
    "xmpp": 5222,
    "xmpp-server": 5269,
}
"""Where a protocol that begins TLS by itself is usually found."""

HTTPS = 443
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class TlsTarget:
    """A host, by name or address, and a port."""

    host: str
    port: int


def read_tls_target(text: str, default_port: int = HTTPS) -> TlsTarget:
    """Read "host", "host:port", "[address]:port" or a URL. Raises ValueError with what is wrong."""
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        port = parts.port if parts.port is not None else default_port
    except ValueError:  # of which the words say too little
        port = 0
    if not port or not parts.hostname or parts.username is not None:
        raise ValueError(f"{text!r} is no host, no host:port and no URL")
    return TlsTarget(parts.hostname, port)


async def look_at(
    targets: Sequence[TlsTarget],
    *,
    door: Door,
    intensity: Intensity = Intensity.STANDARD,
    starttls: str | None = None,
    questions: Collection[TlsQuestion] = frozenset(TlsQuestion),
) -> AsyncIterator[Attempt]:
    """What each endpoint offers, in the order of the targets, as soon as that is known.

    A name with several addresses is asked at the first one that is in scope. What the network
    does is in the attempts, never raised.
    """
    places = asyncio.Semaphore(_AT_ONCE)
    ask = partial(probe_tls, door=door, intensity=intensity, starttls=starttls, questions=questions)

    async def look(target: TlsTarget) -> Attempt:
        async with places:
            return await _look(target, ask, door)

    tasks = [asyncio.create_task(look(target)) for target in targets]
    try:
        for task in tasks:
            yield await task
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Collection[asyncio.Task[Attempt]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _look(target: TlsTarget, ask: Callable[..., Awaitable[Attempt]], door: Door) -> Attempt:
    try:
        address = (await door.addresses_in_scope(target.host))[0]
    except (OutOfScopeError, NameNotFoundError, NameServerFailedError) as error:
        return _unlooked(target, failure_of_socket(error), door)
    return await ask(host=target.host, port=target.port, address=address)


def _unlooked(target: TlsTarget, failure: Failure, door: Door) -> Attempt:
    endpoint = Endpoint(f"tls {target.host}:{target.port}", target.host, port=target.port)
    own = Tool("spbe-audit", VERSION)
    return Attempt(Probe.TLS, endpoint, door.clock(), 0.0, own, failure)
