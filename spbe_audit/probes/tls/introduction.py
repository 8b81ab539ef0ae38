"""One handshake of the newest version: what is said in the clear, and what under encryption."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spbe_audit.probes.socket_failures import SOCKET_ERRORS, failure_of_socket, short_text
from spbe_audit.probes.tls.client_hello import ClientHello
from spbe_audit.probes.tls.contact import Contact, Line, LineClosedError
from spbe_audit.probes.tls.offer import TLS_1_3, everything
from spbe_audit.probes.tls.server_flight import (
    FLIGHT_LIMIT,
    BrokenFlightError,
    Flight,
    read_flight,
)
from spbe_audit.probes.tls.suite_lanes import Disguise
from spbe_audit.probes.tls.tls13.encrypted_flight import EncryptedFlight
from spbe_audit.probes.tls.tls13.handshake import read_encrypted
from spbe_audit.probes.tls.tls13.key_shares import SUPPORTED, new_shares

_BROKEN_OFF: tuple[type[Exception], ...] = (*SOCKET_ERRORS, LineClosedError, BrokenFlightError)
_SHARED = (29, 23)  # x25519 and secp256r1: nearly every server takes one of them


class NotTlsError(BrokenFlightError):
    """What came back was no flight of TLS; ``heard`` is as much of it as was read."""

    def __init__(self, heard: bytes) -> None:
        self.heard = heard
        super().__init__("the answer is not TLS")


@dataclass(frozen=True, slots=True)
class Introduction:
    """A server's answer to a hello that offers everything.

    ``hello`` is what was said. ``encrypted`` is what TLS 1.3 hides, None where
    that was not spoken, or could not be read for the reason that ``hidden`` gives.
    """

    hello: ClientHello
    flight: Flight
    encrypted: EncryptedFlight | None = None
    hidden: str = ""

    @property
    def speaks_newest(self) -> bool:
        """Whether TLS 1.3 was settled on."""
        return self.flight.hello is not None and self.flight.hello.version == TLS_1_3

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The certificates, leaf first."""
        return self.encrypted.chain if self.encrypted else self.flight.chain


async def introduce(
    contact: Contact,
    server_name: str | None,
    *,
    finish: bool,
    alpn: bool = False,
    disguise: Disguise | None = None,
) -> Introduction:
    """Shake hands once, to the end where ``finish`` asks for it and TLS 1.3 is spoken.

    Raises what Contact.visit raises where no connection comes about, TimeoutError where nothing is
    said on it, and NotTlsError where what is said is not TLS.
    """
    shares = new_shares(_SHARED)
    offer = everything(server_name, shares.extension(), SUPPORTED)
    hello = replace(offer, alpn=alpn).hello()
    hello = disguise(hello) if disguise else hello
    message, flight = hello.message(), Flight()
    try:
        async with contact.visit() as line:
            await line.send(hello.as_record(message))
            heard, flight = await _listen(line)
            if flight.hello is None or flight.hello.version != TLS_1_3:
                return Introduction(hello, flight)
            encrypted = await read_encrypted(line, message, shares, heard, finish=finish)
    except _BROKEN_OFF as error:
        if flight.hello is None:
            raise
        return Introduction(hello, flight, hidden=_reason(error))
    return Introduction(hello, flight, encrypted)


async def _listen(line: Line) -> tuple[bytes, Flight]:
    """The first flight, as it came and as it reads."""
    heard = bytearray()
    while len(heard) < FLIGHT_LIMIT:
        try:
            heard += await line.receive()
        except (LineClosedError, ConnectionResetError, BrokenPipeError):
            break
        flight = _read(heard, ended=False)
        if flight is not None:
            return bytes(heard), flight
    return bytes(heard), _read(heard, ended=True) or Flight()


def _read(heard: bytearray, *, ended: bool) -> Flight | None:
    try:
        return read_flight(bytes(heard), ended)
    except BrokenFlightError as error:
        raise NotTlsError(bytes(heard)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, LineClosedError):
        return "the server hung up in the middle of it"
    if isinstance(error, BrokenFlightError):
        return short_text(str(error))
    return short_text(failure_of_socket(error).text)
