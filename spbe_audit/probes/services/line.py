"""Conversations with one port: few, short, and none longer than its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from spbe_audit.network import Door
from spbe_audit.probes.failures import NETWORK_ERRORS
from spbe_audit.probes.http_transport import permissive_tls
from spbe_audit.probes.tls.greeting import sni

CONVERSATION = 5.0
"""Seconds that one connection may take, from its first packet on."""
READ_LIMIT = 64 * 1024
"""Bytes that are read of one conversation."""

_CHUNK = 4096

Enough = Callable[[bytes], bool]
"""Whether all that is waited for has come."""


@dataclass(slots=True)
class Line:
    """An open connection; ``data`` is all that came, ``ended`` whether no more will."""

    data: bytes
    ended: bool
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _ends: float

    async def hear(self, seconds: float, enough: Enough) -> bytes:
        """What has come once it is enough, or the time is up, or no more will come."""
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + seconds, self._ends)):
                while not self.ended and not enough(self.data) and len(self.data) < READ_LIMIT:
                    chunk = await self._reader.read(min(_CHUNK, READ_LIMIT - len(self.data)))
                    self.data += chunk
                    self.ended = not chunk
        except TimeoutError:
            pass  # the silence is the answer
        except NETWORK_ERRORS:
            self.ended = True
        return self.data

    async def say(self, message: bytes) -> None:
        """Send a message; a line that breaks meanwhile has ended."""
        try:
            async with asyncio.timeout_at(self._ends):
                self._writer.write(message)
                await self._writer.drain()
        except NETWORK_ERRORS:
            self.ended = True


@dataclass(slots=True)
class Contact:
    """One port of one address: until when it may be spoken to, and what that has cost.

    ``deadline`` is in the loop's time; ``connections`` counts what was opened.
    """

    host: str
    address: str
    port: int
    door: Door
    deadline: float
    connections: int = 0

    @asynccontextmanager
    async def line(self, *, tls: bool = False) -> AsyncIterator[Line]:
        """A new connection, closed when the block ends.

        Raises OSError where none comes about, TimeoutError included, and OutOfScopeError.
        """
        async with asyncio.timeout_at(self.deadline), self.door.admit(self.host, self.address):
            self.connections += 1
            ends = min(self.deadline, asyncio.get_running_loop().time() + CONVERSATION)
            async with asyncio.timeout_at(ends):
                reader, writer = await self._connect(tls=tls)
            try:
                yield Line(b"", ended=False, _reader=reader, _writer=writer, _ends=ends)
            finally:
                writer.transport.abort()
                with suppress(*NETWORK_ERRORS):
                    await writer.wait_closed()

    async def _connect(self, *, tls: bool) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if not tls:
            return await asyncio.open_connection(self.address, self.port, limit=READ_LIMIT)
        return await asyncio.open_connection(
            self.address,
            self.port,
            limit=READ_LIMIT,
            ssl=permissive_tls(),
            server_hostname=sni(self.host) or self.address,
        )
