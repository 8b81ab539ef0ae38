"""One port, visited through the door again and again: say something, and read what comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from spbe_audit.network import Door

T = TypeVar("T")
Reader = Callable[[bytes, bool], T | None]
"""Makes sense of all bytes so far; the flag says that no more will come. None: more are needed."""

READ_LIMIT = 20_000
_CHUNK = 4096


class LineClosedError(Exception):
    """The other side hung up before it was heard out."""


class StarttlsDeclinedError(Exception):
    """The server speaks the protocol in which TLS was to be begun, but does not begin it."""


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection on which several turns are taken. Its deadline is the visit's."""

    _sock: socket.socket

    async def send(self, data: bytes) -> None:
        """Send all of it. Raises OSError."""
        await asyncio.get_running_loop().sock_sendall(self._sock, data)

    async def receive(self) -> bytes:
        """The next bytes. Raises LineClosedError at the end, and OSError."""
        data = await asyncio.get_running_loop().sock_recv(self._sock, _CHUNK)
        if not data:
            raise LineClosedError
        return data


Opening = Callable[[Line, str], Awaitable[None]]
"""Says what has to be said before TLS may begin (STARTTLS), to a host of this name.

Raises StarttlsDeclinedError, LineClosedError, OSError. It leaves no byte of TLS unread.
"""


@dataclass(slots=True)
class Contact:
    """One port, how many connections it has cost, and whether one of them came about."""

    host: str
    address: str
    port: int
    door: Door
    opening: Opening | None = None
    connections: int = 0
    connected: bool = False

    async def say(self, message: bytes, read: Reader[T], *, limit: int = READ_LIMIT) -> T | None:
        """Send one message on a new connection, and give ``read`` what comes until it has enough.

        At the end of the answer, or of ``limit``, what ``read`` then makes of it is the result. A
        text that stops without an end counts as ended; silence, and a TLS record that is not
        complete at the deadline, do not.

        Raises OSError where no connection comes about, TimeoutError, OutOfScopeError.
        """
        data = bytearray()
        try:
            async with self.visit() as line:
                await line.send(message)
                while len(data) < limit:
                    data += await line.receive()
                    result = read(bytes(data), False)  # noqa: FBT003 - see Reader
                    if result is not None:
                        return result
        except (LineClosedError, ConnectionResetError, BrokenPipeError):
            pass  # what came before is the answer
        except TimeoutError:
            if not data or begins_record(bytes(data[:2])):
                raise
        return read(bytes(data), True)  # noqa: FBT003 - see Reader

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Line]:
        """A new connection, for as long as one exchange may last.

        A port that accepts, and hangs up before a word is said, raises LineClosedError.
        """
        async with self.door.admit(self.host, self.address):
            self.connections += 1
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            with socket.socket(family, socket.SOCK_STREAM) as sock:
                sock.setblocking(False)  # noqa: FBT003 - the name says it
                await self._connect(sock)
                async with asyncio.timeout(self.door.deadlines.exchange):
                    line = Line(sock)
                    if self.opening:
                        await self.opening(line, self.host)
                    yield line

    async def _connect(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.door.deadlines.connect):
                await loop.sock_connect(sock, (self.address, self.port))
        except ConnectionResetError as error:  # it was open, and hung up before we could speak
            self.connected = True
            raise LineClosedError from error
        self.connected = True


def begins_record(data: bytes) -> bool:
    """Whether these bytes may be the beginning of a TLS handshake or alert record."""
    return data[:1] in {b"\x15", b"\x16"} and data[1:2] in {b"", b"\x03"}
