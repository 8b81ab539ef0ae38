"""TLS servers that answer ClientHellos by a small rule, and stubborn guards in front of others.

with raw_server(hears(says(Script()))) as server:
    ...  # a server of TLS 1.2 with two suites, which refuses all else with an alert

with raw_server(hears(unless(is_long, Deed.SILENCE, passes_on(nginx.ports[0])))) as server:
    ...  # a real server behind one that never answers long hellos
"""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from spbe_audit.evidence import read_suite
from spbe_audit.probes.tls.client_hello import (
    KEY_SHARE,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    ClientHello,
    read_hello,
    vector,
)
from spbe_audit.probes.tls.codes.suites import SUITES
from tests.servers.raw import Behaviour, RawServer

SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = range(0x0300, 0x0305)
X25519, SECP256R1, SECP384R1 = 29, 23, 24
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
INTERNAL_ERROR = 80
_PATIENCE = 10.0
_ESTABLISHED = 1
_CHUNK = 16_384


class Deed(Enum):
    """What a server does instead of saying something."""

    HANG_UP = auto()
    RESET = auto()
    SILENCE = auto()


Answer = bytes | Deed
Rule = Callable[[ClientHello], Answer]
Turn = Callable[[socket.socket, RawServer, bytes], None]
"""What is done on a connection once its first message was heard."""


def hears(turn: Turn) -> Behaviour:
    """Read the first message, whole, and go on with it."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.settimeout(_PATIENCE)
        heard = first_message(connection)
        if heard:
            turn(connection, server, heard)

    return behave


def first_message(connection: socket.socket) -> bytes:
    """A record of TLS, a message of SSL 2.0, or whatever else comes first."""
    heard = b""
    while len(heard) < _length(heard):
        data = connection.recv(_CHUNK)
        if not data:
            break
        heard += data
    return heard


def _length(heard: bytes) -> int:
    if heard[:1] == b"\x16":
        return 5 + (int.from_bytes(heard[3:5]) if len(heard) >= 5 else 0)
    if heard[:1] >= b"\x80":
        return 2 + (int.from_bytes(heard[:2]) & 0x7FFF)
    return 1


def says(script: Script) -> Turn:
    """Answer as a script has it; SSL 2.0 by its own answer, all else by hanging up."""

    def turn(connection: socket.socket, server: RawServer, heard: bytes) -> None:
        if heard[:1] == b"\x16":
            perform(script.answer(read_hello(heard)), connection, server)
        else:
            perform(script.ssl2 if heard[:1] >= b"\x80" else Deed.HANG_UP, connection, server)

    return turn


def perform(answer: Answer, connection: socket.socket, server: RawServer) -> None:
    """Say it, and wait for the other side to leave; or do it."""
    if answer is Deed.SILENCE:
        server.stopped.wait(_PATIENCE)
    elif answer is Deed.RESET:
        breaks(connection)
    elif isinstance(answer, bytes):
        connection.sendall(answer)
        with suppress(OSError):
            while connection.recv(_CHUNK):
                pass


def breaks(connection: socket.socket) -> None:
    """Have the connection end with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def passes_on(port: int) -> Turn:
    """Let a server behind answer, and carry everything both ways until both have ended."""

    def turn(connection: socket.socket, _server: RawServer, heard: bytes) -> None:
        with socket.create_connection(("127.0.0.1", port), _PATIENCE) as behind:
            behind.sendall(heard)
            back = threading.Thread(target=_carry, args=(behind, connection))
            back.start()
            _carry(connection, behind)
            back.join()

    return turn


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def unless(chokes: Callable[[ClientHello], bool], answer: Answer, turn: Turn) -> Turn:
    """Give an answer of its own to ClientHellos that are not borne; the others have their turn."""

    def filtered(connection: socket.socket, server: RawServer, heard: bytes) -> None:
        if heard[:1] == b"\x16" and chokes(read_hello(heard)):
            perform(answer, connection, server)
        else:
            turn(connection, server, heard)

    return filtered


