"""Reads the first flight of a server: hello, key exchange, alert. Nothing in it is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from spbe_audit.probes.tls.greeting import ALERTS

FLIGHT_LIMIT = 96 * 1024
"""Bytes that are read of one flight: long chains of certificates included."""

_LONGEST_RECORD = 2**14 + 2048
_ALERT, _HANDSHAKE = 21, 22
_WARNING, _CLOSE_NOTIFY = 1, 0
_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY_EXCHANGE = 2, 11, 12
_CERTIFICATE_REQUEST, _SERVER_HELLO_DONE, _CERTIFICATE_STATUS = 13, 14, 22
_OCSP = 1
_MOST_CERTIFICATES = 100
_MOST_RECORDS, _LONGEST_KEY_EXCHANGE = 256, 2**14
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
    compression: int = 0
    extensions: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def retry_group(self) -> int | None:
        """The group that a HelloRetryRequest asks for."""
        body = self.extensions.get(_KEY_SHARE, b"")
        return int.from_bytes(body) if self.retry and len(body) == 2 else None  # noqa: PLR2004 - one group

    @property
    def group(self) -> int | None:
        """The group that was settled on in TLS 1.3, or that is asked for."""
        body = self.extensions.get(_KEY_SHARE, b"")
        return int.from_bytes(body[:2]) if len(body) >= 2 else None  # noqa: PLR2004 - one group


@dataclass(frozen=True, slots=True)
class Flight:
    """What came. ``key_exchange`` is the body of the ServerKeyExchange; ``alert`` a name.

    ``chain`` are the certificates, leaf first, and ``staple`` the answer about it (RFC 6066, 8).

    ``whole`` tells that no more was to come; a flight of nothing is a server that hung up without a
    word.
    """

    hello: ServerHello | None = None
    key_exchange: bytes | None = None
    alert: str | None = None
    whole: bool = False
    chain: tuple[bytes, ...] = ()
    staple: bytes | None = None
    certificate_asked: bool = False


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
    found = Flight()
    for said in _heard(data):
        if isinstance(said, _End):
            return replace(found, alert=said.alert, whole=True)
        if said.kind == _SERVER_HELLO:
            found = replace(found, hello=read_server_hello(said.body))
            if found.hello and found.hello.version > 0x0303:  # noqa: PLR2004 - TLS 1.2
                return replace(found, whole=True)
        elif said.kind == _SERVER_HELLO_DONE:
            return replace(found, whole=True)
        elif said.kind in _READERS:
            found = _READERS[said.kind](found, said.body)
    return found if ended else None


def _with_certificates(found: Flight, body: bytes) -> Flight:
    """A Certificate message of TLS 1.2 and before (RFC 5246, 7.4.2)."""
    entries, chain = _Fields(_Fields(body).vector(3)), []
    while entries.left():
        chain.append(entries.vector(3))
        if len(chain) > _MOST_CERTIFICATES:
            raise BrokenFlightError("the chain of certificates is longer than any we read")
    return replace(found, chain=tuple(chain))


def _with_staple(found: Flight, body: bytes) -> Flight:
    """A CertificateStatus message (RFC 6066, 8)."""
    fields = _Fields(body)
    return replace(found, staple=fields.vector(3)) if fields.number(1) == _OCSP else found


def _with_key_exchange(found: Flight, body: bytes) -> Flight:
    """A ServerKeyExchange, of which every suite that is found keeps one."""
    if len(body) > _LONGEST_KEY_EXCHANGE:
        raise BrokenFlightError("the key exchange is longer than any we read")
    return replace(found, key_exchange=body)


_READERS: Mapping[int, Callable[[Flight, bytes], Flight]] = {
    _CERTIFICATE: _with_certificates,
    _CERTIFICATE_STATUS: _with_staple,
    _SERVER_KEY_EXCHANGE: _with_key_exchange,
    _CERTIFICATE_REQUEST: lambda found, _: replace(found, certificate_asked=True),
}


def read_server_hello(body: bytes) -> ServerHello:
    """Read a ServerHello (RFC 8446, 4.1.3). Raises BrokenFlightError."""
    fields = _Fields(body)
    version, random = fields.number(2), fields.take(32)
    session, suite, compression = fields.vector(1), fields.number(2), fields.number(1)
    extensions = {}
    if fields.left():
        inner = _Fields(fields.vector(2))
        while inner.left():
            number = inner.number(2)
            if number in extensions:
                raise BrokenFlightError(f"extension {number} comes twice in one message")
            extensions[number] = inner.vector(2)
    if fields.left():
        raise BrokenFlightError("a message is longer than it says")
    settled = extensions.get(_SUPPORTED_VERSIONS)
    if settled is not None:
        version = _Fields(settled).number(2)
    return ServerHello(version, session, suite, random == _RETRY, compression, extensions)


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
    return tuple((said.kind, said.body) for said in _heard(data) if isinstance(said, _Message))


class _Message(NamedTuple):
    """One whole handshake message."""

    kind: int
    body: bytes


class _End(NamedTuple):
    """The name of a fatal alert; None for a record of what comes behind a flight."""

    alert: str | None


def _heard(data: bytes) -> Iterator[_Message | _End]:
    """What is said, in that order. Nothing is read behind the end, however much came with it.

    A flight is read anew with each piece that comes, so its parts are bounded in number too.
    """
    handshake, kinds = bytearray(), set[int]()
    for number, (kind, payload) in enumerate(_records(data)):
        if number >= _MOST_RECORDS:
            raise BrokenFlightError("a flight has more records than any we read")
        if kind == _HANDSHAKE:
            handshake += payload
            for message in _whole_messages(handshake):
                if message.kind in kinds:
                    raise BrokenFlightError(f"message {message.kind} comes twice in one flight")
                kinds.add(message.kind)
                yield message
        elif kind == _ALERT:
            if len(payload) == 2 and (payload[0] != _WARNING or payload[1] == _CLOSE_NOTIFY):  # noqa: PLR2004 - length of an alert
                yield _End(ALERTS.get(payload[1], f"alert {payload[1]}"))
                return
        else:
            yield _End(None)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The types and contents of whole records. One of another type is the last: its head will do.

    Such a one ends the handshake that stands before it; alone it is no answer of TLS.
    """
    at, begun = 0, False
    while len(data) - at >= 5:  # noqa: PLR2004 - length of a record header
        kind, length = data[at], int.from_bytes(data[at + 3 : at + 5])
        if kind not in {_ALERT, _HANDSHAKE}:
            if not begun:
                raise BrokenFlightError("the answer is not TLS")
            yield kind, b""
            return
        if data[at + 1] != 3 or not 0 < length <= _LONGEST_RECORD:  # noqa: PLR2004 - TLS is 3.x
            raise BrokenFlightError("a record is not TLS")
        end = at + 5 + length
        if len(data) < end:
            return
        yield kind, data[at + 5 : end]
        at, begun = end, begun or kind == _HANDSHAKE


def _whole_messages(handshake: bytearray) -> Iterator[_Message]:
    """Take the messages that are whole off the front."""
    while len(handshake) >= 4:  # noqa: PLR2004 - length of a message header
        length = int.from_bytes(handshake[1:4])
        if length > FLIGHT_LIMIT:
            raise BrokenFlightError("a message is longer than any we read")
        if len(handshake) < 4 + length:
            return
        message = _Message(handshake[0], bytes(handshake[4 : 4 + length]))
        del handshake[: 4 + length]
        yield message


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
