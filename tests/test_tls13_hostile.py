"""Peers that do not keep to TLS 1.3, or try to do harm with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from typing import cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.probes.tls.contact import Line, LineClosedError
from spbe_audit.probes.tls.server_flight import BrokenFlightError, read_server_hello
from spbe_audit.probes.tls.tls13 import encrypted_flight, handshake
from spbe_audit.probes.tls.tls13.encrypted_flight import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    ENCRYPTED_EXTENSIONS,
    FINISHED,
    EncryptedFlight,
    SentProof,
)
from spbe_audit.probes.tls.tls13.fields import vector
from spbe_audit.probes.tls.tls13.handshake import read_encrypted
from spbe_audit.probes.tls.tls13.key_proof import check_key_proof
from spbe_audit.probes.tls.tls13.key_schedule import (
    Transcript,
    UnsupportedSuiteError,
    suite_of,
)
from spbe_audit.probes.tls.tls13.key_shares import (
    SUPPORTED,
    KeyShares,
    UnsupportedGroupError,
    new_shares,
)
from spbe_audit.probes.tls.tls13.record_layer import (
    ALERT,
    APPLICATION_DATA,
    FLIGHT_LIMIT,
    HANDSHAKE,
    AlertError,
    Incoming,
    Protection,
    Record,
    change_cipher_spec,
    plain_records,
)
from spbe_audit.probes.tls.tls13.second_hello import read_sent, retry_hello
from tests import rfc8448
from tests.servers.certificates import make_leaf
from tests.servers.tls13_peer import (
    X25519,
    Peer,
    certificate,
    extensions,
    message,
    server_hello,
    ticket,
)
from tests.tls13_client import (
    NAME,
    SUITES,
    Patient,
    Script,
    follow,
    hello,
    hello_with,
    identity,
    ours,
    printed_shares,
)

# ---------------------------------------------------------------- peers that misbehave


def fails(heard: bytes, words: str, *turns: bytes) -> None:
    with pytest.raises(BrokenFlightError, match=words):
        follow(Script(*turns), hello(), ours(), heard)


def test_an_honest_peer() -> None:
    for asks in (False, True):
        peer = Peer(identity(), asks=asks, own={16: b"\x00\x03\x02h2"})
        flight = follow(Script(), hello(), ours(), peer.answer(hello()))
        assert flight.client_certificate_asked is asks
        assert (flight.alpn, flight.chain) == ("h2", (identity().der,))


def test_bytes_that_come_one_by_one() -> None:
    heard = Peer(identity(), suite=0x1305).answer(hello())
    script = Script(*(heard[at : at + 1] for at in range(1, len(heard))))
    assert follow(script, hello(), ours(), heard[:1]).suite == 0x1305


def test_a_long_chain_in_many_records() -> None:
    peer = Peer(identity())
    chain = certificate(identity().der, *[bytes(10_000)] * 9)
    heard = peer.answer(hello(), bodies={CERTIFICATE: chain})
    assert len(follow(Script(), hello(), ours(), heard).chain) == 10


def test_a_chain_without_end() -> None:
    chain = certificate(identity().der, *[bytes(10_000)] * 14)
    fails(Peer(identity()).answer(hello(), bodies={CERTIFICATE: chain}), "more than any")


@pytest.mark.parametrize("suite", SUITES)
def test_a_wrong_finished(suite: int) -> None:
    length = suite_of(suite).hash_bytes
    peer = Peer(identity(), suite=suite)
    fails(peer.answer(hello(), bodies={FINISHED: bytes(length)}), "Finished does not fit")
    fails(Peer(identity()).answer(hello(), bodies={FINISHED: b""}), "Finished does not fit")


def test_a_certificate_of_somebody_else() -> None:
    other = certificate(make_leaf(None, (NAME,)).der)
    fails(Peer(identity()).answer(hello(), bodies={CERTIFICATE: other}), "hold the key")


@pytest.mark.parametrize(
    ("shown", "proof"),
    [
        (b"no certificate at all", b"\x04\x03" + vector(b"signature")),
        (None, b"\x09\x09" + vector(b"a scheme that nobody knows")),
        (None, b"\x08\x04" + vector(b"a scheme that does not fit the key")),
    ],
)
def test_a_signature_that_cannot_be_verified_here(shown: bytes | None, proof: bytes) -> None:
    bodies = {CERTIFICATE_VERIFY: proof}
    if shown:
        bodies[CERTIFICATE] = certificate(shown)
    flight = follow(Script(), hello(), ours(), Peer(identity()).answer(hello(), bodies=bodies))
    assert flight.signature_scheme == int.from_bytes(proof[:2])


@pytest.mark.parametrize(
    "order",
    [
        (FINISHED,),
        (CERTIFICATE, CERTIFICATE_VERIFY, FINISHED),
        (ENCRYPTED_EXTENSIONS, FINISHED),
        (ENCRYPTED_EXTENSIONS, CERTIFICATE, FINISHED),
        (ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY, 4, FINISHED),
        (ENCRYPTED_EXTENSIONS, ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED),
        (ENCRYPTED_EXTENSIONS, 25, CERTIFICATE_VERIFY, FINISHED),
        (ENCRYPTED_EXTENSIONS, CERTIFICATE_REQUEST, CERTIFICATE_REQUEST, CERTIFICATE, FINISHED),
    ],
)
def test_messages_out_of_turn(order: tuple[int, ...]) -> None:
    fails(Peer(identity()).answer(hello(), order=order), "has no place here")


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        ({ENCRYPTED_EXTENSIONS: b""}, "shorter"),
        ({ENCRYPTED_EXTENSIONS: b"\x00\x00\x00"}, "longer"),
        ({ENCRYPTED_EXTENSIONS: extensions({16: b"\x00\x03\x02h2"}) + b"x"}, "longer"),
        ({ENCRYPTED_EXTENSIONS: b"\x00\x08" + b"\x00\x05\x00\x00" * 2}, "comes twice"),
        ({ENCRYPTED_EXTENSIONS: extensions({16: b"\x00\x06\x02h2\x02h2"})}, "longer"),
        ({ENCRYPTED_EXTENSIONS: extensions({16: b"\x00\x01\x00"})}, "no name"),
        ({ENCRYPTED_EXTENSIONS: extensions({16: b"\x00\x03\x02\xff\x00"})}, "no name"),
        ({CERTIFICATE: certificate()}, "no certificate"),
        ({CERTIFICATE: certificate(b"")}, "is empty"),
        ({CERTIFICATE: certificate(*[b"x"] * 101)}, "longer than any"),
        ({CERTIFICATE: b"\x01c" + certificate(b"x")[1:]}, "a context"),
        ({CERTIFICATE: certificate(b"x") + b"\0"}, "longer"),
        ({CERTIFICATE: certificate(b"x", of_leaf={5: b""})}, "shorter"),
        ({CERTIFICATE: certificate(b"x", of_leaf={5: b"\x01\x00\x00\x00x"})}, "longer"),
        ({CERTIFICATE_VERIFY: b"\x04"}, "shorter"),
        ({CERTIFICATE_VERIFY: b"\x04\x03\x00\x00\x00"}, "longer"),
    ],
)
def test_messages_that_are_not_well_formed(bodies: Mapping[int, bytes], words: str) -> None:
    fails(Peer(identity()).answer(hello(), bodies=bodies), words)


@pytest.mark.parametrize(
    ("body", "words"), [(b"\x01c\x00\x00", "a context"), (b"\x00", "shorter"), (b"\0\0\0x", "long")]
)
def test_a_request_that_is_not_well_formed(body: bytes, words: str) -> None:
    peer = Peer(identity(), asks=True)
    fails(peer.answer(hello(), bodies={CERTIFICATE_REQUEST: body}), words)


def test_a_staple_of_another_kind_is_none() -> None:
    body = certificate(identity().der, of_leaf={5: b"\x02\x00\x00\x01x", 18: b""})
    flight = follow(
        Script(), hello(), ours(), Peer(identity()).answer(hello(), bodies={CERTIFICATE: body})
    )
    assert (flight.ocsp_staple, flight.signed_timestamps) == (None, None)


def test_only_what_comes_along_with_the_leaf_counts() -> None:
    with_staple = {5: b"\x01" + vector(b"staple", 3), 18: vector(b"list")}
    (above,) = identity().above
    entries = [(identity().der, {}), (above.public_bytes(Encoding.DER), with_staple)]
    listed = b"".join(vector(der, 3) + extensions(told) for der, told in entries)
    bodies = {CERTIFICATE: b"\x00" + vector(listed, 3)}
    flight = follow(Script(), hello(), ours(), Peer(identity()).answer(hello(), bodies=bodies))
    assert len(flight.chain) == 2
    assert (flight.ocsp_staple, flight.signed_timestamps) == (None, None)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("length", [1, 7, 8, 15, 16, 17, 16_640])
def test_records_of_any_length(suite: int, length: int) -> None:
    heard = Peer(identity(), suite=suite).answer(hello(), order=(ENCRYPTED_EXTENSIONS,))
    fails(heard + b"\x17\x03\x03" + vector(bytes(length)), "does not open")


def test_a_flight_that_stops_short() -> None:
    heard = Peer(identity()).answer(hello())
    for end in (0, 4, 60, len(heard) - 1):
        with pytest.raises(LineClosedError):
            follow(Script(), hello(), ours(), heard[:end])


@pytest.mark.parametrize(
    ("number", "name"), [(49, "access_denied"), (116, "certificate_required"), (0, "close_notify")]
)
@pytest.mark.parametrize("sealed", [True, False])
def test_an_alert_in_the_flight(number: int, name: str, *, sealed: bool) -> None:
    peer = Peer(identity())
    heard = peer.answer(hello(), order=(ENCRYPTED_EXTENSIONS,))
    alert = b"\x15\x03\x03\x00\x02\x02" + bytes([number])
    if sealed:
        assert peer.handshake
        alert = peer.handshake.seal(Record(ALERT, bytes([2, number])))
    with pytest.raises(AlertError, match=f"with the alert {name}$") as caught:
        follow(Script(alert), hello(), ours(), heard)
    assert caught.value.name == name


def test_an_alert_without_a_name() -> None:
    with pytest.raises(AlertError, match=r"the alert 77$"):
        follow(Script(), hello(), ours(), b"\x15\x03\x03\x00\x02\x02\x4d")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (Record(HANDSHAKE, b""), "no place"),
        (Record(ALERT, b"\x02"), "no place"),
        (Record(APPLICATION_DATA, b"too early"), "no place"),
        (Record(24, b"heartbeat"), "no place"),
        (Record(0, b""), "no content"),
        (Record(HANDSHAKE, b"\x0b\xff\xff\xff"), "longer than any"),
        (Record(HANDSHAKE, bytes(2**14 + 1)), "too much of it"),
    ],
)
def test_records_that_have_no_place(record: Record, words: str) -> None:
    peer = Peer(identity())
    heard = peer.answer(hello(), order=(ENCRYPTED_EXTENSIONS,))
    assert peer.handshake
    fails(heard + peer.handshake.seal(record), words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "is not TLS"),
        (b"\x16\x03\x03\x00\x00", "is not TLS"),
        (b"\x16\x03\x03\x40\x01", "is not TLS"),
        (b"\x17\x03\x03\x41\x01", "is not TLS"),
        (b"\x17\x03\x03\x00\x05early", "does not open"),
        (b"\x17\x03\x03\x00\x20" + bytes(32), "does not open"),
        (b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00", "should be encrypted"),
        (b"\x14\x03\x03\x00\x01\x02", "ChangeCipherSpec"),
        (b"\x18\x03\x03\x00\x01\x01", "should be encrypted"),
    ],
)
def test_records_that_are_none(data: bytes, words: str) -> None:
    heard = Peer(identity()).answer(hello(), order=(ENCRYPTED_EXTENSIONS,))
    fails(heard + data, words)


def test_records_without_end() -> None:
    peer = Peer(identity())
    heard = peer.answer(hello(), order=(ENCRYPTED_EXTENSIONS,))
    fails(heard, "more than any", *[change_cipher_spec() * 1000] * 30)
    part = message(CERTIFICATE, bytes(100_000))[:1000]
    assert peer.handshake
    first = peer.handshake.seal(Record(HANDSHAKE, part))
    rest = [peer.handshake.seal(Record(HANDSHAKE, b"x")) for _ in range(6000)]
    fails(heard + first, "more than any", *rest)


def test_a_message_that_runs_on_over_the_change_of_keys() -> None:
    share = new_shares([X25519]).extension()[2:]
    first = server_hello(b"s" * 32, 0x1301, {51: share})
    fails(plain_records(first + b"\x08"), "not its turn")
    fails(plain_records(first + message(8, b"\0\0")), "not its turn")


def test_a_message_behind_the_finished() -> None:
    usual = (ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED)
    fails(Peer(identity()).answer(hello(), order=(*usual, 4)), "not its turn")


def plainly(
    pairs: Mapping[int, bytes], *, suite: int = 0x1301, session: bytes = b"s" * 32
) -> bytes:
    return plain_records(server_hello(session, suite, pairs))


@pytest.mark.parametrize(
    ("heard", "words"),
    [
        (plain_records(message(8, b"\0\0")), "no place"),
        (plain_records(message(2, b"\x03\x03")), "shorter"),
        (plainly({43: b"\x03\x03", 51: b""}), "another version"),
        (plainly({51: b""}, suite=0x1306), "does not fit"),
        (plainly({51: b""}, session=b""), "does not fit"),
        (plainly({}), "shorter"),
        (plainly({51: b"\x00\x1d\x00\x20" + bytes(32)}), "none of group"),
        (plainly({51: b"\x00\x1d\x00\x01\x02x"}), "longer"),
        (plainly({51: b"\x00\x17\x00\x01\x02"}), "no key"),
    ],
)
def test_hellos_of_a_server_that_are_none(heard: bytes, words: str) -> None:
    fails(heard, words)


def test_a_suite_that_is_not_there() -> None:
    offered = hello_with(ours(), suites=[0x00C6])
    with pytest.raises(UnsupportedSuiteError, match="0x00c6"):
        follow(Script(), offered, ours(), plainly({51: b""}, suite=0x00C6))


# ---------------------------------------------------------------- HelloRetryRequest


def retry(pairs: Mapping[int, bytes], *, suite: int = 0x1301, session: bytes = b"s" * 32) -> bytes:
    return server_hello(session, suite, pairs, retry=True)


def test_the_second_hello() -> None:
    shares = new_shares([24])
    pairs = {51: b"\x00\x18", 44: b"\x00\x06cookie"}
    again = retry_hello(hello(), read_server_hello(retry(pairs)[4:]), shares)
    first, second = read_sent(hello()), read_sent(again)
    assert (first.head, first.suites) == (second.head, second.suites)
    assert second.extensions == {
        **first.extensions,
        51: shares.extension(),
        44: b"\x00\x06cookie",
    }
    assert list(second.extensions)[:-1] == list(first.extensions)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ({}, "nothing new"),
        ({51: b"\x00\x1d"}, "whose key it has"),
        ({51: b"\x00"}, "not offered"),
        ({51: b"\x00\x19"}, "not offered"),
        ({44: bytes(65_450)}, "too long"),
    ],
)
def test_what_may_not_be_asked_for(pairs: Mapping[int, bytes], words: str) -> None:
    offered = hello_with(ours(), groups=[29, 23, 24])
    with pytest.raises(BrokenFlightError, match=words):
        follow(Script(), offered, ours(), plain_records(retry(pairs)))


def test_a_group_that_we_have_no_arithmetic_for() -> None:
    offered = hello_with(ours(), groups=[0x11EC, 29])
    with pytest.raises(UnsupportedGroupError, match="0x11ec"):
        follow(Script(), offered, ours(), plain_records(retry({51: b"\x11\xec"})))


@pytest.mark.parametrize(
    "second",
    [retry({44: b"\x00\x06cookie"}), server_hello(b"s" * 32, 0x1302, {51: b"\x00\x18\x00\x00"})],
)
def test_a_server_that_asks_again_and_again(second: bytes) -> None:
    heard = plain_records(retry({44: b"\x00\x05first"}))
    fails(heard, "changes its mind", plain_records(second))


def test_a_second_message_behind_the_request() -> None:
    fails(plain_records(retry({51: b"\x00\x18"}) + message(2, b"")), "not its turn")


def test_a_long_cookie_takes_more_than_one_record() -> None:
    cookie = vector(bytes(40_000))
    script = Script(b"\x15\x03\x03\x00\x02\x02\x28")
    with pytest.raises(AlertError, match="handshake_failure"):
        follow(script, hello(), ours(), plain_records(retry({44: cookie})))
    incoming = Incoming()
    incoming.feed(script.sent)
    again = incoming.message()
    assert again
    assert read_sent(again.raw).extensions[44] == cookie


# ---------------------------------------------------------------- after the handshake

EARLY_DATA = {42: (16_384).to_bytes(4)}
CLOSE_NOTIFY = Record(ALERT, b"\x01\x00")
Then = Callable[[Protection], list[bytes | Exception]]


def after(then: Then, *, asks: bool = False) -> EncryptedFlight:
    peer = Peer(identity(), asks=asks)
    heard = peer.answer(hello())
    assert peer.data
    return follow(Script(*then(peer.data)), hello(), ours(), heard, finish=True)


def sealing(*records: Record | Exception) -> Then:
    return lambda keys: [
        record if isinstance(record, Exception) else keys.seal(record) for record in records
    ]


@pytest.mark.parametrize(
    ("then", "asks", "early_data", "tickets"),
    [
        (sealing(Record(HANDSHAKE, ticket())), False, False, 1),
        (sealing(Record(HANDSHAKE, ticket({42: bytes(4)}))), False, False, 1),
        (sealing(Record(HANDSHAKE, ticket(EARLY_DATA))), True, True, 1),
        (sealing(Record(HANDSHAKE, ticket() + ticket(EARLY_DATA))), False, True, 2),
        (sealing(CLOSE_NOTIFY), False, False, 0),
        (sealing(CLOSE_NOTIFY), True, None, 0),
        (sealing(), False, None, 0),
        (sealing(ConnectionResetError()), False, None, 0),
        (sealing(Record(ALERT, b"\x02\x33")), False, None, 0),
        (sealing(Record(APPLICATION_DATA, b"220 mail"), CLOSE_NOTIFY), False, False, 0),
        (sealing(Record(HANDSHAKE, ticket()), ConnectionResetError()), False, False, 1),
        (sealing(Record(HANDSHAKE, message(24, b"\x00"))), False, None, 0),
        (sealing(Record(HANDSHAKE, ticket(value=b""))), False, None, 0),
        (sealing(Record(HANDSHAKE, ticket({42: b"\x01"}))), False, None, 0),
        (sealing(Record(HANDSHAKE, ticket() + b"\x04\x00\x00\x01")), False, False, 1),
        (lambda _: [b"HTTP/1.1 400 Bad Request"], False, None, 0),
    ],
)
def test_what_comes_after_the_handshake(
    then: Then, tickets: int, *, early_data: bool | None, asks: bool
) -> None:
    flight = after(then, asks=asks)
    assert (flight.early_data, flight.tickets) == (early_data, tickets)
    assert flight.chain == (identity().der,)


def test_what_we_say_last() -> None:
    for asks in (False, True):
        peer, script = Peer(identity(), asks=asks), Script()
        follow(script, hello(), ours(), peer.answer(hello()), finish=True)
        certificate_bytes = 4 + 4 if asks else 0
        sealed = 5 + certificate_bytes + 4 + 32 + 1 + 16
        assert script.sent.startswith(change_cipher_spec())
        assert len(script.sent) == 6 + sealed + 5 + 2 + 1 + 16
    quiet, script = hello_with(ours(), session=b""), Script()
    follow(script, quiet, ours(), Peer(identity()).answer(quiet), finish=True)
    assert script.sent.startswith(b"\x17\x03\x03")


def test_more_than_the_flight_before_we_have_answered() -> None:
    peer = Peer(identity())
    heard = peer.answer(hello())
    assert peer.data
    tickets = peer.data.seal(Record(HANDSHAKE, ticket(EARLY_DATA)))
    flight = follow(Script(), hello(), ours(), heard + tickets, finish=True)
    assert (flight.early_data, flight.tickets) == (True, 1)


def test_a_server_that_neither_speaks_nor_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "TICKET_SECONDS", 0.2)
    heard = Peer(identity()).answer(hello())
    flight = follow(Patient(), hello(), ours(), heard, finish=True)
    assert (flight.early_data, flight.tickets) == (None, 0)


def test_after_a_ticket_nobody_is_waited_for() -> None:
    peer = Peer(identity())
    heard = peer.answer(hello())
    assert peer.data
    script = Patient(peer.data.seal(Record(HANDSHAKE, ticket(EARLY_DATA))))

    async def timed() -> tuple[EncryptedFlight, float]:
        begun = asyncio.get_running_loop().time()
        line = cast("Line", script)
        flight = await read_encrypted(line, hello(), ours(), heard, finish=True)
        return flight, asyncio.get_running_loop().time() - begun

    flight, lasted = asyncio.run(timed())
    assert (flight.early_data, flight.tickets) == (True, 1)
    assert lasted < 1.5


def test_tickets_without_end() -> None:
    def flood(keys: Protection) -> list[bytes | Exception]:
        return [keys.seal(Record(HANDSHAKE, ticket(value=bytes(8000)))) for _ in range(40)]

    flight = after(flood)
    assert 0 < flight.tickets <= FLIGHT_LIMIT // 8000
    assert flight.early_data is False


# ---------------------------------------------------------------- whatever comes

READERS = (
    encrypted_flight.read_encrypted_extensions,
    encrypted_flight.check_certificate_request,
    encrypted_flight.read_certificates,
    encrypted_flight.read_proof,
    encrypted_flight.read_ticket,
)


@given(st.binary(max_size=300))
def test_no_message_does_harm(data: bytes) -> None:
    for reader in READERS:
        with suppress(BrokenFlightError):
            reader(data)
    with suppress(BrokenFlightError):
        check_key_proof(data, SentProof(0x0403, data), b"")
    with suppress(BrokenFlightError):
        check_key_proof(identity().der, SentProof(int.from_bytes(data[:2]), data), b"")


@given(st.binary(max_size=300), st.sampled_from(SUPPORTED))
def test_no_key_does_harm(data: bytes, group: int) -> None:
    with suppress(BrokenFlightError):  # most are no key, some are
        assert every_share().shared_secret(group, data)


@cache
def every_share() -> KeyShares:
    return new_shares(SUPPORTED)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_no_record_does_harm(parts: list[bytes]) -> None:
    for prefix in (b"", b"\x16\x03\x03\x00\x20", b"\x14\x03\x03\x00\x01\x01"):
        incoming = Incoming()
        with suppress(BrokenFlightError):
            for part in parts:
                incoming.feed(prefix + part)
                while incoming.message():
                    pass


def flip(data: bytes, changes: Iterable[tuple[int, int]]) -> bytes:
    """Exchange, take out or put in single bytes."""
    changed = bytearray(data)
    for at, what in changes:
        place = at % (len(changed) + 1)
        changed[place : place + what % 2] = bytes([what // 4]) if what & 2 else b""
    return bytes(changed)


CHANGES = st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 1023)), min_size=1, max_size=4)


@given(
    CHANGES, st.sampled_from([ENCRYPTED_EXTENSIONS, CERTIFICATE_REQUEST, CERTIFICATE, 15, FINISHED])
)
def test_altered_messages_under_right_keys(changes: list[tuple[int, int]], kind: int) -> None:
    honest = {
        ENCRYPTED_EXTENSIONS: extensions({16: b"\x00\x03\x02h2", 10: b"\x00\x02\x00\x1d"}),
        CERTIFICATE_REQUEST: b"\x00" + extensions({13: b"\x00\x02\x04\x03"}),
        CERTIFICATE: certificate(
            identity().der, of_leaf={5: b"\x01" + vector(b"staple", 3), 18: vector(b"list")}
        ),
        CERTIFICATE_VERIFY: b"\x04\x03" + vector(bytes(70)),
        FINISHED: bytes(32),
    }
    peer = Peer(identity(), asks=True)
    heard = peer.answer(hello(), bodies={kind: flip(honest[kind], changes)})
    with suppress(BrokenFlightError, LineClosedError):
        assert isinstance(follow(Script(), hello(), ours(), heard), EncryptedFlight)


@given(CHANGES)
def test_altered_bytes_on_the_way(changes: list[tuple[int, int]]) -> None:
    """Whatever is altered on the way is noticed: the honest flight is read, or none."""
    honest = rfc8448.SERVER_HELLO_RECORD + rfc8448.FLIGHT_RECORD
    shares = printed_shares()
    with suppress(BrokenFlightError, LineClosedError):
        flight = follow(Script(), rfc8448.CLIENT_HELLO, shares, flip(honest, changes))
        assert flight == follow(Script(), rfc8448.CLIENT_HELLO, shares, honest)


@given(st.binary(max_size=200))
def test_no_word_after_the_handshake_does_harm(data: bytes) -> None:
    flight = after(sealing(Record(HANDSHAKE, b"\x04" + vector(data, 3)), CLOSE_NOTIFY))
    assert flight.chain == (identity().der,)


def test_a_transcript_starts_anew_with_the_hash_of_the_first_hello() -> None:
    first, suite = Transcript(suite_of(0x1302)), suite_of(0x1302)
    first.add(b"hello")
    by_hand = Transcript(suite)
    by_hand.add(b"\xfe\x00\x00\x30" + first.value())
    assert first.retried().value() == by_hand.value()
