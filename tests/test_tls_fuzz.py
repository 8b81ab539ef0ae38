"""The parsers of what TLS servers send, with bytes that no honest server would send.

python -m tests.fuzz.tls goes on where these leave off.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spbe_audit.evidence import (
    Attempt,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
    read_timestamp_list,
)
from spbe_audit.network import Budget, Deadlines, Door
from spbe_audit.probes.tls import pace
from spbe_audit.probes.tls.asker import NoAnswerError
from spbe_audit.probes.tls.contact import Line, StarttlsDeclinedError
from spbe_audit.probes.tls.greeting import hello_version, sort_reply
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.probes.tls.server_flight import (
    FLIGHT_LIMIT,
    Flight,
    handshake_messages,
    read_flight,
)
from spbe_audit.probes.tls.ssl2 import read_ssl2
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.probes.tls.starttls.inbox import TurnedAwayError
from spbe_audit.probes.tls.survey import Survey
from spbe_audit.probes.tls.tls13.fields import vector
from spbe_audit.probes.tls.tls13.record_layer import Incoming
from spbe_audit.targets import Intensity
from tests.fuzz import targets
from tests.fuzz.damage import damaged
from tests.fuzz.hostile_server import hostile_server
from tests.fuzz.scripted import ScriptedLine
from tests.fuzz.targets import TARGETS, TURN_END, heard_at_once, heard_in_pieces
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.starttls import GOOD
from tests.servers.tls13_peer import certificate, extensions, message, server_hello, ticket

NAME = "layanan.test"
SECONDS = 0.5
"""Of processor time, for as much as is ever read of one connection."""

KINDS = (0, 2, 4, 11, 12, 13, 14, 22, 99)
SHORT = st.binary(max_size=60)
SEEDS = st.integers(0, 2**32)


def record(body: bytes, kind: int = 22, version: int = 0x0303) -> bytes:
    return bytes([kind]) + version.to_bytes(2) + vector(body)


# ---------------------------------------------------------------- flights


@st.composite
def hello_messages(draw: st.DrawFn) -> bytes:
    """A ServerHello of any version, with extensions that have a meaning or none."""
    numbers = st.sampled_from([0, 5, 11, 16, 18, 22, 23, 35, 43, 51, 0xFF01]) | st.integers(
        0, 65535
    )
    told = draw(st.dictionaries(numbers, SHORT | st.sampled_from([b"\x03\x04", b"\x00\x1d"])))
    body = draw(st.integers(0x0300, 0x0305)).to_bytes(2) + draw(st.binary(min_size=32, max_size=32))
    body += vector(draw(st.binary(max_size=32)), 1)
    body += draw(st.integers(0, 65535)).to_bytes(2) + draw(st.sampled_from([b"\0", b"\1"]))
    return message(2, body + (extensions(told) if draw(st.booleans()) else b""))


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Any message of a first flight, well formed, or of a type that has no place in one."""
    kind = draw(st.sampled_from(KINDS))
    match kind:
        case 2:
            return draw(hello_messages())
        case 11:
            chain = draw(st.lists(SHORT, max_size=4))
            return message(11, vector(b"".join(vector(der, 3) for der in chain), 3))
        case 14:
            return message(14, b"")
        case 22:
            return message(22, b"\x01" + vector(draw(SHORT), 3))
        case _:
            return message(kind, draw(SHORT))


@st.composite
def in_records(draw: st.DrawFn, data: bytes) -> bytes:
    """Handshake messages in records of any length, with others between them now and then."""
    said, at = b"", 0
    others = st.sampled_from([b"", b"", b"\x15\x03\x03\x00\x02\x01\x70"])
    while at < len(data):
        length = draw(st.integers(1, 400))
        said += record(data[at : at + length]) + draw(others)
        at += length
    endings = [b"", record(b"\x02\x28", 21), record(b"\x01", 20), b"\x16\x03\x03\x00\x00", b"GET"]
    return said + draw(st.sampled_from(endings))


