"""What the tls probe asks itself: strange hellos, signatures, hybrid groups, session tickets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import KeyExchange, TlsEvidence, known_prime
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.client_hello import (
    SIGNATURE_ALGORITHMS,
    SUPPORTED_VERSIONS,
    ClientHello,
    own_hello,
    read_hello,
)
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.greeting import Sort, hear
from spbe_audit.probes.tls.hybrid_groups import find_hybrid_groups
from spbe_audit.probes.tls.key_exchange import find_dh_group, find_weak_curves
from spbe_audit.probes.tls.own_questions import ask_ourselves
from spbe_audit.probes.tls.server_flight import (
    BrokenFlightError,
    Flight,
    read_flight,
    read_key_exchange,
)
from spbe_audit.probes.tls.signatures import find_signatures, scheme_name
from spbe_audit.probes.tls.ticketbleed import TicketDeclinedError, find_ticketbleed
from spbe_audit.probes.tls.tolerance import PlainHelloError, find_intolerances
from spbe_audit.targets import Intensity
from spbe_audit.testing.cases import build_evidence
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import Behaviour, RawServer, closes, raw_server, stays_silent

NAME = "layanan.test"
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server { listen 127.0.0.1:PORT_0 ssl; ssl_protocols TLSv1.2 TLSv1.3; return 200 ok; }
server { listen 127.0.0.1:PORT_1 ssl; ssl_protocols TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0; }
server { listen 127.0.0.1:PORT_2 ssl; ssl_protocols TLSv1.2; ssl_session_tickets off; }
server { listen 127.0.0.1:PORT_3 ssl; ssl_protocols TLSv1.3; }
"""
MODERN, LENIENT, NO_TICKETS, NEWEST_ONLY = range(4)
REFUSAL = b"\x15\x03\x01\x00\x02\x02\x28"
T = TypeVar("T")


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(make_authority(), (NAME,), key="rsa2048")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    directory = tmp_path_factory.mktemp("nginx")
    with nginx(directory, NGINX, ports=4, identity=identity) as server:
        yield server


def ask(
    port: int, question: Callable[[Contact], Awaitable[T]], *, exchange: float = 5
) -> tuple[T, int]:
    """Put one question to a port of loopback; also the connections that it took."""
    door = Door(deadlines=Deadlines(connect=2, exchange=exchange))
    contact = Contact(NAME, "127.0.0.1", port, door)
    answer = asyncio.run(_awaited(question, contact))
    assert door.footprint() == {"127.0.0.1": contact.connections}
    return answer, contact.connections


async def _awaited(question: Callable[[Contact], Awaitable[T]], contact: Contact) -> T:
    return await question(contact)


def tls(**overrides: Any) -> TlsEvidence:
    evidence = build_evidence("tls", overrides)
    assert isinstance(evidence, TlsEvidence)
    return evidence


# ---------------------------------------------------------------- hellos


@pytest.mark.parametrize("host", [NAME, "127.0.0.1"])
def test_a_hello_is_put_together_as_it_was(host: str) -> None:
    hello = own_hello(host)
    assert read_hello(hello.record()) == hello
    assert (NAME.encode() in hello.record()) == (host == NAME)
    altered = hello.with_extensions({SUPPORTED_VERSIONS: b"\x02\x03\x05", 0x6A6A: b"x" * 300})
    assert read_hello(altered.record()) == altered
    assert list(altered.extensions)[:-1] == list(hello.extensions)


# ---------------------------------------------------------------- tolerance


