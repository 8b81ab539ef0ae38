"""The tls probe and servers with ways of their own: what they refuse, choke on, and turn away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from spbe_audit import network
from spbe_audit.evidence import FailureKind, TlsAnswer, TlsEvidence, TlsQuestion, TlsVersion
from spbe_audit.network import Budget, Deadlines
from spbe_audit.probes.tls import pace
from spbe_audit.probes.tls.client_hello import (
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    ClientHello,
    read_hello,
)
from spbe_audit.probes.tls.codes.suites import FALLBACK_SCSV, GREASE, SUITES
from spbe_audit.probes.tls.sightings import UNFINISHED
from spbe_audit.targets import Intensity
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import RawServer, raw_server
from tests.servers.tls_scripts import (
    REFUSAL,
    TLS_1_0,
    TLS_1_2,
    TLS_1_3,
    Answer,
    Deed,
    Gate,
    Rule,
    Script,
    Turn,
    alert,
    hears,
    message,
    offered,
    passes_on,
    perform,
    record,
    says,
    server_hello,
    shared,
    ssl2_answer,
    unless,
)
from tests.tls_visit import NAME, evidence, failure_kind, probe

BRIEF = Deadlines(connect=1, exchange=0.4, tls=8)
HURRIED = Deadlines(connect=1, exchange=0.2, tls=2)
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server { listen 127.0.0.1:PORT_0 ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM; }
server {
  listen 127.0.0.1:PORT_1 ssl;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
  ssl_ciphers AES128-GCM-SHA256:AES256-SHA:AES128-SHA:@SECLEVEL=0;
  ssl_prefer_server_ciphers on;
}
"""
MODERN, CLASSIC = range(2)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less than for servers that have a minute to spare."""
    monkeypatch.setattr(pace, "_FIRST_PAUSE", 0.05)
    monkeypatch.setattr(pace, "_LONGEST_PAUSE", 0.1)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(make_authority(), (NAME,), key="rsa2048")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("nginx"), NGINX, ports=2, identity=identity) as server:
        yield server


@pytest.fixture(scope="module")
def plain(web: Nginx) -> tuple[TlsEvidence, ...]:
    """What is seen of the servers themselves, with nothing in between."""
    return tuple(evidence(probe(port)) for port in web.ports)


def facts(tls: TlsEvidence) -> dict[str, object]:
    """All that a server in between must not change."""
    return {
        "versions": tls.versions,
        "suites": tls.suites,
        "groups": sorted(tls.groups or ()),
        "server_preference": tls.server_preference,
        "fallback_scsv": tls.fallback_scsv,
        "early_data": tls.early_data,
        "intolerances": tls.intolerances,
        "signatures": tls.key_exchange_signatures,
        "chains": tls.chains,
        "unknown": dict(tls.unknown),
    }


def names(*suites: int) -> set[str]:
    return {SUITES[suite] for suite in suites}


# ---------------------------------------------------------------- refusal and failure

OLD_AND_NEW = {
    TLS_1_2: (0xC02F, 0xC030, 0x009C, 0x002F, 0x0035, 0x000A),
    TLS_1_0: (0x002F, 0x0035, 0x000A),
}


@pytest.mark.parametrize("how", [Deed.HANG_UP, Deed.RESET], ids=["hangs up", "resets"])
def test_a_server_that_refuses_without_a_word(how: Deed) -> None:
    """Old Schannel sends no alert, for a version as little as for a suite."""
    script = Script(suites=OLD_AND_NEW, refusal=how, wrong_version=how)
    with raw_server(hears(says(script))) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert tls.versions == (TlsVersion.TLS_1_0, TlsVersion.TLS_1_2)
    assert set(tls.suites[TlsVersion.TLS_1_2]) == names(*OLD_AND_NEW[TLS_1_2])
    assert set(tls.suites[TlsVersion.TLS_1_0]) == names(*OLD_AND_NEW[TLS_1_0])
    assert tls.unknown == {}


@pytest.mark.parametrize("how", list(Deed), ids=lambda how: how.name)
@pytest.mark.parametrize("last", [3, 12, 20])
def test_a_server_that_stops_answering_has_not_refused(last: int, how: Deed) -> None:
    gate = Gate(last=last, how=how)
    with raw_server(gate.guards(hears(says(Script(suites=OLD_AND_NEW))))) as server:
        attempt = probe(server.port, deadlines=HURRIED)
    assert gate.turned_away
    if attempt.failure is not None:
        assert last == 3
        assert attempt.failure.kind in {FailureKind.RESET, FailureKind.TIMEOUT}
        return
    tls = evidence(attempt)
    for number, version in ((TLS_1_0, TlsVersion.TLS_1_0), (TLS_1_2, TlsVersion.TLS_1_2)):
        if f"versions.{version}" in tls.unknown or f"suites.{version}" in tls.unknown:
            continue
        assert set(tls.suites[version]) == names(*OLD_AND_NEW[number])
    assert len(tls.unknown) > 1


@pytest.mark.parametrize("last", [3, 9])
def test_ssl_2_that_nobody_lets_us_ask_about_is_unknown(last: int) -> None:
    """The old hello is hung up on by many: only who still answers others has refused it."""
    script = Script(ssl2=ssl2_answer(0x010080))
    gate = Gate(last=last, how=Deed.HANG_UP)

    def slow(connection: socket.socket, server: RawServer, heard: bytes) -> None:
        if heard[:1] == b"\x16":
            says(script)(connection, server, heard)

    with raw_server(gate.guards(hears(slow))) as server:
        attempt = probe(server.port, deadlines=BRIEF)
    if isinstance(attempt.result, TlsEvidence):
        assert "versions.SSL 2.0" in attempt.result.unknown


@pytest.mark.parametrize(
    "gate",
    [Gate(at_once=3), Gate(at_once=1), Gate(per_second=10)],
    ids=["three at once", "one at once", "ten a second"],
)
def test_a_server_that_limits_us_is_surveyed_wholly(
    web: Nginx, plain: tuple[TlsEvidence, ...], monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    monkeypatch.setattr(pace, "_FIRST_PAUSE", 0.25)
    monkeypatch.setattr(pace, "_LONGEST_PAUSE", 1.0)
    with raw_server(gate.guards(hears(passes_on(web.ports[MODERN])))) as server:
        tls = evidence(probe(server.port))
    assert gate.turned_away
    assert facts(tls) == facts(plain[MODERN])
    assert tls.slowed_to is not None
    assert tls.slowed_to < 20


@pytest.mark.parametrize("how", [Deed.RESET, Deed.HANG_UP], ids=["resets", "hangs up"])
def test_connections_that_are_lost_now_and_then_change_nothing(
    web: Nginx, plain: tuple[TlsEvidence, ...], how: Deed
) -> None:
    gate = Gate(every=5, how=how)
    with raw_server(gate.guards(hears(passes_on(web.ports[CLASSIC])))) as server:
        tls = evidence(probe(server.port))
    assert gate.turned_away > 2
    assert facts(tls) == facts(plain[CLASSIC])


@pytest.mark.parametrize("lost", [0, 7], ids=["steady", "slowed"])
def test_no_more_connections_at_once_than_the_budget_has(
    web: Nginx, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    monkeypatch.setattr(network, "LOOPBACK_BUDGET", Budget(at_once=4, per_second=1000))
    gate = Gate(every=lost)

    def lingers(connection: socket.socket, server: RawServer, heard: bytes) -> None:
        server.stopped.wait(0.03)
        passes_on(web.ports[MODERN])(connection, server, heard)

    with raw_server(gate.guards(hears(lingers))) as server:
        tls = evidence(probe(server.port))
    assert 1 < gate.most <= 4
    assert (tls.slowed_to is None) == (lost == 0)


def test_a_pace_that_is_slowed_takes_its_places_away_at_once() -> None:
    async def scenario() -> int:
        places, most, inside = pace.Pace(8), 0, 0

        async def visit() -> None:
            nonlocal most, inside
            async with places.place():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

        async with places.place():
            pass
        await places.slow_down()
        await places.slow_down()
        await asyncio.gather(*(visit() for _ in range(20)))
        assert places.slowed_to == 2
        return most

    assert asyncio.run(scenario()) == 2


def test_whoever_is_alone_is_alone() -> None:
    async def scenario() -> None:
        places, told = pace.Pace(8), []

        async def visit(name: str) -> None:
            async with places.place():
                told.append(f"{name} comes")
                await asyncio.sleep(0.02)
                told.append(f"{name} goes")

        async def insist(name: str) -> None:
            async with places.alone():
                told.append(f"{name} comes")
                await asyncio.sleep(0.02)
                told.append(f"{name} goes")

        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            group.create_task(visit("first"))
            await asyncio.sleep(0)
            for one in (insist("second"), insist("third"), visit("last")):
                group.create_task(one)
        assert told[0] == "first comes"
        assert [one.replace("comes", "goes") for one in told[::2]] == told[1::2]

    asyncio.run(scenario())


# ---------------------------------------------------------------- quirks in front of a real server


def is_long(hello: ClientHello) -> bool:
    return len(hello.record()) > 512


def has_many_suites(hello: ClientHello) -> bool:
    return len(hello.suites) > 128


def has_no_share(hello: ClientHello) -> bool:
    return SUPPORTED_VERSIONS in hello.extensions and not shared(hello)


def has_strange_groups(hello: ClientHello) -> bool:
    return not set(offered(hello, SUPPORTED_GROUPS)) <= {*range(1, 31), *range(256, 261)}


def speaks_of_tls_1_3(hello: ClientHello) -> bool:
    return SUPPORTED_VERSIONS in hello.extensions


def is_greased(hello: ClientHello) -> bool:
    return not set(GREASE).isdisjoint(hello.suites)


def fills_more_than_a_packet(hello: ClientHello) -> bool:
    return len(hello.record()) > 1900


def is_too_new(hello: ClientHello) -> bool:
    return hello.version > TLS_1_2


WAYS = pytest.mark.parametrize(
    "answer", [REFUSAL, Deed.RESET, Deed.HANG_UP], ids=["alert", "reset", "hang-up"]
)


def behind(turn: Turn, **options: Any) -> TlsEvidence:
    with raw_server(hears(turn)) as server:
        return evidence(probe(server.port, deadlines=BRIEF, **options))


@WAYS
def test_a_server_that_wants_a_key_share(
    web: Nginx, plain: tuple[TlsEvidence, ...], answer: Answer
) -> None:
    tls = behind(unless(has_no_share, answer, passes_on(web.ports[MODERN])))
    expected = facts(plain[MODERN])
    shareable = {"x25519", "x448", "secp256r1", "secp384r1", "secp521r1"}
    shareable |= {"ffdhe2048", "ffdhe3072", "ffdhe4096"}
    assert facts(tls) == expected | {"groups": sorted(shareable & set(plain[MODERN].groups or ()))}


@pytest.mark.parametrize("chokes", [is_long, has_many_suites])
@pytest.mark.parametrize("answer", [REFUSAL, *Deed], ids=["alert", "hang-up", "reset", "silence"])
def test_a_server_that_chokes_on_long_hellos(
    web: Nginx,
    plain: tuple[TlsEvidence, ...],
    chokes: Callable[[ClientHello], bool],
    answer: Answer,
) -> None:
    tls = behind(unless(chokes, answer, passes_on(web.ports[CLASSIC])))
    assert tls.versions == plain[CLASSIC].versions
    assert {v: set(s) for v, s in tls.suites.items()} == {
        v: set(s) for v, s in plain[CLASSIC].suites.items()
    }
    assert tls.versions_unknown() == ()


@WAYS
def test_a_server_that_does_not_bear_groups_it_does_not_know(
    web: Nginx, plain: tuple[TlsEvidence, ...], answer: Answer
) -> None:
    tls = behind(unless(has_strange_groups, answer, passes_on(web.ports[MODERN])))
    assert tls.versions == plain[MODERN].versions
    assert tls.suites == plain[MODERN].suites
    assert tls.versions_unknown() == ()
    assert "groups" not in tls.unknown
    curves = {"x25519", "x448", "secp256r1", "secp384r1", "secp521r1"}
    assert curves <= set(tls.groups or ())


@WAYS
@pytest.mark.parametrize(
    ("chokes", "port", "expected"),
    [
        (speaks_of_tls_1_3, CLASSIC, ("modern_hello",)),
        (is_greased, MODERN, ("grease",)),
        (fills_more_than_a_packet, MODERN, ("long_hello",)),
        (is_too_new, MODERN, ("unknown_version",)),
    ],
    ids=["TLS 1.3", "grease", "long", "version"],
)
def test_what_a_server_does_not_bear(
    web: Nginx,
    plain: tuple[TlsEvidence, ...],
    chokes: Callable[[ClientHello], bool],
    port: int,
    expected: tuple[str, ...],
    answer: Answer,
) -> None:
    tls = behind(unless(chokes, answer, passes_on(web.ports[port])))
    assert facts(tls) == facts(plain[port]) | {"intolerances": expected}


def test_a_server_that_is_silent_on_what_it_does_not_bear(
    web: Nginx, plain: tuple[TlsEvidence, ...]
) -> None:
    tls = behind(unless(is_greased, Deed.SILENCE, passes_on(web.ports[MODERN])))
    assert tls.intolerances is None
    assert set(tls.unknown) == {"intolerances"}
    assert tls.chains == plain[MODERN].chains


# ---------------------------------------------------------------- answers that nobody asked for


@pytest.mark.parametrize("light", [False, True], ids=["full", "light"])
def test_ssl_2_alone(*, light: bool) -> None:
    script = Script(suites={}, refusal=Deed.HANG_UP, wrong_version=Deed.HANG_UP)
    script = replace(script, ssl2=ssl2_answer(0x010080, 0x0700C0, certificate=b"\x30\x00"))
    with raw_server(hears(says(script))) as server:
        intensity = Intensity.LIGHT if light else Intensity.STANDARD
        tls = evidence(probe(server.port, deadlines=BRIEF, intensity=intensity))
    assert tls.answer is TlsAnswer.HANDSHAKE
    assert tls.versions == (TlsVersion.SSL_2_0,)
    kinds = ("SSL_CK_RC4_128_WITH_MD5", "SSL_CK_DES_192_EDE3_CBC_WITH_MD5")
    assert tls.suites == {TlsVersion.SSL_2_0: kinds}
    assert [(c.certificates, c.server_name) for c in tls.chains] == [((b"\x30\x00",), None)]


def test_a_suite_that_was_not_offered() -> None:
    def insists(hello: ClientHello) -> bytes:
        return record(server_hello(hello, TLS_1_2, 0x002F, {}) + message(14, b""))

    with raw_server(hears(answers_with(insists))) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert tls.versions == (TlsVersion.TLS_1_2,)
    assert tls.suites == {TlsVersion.TLS_1_2: ("TLS_RSA_WITH_AES_128_CBC_SHA",)}
    assert "not offered" in tls.unknown["suites.TLS 1.2"]


def answers_with(reply: Rule) -> Turn:
    """Answer ClientHellos, and hang up on everything else."""

    def turn(connection: socket.socket, server: RawServer, heard: bytes) -> None:
        if heard[:1] == b"\x16":
            perform(reply(read_hello(heard)), connection, server)

    return turn


def test_a_version_that_was_not_asked_for() -> None:
    """Whatever is asked, the answer is TLS 1.0."""

    def insists(hello: ClientHello) -> Answer:
        known = replace(hello, version=TLS_1_0, extensions={})
        return Script(suites={TLS_1_0: (0x0035, 0x002F)}).answer(known)

    with raw_server(hears(answers_with(insists))) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert tls.versions == (TlsVersion.TLS_1_0,)
    assert set(tls.suites[TlsVersion.TLS_1_0]) == names(0x0035, 0x002F)
    assert tls.versions_unknown() == ()


def test_versions_that_are_refused_by_their_name() -> None:
    gate = Gate()
    script = Script(suites={TLS_1_2: (0xC02F, 0x002F), TLS_1_3: (0x1301,)})
    with raw_server(gate.guards(hears(says(script)))) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert tls.versions_unknown() == ()
    assert gate.came < 30
    assert {"early_data", "chains.unnamed"} <= set(tls.unknown)  # what TLS 1.3 hid stays hidden


def test_a_head_that_is_too_new_loses_no_suite() -> None:
    """A server that says yes to the version in the head, whatever it is."""
    script = Script(suites={TLS_1_2: (0xC02F, 0xC030, 0x009C)})

    def echoes(hello: ClientHello) -> Answer:
        if hello.version == TLS_1_2:
            return script.answer(hello)
        suite = next(suite for suite in hello.suites if suite in SUITES)
        if hello.version < TLS_1_2:
            return alert(70)
        return record(server_hello(hello, hello.version, suite, {}) + message(14, b""))

    with raw_server(hears(answers_with(echoes))) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert set(tls.suites[TlsVersion.TLS_1_2]) == names(0xC02F, 0xC030, 0x009C)


@pytest.mark.parametrize(
    "later",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff\x17\x99" * 100, b"\x16\x03\x03\xff\xff"],
    ids=["http", "garbage", "length"],
)
def test_a_server_that_speaks_no_tls_any_more(web: Nginx, later: bytes) -> None:
    turns = iter([True])

    def turn(connection: socket.socket, server: RawServer, heard: bytes) -> None:
        if next(turns, False):
            passes_on(web.ports[MODERN])(connection, server, heard)
        else:
            perform(later, connection, server)

    with raw_server(hears(turn)) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert tls.versions == (TlsVersion.TLS_1_3,)
    assert {"suites.TLS 1.3", "versions.TLS 1.2", "versions.TLS 1.0", "chains.unnamed"} <= set(
        tls.unknown
    )


def test_version_after_version_that_a_server_does_not_bear() -> None:
    """A stack from before TLS 1.1, which hangs up on every number that it does not know."""
    script = Script(suites={TLS_1_0: (0x0035, 0x000A)})

    def is_unknown(hello: ClientHello) -> bool:
        return hello.version > TLS_1_0

    tls = behind(unless(is_unknown, Deed.HANG_UP, says(script)))
    assert tls.versions == (TlsVersion.TLS_1_0,)
    assert tls.versions_unknown() == ()


def test_everything_is_refused_for_sure() -> None:
    script = Script(suites={})
    with raw_server(hears(says(script))) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert (tls.answer, tls.versions, tls.offered) == (TlsAnswer.ALERT, (), False)


# ---------------------------------------------------------------- time that runs out


def delayed(seconds: float, turn: Turn) -> Turn:
    def later(connection: socket.socket, server: RawServer, heard: bytes) -> None:
        server.stopped.wait(seconds)
        turn(connection, server, heard)

    return later


def test_what_was_asked_when_the_time_was_over_is_unknown() -> None:
    script = Script(suites={TLS_1_2: (0xC02F, 0xC030, 0x002F), TLS_1_0: (0x002F,)})
    deadlines = Deadlines(connect=1, exchange=1, tls=0.5)
    with raw_server(hears(delayed(0.2, says(script)))) as server:
        tls = evidence(probe(server.port, deadlines=deadlines))
    open_questions = {name for name, why in tls.unknown.items() if why == UNFINISHED}
    questions = {question.value for question in TlsQuestion} - {"chains.unnamed"}
    assert questions <= open_questions
    assert {"suites.TLS 1.2", "suites.TLS 1.0"} <= open_questions
    assert tls.versions == (TlsVersion.TLS_1_0, TlsVersion.TLS_1_2)
    assert "chains.unnamed" not in tls.unknown  # it was answered in time


def test_a_question_that_was_answered_in_time_is_not_unknown(web: Nginx) -> None:
    """The groups are listed before the last question hangs."""

    def asks_again_with_fallback(hello: ClientHello) -> bool:
        return FALLBACK_SCSV in hello.suites

    turn = unless(asks_again_with_fallback, Deed.SILENCE, passes_on(web.ports[MODERN]))
    deadlines = Deadlines(connect=1, exchange=5, tls=1.5)
    with raw_server(hears(turn)) as server:
        tls = evidence(probe(server.port, deadlines=deadlines))
    assert tls.unknown == {"fallback_scsv": UNFINISHED}
    assert tls.groups
    assert tls.server_preference is False


def test_no_time_at_all_is_a_failure() -> None:
    deadlines = Deadlines(connect=1, exchange=1, tls=0.3)
    with raw_server(hears(delayed(0.2, says(Script())))) as server:
        assert failure_kind(probe(server.port, deadlines=deadlines)) is FailureKind.TIMEOUT