@st.composite
def flights(draw: st.DrawFn) -> bytes:
    """A flight with messages in any order, and damage to it more often than not."""
    said = draw(hello_messages()) if draw(st.booleans()) else b""
    said += b"".join(draw(st.lists(messages(), max_size=6)))
    data = draw(in_records(said))
    accidents = draw(st.integers(0, 2))
    chance = random.Random(draw(SEEDS))  # noqa: S311 - hypothesis chooses the seed
    for _ in range(accidents):
        data = damaged(chance, data)
    return data


@given(flights())
def test_flights_in_any_state(data: bytes) -> None:
    for name in ("flight", "reply", "ssl2", "records"):
        TARGETS[name](data)


@given(flights(), st.lists(st.integers(0, 3000), max_size=30))
def test_it_makes_no_difference_how_a_flight_is_cut(data: bytes, ends: list[int]) -> None:
    found = heard_at_once(read_flight, data)
    assert found == heard_in_pieces(read_flight, data, iter(sorted(ends)))
    assert found == heard_in_pieces(read_flight, data, iter(range(len(data))))


@given(hello_messages(), st.lists(SHORT, max_size=5), SHORT, st.data())
def test_what_is_well_formed_is_read(
    hello: bytes, chain: list[bytes], exchange: bytes, data: st.DataObject
) -> None:
    listed = vector(b"".join(vector(der, 3) for der in chain), 3)
    said = hello + message(11, listed) + message(12, exchange) + message(14, b"")
    found = heard_at_once(read_flight, data.draw(in_records(said)))
    if isinstance(found, str):
        assert "shorter than it says" in found, "supported_versions was drawn with no version in it"
        return
    assert found
    assert found.whole
    assert found.hello
    assert found.hello.suite == int.from_bytes(hello[39 + hello[38] :][:2])
    if found.hello.version <= 0x0303:
        assert (found.chain, found.key_exchange) == (tuple(chain), exchange)


def test_nothing_behind_the_end_is_read() -> None:
    newest = record(server_hello(b"", 0x1301, {}))
    old = record(message(2, b"\x03\x03" + bytes(32) + b"\0\0\x2f\0") + message(14, b""))
    for first in (newest, old, record(b"\x02\x28", 21)):
        alone = read_flight(first, False)  # noqa: FBT003 - see contact.Reader
        assert isinstance(alone, Flight)
        for more in (b"GET / HTTP", b"\x16\x03\x03\x00\x00", record(b"\x02\x28", 21), first):
            assert heard_at_once(read_flight, first + more) == alone


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (record(b"\x01\x70", 21) * 600, "more records"),
        (record(message(99, b"")) * 2, "comes twice"),
        (record(message(13, b"") + message(13, b"")), "comes twice"),
        (record(message(2, bytes(38) + b"\0\0" + b"x")), "longer than it says"),
        (record(message(2, bytes(38) + b"\0\x08" + b"\0\x17\0\0" * 2)), "comes twice"),
        (record(b"\x0c\x02\x00\x00"), "longer than any"),
    ],
)
def test_what_is_never_read(data: bytes, words: str) -> None:
    found = heard_at_once(read_flight, data)
    assert isinstance(found, str) if words else isinstance(found, Flight)
    assert words in str(found)


def test_a_key_exchange_is_short() -> None:
    said = message(12, bytes(17_000))
    data = b"".join(record(said[at : at + 9000]) for at in range(0, len(said), 9000))
    assert "key exchange is longer" in str(heard_at_once(read_flight, data))


# ---------------------------------------------------------------- the other parsers


@pytest.mark.parametrize("start", [b"", record(b"\x01\x70", 21)])
def test_ssl2_is_no_text_because_of_its_length(start: bytes) -> None:
    targets.reply(start + b"\x84\x0a\x04\x00\x01\x00\x02")


@pytest.mark.parametrize("name", TARGETS)
def test_no_bytes_break_a_parser(name: str) -> None:
    @settings(max_examples=20 if name == "handshake" else 60)
    @given(st.binary(max_size=300))
    def check(data: bytes) -> None:
        TARGETS[name](data)

    check()


