"""Our side of a TLS 1.3 handshake in tests: what is sent, and lines that are no sockets."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import x25519

from spbe_audit.probes.tls.contact import Line, LineClosedError
from spbe_audit.probes.tls.tls13 import key_shares
from spbe_audit.probes.tls.tls13.encrypted_flight import (
    EncryptedFlight,
)
from spbe_audit.probes.tls.tls13.fields import vector
from spbe_audit.probes.tls.tls13.handshake import read_encrypted
from spbe_audit.probes.tls.tls13.key_shares import (
    SUPPORTED,
    KeyShares,
    new_shares,
)
from tests import rfc8448
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.tls13_peer import (
    X25519,
    extensions,
    message,
)

NAME = "layanan.test"
SUITES = (0x1301, 0x1302, 0x1303, 0x1304, 0x1305)
SCHEMES = (0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0808, 0x0401)


def numbers(values: Iterable[int]) -> bytes:
    return b"".join(value.to_bytes(2) for value in values)


def hello_with(
    shares: KeyShares,
    *,
    groups: Iterable[int] = SUPPORTED,
    suites: Iterable[int] = SUITES,
    session: bytes = b"s" * 32,
) -> bytes:
    """A ClientHello of TLS 1.3 that asks for all that may be told."""
    name = NAME.encode()
    told = {
        0: vector(b"\x00" + vector(name)),
        5: b"\x01\x00\x00\x00\x00",
        10: vector(numbers(groups)),
        13: vector(numbers(SCHEMES)),
        16: vector(b"\x02h2\x08http/1.1"),
        18: b"",
        43: b"\x02\x03\x04",
        45: b"\x01\x01",
        51: shares.extension(),
    }
    body = b"\x03\x03" + os.urandom(32) + vector(session, 1) + vector(numbers(suites)) + b"\x01\x00"
    return message(1, body + extensions(told))


class Script:
    """A line on which each turn of the other side is written down before, or is made then."""

    def __init__(self, *turns: bytes | Exception) -> None:
        self.sent = b""
        self._turns = list(turns)

    async def send(self, data: bytes) -> None:
        """Keep what is sent."""
        self.sent += data

    async def receive(self) -> bytes:
        """The next turn, and then the end."""
        if not self._turns:
            raise LineClosedError
        turn = self._turns.pop(0)
        if isinstance(turn, Exception):
            raise turn
        return turn


def follow(
    script: Any, hello: bytes, shares: KeyShares, heard: bytes, *, finish: bool = False
) -> EncryptedFlight:
    """Read from a line that is no socket."""
    line = cast("Line", script)
    return asyncio.run(read_encrypted(line, hello, shares, heard, finish=finish))


@cache
def identity() -> Identity:
    return make_leaf(make_authority("Root", issuer=make_authority()), (NAME,))


@cache
def ours() -> KeyShares:
    return new_shares([X25519])


@cache
def hello() -> bytes:
    return hello_with(ours())


class Patient(Script):
    """A line that stays open and silent when all has been said."""

    async def receive(self) -> bytes:
        """The next turn, and then nothing."""
        with suppress(LineClosedError):
            return await super().receive()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")


def printed_shares() -> KeyShares:
    private = x25519.X25519PrivateKey.from_private_bytes(rfc8448.PRIVATE_KEY)
    return KeyShares({X25519: key_shares._Montgomery(private)})  # noqa: SLF001 - a key that is given
