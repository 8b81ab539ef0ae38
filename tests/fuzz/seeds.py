"""What real servers on loopback say, written down as seeds for each target."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.codes.suites import SUITES
from spbe_audit.probes.tls.contact import Contact, Line, LineClosedError
from spbe_audit.probes.tls.introduction import introduce
from spbe_audit.probes.tls.offer import all_of, little_of
from spbe_audit.probes.tls.server_flight import BrokenFlightError, handshake_messages, read_flight
from spbe_audit.probes.tls.ssl2 import ssl2_hello
from spbe_audit.probes.tls.starttls.ldap import START_TLS
from spbe_audit.probes.tls.tls13 import handshake
from spbe_audit.probes.tls.tls13.encrypted_flight import CERTIFICATE_VERIFY
from spbe_audit.probes.tls.tls13.fields import vector
from spbe_audit.probes.tls.tls13.record_layer import Incoming, Message, plain_records
from spbe_audit.testing.certificates import build_chain
from tests.fuzz.targets import TURN_END, honest_staple
from tests.servers.stacks import ALL
from tests.servers.stacks.stack import Stack
from tests.servers.starttls import GOOD, ldap_answer

SERVERS = ("OpenSSL 3 s_server", "nginx", "OpenSSL 1.0.2l", "OpenSSL 0.9.8e SSL 2")
"""The stacks that are listened to; those that are not installed are left out."""

Seeds = Mapping[str, set[bytes]]

_HOST = "127.0.0.1"
_VERSIONS = (0x0300, 0x0301, 0x0302, 0x0303, 0x0304)
_PATIENCE = Deadlines(connect=2, exchange=1, tls=10)
_LONGEST_FLIGHT = 64 * 1024
_SERVER_HELLO, _KEY_EXCHANGE = 2, 12


def collect() -> Seeds:
    """Seeds by target, of the servers that there are and of what tests know as honest."""
    seeds: defaultdict[str, set[bytes]] = defaultdict(set)
    for stack in ALL:
        if stack.name in SERVERS and not stack.missing():
            _take(seeds, *_listen(stack))
    _take_dialogues(seeds)
    seeds["staple"].add(honest_staple())
    seeds["certificates"].add(b"".join(map(vector, build_chain({}))))
    entry = vector(bytes(33) + (1_760_000_000_000).to_bytes(8) + b"\0\0\4\3" + vector(b"signed"))
    seeds["timestamps"] |= {vector(entry), vector(entry * 3)}
    return seeds


def write(seeds: Seeds, directory: Path) -> None:
    """Write every seed into a folder of its target's name."""
    for target, found in seeds.items():
        folder = directory / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(sorted(found)):
            (folder / f"seed-{number}").write_bytes(data)


def _listen(stack: Stack) -> tuple[list[bytes], list[Message]]:
    with tempfile.TemporaryDirectory() as folder, stack.serve(Path(folder)) as port:
        return asyncio.run(_said_to_all(port))


async def _said_to_all(port: int) -> tuple[list[bytes], list[Message]]:
    """The first flights that a server answers our hellos with, and what it hides in TLS 1.3."""
    contact = Contact(_HOST, _HOST, port, Door(deadlines=_PATIENCE))
    offers = [make(version, None) for version in _VERSIONS for make in (all_of, little_of)]
    hellos = [ssl2_hello(), *(offer.hello().record() for offer in offers)]
    flights, hidden = [await _said(contact, hello) for hello in hellos], list[Message]()

    class Recorder(Incoming):
        """Keeps the messages as they were decrypted."""

        def message(self) -> Message | None:
            heard = super().message()
            hidden.extend([heard] if heard else [])
            return heard

    with patch.object(handshake, "Incoming", Recorder), suppress(Exception):
        await introduce(contact, None, finish=True)
    return [flight for flight in flights if flight], hidden


async def _said(contact: Contact, hello: bytes) -> bytes:
    """All that comes back until the server falls silent or hangs up."""
    heard = bytearray()
    with suppress(LineClosedError, OSError):
        async with contact.visit() as line:
            await line.send(hello)
            async with asyncio.timeout(0.3):
                await _fill(heard, line)
    return bytes(heard)


async def _fill(heard: bytearray, line: Line) -> None:
    while len(heard) < _LONGEST_FLIGHT:
        heard += await line.receive()


def _take(seeds: Mapping[str, set[bytes]], flights: Iterable[bytes], hidden: list[Message]) -> None:
    """Sort what one server said into the seeds."""
    for flight in flights:
        for target in ("flight", "reply", "ssl2", "records"):
            seeds[target].add(flight)
        with suppress(BrokenFlightError):
            read = read_flight(flight, True)  # noqa: FBT003 - see contact.Reader
            suite = read.hello.suite if read and read.hello else 0
            _take_messages(seeds, handshake_messages(flight), suite)
            if read and read.chain:
                seeds["certificates"].add(b"".join(map(vector, read.chain)))
    for message in hidden:
        seeds["encrypted_messages"].add(message.body)
        seeds["records"].add(_under_no_keys(message.raw))
        seeds["handshake"] |= {bytes([kind]) + message.body for kind in range(5)}
        if message.kind == CERTIFICATE_VERIFY:
            leaf = build_chain({})[0]
            seeds["key_proof"].add(vector(leaf) + message.body[:2] + message.body[4:])


def _take_messages(
    seeds: Mapping[str, set[bytes]], messages: Iterable[tuple[int, bytes]], suite: int
) -> None:
    for kind, body in messages:
        if kind == _SERVER_HELLO:
            seeds["server_hello"].add(body)
        elif kind == _KEY_EXCHANGE and suite in SUITES:
            number = tuple(SUITES).index(suite)
            seeds["key_exchange"] |= {number.to_bytes(2) + bytes([at]) + body for at in range(4)}


def _under_no_keys(message: bytes) -> bytes:
    """Records as the records target opens them."""
    return b"".join(
        b"\x17\x03\x03" + vector(record + b"\x16") for record in _portions(message, 2**14)
    )


def _portions(message: bytes, size: int) -> Iterator[bytes]:
    return (message[at : at + size] for at in range(0, len(message), size))


def _take_dialogues(seeds: Mapping[str, set[bytes]]) -> None:
    for number, turns in enumerate(GOOD.values()):
        seeds["first_words"] |= set(turns)
        for honest in range(len(turns) + 1):
            head = bytes([number, honest, 255])
            seeds["starttls"].add(head + TURN_END.join(turns[honest:]))
    seeds["first_words"].add(ldap_answer(0, text=START_TLS, long=True))
    seeds["records"].add(plain_records(b"\x08" + vector(b"\0\0", 3)))
