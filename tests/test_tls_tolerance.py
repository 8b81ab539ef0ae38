"""Strange hellos, signatures, groups and session tickets: what the tls probe asks besides."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import KeyExchange, TlsEvidence, TlsVersion, known_prime
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
from spbe_audit.probes.tls.key_exchange import read_sent
from spbe_audit.probes.tls.server_flight import (
    BrokenFlightError,
    Flight,
    read_flight,
    read_key_exchange,
)
from spbe_audit.probes.tls.ticketbleed import TicketDeclinedError, find_ticketbleed
from spbe_audit.probes.tls.tolerance import PlainHelloError, find_intolerances
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import Behaviour, RawServer, closes, raw_server, stays_silent
from tests.servers.tls_scripts import (
    REFUSAL,
    TLS_1_0,
    TLS_1_2,
    TLS_1_3,
    Script,
    hears,
    message,
    record,
    says,
    server_hello,
)
from tests.tls_visit import NAME, evidence, probe

NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server { listen 127.0.0.1:PORT_0 ssl; ssl_protocols TLSv1.2 TLSv1.3; return 200 ok; }
server { listen 127.0.0.1:PORT_1 ssl; ssl_protocols TLSv1.2; ssl_ciphers ALL:@SECLEVEL=0; }
server { listen 127.0.0.1:PORT_2 ssl; ssl_protocols TLSv1.2; ssl_session_tickets off; }
server { listen 127.0.0.1:PORT_3 ssl; ssl_protocols TLSv1.3; }
"""
MODERN, LENIENT, NO_TICKETS, NEWEST_ONLY = range(4)
BRIEF = Deadlines(connect=1, exchange=0.5, tls=8)
BEFORE, NOW = TlsVersion.TLS_1_2, TlsVersion.TLS_1_3
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


def seen_of(script: Script) -> TlsEvidence:
    """What the whole probe sees of a scripted server."""
    with raw_server(hears(says(script))) as server:
        return evidence(probe(server.port, deadlines=BRIEF))


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
    versions = {MODERN: [BEFORE, NOW], LENIENT: [BEFORE], NEWEST_ONLY: [NOW]}[port]
    found, connections = ask(web.ports[port], lambda c: find_intolerances(c, versions))
    assert found == ()
    assert connections == (4 if port == LENIENT else 3)


def knows_the_version(hello: ClientHello) -> bool:
    return hello.version <= 0x0303 and b"\x03\x05" not in hello.extensions.get(43, b"")


@pytest.mark.parametrize(
    ("bears", "versions", "expected"),
    [
        (lambda h: h.version <= 0x0303, [BEFORE, NOW], ("unknown_version",)),
        (knows_the_version, [NOW], ("unknown_version", "grease")),
        (lambda h: knows_all(h.extensions[SIGNATURE_ALGORITHMS]), [NOW], ("grease",)),
        (lambda h: 0x4A4A not in h.extensions, [BEFORE], ("grease",)),
        (lambda h: len(h.record()) < 1500, [NOW], ("long_hello",)),
        (lambda h: SUPPORTED_VERSIONS not in h.extensions, [BEFORE], ("modern_hello",)),
    ],
    ids=["version", "list of versions", "signature", "extension", "long", "TLS 1.3"],
)
def test_what_a_server_does_not_bear(
    web: Nginx,
    bears: Callable[[ClientHello], bool],
    versions: list[TlsVersion],
    expected: tuple[str, ...],
) -> None:
    with raw_server(only_when(bears, web.ports[MODERN])) as server:
        found, connections = ask(server.port, lambda c: find_intolerances(c, versions))
    assert found == expected
    assert connections <= 4 + 2 * len(expected)


def test_a_refusal_that_does_not_last_is_no_intolerance(web: Nginx) -> None:
    turns = iter([False])

    def bears(_: ClientHello) -> bool:
        return next(turns, True)

    with raw_server(only_when(bears, web.ports[MODERN])) as server:
        found, _ = ask(server.port, lambda c: find_intolerances(c, [BEFORE, NOW]))
    assert found == ()


