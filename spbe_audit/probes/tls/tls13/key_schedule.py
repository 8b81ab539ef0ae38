"""The key schedule (RFC 8446, 4.4 and 7.1): from a shared secret and a transcript to the keys."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.tls13.fields import vector

_IV_BYTES = 12
_MESSAGE_HASH = 254


class UnsupportedSuiteError(BrokenFlightError):
    """The server chose a suite that we have no cipher for."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite of TLS 1.3: its number, its hash, and the lengths of its key and its tag."""

    number: int
    digest: str
    key_bytes: int
    tag_bytes: int = 16

    @property
    def hash_bytes(self) -> int:
        """The length of a hash, of a secret, and of the MAC in a Finished."""
        return hashlib.new(self.digest).digest_size


_SUITES = {
    suite.number: suite
    for suite in (
        Suite(0x1301, "sha256", 16),
        Suite(0x1302, "sha384", 32),
        Suite(0x1303, "sha256", 32),
        Suite(0x1304, "sha256", 16),
        Suite(0x1305, "sha256", 16, tag_bytes=8),
    )
}


@dataclass(frozen=True, slots=True)
class Secrets:
    """The traffic secrets of one stage, of either side; ``master`` leads to the next stage."""

    client: bytes
    server: bytes
    master: bytes


class Transcript:
    """The hash over all handshake messages so far (RFC 8446, 4.4.1)."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._hash = hashlib.new(suite.digest)

    def add(self, *messages: bytes) -> None:
        """Go on with these messages, headers included."""
        for message in messages:
            self._hash.update(message)

    def value(self) -> bytes:
        """The hash at this point."""
        return self._hash.digest()

    def retried(self) -> Transcript:
        """A new one, in which the hash stands for the first ClientHello."""
        new = Transcript(self._suite)
        new.add(bytes([_MESSAGE_HASH]) + vector(self.value(), 3))
        return new


def suite_of(number: int) -> Suite:
    """The suite of this number. Raises UnsupportedSuiteError."""
    if number not in _SUITES:
        raise UnsupportedSuiteError(f"the server chose suite {number:#06x}, which we do not have")
    return _SUITES[number]


def handshake_secrets(suite: Suite, shared: bytes, transcript: bytes) -> Secrets:
    """The secrets after the ServerHello, to which the transcript reaches. No PSK is used."""
    nothing = bytes(suite.hash_bytes)
    early = hmac.digest(nothing, nothing, suite.digest)
    handshake = hmac.digest(_next_salt(suite, early), shared, suite.digest)
    return Secrets(
        client=expand_label(suite, handshake, b"c hs traffic", transcript),
        server=expand_label(suite, handshake, b"s hs traffic", transcript),
        master=hmac.digest(_next_salt(suite, handshake), nothing, suite.digest),
    )


def application_secrets(suite: Suite, master: bytes, transcript: bytes) -> Secrets:
    """The secrets after the Finished of the server, to which the transcript reaches."""
    return Secrets(
        client=expand_label(suite, master, b"c ap traffic", transcript),
        server=expand_label(suite, master, b"s ap traffic", transcript),
        master=master,
    )


def traffic_key(suite: Suite, secret: bytes) -> tuple[bytes, bytes]:
    """The key and the IV of one direction (RFC 8446, 7.3)."""
    key = expand_label(suite, secret, b"key", b"", suite.key_bytes)
    return key, expand_label(suite, secret, b"iv", b"", _IV_BYTES)


def finished_mac(suite: Suite, secret: bytes, transcript: bytes) -> bytes:
    """What the Finished of the side that has this traffic secret must hold (RFC 8446, 4.4.4)."""
    return hmac.digest(expand_label(suite, secret, b"finished", b""), transcript, suite.digest)


def expand_label(
    suite: Suite, secret: bytes, label: bytes, context: bytes, length: int | None = None
) -> bytes:
    """HKDF-Expand-Label (RFC 8446, 7.1), up to one hash long, which is all that TLS needs of it."""
    length = length or suite.hash_bytes
    info = length.to_bytes(2) + vector(b"tls13 " + label, 1) + vector(context, 1)
    return hmac.digest(secret, info + b"\x01", suite.digest)[:length]


def _next_salt(suite: Suite, secret: bytes) -> bytes:
    return expand_label(suite, secret, b"derived", hashlib.new(suite.digest).digest())
