"""What a server has said before TLS: read piece by piece, never more than a little of it."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.probes.socket_failures import short_text
from spbe_audit.probes.tls.contact import Line, LineClosedError, StarttlsDeclinedError

READ_LIMIT = 16 * 1024
"""Bytes that are read of one server before TLS begins."""

_HUNG_UP = "the server hangs up before TLS has begun"


class TurnedAwayError(ConnectionAbortedError):
    """The server has no time for us, or hangs up. Later, or with fewer of us, it may be willing.

    An OSError, so that whoever counts a silent end after the ClientHello as an answer to that does
    not count this one.
    """


@dataclass(slots=True)
class Inbox:
    """A line, what has come on it and was not read yet, and how much came in all."""

    line: Line
    waiting: bytes = b""
    received: int = 0

    async def say(self, message: bytes) -> None:
        """Send a message to a server that has been heard out.

        Raises StarttlsDeclinedError where it has already sent what could be taken for its answer,
        and TurnedAwayError.
        """
        if self.waiting:
            raise StarttlsDeclinedError("it answers before it is asked")
        try:
            await self.line.send(message)
        except ConnectionError as error:
            raise TurnedAwayError(_HUNG_UP) from error

    async def fill(self) -> None:
        """Wait for more to come.

        Raises StarttlsDeclinedError once it has been far too much, and TurnedAwayError.
        """
        if self.received >= READ_LIMIT:
            raise StarttlsDeclinedError("it talks without an end")
        try:
            data = await self.line.receive()
        except (LineClosedError, ConnectionError) as error:
            raise TurnedAwayError(_HUNG_UP) from error
        self.received += len(data)
        self.waiting += data

    async def take(self, length: int) -> bytes:
        """The next ``length`` bytes, once they have come."""
        while len(self.waiting) < length:
            await self.fill()
        taken, self.waiting = self.waiting[:length], self.waiting[length:]
        return taken

    def end(self) -> None:
        """See that nothing came behind the go-ahead.

        Such bytes were sent in the clear, where anybody may add some, and a client that keeps them
        takes them for an answer given under TLS (response injection, as in CVE-2011-0411).
        """
        if self.waiting:
            raise StarttlsDeclinedError(
                f"{len(self.waiting)} bytes in the clear follow its go-ahead, as in an injection"
            )


def declined(what: str, answer: bytes) -> StarttlsDeclinedError:
    """The error for an answer that is no go-ahead."""
    return StarttlsDeclinedError(_with_words(what, answer))


def turned_away(answer: bytes) -> TurnedAwayError:
    """The error for an answer that puts us off."""
    return TurnedAwayError(_with_words("it puts us off", answer))


def _with_words(what: str, answer: bytes) -> str:
    """Our words, and the readable part of an answer."""
    said = short_text("".join(chr(byte) if 0x20 <= byte < 0x7F else " " for byte in answer[:200]))  # noqa: PLR2004 - printable ASCII
    return short_text(f"{what}: {said}" if said else what)