def test_nothing_is_concluded_where_the_plain_hello_fails_too() -> None:
    with raw_server(closes()) as server, pytest.raises(PlainHelloError):
        ask(server.port, lambda c: find_intolerances(c, [BEFORE, NOW]))


def test_silence_is_no_intolerance() -> None:
    with raw_server(stays_silent()) as server, pytest.raises(TimeoutError):
        ask(server.port, lambda c: find_intolerances(c, [BEFORE, NOW]), exchange=0.3)


# ---------------------------------------------------------------- key exchanges, signed or not


def test_what_real_servers_sign_with(web: Nginx) -> None:
    modern, lenient, newest = (
        evidence(probe(web.ports[port])) for port in (MODERN, LENIENT, NEWEST_ONLY)
    )
    assert modern.key_exchange_signatures == ("rsa_pss_rsae_sha256",)
    assert lenient.key_exchange_signatures == ("rsa_pss_rsae_sha256", "rsa_pkcs1_sha1")
    assert newest.key_exchange_signatures is None
    assert "key_exchange_signatures" not in newest.unknown


def test_static_rsa_signs_nothing() -> None:
    assert seen_of(Script(suites={TLS_1_2: (0x009C,)})).key_exchange_signatures == ()


def test_a_server_that_signs_with_md5_and_has_a_long_chain() -> None:
    script = Script(schemes=(0x0401, 0x0101), chain=(bytes(20_000), bytes(20_000)))
    tls = seen_of(script)
    assert tls.key_exchange_signatures == ("rsa_pkcs1_sha256", "rsa_pkcs1_md5")
    assert tls.chains[0].certificates == script.chain


def test_a_server_that_signs_with_sha1_and_md5() -> None:
    tls = seen_of(Script(schemes=(0x0101, 0x0201)))
    assert tls.key_exchange_signatures == ("rsa_pkcs1_md5", "rsa_pkcs1_sha1")


def hello_of(suite: int) -> bytes:
    return server_hello(ClientHello(TLS_1_2, b"", (), {}), TLS_1_2, suite, {})


ECDHE = hello_of(0xC02F)
CURVE = b"\x03\x00\x17\x02xy\x04\x01\x00\x04sign"
DONE = message(14, b"")


@pytest.mark.parametrize(
    ("flight", "words"),
    [
        (record(ECDHE + DONE), "stops before"),
        (record(ECDHE + message(12, b"\x03\x00")), "shorter"),
        (record(ECDHE + message(12, b"\x01" + bytes(200)) + DONE), "no name"),
        (record(ECDHE + message(12, CURVE + b"x") + DONE), "longer"),
        (record(ECDHE + message(11, b"\x00\x00\x05\x00\x00\x09x") + DONE), "shorter"),
        (record(ECDHE + message(11, b"\x00\x01\x5f" + bytes(351)) + DONE), "longer than any"),
        (record(message(2, b"\x03\x03" + bytes(20)) + DONE), "shorter"),
        (b"\x16\x03\x03\xff\xff\x02", "not TLS"),
        (b"\x16\x02\x03\x00\x04" + DONE, "not TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not TLS"),
    ],
    ids=[
        "no key exchange",
        "short",
        "no name",
        "long",
        "short certificate",
        "too many certificates",
        "short hello",
        "long record",
        "version",
        "http",
    ],
)
def test_a_flight_that_is_broken(flight: bytes, words: str) -> None:
    with pytest.raises(BrokenFlightError, match=words):
        read_whole(flight)


def read_whole(data: bytes) -> None:
    flight = read_flight(data, True)  # noqa: FBT003 - see Reader
    assert flight is not None
    assert flight.hello is not None
    read_sent(flight.hello, flight)


