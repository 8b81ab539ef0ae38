"""A TLS server that answers as OpenSSL does, and damages its answers on the way.

async with hostile_server(seed, contexts) as port: ...

Everything that it does to an answer follows from the seed.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from tests.fuzz.damage import damaged, in_pieces

_CHUNK = 65536
_HONESTY = (0.0, 0.5, 0.8, 0.95)
_SILENT_ENDS = 0.03


@asynccontextmanager
async def hostile_server(
    seed: int, contexts: Sequence[ssl.SSLContext], *, turns: Sequence[bytes] = ()
) -> AsyncIterator[int]:
    """Serve on loopback until the block ends; gives the port.

    ``turns`` are what it says before TLS (the first at once, the others each to a line), of which
    it leaves out the last one now and then.
    """
    chance = random.Random(seed)  # noqa: S311 - the same damage in every run
    honesty, context = chance.choice(_HONESTY), chance.choice(contexts)

    visits, over = set[asyncio.Task[None] | None](), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.add(asyncio.current_task())
        with suppress(OSError, ssl.SSLError):
            if await _opened(chance, turns, reader, writer):
                await _answer(chance, honesty, context, reader, writer)
        if chance.random() < _SILENT_ENDS:
            await over.wait()
        writer.transport.abort() if chance.random() < 0.5 else writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over.set()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*(visit for visit in visits if visit))


async def _opened(
    chance: random.Random,
    turns: Sequence[bytes],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> bool:
    """Whether the dialogue before TLS comes to its end."""
    for number, turn in enumerate(turns):
        if number and not await reader.readline():
            return False
        if number == len(turns) - 1 and chance.random() < 0.1:
            writer.write(b"454 not now\r\n")
            return False
        writer.write(turn)
        await writer.drain()
    return True


async def _answer(
    chance: random.Random,
    honesty: float,
    context: ssl.SSLContext,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Shake hands, and damage what is said with the chance that honesty leaves."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    conversation = context.wrap_bio(incoming, outgoing, server_side=True)
    while data := await reader.read(_CHUNK):
        incoming.write(data)
        error: ssl.SSLError | None = None
        try:
            conversation.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as caught:
            error = caught
        said = outgoing.read()
        if chance.random() >= honesty:
            said = damaged(chance, said)
        for piece in in_pieces(chance, said):
            writer.write(piece)
            await writer.drain()
        if error:
            raise error
