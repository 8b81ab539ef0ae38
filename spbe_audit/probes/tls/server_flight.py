"""Reads the first flight of a server: hello, key exchange, alert. Nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from spbe_audit.probes.tls.greeting import ALERTS

FLIGHT_LIMIT = 96 * 1024
"""Bytes that are read of one flight: long chains of certificates included."""

_LONGEST_RECORD = 2**14 + 2048
_ALERT, _HANDSHAKE = 21, 22
_WARNING, _CLOSE_NOTIFY = 1, 0
_SERVER_HELLO, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 2, 12, 14
_SUPPORTED_VERSIONS, _KEY_SHARE = 43, 51
_NAMED_CURVE = 3
# SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class BrokenFlightError(ValueError):
    """What the server sent does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class ServerHello:
    """A ServerHello or HelloRetryRequest. ``version`` is the one that is settled on."""

    version: int
    session: bytes
    suite: int
    retry: bool = False
    extensions: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def retry_group(self) -> int | None:
        """The group that a HelloRetryRequest asks for."""
        body = self.extensions.get(_KEY_SHARE, b"")
        return int.from_bytes(body) if self.retry and len(body) == 2 else None  # noqa: PLR2004 - one group


@dataclass(frozen=True, slots=True)
class Flight:
    """What came. ``key_exchange`` is the body of the ServerKeyExchange; ``alert`` a name.

    ``whole`` tells that no more was to come; a flight of nothing is a server that hung up without a
    word.
    """

    hello: ServerHello | None = None
    key_exchange: bytes | None = None
    alert: str | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class SentKeyExchange:
    """A ServerKeyExchange taken apart. ``group`` is set for ECDH, ``prime`` for DH.

    ``signature_scheme`` is the number of the algorithm that signed it (TLS 1.2), None for none.
    """

    group: int | None = None
    prime: int | None = None
    signature_scheme: int | None = None


def read_flight(data: bytes, ended: bool) -> Flight | None:  # noqa: FBT001 - see contact.Reader
    """Read a flight; None while it is not whole. Raises BrokenFlightError.

    It is whole with a fatal alert, a ServerHelloDone, or what begins the encryption: a ServerHello
    of TLS 1.3, or a ChangeCipherSpec where a session is resumed.
    """
    handshake, alert, more = _records(data)
    hello, key_exchange = None, None
    for kind, body in _messages(handshake):
        if kind == _SERVER_HELLO:
            hello = read_server_hello(body)
            if hello.version > 0x0303:  # noqa: PLR2004 - TLS 1.2
                return Flight(hello, whole=True)
        elif kind == _SERVER_KEY_EXCHANGE:
            key_exchange = body
        elif kind == _SERVER_HELLO_DONE:
            return Flight(hello, key_exchange, whole=True)
    if alert or ended or not more:
        return Flight(hello, key_exchange, alert, whole=not more)
    return None


def read_server_hello(body: bytes) -> ServerHello:
    """Read a ServerHello (RFC 8446, 4.1.3). Raises BrokenFlightError."""
    fields = _Fields(body)
    version, random = fields.number(2), fields.take(32)
    session, suite = fields.vector(1), fields.number(2)
    fields.take(1)
    extensions = {}
    if fields.left():
        inner = _Fields(fields.vector(2))
        while inner.left():
            number = inner.number(2)
            extensions[number] = inner.vector(2)
    settled = extensions.get(_SUPPORTED_VERSIONS)
    if settled is not None:
        version = _Fields(settled).number(2)
    return ServerHello(version, session, suite, random == _RETRY, extensions)


def read_key_exchange(body: bytes, *, is_dh: bool, signed: bool) -> SentKeyExchange:
    """Read a ServerKeyExchange (RFC 5246 7.4.3, RFC 8422 5.4). Raises BrokenFlightError.

    ``signed``: it carries a signature that names its algorithm, as TLS 1.2 does.
    """
    fields = _Fields(body)
    group, prime = None, None
    if is_dh:
        prime = int.from_bytes(fields.vector(2))
        fields.vector(2)
        fields.vector(2)
    else:
        if fields.number(1) != _NAMED_CURVE:
            raise BrokenFlightError("the curve of the key exchange has no name")
        group = fields.number(2)
        fields.vector(1)
    scheme = None
    if signed:
        scheme = fields.number(2)
        fields.vector(2)
        if fields.left():
            raise BrokenFlightError("the key exchange message is longer than it says")
    return SentKeyExchange(group, prime, scheme)


def handshake_messages(data: bytes) -> tuple[tuple[int, bytes], ...]:
    """The whole messages, with their types, before anything that is encrypted.

    Raises BrokenFlightError.
    """
    return tuple(_messages(_records(data)[0]))


def _records(data: bytes) -> tuple[bytes, str | None, bool]:
    """What the handshake records hold, the fatal alert, and whether more records may follow.

    Nothing is read behind an alert or a record of another type.
    """
    handshake, at = bytearray(), 0
    while len(data) - at >= 5:  # noqa: PLR2004 - length of a record header
        kind, length = data[at], int.from_bytes(data[at + 3 : at + 5])
        payload = data[at + 5 : at + 5 + length]
        if kind not in {_ALERT, _HANDSHAKE}:
            if handshake:
                return bytes(handshake), None, False
            raise BrokenFlightError("the answer is not TLS")
        if data[at + 1] != 3 or not 0 < length <= _LONGEST_RECORD:  # noqa: PLR2004 - TLS is 3.x
            raise BrokenFlightError("a record is not TLS")
        if len(payload) < length:
            break
        at += 5 + length
        if kind == _HANDSHAKE:
            handshake += payload
        elif length == 2 and (payload[0] != _WARNING or payload[1] == _CLOSE_NOTIFY):  # noqa: PLR2004 - length of an alert
            return bytes(handshake), ALERTS.get(payload[1], f"alert {payload[1]}"), False
    return bytes(handshake), None, True


def _messages(handshake: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while len(handshake) - at >= 4:  # noqa: PLR2004 - length of a message header
        length = int.from_bytes(handshake[at + 1 : at + 4])
        if length > FLIGHT_LIMIT:
            raise BrokenFlightError("a message is longer than any we read")
        if len(handshake) - at - 4 < length:
            return
        yield handshake[at], handshake[at + 4 : at + 4 + length]
        at += 4 + length


class _Fields:
    """Takes fields off the front of a message, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        if count > self.left():
            raise BrokenFlightError("a message is shorter than it says")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def vector(self, length: int) -> bytes:
        return self.take(self.number(length))