def test_a_flight_without_its_key_exchange_leaves_it_unknown() -> None:
    tls = seen_of(Script(keyless=True))
    assert tls.versions == (TlsVersion.TLS_1_2,)
    assert "stops before" in tls.unknown["key_exchanges"]
    assert "stops before" in tls.unknown["key_exchange_signatures"]


def test_a_short_prime_is_read() -> None:
    prime = (1 << 511) + 111
    tls = seen_of(Script(suites={TLS_1_0: (0x0033,)}, prime=prime))
    assert tls.key_exchanges == (KeyExchange("DH", 512, prime=f"{prime:x}"),)


def test_the_group_of_a_real_server(tmp_path: Path, identity: Identity) -> None:
    http = NGINX.replace("ALL:@SECLEVEL=0", "DHE:@SECLEVEL=0; ssl_dhparam DIRECTORY/dh.pem")
    (tmp_path / "dh.pem").write_text(OAKLEY_2)
    with nginx(tmp_path, http, ports=4, identity=identity) as server:
        tls = evidence(probe(server.ports[LENIENT]))
    (found,) = tls.key_exchanges
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


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_of_a_server_do_harm(data: bytes, ended: bool) -> None:  # noqa: FBT001 - given
    for flight in (data, record(data or b"x"), record(message(2, data) + message(12, data))):
        with suppress(BrokenFlightError):
            read = read_flight(flight, ended)
            assert read is None or isinstance(read, Flight)
    for is_dh in (True, False):
        with suppress(BrokenFlightError):
            read_key_exchange(data, is_dh=is_dh, signed=True)


# ---------------------------------------------------------------- groups


@pytest.mark.parametrize(
    ("has", "names"),
    [
        ((0x11EC, 0x001D), {"X25519MLKEM768", "x25519"}),
        ((0x6399, 0x11EC), {"X25519Kyber768Draft00", "X25519MLKEM768"}),
        ((0x0100, 0x0017), {"ffdhe2048", "secp256r1"}),
        ((0x0029,), {"curveSM2"}),
    ],
    ids=["hybrid", "hybrid only", "ffdhe", "national"],
)
def test_groups_of_tls_1_3(has: tuple[int, ...], names: set[str]) -> None:
    tls = seen_of(Script(suites={TLS_1_3: (0x1301,)}, groups=has))
    assert set(tls.groups or ()) == names
    assert "groups" not in tls.unknown


def test_a_server_that_asks_for_a_group_that_was_not_offered() -> None:
    always = Script(suites={TLS_1_3: (0x1301,)}, groups=(0x11EC,))

    def behave(connection: socket.socket, _server: RawServer) -> None:
        heard = connection.recv(65536)
        if heard[:1] == b"\x16":
            hello = read_hello(heard).with_extensions({10: b"\x00\x02\x11\xec"})
            answer = always.answer(hello)
            assert isinstance(answer, bytes)
            connection.sendall(answer)

    with raw_server(behave) as server:
        tls = evidence(probe(server.port, deadlines=BRIEF))
    assert "not offered" in tls.unknown["groups"]


def test_weak_curves_of_a_real_server(tmp_path: Path, identity: Identity) -> None:
    http = NGINX.replace("ALL:@SECLEVEL=0", "ALL:@SECLEVEL=0; ssl_ecdh_curve prime192v1:sect163k1")
    with nginx(tmp_path, http, ports=4, identity=identity) as server:
        tls = evidence(probe(server.ports[LENIENT]))
    assert set(tls.groups or ()) == {"secp192r1", "sect163k1"}


def test_weak_curves_behind_sound_ones() -> None:
    """They are seen although the server prefers others."""
    tls = seen_of(Script(groups=(0x001D, 0x0017, 0x0013, 0x0001)))
    assert set(tls.groups or ()) == {"x25519", "secp256r1", "secp192r1", "sect163k1"}


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


def test_an_answer_is_sorted_as_in_the_greeting(web: Nginx) -> None:
    reply, _ = ask(web.ports[MODERN], lambda c: hear(c, own_hello(NAME).record()))
    assert reply.sort is Sort.HANDSHAKE