def ssl2_answer(kinds: Iterable[bytes], der: bytes) -> bytes:
    listed = b"".join(kinds)
    head = b"\x04\0\1\0\2" + b"".join(len(one).to_bytes(2) for one in (der, listed, b"c" * 16))
    body = head + der + listed + b"c" * 16
    return (0x8000 | len(body)).to_bytes(2) + body


@given(st.lists(st.sampled_from([b"\7\0\xc0", b"\1\0\x80", b"xyz"]), max_size=9), SHORT, SEEDS)
def test_ssl2_in_any_state(kinds: list[bytes], der: bytes, seed: int) -> None:
    data = ssl2_answer(kinds, der)
    found = read_ssl2(data, False)  # noqa: FBT003 - see contact.Reader
    assert found
    assert found.certificate == der
    assert len(found.kinds) == len({kind for kind in kinds if kind != b"xyz"})
    targets.ssl2(damaged(random.Random(seed), data))  # noqa: S311 - hypothesis chooses the seed


@given(hello_messages(), SEEDS, st.booleans())
def test_hellos_in_any_state(hello: bytes, seed: int, retry: bool) -> None:  # noqa: FBT001 - drawn
    chance = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
    asking = server_hello(b"s" * 32, 0x1301, {51: b"\x00\x17", 44: hello}, retry=True)
    targets.server_hello((asking if retry else hello)[4:])
    targets.server_hello(damaged(chance, (asking if retry else hello)[4:]))


DH = vector(b"\xff" * 32) + vector(b"\2") + vector(b"y" * 32)
ECDH = b"\x03\x00\x17" + vector(b"p" * 65, 1)


