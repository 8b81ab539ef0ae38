"""The record layer (RFC 8446, 5): records cut out of a stream, opened, sealed, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305

from spbe_audit.probes.tls.greeting import ALERTS
from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.tls13.fields import vector
from spbe_audit.probes.tls.tls13.key_schedule import Suite, traffic_key

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
FLIGHT_LIMIT = 128 * 1024
"""Bytes that are heard in one handshake: long chains of certificates included."""

_LONGEST_PLAIN = 2**14
_LONGEST_SEALED = 2**14 + 256
_HEADER_BYTES, _MESSAGE_HEADER_BYTES = 5, 4
_ALERT_BYTES = 2
_MAJOR = 3
_VERSION = b"\x03\x03"
_COMPATIBLE = b"\x01"


class AlertError(BrokenFlightError):
    """The server ended it with an alert, which has this ``name``."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the server ended the TLS 1.3 handshake with the alert {name}")


class Record(NamedTuple):
    """The content of one record."""

    kind: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One handshake message; ``raw`` has its header too, as the transcript wants it."""

    raw: bytes

    @property
    def kind(self) -> int:
        """Its type."""
        return self.raw[0]

    @property
    def body(self) -> bytes:
        """All behind the header."""
        return self.raw[_MESSAGE_HEADER_BYTES:]


class _Aead(Protocol):
    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None, /) -> bytes: ...


_CIPHERS: Mapping[int, Callable[[bytes], _Aead]] = {
    0x1301: AESGCM,
    0x1302: AESGCM,
    0x1303: ChaCha20Poly1305,
    0x1304: AESCCM,
    0x1305: partial(AESCCM, tag_length=8),
}


class Protection:
    """The keys of one direction, and how many records have passed under them."""

    def __init__(self, suite: Suite, secret: bytes) -> None:
        key, self._iv = traffic_key(suite, secret)
        self._tag_bytes = suite.tag_bytes
        self._cipher = _CIPHERS[suite.number](key)
        self._passed = 0

    def open(self, header: bytes, payload: bytes) -> Record:
        """Decrypt one record. Raises BrokenFlightError."""
        try:
            inner = self._cipher.decrypt(self._nonce(), payload, header)
        except (InvalidTag, ValueError) as error:
            raise BrokenFlightError(
                "a record does not open with the keys of the handshake"
            ) from error
        content = inner.rstrip(b"\0")
        if not content or len(inner) > _LONGEST_PLAIN + 1:
            raise BrokenFlightError("an encrypted record has no content, or too much of it")
        return Record(content[-1], content[:-1])

    def seal(self, record: Record) -> bytes:
        """Encrypt one record. It is a short one."""
        inner = record.content + bytes([record.kind])
        header = bytes([APPLICATION_DATA]) + _VERSION
        header += (len(inner) + self._tag_bytes).to_bytes(2)
        return header + self._cipher.encrypt(self._nonce(), inner, header)

    def _nonce(self) -> bytes:
        """The IV and the number of the record (RFC 8446, 5.3). No number is used twice."""
        number = int.from_bytes(self._iv) ^ self._passed
        self._passed += 1
        return number.to_bytes(len(self._iv))


class Incoming:
    """Makes handshake messages of the bytes that a server sends, under keys that change."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._handshake = bytearray()
        self._heard = 0
        self._protection: Protection | None = None
        self._established = False

    def feed(self, data: bytes) -> None:
        """Take in what has come. Raises BrokenFlightError when it is more than any flight."""
        self._heard += len(data)
        if self._heard > FLIGHT_LIMIT:
            raise BrokenFlightError("the server says more than any that we listen to")
        self._waiting += data

    def protect(self, protection: Protection, *, established: bool = False) -> None:
        """From the next record on, all is encrypted; ``established``: data may come too.

        Raises BrokenFlightError where a message runs on over the change (RFC 8446, 5.1).
        """
        self.check_end()
        self._protection = protection
        self._established = established

    def check_end(self) -> None:
        """Raise BrokenFlightError where the last record holds more than the messages heard."""
        if self._handshake:
            raise BrokenFlightError("a message follows where it is not its turn")

    def message(self) -> Message | None:
        """The next handshake message; None while more bytes are needed.

        Raises AlertError where the server says goodbye, and BrokenFlightError.
        """
        while True:
            message = self._whole_message()
            if message:
                return message
            record = self._record()
            if record is None:
                return None
            self._take(record)

    def _whole_message(self) -> Message | None:
        if len(self._handshake) < _MESSAGE_HEADER_BYTES:
            return None
        end = _MESSAGE_HEADER_BYTES + int.from_bytes(self._handshake[1:_MESSAGE_HEADER_BYTES])
        if end > FLIGHT_LIMIT:
            raise BrokenFlightError("a message is longer than any we read")
        if len(self._handshake) < end:
            return None
        message = Message(bytes(self._handshake[:end]))
        del self._handshake[:end]
        return message

    def _take(self, record: Record) -> None:
        if record.kind == HANDSHAKE and record.content:
            self._handshake += record.content
        elif record.kind == ALERT and len(record.content) == _ALERT_BYTES:
            number = record.content[1]
            raise AlertError(ALERTS.get(number, str(number)))
        elif record.kind != APPLICATION_DATA or not self._established:
            raise BrokenFlightError(f"a record of type {record.kind} has no place here")

    def _record(self) -> Record | None:
        """The next record but those that say nothing (ChangeCipherSpec; RFC 8446, D.4)."""
        while len(self._waiting) >= _HEADER_BYTES:
            header = bytes(self._waiting[:_HEADER_BYTES])
            kind, length = header[0], int.from_bytes(header[3:])
            sealed = kind == APPLICATION_DATA and self._protection is not None
            longest = _LONGEST_SEALED if sealed else _LONGEST_PLAIN
            if header[1] != _MAJOR or not 0 < length <= longest:
                raise BrokenFlightError("a record is not TLS")
            if len(self._waiting) < _HEADER_BYTES + length:
                return None
            payload = bytes(self._waiting[_HEADER_BYTES : _HEADER_BYTES + length])
            del self._waiting[: _HEADER_BYTES + length]
            if kind != CHANGE_CIPHER_SPEC:
                return self._opened(header, payload)
            if payload != _COMPATIBLE:
                raise BrokenFlightError("a ChangeCipherSpec is not as it should be")
        return None

    def _opened(self, header: bytes, payload: bytes) -> Record:
        """What the record holds. An alert may be a plain one: its sender may have no keys yet."""
        if self._protection is None:
            return Record(header[0], payload)
        if header[0] == APPLICATION_DATA:
            return self._protection.open(header, payload)
        if header[0] == ALERT:
            return Record(ALERT, payload)
        raise BrokenFlightError("a record that should be encrypted is not")


def plain_records(message: bytes) -> bytes:
    """A handshake message in as many records as it takes, not encrypted."""
    parts = (message[at : at + _LONGEST_PLAIN] for at in range(0, len(message), _LONGEST_PLAIN))
    return b"".join(bytes([HANDSHAKE]) + _VERSION + vector(part) for part in parts)


def change_cipher_spec() -> bytes:
    """The record without meaning that old firewalls want to see (RFC 8446, D.4)."""
    return bytes([CHANGE_CIPHER_SPEC]) + _VERSION + vector(_COMPATIBLE)