def only_when(bears: Callable[[ClientHello], bool], port: int) -> Behaviour:
    """Pass a hello on to the server behind when it is borne, and refuse it otherwise."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        data = connection.recv(65536)
        server.requests.append(data)
        if not bears(read_hello(data)):
            connection.sendall(REFUSAL)
            return
        with socket.create_connection(("127.0.0.1", port)) as behind:
            behind.sendall(data)
            connection.sendall(behind.recv(65536))

    return behave


def knows_all(values: bytes) -> bool:
    """Whether a list of numbers holds no reserved one."""
    pairs = [values[at : at + 2] for at in range(2, len(values), 2)]
    return not any(pair[0] == pair[1] and pair[0] & 0x0F == 0x0A for pair in pairs)


@pytest.mark.parametrize("port", [MODERN, LENIENT, NEWEST_ONLY])
def test_a_real_server_bears_everything(web: Nginx, port: int) -> None:
    versions = {MODERN: ["TLS 1.2", "TLS 1.3"], LENIENT: ["TLS 1.2"], NEWEST_ONLY: ["TLS 1.3"]}
    found, connections = ask(
        web.ports[port], lambda c: find_intolerances(c, tls(versions=versions[port]))
    )
    assert found == ()
    assert connections == (4 if port == LENIENT else 3)


def knows_the_version(hello: ClientHello) -> bool:
    return hello.version <= 0x0303 and b"\x03\x05" not in hello.extensions.get(43, b"")


@pytest.mark.parametrize(
    ("bears", "versions", "expected"),
    [
        (lambda h: h.version <= 0x0303, ["TLS 1.2", "TLS 1.3"], ("unknown_version",)),
        (knows_the_version, ["TLS 1.3"], ("unknown_version", "grease")),
        (lambda h: knows_all(h.extensions[SIGNATURE_ALGORITHMS]), ["TLS 1.3"], ("grease",)),
        (lambda h: 0x4A4A not in h.extensions, ["TLS 1.2"], ("grease",)),
        (lambda h: len(h.record()) < 1500, ["TLS 1.3"], ("long_hello",)),
        (lambda h: SUPPORTED_VERSIONS not in h.extensions, ["TLS 1.2"], ("modern_hello",)),
    ],
    ids=["version", "list of versions", "signature", "extension", "long", "TLS 1.3"],
)
def test_what_a_server_does_not_bear(
    web: Nginx, bears: Callable[[ClientHello], bool], versions: list[str], expected: tuple[str, ...]
) -> None:
    with raw_server(only_when(bears, web.ports[MODERN])) as server:
        found, connections = ask(
            server.port, lambda c: find_intolerances(c, tls(versions=versions))
        )
    assert found == expected
    assert connections <= 4 + 2 * len(expected)


def test_a_refusal_that_does_not_last_is_no_intolerance(web: Nginx) -> None:
    turns = iter([False])

    def bears(_: ClientHello) -> bool:
        return next(turns, True)

    with raw_server(only_when(bears, web.ports[MODERN])) as server:
        found, _ = ask(server.port, lambda c: find_intolerances(c, tls()))
    assert found == ()


def test_nothing_is_concluded_where_the_plain_hello_fails_too() -> None:
    with raw_server(closes()) as server, pytest.raises(PlainHelloError):
        ask(server.port, lambda c: find_intolerances(c, tls()))


def test_silence_is_no_intolerance() -> None:
    with raw_server(stays_silent()) as server, pytest.raises(TimeoutError):
        ask(server.port, lambda c: find_intolerances(c, tls()), exchange=0.3)


# ---------------------------------------------------------------- signatures


def test_a_modern_server_signs_with_nothing_weak(web: Nginx) -> None:
    found, connections = ask(web.ports[MODERN], lambda c: find_signatures(c, tls()))
    assert found == ("rsa_pss_rsae_sha256",)
    assert connections == 3


def test_a_lenient_server_signs_with_sha1(web: Nginx) -> None:
    found, _ = ask(web.ports[LENIENT], lambda c: find_signatures(c, tls(versions=["TLS 1.2"])))
    assert found == ("rsa_pss_rsae_sha256", "rsa_pkcs1_sha1")


def test_static_rsa_is_not_asked(web: Nginx) -> None:
    static = tls(versions=["TLS 1.2"], suites=["TLS_RSA_WITH_AES_128_GCM_SHA256"])
    assert ask_nothing(web, static) == ()


def ask_nothing(web: Nginx, evidence: TlsEvidence) -> tuple[str, ...]:
    door = Door()
    contact = Contact(NAME, "127.0.0.1", web.ports[MODERN], door)
    found = asyncio.run(find_signatures(contact, evidence))
    assert door.footprint() == {}
    return found


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def record(payload: bytes) -> bytes:
    return b"\x16\x03\x03" + len(payload).to_bytes(2) + payload


def hello_of(suite: int, version: bytes = b"\x03\x03", extensions: bytes = b"") -> bytes:
    tail = len(extensions).to_bytes(2) + extensions if extensions else b""
    return message(2, version + bytes(32) + b"\x00" + suite.to_bytes(2) + b"\x00" + tail)


def ecdh(scheme: int) -> bytes:
    signature = b"\x00\x04sign"
    return message(12, b"\x03\x00\x17\x02xy" + scheme.to_bytes(2) + signature)


def dh(prime: int, scheme: bytes = b"") -> bytes:
    data = prime.to_bytes((prime.bit_length() + 7) // 8)
    body = len(data).to_bytes(2) + data + b"\x00\x01\x02" + b"\x00\x01\x04" + scheme
    return message(12, body)


DONE = message(14, b"")


def test_a_server_that_signs_with_md5() -> None:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        offered = read_hello(connection.recv(65536)).extensions[SIGNATURE_ALGORITHMS]
        scheme = 0x0101 if offered[2:4] == b"\x01\x01" else 0x0401
        flight = hello_of(0xC02F) + message(11, bytes(40_000)) + ecdh(scheme) + DONE
        for at in range(0, len(flight), 15_000):  # a long chain comes in several records
            connection.sendall(record(flight[at : at + 15_000]))

    with raw_server(behave) as server:
        found, _ = ask(server.port, lambda c: find_signatures(c, tls()))
    assert found == ("rsa_pkcs1_sha256", "rsa_pkcs1_md5")


@pytest.mark.parametrize(
    ("flight", "words"),
    [
        (record(hello_of(0xC02F) + DONE), "stops before"),
        (record(hello_of(0xC02F) + message(12, b"\x03\x00")), "shorter"),
        (record(hello_of(0xC02F) + message(12, b"\x01" + bytes(200)) + DONE), "no name"),
        (REFUSAL, "signed nothing"),
        (record(hello_of(0xC02F) + message(12, ecdh(0x0401)[4:] + b"x") + DONE), "longer"),
        (b"\x16\x03\x03\xff\xff\x02", "not TLS"),
    ],
    ids=["no key exchange", "short", "no name", "refusal", "long", "long record"],
)
def test_a_flight_that_is_broken(flight: bytes, words: str) -> None:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        connection.recv(65536)
        connection.sendall(flight)

    with raw_server(behave) as server, pytest.raises(BrokenFlightError, match=words):
        ask(server.port, lambda c: find_signatures(c, tls()))


def test_a_short_prime_is_read_though_the_engine_shows_none() -> None:
    prime = (1 << 511) + 111
    flight = record(hello_of(0x0014, b"\x03\x01") + dh(prime, b"\x00\x04sign") + DONE)

    def behave(connection: socket.socket, _server: RawServer) -> None:
        connection.recv(65536)
        connection.sendall(flight)

    with raw_server(behave) as server:
        found, _ = ask(server.port, lambda c: find_dh_group(c, tls(versions=["TLS 1.0"])))
    assert found == KeyExchange("DH", 512, prime=f"{prime:x}")


def test_the_group_of_a_real_server(tmp_path: Path, identity: Identity) -> None:
    http = NGINX.replace("ALL:@SECLEVEL=0", "DHE:@SECLEVEL=0; ssl_dhparam DIRECTORY/dh.pem")
    (tmp_path / "dh.pem").write_text(OAKLEY_2)
    with nginx(tmp_path, http, ports=4, identity=identity) as server:
        found, _ = ask(server.ports[LENIENT], lambda c: find_dh_group(c, tls()))
    assert found is not None
    assert found.bits == 1024
    known = known_prime(int(found.prime or "", 16))
    assert known is not None
    assert known.name == "RFC 2409, group 2"


OAKLEY_2 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        (0x0201, "rsa_pkcs1_sha1"),
        (0x0203, "ecdsa_sha1"),
        (0x0102, "dsa_md5"),
        (0x0807, "ed25519"),
        (0x0000, "0x0000"),
        (0x0709, "0x0709"),
    ],
)
def test_names_of_schemes(scheme: int, name: str) -> None:
    assert scheme_name(scheme) == name


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_of_a_server_do_harm(data: bytes, ended: bool) -> None:  # noqa: FBT001 - given
    for flight in (data, record(data or b"x"), record(message(2, data) + message(12, data))):
        with suppress(BrokenFlightError):
            read = read_flight(flight, ended)
            assert read is None or isinstance(read, Flight)
    for is_dh in (True, False):
        with suppress(BrokenFlightError):
            read_key_exchange(data, is_dh=is_dh, signed=True)


# ---------------------------------------------------------------- hybrid groups


def retry(hello: ClientHello, *has: int) -> bytes:
    """A HelloRetryRequest for the first group that both sides have, or a refusal."""
    listed = hello.extensions[10][2:]
    offered = [int.from_bytes(listed[at : at + 2]) for at in range(0, len(listed), 2)]
    common = [group for group in has if group in offered]
    if not common:
        return REFUSAL
    extensions = b"\x00\x2b\x00\x02\x03\x04" + b"\x00\x33\x00\x02" + common[0].to_bytes(2)
    random = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    body = b"\x03\x03" + random + b"\x00" + b"\x13\x01\x00"
    return record(message(2, body + len(extensions).to_bytes(2) + extensions))


@pytest.mark.parametrize(
    ("has", "names"),
    [
        ((0x11EC,), ("X25519MLKEM768",)),
        ((0x6399, 0x11EC, 0x001D), ("X25519Kyber768Draft00", "X25519MLKEM768")),
        ((0x001D,), ()),
    ],
)
def test_hybrid_groups(has: tuple[int, ...], names: tuple[str, ...]) -> None:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        connection.sendall(retry(read_hello(connection.recv(65536)), *has))

    with raw_server(behave) as server:
        found, connections = ask(server.port, find_hybrid_groups)
    assert found == names
    assert connections == len(names) + 1


def test_a_server_that_asks_for_a_group_again_and_again() -> None:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        read_hello(connection.recv(65536))
        connection.sendall(retry(ClientHello(0, b"", (), {10: b"\x00\x02\x11\xec"}), 0x11EC))

    with raw_server(behave) as server:
        found, connections = ask(server.port, find_hybrid_groups)
    assert (found, connections) == (("X25519MLKEM768",), 2)


def test_a_real_server_without_hybrid_groups(web: Nginx) -> None:
    assert ask(web.ports[NEWEST_ONLY], find_hybrid_groups) == ((), 1)


def test_weak_curves_of_real_servers(tmp_path: Path, identity: Identity, web: Nginx) -> None:
    assert ask(web.ports[MODERN], find_weak_curves) == ((), 1)
    http = NGINX.replace("ALL:@SECLEVEL=0", "ALL:@SECLEVEL=0; ssl_ecdh_curve prime192v1:sect163k1")
    with nginx(tmp_path, http, ports=4, identity=identity) as server:
        found, connections = ask(server.ports[LENIENT], find_weak_curves)
    assert (set(found), connections) == ({"secp192r1", "sect163k1"}, 3)


# ---------------------------------------------------------------- session tickets


def test_a_real_server_does_not_bleed(web: Nginx) -> None:
    assert ask(web.ports[LENIENT], find_ticketbleed) == (False, 2)
    assert ask(web.ports[NO_TICKETS], find_ticketbleed) == (False, 1)


def resumes_with(alter: Callable[[bytes], bytes], port: int) -> Behaviour:
    """A relay that alters the session id in the first answer to a hello with an id of 16 bytes."""

    def behave(connection: socket.socket, _server: RawServer) -> None:
        with socket.create_connection(("127.0.0.1", port)) as behind:
            hello = connection.recv(65536)
            behind.sendall(hello)
            answer = behind.recv(65536)
            if len(read_hello(hello).session) == 16:
                answer = with_session(answer, alter)
            connection.sendall(answer)
            while data := connection.recv(65536):
                behind.sendall(data)
                connection.sendall(behind.recv(65536))

    return behave


def with_session(answer: bytes, alter: Callable[[bytes], bytes]) -> bytes:
    end = 5 + int.from_bytes(answer[3:5])
    body = answer[9:end]
    session = alter(body[35 : 35 + body[34]])
    hello = body[:34] + bytes([len(session)]) + session + body[35 + body[34] :]
    return record(message(2, hello)) + answer[end:]


@pytest.mark.parametrize("length", [17, 32])
def test_a_server_that_bleeds(web: Nginx, length: int) -> None:
    relay = resumes_with(lambda session: session + b"m" * (length - 16), web.ports[LENIENT])
    with raw_server(relay) as server:
        found, _ = ask(server.port, find_ticketbleed)
    assert found is True


def test_a_server_that_takes_no_ticket_back_is_not_judged(web: Nginx) -> None:
    with (
        raw_server(resumes_with(lambda _: b"n" * 32, web.ports[LENIENT])) as server,
        pytest.raises(TicketDeclinedError),
    ):
        ask(server.port, find_ticketbleed)


# ---------------------------------------------------------------- all together


def test_a_question_without_answer_stands_among_the_unknown() -> None:
    async def questions(contact: Contact) -> TlsEvidence:
        unasked = tls(intolerances=None, key_exchange_signatures=None, flaws={})
        return await ask_ourselves(contact, unasked, intensity=Intensity.THOROUGH, seconds=5)

    with raw_server(closes()) as server:
        found, _ = ask(server.port, questions)
    assert found.intolerances is None
    assert found.key_exchange_signatures is None
    assert found.groups == ("x25519", "secp256r1")
    assert sorted(found.unknown) == [
        "flaws.ticketbleed",
        "intolerances",
        "key_exchange_signatures",
    ]


@pytest.mark.parametrize("seconds", [0.0, 0.5])
def test_the_time_allowed_is_kept(seconds: float) -> None:
    async def questions(contact: Contact) -> TlsEvidence:
        return await ask_ourselves(contact, tls(), intensity=Intensity.STANDARD, seconds=seconds)

    async def timed(contact: Contact) -> tuple[TlsEvidence, float]:
        begun = asyncio.get_running_loop().time()
        found = await questions(contact)
        return found, asyncio.get_running_loop().time() - begun

    with raw_server(stays_silent()) as server:
        (found, lasted), _ = ask_loosely(server.port, timed)
    assert lasted < seconds + 1
    assert {"intolerances", "key_exchange_signatures", "groups.hybrid", "groups.weak"} <= set(
        found.unknown
    )


def ask_loosely(port: int, question: Callable[[Contact], Awaitable[T]]) -> tuple[T, int]:
    contact = Contact(NAME, "127.0.0.1", port, Door(deadlines=Deadlines(exchange=30)))
    return asyncio.run(_awaited(question, contact)), contact.connections


def test_a_light_scan_asks_nothing(web: Nginx) -> None:
    evidence = tls(intolerances=None)
    contact = Contact(NAME, "127.0.0.1", web.ports[MODERN], Door())
    found = asyncio.run(ask_ourselves(contact, evidence, intensity=Intensity.LIGHT, seconds=5))
    assert (found, contact.connections) == (evidence, 0)


def test_an_answer_is_sorted_as_in_the_greeting(web: Nginx) -> None:
    reply, _ = ask(web.ports[MODERN], lambda c: hear(c, own_hello(NAME).record()))
    assert reply.sort is Sort.HANDSHAKE