@given(st.integers(0, 511), st.integers(0, 3), st.sampled_from([DH, ECDH]), SHORT, SEEDS)
def test_key_exchanges_in_any_state(
    suite: int, version: int, sent: bytes, signature: bytes, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
    head = suite.to_bytes(2) + bytes([version])
    for body in (sent, sent + b"\4\1" + vector(signature), vector(b"hint") + sent):
        targets.key_exchange(head + body)
        targets.key_exchange(head + damaged(chance, body))


ENCRYPTED = (
    extensions({16: b"\x00\x03\x02h2", 10: b"\x00\x02\x00\x1d"}),
    certificate(
        b"leaf", b"above", of_leaf={5: b"\x01" + vector(b"staple", 3), 18: vector(b"list")}
    ),
    b"\0" + extensions({13: vector(b"\4\3")}),
    b"\4\3" + vector(b"signature"),
    ticket({42: bytes(4)})[4:],
)


@given(st.sampled_from(ENCRYPTED), SEEDS)
def test_encrypted_messages_in_any_state(body: bytes, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
    targets.encrypted_messages(body)
    targets.encrypted_messages(damaged(chance, body))
    sealed = b"".join(b"\x17\x03\x03" + vector(message(8, one) + b"\x16") for one in ENCRYPTED)
    targets.records(damaged(chance, sealed))


@settings(max_examples=60)
@given(st.integers(0, 4), st.sampled_from(ENCRYPTED), SEEDS)
def test_handshakes_in_any_state(kind: int, body: bytes, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
    targets.handshake(bytes([kind]) + damaged(chance, body))


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 3), st.integers(0, 255), SEEDS)
def test_dialogues_in_any_state(number: int, honest: int, step: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - hypothesis chooses the seed
    turns = list(GOOD.values())[number][honest:]
    data = bytes([number, honest, step]) + TURN_END.join(damaged(chance, turn) for turn in turns)
    targets.starttls(data)
    for turn in turns:
        targets.first_words(damaged(chance, turn))


@given(st.lists(st.binary(max_size=60), max_size=6), SEEDS)
def test_timestamps_in_any_state(entries: list[bytes], seed: int) -> None:
    listed = b"".join(vector(bytes(41) + entry) for entry in entries)
    assert len(read_timestamp_list(vector(listed))) == len(entries)
    targets.timestamps(damaged(random.Random(seed), vector(listed)))  # noqa: S311 - hypothesis chooses


# ---------------------------------------------------------------- what it costs


def many(part: bytes, size: int = FLIGHT_LIMIT) -> bytes:
    return (part * (size // len(part) + 1))[:size]


def as_flight(said: bytes) -> bytes:
    return b"".join(record(said[at : at + 2**14]) for at in range(0, len(said), 2**14))


HUNDRED = vector(b"".join(vector(b"", 3) for _ in range(100)), 3)
COSTLY = {
    "records of one byte": many(record(b"\0")),
    "alerts that are only warnings": many(record(b"\x01\x70", 21)),
    "messages of four bytes": as_flight(many(message(99, b""))),
    "requests of four bytes": as_flight(many(message(13, b""))),
    "chains of a hundred": as_flight(many(message(11, HUNDRED))),
    "one long chain": as_flight(message(11, vector(many(vector(bytes(990), 3), 93_000), 3))),
    "a long hello": record(message(2, bytes(38) + vector(many(b"\0\1\0\0", 16_000)))),
    "one message in short records": many(record(message(99, bytes(90_000))[:400]), 97_000),
    "a text": many(b"220 \r\n"),
    "zeros": bytes(FLIGHT_LIMIT),
    "white space": many(b" \n"),
    "SSL 2": b"\xff\xff" + b"\x04\0\1\0\2\0\0\xff\xff\0\0" + many(b"\7\0\xc0", 90_000),
}


def listen(read: Callable[[bytes, bool], object], data: bytes, step: int) -> None:
    """Ask a reader at each piece of so many bytes, as Contact.say does."""
    heard_in_pieces(read, data, iter(range(step, len(data), step)))


def sort(data: bytes, ended: bool) -> object:  # noqa: FBT001 - see contact.Reader
    return sort_reply(data, ended=ended)


def feed(data: bytes, step: int) -> None:
    incoming = Incoming()
    for at in range(0, len(data), step):
        incoming.feed(data[at : at + step])
        while incoming.message() is not None:
            pass


@pytest.mark.parametrize("step", [4096, 1460, 64])
@pytest.mark.parametrize("name", COSTLY)
def test_no_flight_takes_long(name: str, step: int) -> None:
    data = COSTLY[name]
    for read in (read_flight, sort, read_ssl2):
        begun = time.thread_time()
        listen(read, data, step)
        assert time.thread_time() - begun < SECONDS, read
    begun = time.thread_time()
    targets.outcome(lambda: feed(data, step))
    targets.outcome(lambda: handshake_messages(data))
    hello_version(data[5:])
    read_timestamp_list(b"\xff\xff" + data[5:])
    assert time.thread_time() - begun < SECONDS


@pytest.mark.parametrize("name", COSTLY)
def test_no_flight_takes_much_memory(name: str) -> None:
    data = COSTLY[name]
    tracemalloc.start()
    try:
        for read in (read_flight, sort, read_ssl2):
            listen(read, data, 4096)
        targets.outcome(lambda: feed(data, 4096))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20 * FLIGHT_LIMIT


@pytest.mark.parametrize("protocol", GOOD)
@pytest.mark.parametrize("turn", [b"2", b"220-\n", b"<a>", b"\x30\x82\x3f\xff", b"<" + b"a" * 39])
def test_no_dialogue_takes_long(protocol: str, turn: bytes) -> None:
    async def visit(honest: int) -> None:
        turns = [*GOOD[protocol][:honest], many(turn, 20_000)]
        with pytest.raises((StarttlsDeclinedError, TurnedAwayError)):
            await OPENINGS[protocol](cast("Line", ScriptedLine(turns, 1)), NAME)

    for honest in range(len(GOOD[protocol])):
        begun = time.thread_time()
        asyncio.run(visit(honest))
        assert time.thread_time() - begun < SECONDS


# ---------------------------------------------------------------- whole visits

VISITS, AT_ONCE = 200, 10
GROUPS = 4
HONEST_SEED = 0


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Sequence[ssl.SSLContext]:
    """OpenSSL as it is configured in different places."""
    directory = tmp_path_factory.mktemp("keys")
    identity = make_leaf(make_authority(), (NAME,))
    files = identity.write(directory)
    rsa = make_leaf(None, (NAME,), key="rsa2048").write(directory, "rsa")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the oldest versions are meant
        return tuple(_contexts(files, rsa))


def _contexts(*files: tuple[Path, Path]) -> Iterator[ssl.SSLContext]:
    for oldest, newest in (("TLSv1", "TLSv1_3"), ("TLSv1_2", "TLSv1_3"), ("TLSv1", "TLSv1_2")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion[oldest]
        context.maximum_version = ssl.TLSVersion[newest]
        context.set_alpn_protocols(["h2"])
        for chain, key in files:
            context.load_cert_chain(chain, key)
        yield context


async def visit(
    seed: int, contexts: Sequence[ssl.SSLContext], *, starttls: str | None = None
) -> Attempt:
    door = Door(
        deadlines=Deadlines(connect=2, exchange=0.5, tls=1.5),
        budget=Budget(at_once=10, per_second=10_000),
    )
    turns = GOOD[starttls] if starttls else ()
    async with hostile_server(seed, contexts, turns=turns) as port:
        attempt = await probe_tls(
            host=NAME,
            port=port,
            address="127.0.0.1",
            door=door,
            intensity=Intensity.STANDARD if seed % 4 == 0 else Intensity.LIGHT,
            starttls=starttls,
        )
    assert attempt.connections == sum(door.footprint().values())
    return attempt


async def visits(
    seeds: Iterable[int], contexts: Sequence[ssl.SSLContext], *, starttls: str | None = None
) -> list[Attempt]:
    """Visit a server for every seed, a few at a time."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> Attempt:
        async with places:
            return await visit(seed, contexts, starttls=starttls)

    return await asyncio.gather(*(one(seed) for seed in seeds))


def check_all(attempts: Sequence[Attempt]) -> None:
    for attempt in attempts:
        text = canonical_json(attempt_to_json(attempt))
        assert attempt_to_json(attempt_from_json(text)) == attempt_to_json(attempt)
        assert len(text) < 2**20
        if attempt.failure:
            assert attempt.failure.text.isprintable()
            assert "Traceback" not in attempt.failure.text
        assert attempt.duration < 10
    failed = sum(attempt.failure is not None for attempt in attempts)
    assert 0 < failed < len(attempts), "the damage is neither all nor nothing"


@pytest.mark.parametrize("group", range(GROUPS))
def test_a_server_whose_answers_are_damaged(
    group: int, contexts: Sequence[ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(pace, "_LONGEST_PAUSE", 0.05)
    begun = time.thread_time()
    check_all(asyncio.run(visits(range(group, VISITS, GROUPS), contexts)))
    assert time.thread_time() - begun < 60


def test_a_server_that_begins_tls_and_damages_it(
    contexts: Sequence[ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It declines to begin TLS now and then, as a busy server does."""
    monkeypatch.setattr(pace, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(pace, "_LONGEST_PAUSE", 0.05)
    check_all(asyncio.run(visits(range(30), contexts, starttls="smtp")))


def test_a_lane_that_failed_does_not_turn_the_deadline_into_a_cancellation(
    contexts: Sequence[ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TaskGroup leaves its parent's count of cancellations one too high in Python 3.11."""

    async def run(_survey: Survey, _first: object) -> None:
        async def fail() -> None:
            await asyncio.sleep(0.01)
            raise NoAnswerError("no answer")

        try:
            async with asyncio.TaskGroup() as lanes:
                lanes.create_task(fail())
        except* NoAnswerError:
            pass
        await asyncio.sleep(60)

    async def probe() -> tuple[Attempt, int]:
        attempt = await visit(HONEST_SEED, contexts)
        task = asyncio.current_task()
        assert task
        return attempt, task.cancelling()

    monkeypatch.setattr(Survey, "run", run)
    attempt, cancellations = asyncio.run(probe())
    assert attempt.duration > 1
    assert cancellations == 0
