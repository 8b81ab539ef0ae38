"""The engine that needs no other program: asyncio connects to port after port."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from ipaddress import IPv6Address

from spbe_audit.evidence import Tool
from spbe_audit.network import Door, OutOfScopeError
from spbe_audit.probes.ports.sweep import AT_ONCE, Sweep, only_an_address
from spbe_audit.version import VERSION

CONNECT_TIMEOUT = 1.5
"""Seconds; long enough for the one SYN that Linux sends again after 1 s."""

_BACK_OFF = 0.1
_OUT_OF_RESOURCES = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EAGAIN,
    }
)


class _State(Enum):
    OPEN = auto()
    CLOSED = auto()
    FILTERED = auto()


@dataclass(slots=True)
class _Tally:
    """Grows while the workers run."""

    states: dict[int, _State] = field(default_factory=dict)
    begun: int = 0

    def count(self, state: _State) -> int:
        return sum(1 for seen in self.states.values() if seen is state)


async def connect_sweep(
    *, host: str, address: str, ports: Sequence[int], door: Door, deadline: float
) -> Sweep:
    """Ask each port, in the order given, until the deadline (in the loop's time).

    Raises OutOfScopeError before anything is sent, and ValueError for what is not an address.
    """
    family = (
        socket.AF_INET6 if isinstance(only_an_address(address), IPv6Address) else socket.AF_INET
    )
    door.permit(host, address)
    tally, waiting = _Tally(), iter(ports)
    async with asyncio.TaskGroup() as workers:
        for _ in range(min(AT_ONCE, len(ports))):
            workers.create_task(_work(waiting, tally, host, address, family, door, deadline))
    return Sweep(
        engine="connect",
        tool=Tool("spbe-audit", VERSION),
        asked=tuple(tally.states),
        open=tuple(port for port, state in tally.states.items() if state is _State.OPEN),
        closed=tally.count(_State.CLOSED),
        filtered=tally.count(_State.FILTERED),
        connections=tally.begun,
    )


async def _work(
    waiting: Iterator[int],
    tally: _Tally,
    host: str,
    address: str,
    family: socket.AddressFamily,
    door: Door,
    deadline: float,
) -> None:
    for port in waiting:
        try:
            async with asyncio.timeout_at(deadline):
                await door.admit_sweep(host, address)
        except (TimeoutError, OutOfScopeError):
            return  # the time is up, or the engagement's is: the rest is not asked
        tally.begun += 1
        state = await _state_of(address, port, family, deadline)
        if state is None:
            return
        tally.states[port] = state


async def _state_of(
    address: str, port: int, family: socket.AddressFamily, deadline: float
) -> _State | None:
    """What one port answers; None when the deadline came before an answer could be told."""
    while (left := deadline - asyncio.get_running_loop().time()) > 0:
        try:
            async with asyncio.timeout(min(CONNECT_TIMEOUT, left)):
                return await _connect(address, port, family)
        except TimeoutError:
            return _State.FILTERED if left >= CONNECT_TIMEOUT else None
        except ConnectionRefusedError:
            return _State.CLOSED
        except ConnectionResetError:
            return _State.OPEN  # the handshake was completed before it was torn down
        except OSError as error:
            if error.errno not in _OUT_OF_RESOURCES:
                return _State.FILTERED
        await asyncio.sleep(_BACK_OFF)  # our own machine is short of something, not theirs
    return None


async def _connect(address: str, port: int, family: socket.AddressFamily) -> _State:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)  # noqa: FBT003 - the method takes no keyword
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
        # On the scanner's own machine the kernel may pick the asked port as our local one; then
        # the socket has met itself (TCP simultaneous open, RFC 9293 3.5), and nobody listens.
        met_itself = connection.getsockname()[:2] == (address, port)
        return _State.CLOSED if met_itself else _State.OPEN
