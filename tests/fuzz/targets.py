"""One target for each parser: bytes in, and nothing out but what the parser says that it raises.

Each asserts besides that the parser returns no more than it was given, and that it makes no
difference in how many pieces the bytes come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from itertools import pairwise
from typing import TypeVar, cast

from spbe_audit.evidence import (
    CertificateChain,
    MalformedCertificateError,
    TlsEvidence,
    read_chain,
    read_staple,
    read_timestamp_list,
)
from spbe_audit.probes.tls.codes.suites import SSL2_KINDS, SUITES
from spbe_audit.probes.tls.contact import Line, LineClosedError, StarttlsDeclinedError
from spbe_audit.probes.tls.greeting import Reply, Sort, hello_version, sort_reply
from spbe_audit.probes.tls.key_exchange import read_sent, shown
from spbe_audit.probes.tls.server_flight import (
    BrokenFlightError,
    Flight,
    ServerHello,
    handshake_messages,
    read_flight,
    read_server_hello,
)
from spbe_audit.probes.tls.sightings import VERSIONS
from spbe_audit.probes.tls.ssl2 import read_ssl2
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.probes.tls.starttls.databases import mysql_offers_tls
from spbe_audit.probes.tls.starttls.inbox import TurnedAwayError
from spbe_audit.probes.tls.starttls.ldap import answer_is_whole, ldap_offers_tls
from spbe_audit.probes.tls.starttls.xmpp import stream_error, stream_is_heard, stream_offers_tls
from spbe_audit.probes.tls.tls13.encrypted_flight import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    ENCRYPTED_EXTENSIONS,
    FINISHED,
    SentProof,
    check_certificate_request,
    read_certificates,
    read_encrypted_extensions,
    read_proof,
    read_ticket,
)
from spbe_audit.probes.tls.tls13.handshake import read_encrypted
from spbe_audit.probes.tls.tls13.key_proof import check_key_proof
from spbe_audit.probes.tls.tls13.key_shares import KeyShares, new_shares
from spbe_audit.probes.tls.tls13.record_layer import (
    FLIGHT_LIMIT,
    Incoming,
    Protection,
    Record,
)
from spbe_audit.probes.tls.tls13.second_hello import retry_hello
from spbe_audit.testing.certificates import EPOCH, TRUSTED_ROOT, build_chain
from spbe_audit.testing.ocsp import build_staple
from tests.fuzz.scripted import ScriptedLine
from tests.servers.certificates import Identity, make_leaf
from tests.servers.starttls import GOOD
from tests.servers.tls13_peer import Peer
from tests.tls13_client import hello, ours

T = TypeVar("T")
Target = Callable[[bytes], None]
Reader = Callable[[bytes, bool], T | None]

TURN_END = b"\xfe\xff\xfe"
"""Stands between two turns of a dialogue, where a target reads several from its bytes."""

_SUITES = tuple(SUITES)
_PROTOCOLS = tuple(GOOD)
_VERSIONS = (0x0300, 0x0301, 0x0302, 0x0303)
_ENCRYPTED = (CERTIFICATE_REQUEST, ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED)
_MOST_TEXT = 200
_MORE, _ENDED = False, True  # what a Reader is told of what may still come


def outcome(read: Callable[[], T]) -> T | str:
    """What a parser returns, or the words of the error that it may raise."""
    try:
        return read()
    except BrokenFlightError as error:
        return f"broken: {error}"


def heard_at_once(read: Reader[T], data: bytes) -> T | str | None:
    """What a reader makes of bytes that come in one piece, as Contact.say would ask it."""
    return outcome(lambda: _first_of(read(data, _MORE), lambda: read(data, _ENDED)))


def heard_in_pieces(read: Reader[T], data: bytes, ends: Iterator[int]) -> T | str | None:
    """The same for bytes of which more come each time, up to these ends."""

    def listen() -> T | None:
        for end in ends:
            found = read(data[:end], _MORE)
            if found is not None:
                return found
        return _first_of(read(data, _MORE), lambda: read(data, _ENDED))

    return outcome(listen)


def _first_of(found: T | None, otherwise: Callable[[], T | None]) -> T | None:
    return otherwise() if found is None else found


def piece_ends(data: bytes) -> Iterator[int]:
    """Where the pieces of some bytes end: about sixty of them, and the first ones short."""
    at, step = 0, max(1, len(data) // 50)
    while at < len(data):
        yield at
        at += 1 if at < 12 else step


def flight(data: bytes) -> None:
    """read_flight and handshake_messages."""
    found = heard_at_once(read_flight, data)
    assert found == heard_in_pieces(read_flight, data, piece_ends(data))
    assert found is not None, "the end of an answer is an answer"
    if isinstance(found, Flight):
        kept = (*found.chain, found.key_exchange or b"", found.staple or b"")
        assert sum(map(len, kept)) <= len(data)
        assert len(found.chain) <= 100
        _check_hello(found.hello, len(data))
    messages = outcome(lambda: handshake_messages(data))
    if not isinstance(messages, str):
        assert sum(len(body) + 4 for _, body in messages) <= len(data)


def _check_hello(found: ServerHello | None, most: int) -> None:
    if found is not None:
        assert sum(len(body) + 4 for body in found.extensions.values()) <= most
        assert found.group is None or found.group < 2**16
        assert found.retry_group is None or found.retry


def server_hello(data: bytes) -> None:
    """read_server_hello, the second hello that it may ask for, and what the greeting makes of it.

    Where a hello can be read, both readers have to see the same version in it.
    """
    version = hello_version(b"\x02" + len(data).to_bytes(3) + data)
    with suppress(BrokenFlightError):
        answer = read_server_hello(data)
        _check_hello(answer, len(data))
        assert version == VERSIONS.get(answer.version)
        again = retry_hello(hello(), answer, _other_shares())
        assert len(again) <= len(hello()) + len(data) + len(_other_shares().extension())


@cache
def _other_shares() -> KeyShares:
    return new_shares([23])


def key_exchange(data: bytes) -> None:
    """read_sent, of a suite and a version that the first three bytes choose."""
    suite = _SUITES[int.from_bytes(data[:2]) % len(_SUITES)]
    version = _VERSIONS[(data[2] if len(data) > 2 else 0) % len(_VERSIONS)]
    server = ServerHello(version, b"", suite)
    with suppress(BrokenFlightError):
        sent = read_sent(server, Flight(server, key_exchange=data[3:]))
        exchange = shown(sent) if sent else None
        if exchange is not None:
            assert 0 <= exchange.bits <= max(8 * len(data), 1024 * 8)
            assert len(exchange.prime or "") <= 2 * len(data) + 1


def ssl2(data: bytes) -> None:
    """read_ssl2."""
    found = heard_at_once(read_ssl2, data)
    assert found == heard_in_pieces(read_ssl2, data, piece_ends(data))
    if found is not None:
        assert not isinstance(found, str)
        assert set(found.kinds) <= set(SSL2_KINDS.values())
        assert len(found.kinds) == len(set(found.kinds))
        assert found.certificate in data


def reply(data: bytes) -> None:
    """sort_reply; what is no text is sorted the same in any number of pieces."""

    def read(heard: bytes, ended: bool) -> Reply | None:  # noqa: FBT001 - see contact.Reader
        return sort_reply(heard, ended=ended)

    found = heard_at_once(read, data)
    assert isinstance(found, Reply), "the end of an answer is an answer, and nothing is raised"
    assert len(found.detail) <= _MOST_TEXT
    assert not found.detail or found.detail.isprintable()
    if found.sort in {Sort.HANDSHAKE, Sort.ALERT}:
        assert found == heard_in_pieces(read, data, piece_ends(data))


class _Transparent:
    """Keys under which a record is what it says, with its type at the end (RFC 8446, 5.2)."""

    def open(self, _header: bytes, payload: bytes) -> Record:
        """The content as it came."""
        return Record(payload[-1], payload[:-1])


def records(data: bytes) -> None:
    """Incoming, before and under encryption, with bytes that come at once and in pieces.

    No more of them than it takes, for what it has read before it refuses depends on the pieces.
    """
    data = data[:FLIGHT_LIMIT]
    for established in (None, False, True):
        whole = _heard_messages(data, (0, len(data)), established=established)
        pieces = _heard_messages(data, (*piece_ends(data), len(data)), established=established)
        assert whole == pieces
        assert sum(len(said) for said in whole if isinstance(said, bytes)) <= len(data)


def _heard_messages(
    data: bytes, ends: tuple[int, ...], *, established: bool | None
) -> list[bytes | str]:
    """The messages that come of some bytes, and the words of the error that stops it."""
    incoming, heard = Incoming(), list[bytes | str]()
    if established is not None:
        incoming.protect(cast("Protection", _Transparent()), established=established)
    try:
        for start, end in pairwise(ends):
            incoming.feed(data[start:end])
            while (message := incoming.message()) is not None:
                heard.append(message.raw)
    except BrokenFlightError as error:
        heard.append(str(error))
    return heard


def encrypted_messages(data: bytes) -> None:
    """The readers of what comes under the encryption."""
    readers: tuple[Callable[[bytes], object], ...] = (
        read_encrypted_extensions,
        check_certificate_request,
        read_certificates,
        read_proof,
        read_ticket,
    )
    for read in readers:
        outcome(partial(read, data))
    with suppress(BrokenFlightError):
        sent = read_certificates(data)
        assert sum(map(len, sent.chain)) <= len(data)
        assert all(sent.chain)


def handshake(data: bytes) -> None:
    """A whole handshake: the first byte chooses the message that the rest stands in for."""
    kind = _ENCRYPTED[(data[0] if data else 0) % len(_ENCRYPTED)]
    peer = Peer(_identity(), asks=kind == CERTIFICATE_REQUEST)
    heard = peer.answer(hello(), bodies={kind: data[1:]})
    line = cast("Line", ScriptedLine([b"", data[1:]], 4096))
    with suppress(BrokenFlightError, LineClosedError, OSError):
        asyncio.run(_read_encrypted(line, heard))


async def _read_encrypted(line: Line, heard: bytes) -> None:
    await read_encrypted(line, hello(), ours(), heard, finish=True)


@cache
def _identity() -> Identity:
    return make_leaf(None, ("layanan.test",))


def key_proof(data: bytes) -> None:
    """check_key_proof: a certificate behind its length, and a signature."""
    length = int.from_bytes(data[:2])
    certificate, rest = data[2 : 2 + length], data[2 + length :]
    with suppress(BrokenFlightError):
        check_key_proof(certificate, SentProof(int.from_bytes(rest[:2]), rest[2:]), b"hash")


def starttls(data: bytes) -> None:
    """The dialogues: protocol, honest turns and pace in three bytes, then turns of the data."""
    first, second, third = (*data[:3], 0, 0, 0)[:3]
    protocol = _PROTOCOLS[first % len(_PROTOCOLS)]
    honest = GOOD[protocol][: second % (len(GOOD[protocol]) + 1)]
    line = ScriptedLine([*honest, *data[3:].split(TURN_END)], 1 + third * 16)
    refusal = asyncio.run(_refusal(protocol, line))
    assert len(refusal) <= _MOST_TEXT
    assert not refusal or refusal.isprintable()


async def _refusal(protocol: str, line: ScriptedLine) -> str:
    try:
        await OPENINGS[protocol](cast("Line", line), "layanan.test")
    except (StarttlsDeclinedError, TurnedAwayError) as error:
        return str(error)
    return ""


def first_words(data: bytes) -> None:
    """What the service probe asks of the same dialogues, without a line."""
    answer_is_whole(data)
    ldap_offers_tls(data)
    mysql_offers_tls(data)
    stream_is_heard(data)
    stream_offers_tls(data)
    assert len(stream_error(data)) <= 40


def timestamps(data: bytes) -> None:
    """read_timestamp_list."""
    found = read_timestamp_list(data)
    assert len(found) <= min(100, len(data) // 43)
    assert all(len(one.log) == 64 for one in found)


def certificates(data: bytes) -> None:
    """read_chain, of certificates that stand behind their lengths."""
    chain, at = list[bytes](), 0
    while at < len(data) and len(chain) < 40:
        length = int.from_bytes(data[at : at + 2])
        chain.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    read_chain(_evidence(tuple(chain)))


def _evidence(chain: tuple[bytes, ...]) -> TlsEvidence:
    at = datetime(2026, 1, 15, tzinfo=UTC)
    chains = (CertificateChain(chain),)
    return TlsEvidence("layanan.test", "127.0.0.1", 443, at, "fuzz", chains=chains)


def staple(data: bytes) -> None:
    """read_staple; an answer that was altered is never believed."""
    with suppress(MalformedCertificateError):
        found = read_staple(data, _chain(), anchors=(TRUSTED_ROOT,), at=EPOCH)
        assert len(found.timestamps) <= len(data)


@cache
def _chain() -> tuple[bytes, ...]:
    return build_chain({})


@cache
def honest_staple() -> bytes:
    """An answer about the chain of the staple target."""
    return build_staple({"signer": "issuer"}, {})


TARGETS: Mapping[str, Target] = {
    "flight": flight,
    "server_hello": server_hello,
    "key_exchange": key_exchange,
    "ssl2": ssl2,
    "reply": reply,
    "records": records,
    "encrypted_messages": encrypted_messages,
    "handshake": handshake,
    "key_proof": key_proof,
    "starttls": starttls,
    "first_words": first_words,
    "timestamps": timestamps,
    "certificates": certificates,
    "staple": staple,
}
"""By name, as the command line has it."""