# ---------------------------------------------------------------- what a scripted server says


def alert(description: int) -> bytes:
    """A fatal alert."""
    return b"\x15\x03\x01\x00\x02\x02" + bytes([description])


REFUSAL, WRONG_VERSION = alert(40), alert(70)


@dataclass(frozen=True, slots=True)
class Script:
    """What a server accepts, in its own order, and how it refuses.

    ``wrong_version`` and ``refusal`` say no to a version and to everything else; ``keyless`` leaves
    the key exchange out of what it says.
    """

    suites: Mapping[int, tuple[int, ...]] = field(
        default_factory=lambda: {TLS_1_2: (0xC02F, 0xC030)}
    )
    groups: tuple[int, ...] = (X25519, SECP256R1)
    schemes: tuple[int, ...] = (0x0804, 0x0401)
    refusal: Answer = REFUSAL
    wrong_version: Answer = WRONG_VERSION
    ssl2: Answer = Deed.HANG_UP
    chain: tuple[bytes, ...] = (b"\x30\x03\x02\x01\x01",)
    prime: int = (1 << 1023) + 1155
    keyless: bool = False

    def answer(self, hello: ClientHello) -> Answer:
        """The server's first flight, or its refusal."""
        version = self._version(hello)
        if version is None:
            return self.wrong_version
        suite = next((suite for suite in self.suites[version] if suite in hello.suites), None)
        if suite is None:
            return self.refusal
        return self._newest(hello, suite) if version == TLS_1_3 else self._flight(hello, suite)

    def _version(self, hello: ClientHello) -> int | None:
        named = offered(hello, SUPPORTED_VERSIONS, length=1)
        if TLS_1_3 in self.suites and TLS_1_3 in named:
            return TLS_1_3
        known = [v for v in self.suites if v <= min(hello.version, TLS_1_2)]
        return max(known, default=None)

    def _newest(self, hello: ClientHello, suite: int) -> Answer:
        """A ServerHello of TLS 1.3 that an alert follows, or a request for another key share."""
        group = next((g for g in self.groups if g in offered(hello, SUPPORTED_GROUPS)), None)
        if group is None:
            return self.refusal
        versions = {SUPPORTED_VERSIONS: TLS_1_3.to_bytes(2)}
        if group in shared(hello):
            share = group.to_bytes(2) + vector(os.urandom(32))
            pairs = {**versions, KEY_SHARE: share}
            return record(server_hello(hello, TLS_1_2, suite, pairs)) + alert(INTERNAL_ERROR)
        pairs = {**versions, KEY_SHARE: group.to_bytes(2)}
        return record(server_hello(hello, TLS_1_2, suite, pairs, random=RETRY))

    def _flight(self, hello: ClientHello, suite: int) -> Answer:
        version = self._version(hello) or TLS_1_2
        exchange = self._exchange(hello, version, suite)
        if exchange is None:
            return self.refusal
        listed = b"".join(vector(der, length=3) for der in self.chain)
        said = server_hello(hello, version, suite, {}) + message(11, vector(listed, length=3))
        return record(said + (b"" if self.keyless else exchange) + message(14, b""), version)

    def _exchange(self, hello: ClientHello, version: int, suite: int) -> bytes | None:
        """The ServerKeyExchange, b"" for a suite without; None where nothing is in common."""
        key_exchange = read_suite(SUITES[suite]).key_exchange
        if key_exchange.startswith("ECDHE"):
            group = next((g for g in self.groups if g in offered(hello, SUPPORTED_GROUPS)), None)
            body = b"\x03" + (group or 0).to_bytes(2) + vector(b"point", length=1)
            missing = group is None
        elif key_exchange.startswith("DHE"):
            body = vector(_bytes_of(self.prime)) + vector(b"\x02") + vector(b"\x04")
            missing = False
        else:
            return b""
        scheme = next((s for s in self.schemes if s in offered(hello, SIGNATURE_ALGORITHMS)), None)
        if missing or (version == TLS_1_2 and scheme is None):
            return None
        named = (scheme or 0).to_bytes(2) if version == TLS_1_2 else b""
        return message(12, body + named + vector(b"signature"))


