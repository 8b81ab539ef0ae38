"""ClientHellos taken apart, altered, and put together again."""

from __future__ import annotations

import os
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

from spbe_audit.probes.tls.greeting import client_hello

SUPPORTED_GROUPS = 10
SIGNATURE_ALGORITHMS = 13
SESSION_TICKET = 35
SUPPORTED_VERSIONS = 43
KEY_SHARE = 51
TLS_1_2, TLS_1_3 = 0x0303, 0x0304
NO_COMPRESSION = b"\x00"

# What servers may have and the local library does not offer: CCM in TLS 1.3, 3DES, RC4, DES.
_TLS_1_3_SUITES = (0x1304, 0x1305)
_OLD_SUITES = (0xC008, 0xC012, 0x0013, 0x0016, 0x000A, 0xC007, 0xC011, 0x0005, 0x0004, 0x0009)
_RECORD_VERSION = 0x0301
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class ClientHello:
    """A ClientHello (RFC 8446, 4.1.2), of which every part may be exchanged.

    ``extensions`` maps a type to its body, in the order in which they are sent; with none of them
    their length is left out too, as SSL 3.0 had it.
    """

    version: int
    session: bytes
    suites: tuple[int, ...]
    extensions: dict[int, bytes]
    compressions: bytes = NO_COMPRESSION

    def with_extensions(self, extensions: dict[int, bytes]) -> ClientHello:
        """The same with these extensions put in, or in the place of those of the same type."""
        return replace(self, extensions=self.extensions | extensions)

    def record(self) -> bytes:
        """The bytes to send: one handshake record, with a new random number every time."""
        return self.as_record(self.message())

    def message(self) -> bytes:
        """The handshake message, with a new random number every time."""
        body = self.version.to_bytes(2) + os.urandom(_RANDOM_BYTES)
        body += vector(self.session, length=1) + vector(numbers(self.suites))
        body += vector(self.compressions, length=1)
        if self.extensions:
            pairs = self.extensions.items()
            body += vector(b"".join(number.to_bytes(2) + vector(data) for number, data in pairs))
        return b"\x01" + vector(body, length=3)

    def as_record(self, message: bytes) -> bytes:
        """A message in a record of the version that RFC 8446 5.1 asks for; older ones of theirs."""
        return b"\x16" + min(self.version, _RECORD_VERSION).to_bytes(2) + vector(message)


def own_hello(
    host: str, *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
) -> ClientHello:
    """The ClientHello of the first greeting, taken apart, with still more suites."""
    hello = read_hello(client_hello(host, newest=newest))
    more = _TLS_1_3_SUITES if SUPPORTED_VERSIONS in hello.extensions else ()
    return replace(hello, suites=tuple(dict.fromkeys((*more, *hello.suites, *_OLD_SUITES))))


def read_hello(record: bytes) -> ClientHello:
    """Take apart a ClientHello that is our own: nothing is checked."""
    body = record[9:]
    version, rest = int.from_bytes(body[:2]), body[2 + _RANDOM_BYTES :]
    session, rest = _split(rest, 1)
    suites, rest = _split(rest, 2)
    compressions, rest = _split(rest, 1)
    rest, _ = _split(rest, 2)
    extensions = {}
    while rest:
        number = int.from_bytes(rest[:2])
        extensions[number], rest = _split(rest[2:], 2)
    pairs = (suites[at : at + 2] for at in range(0, len(suites), 2))
    numbered = tuple(int.from_bytes(pair) for pair in pairs)
    return ClientHello(version, session, numbered, extensions, compressions)


def vector(data: bytes, *, length: int = 2) -> bytes:
    """Data with its length in front (RFC 8446, 3.4)."""
    return len(data).to_bytes(length) + data


def numbers(values: Iterable[int]) -> bytes:
    """Numbers of two bytes each."""
    listed = tuple(values)
    return struct.pack(f">{len(listed)}H", *listed)


def _split(data: bytes, length: int) -> tuple[bytes, bytes]:
    end = length + int.from_bytes(data[:length])
    return data[length:end], data[end:]
