"""The only door to the network: scope, per-address budget, deadlines, footprint count."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from spbe_audit.errors import Refusal
from spbe_audit.scope import (
    IpAddress,
    literal_address,
    refuse_address,
    refuse_host,
    refuse_window,
)
from spbe_audit.targets import Engagement

RESOLVER_THREADS = 32
"""Look-ups at once: a few dead names must not keep the living ones waiting."""


class OutOfScopeError(Exception):
    """A connection was about to leave the engagement; nothing was sent."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


class NameNotFoundError(Exception):
    """The resolver says that the name does not exist or has no address."""


class NameServerFailedError(Exception):
    """The resolver gave no answer, so nothing is known about the name."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one address may be asked to bear.

    ``at_once`` connections open at the same time; ``per_second`` new ones; ``sweep_per_second`` new
    ones while ports are swept, which a firewall sees as one scan anyway. After a pause ``burst``
    new ones may come without waiting.
    """

    at_once: int = 10
    per_second: float = 50.0
    burst: int = 25
    sweep_per_second: float = 300.0


LOOPBACK_BUDGET = Budget(at_once=20, per_second=5000.0, sweep_per_second=50_000.0)
"""Loopback is the scanner's own machine: nobody else's patience is spent."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Absolute limits in seconds, each over a whole activity and never per read."""

    connect: float = 5.0
    exchange: float = 10.0
    http: float = 40.0
    tls: float = 60.0
    dns: float = 20.0
    ports: float = 90.0
    uptime: float = 40.0
    service: float = 180.0


class _Meter:
    """Spends one address's budget: a semaphore and a clock of free starting slots."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.opened = 0
        self._places = asyncio.Semaphore(budget.at_once)
        self._next_start = 0.0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        async with self._places:
            await self.turn(self.budget.per_second, self.budget.burst)
            self.opened += 1
            yield

    async def turn(self, per_second: float, burst: int = 1) -> None:
        """Wait for a slot; slots that were not used are kept, up to ``burst`` of them."""
        now = asyncio.get_running_loop().time()
        start = max(now - (burst - 1) / per_second, self._next_start)
        self._next_start = start + 1.0 / per_second
        await asyncio.sleep(max(0.0, start - now))


@dataclass(slots=True)
class Permit:
    """Leave for an external engine to connect to one address, within the stated budget.

    The engine enforces ``budget`` itself and reports what it opened through ``count``.
    """

    address: str
    budget: Budget
    _meter: _Meter

    def count(self, connections: int) -> None:
        """Add connections that the engine opened to the footprint."""
        self._meter.opened += connections


@dataclass(slots=True)
class Door:
    """Every connection of a run passes here. One door belongs to one event loop.

    ``user_agent`` names us and the engagement's contact, for the log of the other side.
    """

    engagement: Engagement | None = None
    budget: Budget = field(default_factory=Budget)
    deadlines: Deadlines = field(default_factory=Deadlines)
    user_agent: str = "spbe-audit"
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _meters: dict[str, _Meter] = field(default_factory=dict)
    _resolved: dict[str, asyncio.Task[tuple[str, ...]]] = field(default_factory=dict)
    _resolvers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(RESOLVER_THREADS, "resolver")
    )

    async def resolve(self, host: str) -> tuple[str, ...]:
        """All addresses of a host by the system resolver, which is asked once in a run.

        Raises NameNotFoundError or NameServerFailedError. Addresses are not checked here.
        """
        literal = literal_address(host)
        if literal is not None:
            return (str(literal),)
        if host in self.hosts:
            return self.hosts[host]
        if host not in self._resolved:
            self._resolved[host] = asyncio.ensure_future(_system_resolve(host, self._resolvers))
        return await asyncio.shield(self._resolved[host])

    async def addresses_in_scope(self, host: str) -> tuple[str, ...]:
        """The addresses of a host that may be connected to; at least one.

        Raises OutOfScopeError, NameNotFoundError or NameServerFailedError.
        """
        refusal = self.refusal(host)
        if refusal:
            raise OutOfScopeError(refusal)
        addresses = await self.resolve(host)
        refusals = [self.refusal(host, address) for address in addresses]
        allowed = tuple(a for a, refused in zip(addresses, refusals, strict=True) if not refused)
        if not allowed and refusals[0]:
            raise OutOfScopeError(refusals[0])
        return allowed

    def refusal(self, host: str, address: str | None = None) -> Refusal | None:
        """Why this host, or this address of it, may not be contacted now; None when it may."""
        refused = refuse_window(self.engagement, self.clock()) or refuse_host(self.engagement, host)
        if refused or address is None:
            return refused
        return refuse_address(self.engagement, host, _parsed(address))

    @asynccontextmanager
    async def admit(self, host: str, address: str) -> AsyncIterator[None]:
        """Hold one of the address's places for the life of a connection.

        Waits for the budget; raises OutOfScopeError before anything is sent.
        """
        self._check(host, address)
        async with self._meter(address).place():
            yield

    async def admit_sweep(self, host: str, address: str) -> None:
        """Wait for a turn to try one port. The caller bounds how many are tried at once."""
        self._check(host, address)
        meter = self._meter(address)
        await meter.turn(meter.budget.sweep_per_second)
        meter.opened += 1

    def permit(self, host: str, address: str) -> Permit:
        """Leave for sslyze or nmap. Raises OutOfScopeError."""
        self._check(host, address)
        meter = self._meter(address)
        return Permit(address=address, budget=meter.budget, _meter=meter)

    def footprint(self) -> dict[str, int]:
        """Connections opened so far, by address."""
        return {address: meter.opened for address, meter in sorted(self._meters.items())}

    def _check(self, host: str, address: str) -> None:
        refusal = self.refusal(host, address)
        if refusal:
            raise OutOfScopeError(refusal)

    def _meter(self, address: str) -> _Meter:
        if address not in self._meters:
            budget = LOOPBACK_BUDGET if _parsed(address).is_loopback else self.budget
            self._meters[address] = _Meter(budget)
        return self._meters[address]


def _parsed(address: str) -> IpAddress:
    parsed = literal_address(address)
    if parsed is None:
        raise ValueError(f"not an IP address: {address!r}")
    return parsed


async def _system_resolve(host: str, threads: ThreadPoolExecutor) -> tuple[str, ...]:
    look_up = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.get_running_loop().run_in_executor(threads, look_up)
    except socket.gaierror as error:
        if error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
            raise NameNotFoundError(f"{host}: {error.strerror}") from error
        raise NameServerFailedError(f"{host}: {error.strerror}") from error
    except UnicodeError as error:
        raise NameNotFoundError(f"{host}: not a valid host name") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