def _bytes_of(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def server_hello(
    hello: ClientHello,
    version: int,
    suite: int,
    pairs: Mapping[int, bytes],
    *,
    random: bytes = b"r" * 32,
) -> bytes:
    """A ServerHello message; without extensions their length is left out too."""
    body = version.to_bytes(2) + random + vector(hello.session, length=1)
    body += suite.to_bytes(2) + b"\x00"
    if pairs:
        body += vector(b"".join(kind.to_bytes(2) + vector(data) for kind, data in pairs.items()))
    return message(2, body)


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes([kind]) + vector(body, length=3)


def record(payload: bytes, version: int = TLS_1_2) -> bytes:
    """A message as a handshake record, or as several where it is too long for one."""
    parts = (payload[at : at + 2**14] for at in range(0, len(payload), 2**14))
    return b"".join(b"\x16" + version.to_bytes(2) + vector(part) for part in parts)


def ssl2_answer(*kinds: int, certificate: bytes = b"\x30\x00") -> bytes:
    """A SERVER-HELLO of SSL 2.0."""
    listed = b"".join(kind.to_bytes(3) for kind in kinds)
    lengths = len(certificate).to_bytes(2) + len(listed).to_bytes(2) + (16).to_bytes(2)
    body = b"\x04\x00\x01\x00\x02" + lengths + certificate + listed + bytes(16)
    return (0x8000 | len(body)).to_bytes(2) + body


def offered(hello: ClientHello, extension: int, *, length: int = 2) -> tuple[int, ...]:
    """The numbers that an extension lists; ``length`` is that of its own length."""
    body = hello.extensions.get(extension, b"")[length:]
    return tuple(int.from_bytes(body[at : at + 2]) for at in range(0, len(body), 2))


def shared(hello: ClientHello) -> tuple[int, ...]:
    """The groups of which a hello brings a key share."""
    found, body = [], hello.extensions.get(KEY_SHARE, b"")[2:]
    while body:
        found.append(int.from_bytes(body[:2]))
        body = body[4 + int.from_bytes(body[2:4]) :]
    return tuple(found)


# ---------------------------------------------------------------- guards at the gate


@dataclass(slots=True)
class Gate:
    """Counts who comes, and turns away by a rule. ``most`` is how many were let in at once.

    ``at_once`` and ``per_second`` limit those who are let in, ``every`` turns the nth away, and
    ``last`` is the number of the last one that is let in at all. ``how`` they are turned away:
    before a byte was said.
    """

    at_once: int = 1000
    per_second: float = 1000.0
    every: int = 0
    last: int = 1_000_000
    how: Deed = Deed.RESET
    came: int = 0
    turned_away: int = 0
    most: int = 0
    _inside: list[socket.socket] = field(default_factory=list)
    _times: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def guards(self, behaviour: Behaviour) -> Behaviour:
        """Let in those that may, and have them served."""

        def behave(connection: socket.socket, server: RawServer) -> None:
            if self._admits(connection):
                behaviour(connection, server)
            else:
                perform(self.how, connection, server)

        return behave

    def _admits(self, connection: socket.socket) -> bool:
        with self._lock:
            self.came += 1
            now = time.monotonic()
            self._inside = [one for one in self._inside if _is_open(one)]
            self._times = [then for then in self._times if then > now - 1]
            self.most = max(self.most, len(self._inside) + 1)
            is_full = len(self._inside) >= self.at_once or len(self._times) >= self.per_second
            is_nth = self.every and self.came % self.every == 0
            if is_full or is_nth or self.came > self.last:
                self.turned_away += 1
                return False
            self._inside.append(connection)
            self._times.append(now)
            return True


def _is_open(connection: socket.socket) -> bool:
    """Whether neither side has said goodbye, as the kernel has it at this moment."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return False
    return info[0] == _ESTABLISHED
