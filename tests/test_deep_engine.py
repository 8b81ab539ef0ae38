"""The deep engine: active tests for flaws, and the survey, on servers sound, flawed and hostile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from sslyze.connection_helpers.opportunistic_tls_helpers import ProtocolWithOpportunisticTlsEnum

from spbe_audit.evidence import Failure, FailureKind, TlsEvidence, TlsVersion
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.deep import process as engine_process
from spbe_audit.probes.tls.deep.flaws import find_flaws
from spbe_audit.probes.tls.deep.job import (
    GRACE,
    STARTTLS,
    EngineJob,
    EngineReport,
    FlawsDocument,
    FlawsFound,
    JobDocument,
    KnownOffer,
    ReportDocument,
)
from spbe_audit.probes.tls.deep.survey import survey
from spbe_audit.probes.tls.deep.witness import Heard
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.targets import Intensity
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.daemons import s_server
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import (
    Behaviour,
    RawServer,
    closes,
    dead_port,
    floods,
    raw_server,
    resets,
    stays_silent,
)

T = TypeVar("T")
Suites = Mapping[TlsVersion, tuple[str, ...]]

NAME = "layanan.test"
PATIENT = Deadlines(exchange=6, tls=40)
HASTY = Deadlines(connect=1, exchange=2, tls=20)
MODERN: Suites = {
    TlsVersion.TLS_1_2: ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
    TlsVersion.TLS_1_3: ("TLS_AES_128_GCM_SHA256",),
}
STATIC_RSA: Suites = {
    TlsVersion.TLS_1_2: ("TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA")
}
ONLY_CBC: Suites = {TlsVersion.TLS_1_2: ("TLS_RSA_WITH_AES_128_CBC_SHA",)}
NO_FLAW = {"ccs_injection": False, "heartbleed": False, "robot": False}
EVERY_QUESTION = {
    "client_renegotiation",
    "flaws.ccs_injection",
    "flaws.heartbleed",
    "flaws.robot",
}
HALF_WAY = "the server did not get to the end of its greeting"
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server { listen 127.0.0.1:PORT_0 ssl default_server; ssl_reject_handshake on; }
server {
  listen 127.0.0.1:PORT_0 ssl;
  server_name layanan.test;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE+AESGCM;
  return 200 ok;
}
server {
  listen 127.0.0.1:PORT_1 ssl;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2;
  ssl_ciphers AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0;
  return 200 ok;
}
"""
ALLOW_CLIENT_RENEGOTIATION = 1 << 8  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION, which Python has not
ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 21, 20, 22, 23, 24


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(make_authority(), (NAME,), key="rsa2048")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    """Port 0 insists on the name; port 1 takes static RSA."""
    with nginx(tmp_path_factory.mktemp("nginx"), NGINX, ports=2, identity=identity) as server:
        yield server


def look(
    port: int,
    suites: Suites,
    *,
    host: str = NAME,
    address: str = "127.0.0.1",
    deadlines: Deadlines = HASTY,
    asks: bool = False,
    starttls: str | None = None,
    unknown: Mapping[str, str] | None = None,
) -> FlawsFound:
    """Look for flaws on a port of loopback, and see that nothing of ours is left behind."""
    tls = TlsEvidence(
        server_name=host,
        address=address,
        port=port,
        collected_at=datetime.now(UTC),
        engine="test",
        versions=tuple(suites),
        suites=suites,
        client_certificate_asked=asks,
        unknown=unknown or {},
    )
    door = Door(deadlines=deadlines)
    visit = find_flaws(
        host=host,
        address=address,
        port=port,
        door=door,
        tls=tls,
        seconds=deadlines.tls,
        starttls=starttls,
    )
    found = timed(visit, deadlines.tls)
    assert found.connections == sum(door.footprint().values())
    assert not {key.removeprefix("flaws.") for key in found.unknown} & set(found.flaws)
    return found


def survey_of(
    port: int, *, intensity: Intensity = Intensity.STANDARD, deadlines: Deadlines = PATIENT
) -> EngineReport:
    door = Door(deadlines=deadlines)
    visit = survey(
        host=NAME,
        address="127.0.0.1",
        port=port,
        door=door,
        intensity=intensity,
        seconds=deadlines.tls,
    )
    report = timed(visit, deadlines.tls)
    assert report.connections == sum(door.footprint().values())
    return report


def timed(visit: Coroutine[Any, Any, T], seconds: float) -> T:
    begun = time.monotonic()
    result = asyncio.run(visit)
    assert time.monotonic() - begun < seconds + 2
    assert children_of(os.getpid()) == []
    return result


def children_of(parent: int) -> list[int]:
    """The engines that a process has started, dead ones that nobody has reaped included."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            _, _, rest = (entry / "stat").read_text().rpartition(")")
            state, owner = rest.split()[:2]
            ours = b"deep.child" in (entry / "cmdline").read_bytes() or state == "Z"
            if int(owner) == parent and ours:
                found.append(int(entry.name))
    return found


def wait_for(condition: Callable[[], Any], seconds: float = 15) -> Any:
    """Wait until a condition holds; the value that it then has."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


# ---------------------------------------------------------------- servers without a flaw


def test_a_modern_server_costs_three_connections_and_is_called_by_its_name(web: Nginx) -> None:
    found = look(web.ports[0], MODERN, deadlines=PATIENT)
    assert found.flaws == NO_FLAW
    assert found.client_renegotiation is False
    assert found.unknown == {}
    assert found.connections == 3


@pytest.mark.parametrize(
    ("suites", "connections"), [(STATIC_RSA, 9), (ONLY_CBC, 9)], ids=["GCM too", "only CBC"]
)
def test_static_rsa_is_tested_for_robot(web: Nginx, suites: Suites, connections: int) -> None:
    found = look(web.ports[1], suites, deadlines=PATIENT)
    assert (found.flaws, found.client_renegotiation, found.unknown) == (NO_FLAW, False, {})
    assert found.connections == connections


def test_robot_is_asked_where_the_suites_are_in_doubt(web: Nginx) -> None:
    doubt = {"suites.TLS 1.2": "12 of 300 suites got no answer"}
    found = look(web.ports[0], MODERN, deadlines=PATIENT, unknown=doubt)
    assert found.flaws == {"ccs_injection": False, "heartbleed": False}
    assert set(found.unknown) == {"flaws.robot"}


def test_tls_1_3_alone_rules_all_out() -> None:
    with raw_server(closes()) as server:
        found = look(server.port, {TlsVersion.TLS_1_3: ("TLS_AES_128_GCM_SHA256",)})
        assert server.connections == 0
    assert found == FlawsFound(NO_FLAW, client_renegotiation=False, unknown={})


def test_a_version_in_doubt_leaves_everything_open() -> None:
    with raw_server(closes()) as server:
        found = look(
            server.port,
            {TlsVersion.TLS_1_3: ("TLS_AES_128_GCM_SHA256",)},
            unknown={"versions.TLS 1.0": "timed out"},
        )
    assert (found.flaws, found.client_renegotiation, found.connections) == ({}, None, 0)
    assert set(found.unknown) == EVERY_QUESTION


def test_a_certificate_of_ours_that_is_required(tmp_path: Path, identity: Identity) -> None:
    with s_server(tmp_path, identity, "-tls1_2", "-Verify", "1") as port:
        found = look(port, {**MODERN, **STATIC_RSA}, asks=True)
    assert found.flaws == {"ccs_injection": False, "heartbleed": False}
    assert set(found.unknown) == {"client_renegotiation", "flaws.robot"}
    assert "certificate of ours" in found.unknown["flaws.robot"]


def test_finite_fields_where_there_is_nothing_else(tmp_path: Path, identity: Identity) -> None:
    with s_server(tmp_path, identity, "-tls1_2", "-cipher", "DHE-RSA-AES128-SHA256") as port:
        found = look(port, {TlsVersion.TLS_1_2: ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",)})
    assert (found.flaws, found.client_renegotiation, found.unknown) == (NO_FLAW, False, {})


def test_suites_that_sslyze_has_not(web: Nginx) -> None:
    found = look(web.ports[0], {TlsVersion.TLS_1_2: ("TLS_SM4_GCM_SM3",)}, deadlines=PATIENT)
    assert found.flaws == NO_FLAW  # a version whose suites it cannot read is offered its own list
    found = look(
        web.ports[0], {TlsVersion.TLS_1_2: ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",)}
    )
    assert found.flaws == {"robot": False}
    assert found.unknown["flaws.heartbleed"] == HALF_WAY
    assert "no suite in common" in found.unknown["client_renegotiation"]


# ---------------------------------------------------------------- servers that have a flaw


def test_renegotiation_by_the_client(tmp_path: Path, identity: Identity) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.write(tmp_path))
    context.options = (context.options & ~ssl.OP_NO_RENEGOTIATION) | ALLOW_CLIENT_RENEGOTIATION
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def behave(connection: socket.socket, _server: RawServer) -> None:
        with suppress(OSError):
            while connection.recv(4096):
                pass

    with raw_server(behave, tls=context) as server:
        found = look(server.port, MODERN)
    assert found.client_renegotiation is True
    assert (found.flaws, found.unknown, found.connections) == (NO_FLAW, {}, 3)


def record(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(body).to_bytes(2) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def alert(description: int) -> bytes:
    return record(ALERT, bytes([2, description]))


def greeting(identity: Identity) -> bytes:
    """ServerHello (TLS_RSA_WITH_AES_128_CBC_SHA), Certificate and ServerHelloDone of TLS 1.2."""
    certificate = len(identity.der).to_bytes(3) + identity.der
    messages = [
        message(2, b"\x03\x03" + bytes(32) + b"\x00\x00\x2f\x00"),
        message(11, len(certificate).to_bytes(3) + certificate),
        message(14, b""),
    ]
    return b"".join(record(HANDSHAKE, one) for one in messages)


def read_record(connection: socket.socket) -> tuple[int, bytes]:
    """The type and body of the next record; (0, b"") at the end."""
    with connection.makefile("rb", buffering=0) as file:
        head = read_exactly(file.read, 5)
        if len(head) < 5:
            return 0, b""
        return head[0], read_exactly(file.read, int.from_bytes(head[3:5]))


def read_exactly(read: Callable[[int], bytes | None], length: int) -> bytes:
    data = b""
    while len(data) < length and (more := read(length - len(data))):
        data += more
    return data


def plays(start: bytes, reactions: Mapping[int, bytes]) -> Behaviour:
    """Greet, and answer each kind of record that follows in a way of its own."""

    def behave(connection: socket.socket, _server: RawServer) -> None:
        read_record(connection)
        connection.sendall(start)
        while (kind := read_record(connection)[0]) != 0:
            connection.sendall(reactions.get(kind, b""))

    return behave


def one_at_a_time(behave: Behaviour) -> Behaviour:
    """Keep every connection waiting until the one before it has ended."""
    turn = threading.Lock()

    def queue(connection: socket.socket, server: RawServer) -> None:
        with turn:
            behave(connection, server)

    return queue


BLEEDS = {HEARTBEAT: record(HEARTBEAT, b"\x02\x3f\xfd" + b"\x01" * 16381)}


@pytest.mark.parametrize("queue", [lambda behave: behave, one_at_a_time], ids=["threads", "queue"])
def test_heartbleed(identity: Identity, queue: Callable[[Behaviour], Behaviour]) -> None:
    with raw_server(queue(plays(greeting(identity), BLEEDS))) as server:
        found = look(server.port, MODERN)
    assert found.flaws == {"ccs_injection": False, "heartbleed": True, "robot": False}


@pytest.mark.parametrize("answer", [b"", alert(10)], ids=["discarded", "unexpected_message"])
def test_a_heartbeat_that_is_not_answered(identity: Identity, answer: bytes) -> None:
    with raw_server(plays(greeting(identity), {HEARTBEAT: answer})) as server:
        assert look(server.port, MODERN).flaws["heartbleed"] is False


def test_a_protest_against_the_heartbeat_may_come_before_the_greeting() -> None:
    with raw_server(plays(alert(10), {})) as server:
        found = look(server.port, MODERN)
    assert found.flaws == {"heartbleed": False, "robot": False}


@pytest.mark.parametrize(
    ("description", "flawed"),
    [(20, True), (21, True), (10, False)],
    ids=["bad_record_mac", "decryption_failed", "unexpected_message"],
)
def test_ccs_injection(identity: Identity, description: int, *, flawed: bool) -> None:
    kind = APPLICATION_DATA if flawed else CHANGE_CIPHER_SPEC
    with raw_server(plays(greeting(identity), {kind: alert(description)})) as server:
        found = look(server.port, MODERN)
    assert found.flaws == {"ccs_injection": flawed, "heartbleed": False, "robot": False}


def bleichenbacher(identity: Identity, port: int, answer: Callable[[bool], bytes]) -> Behaviour:
    """Stand before a real server, and answer oneself when a premaster secret is one of a test.

    ``answer`` is told whether its padding is right. sslyze's secrets begin with aa 11 22.
    """
    key = identity.key
    assert isinstance(key, rsa.RSAPrivateKey)
    numbers = key.private_numbers()

    def opened(body: bytes) -> bytes:
        encrypted = int.from_bytes(body[6:])
        return pow(encrypted, numbers.d, numbers.public_numbers.n).to_bytes(256)

    def behave(connection: socket.socket, _server: RawServer) -> None:
        with socket.create_connection(("127.0.0.1", port)) as behind:
            back = threading.Thread(target=carry, args=(behind, connection))
            back.start()
            while True:
                kind, body = read_record(connection)
                plain = opened(body) if kind == HANDSHAKE and body[:1] == b"\x10" else b""
                if kind == 0 or b"\xaa\x11\x22\x33" in plain:
                    break
                behind.sendall(record(kind, body))
            with suppress(OSError):
                behind.shutdown(socket.SHUT_RDWR)
            back.join()
        if kind:
            connection.sendall(answer(plain[:2] == b"\x00\x02" and b"\x00\x03\x03\xaa" in plain))

    return behave


def carry(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(4096):
            sink.sendall(data)


def test_robot(web: Nginx, identity: Identity) -> None:
    def tells(well_padded: bool) -> bytes:  # noqa: FBT001 - the one thing that it is told
        return alert(20 if well_padded else 51)

    with raw_server(bleichenbacher(identity, web.ports[1], tells)) as server:
        found = look(server.port, STATIC_RSA, deadlines=PATIENT)
    assert found.flaws == NO_FLAW | {"robot": True}


def test_a_server_whose_answers_do_not_repeat_is_no_oracle(web: Nginx, identity: Identity) -> None:
    answers = [20, 51, 20, 20, 20, 51, 51, 20, 51, 20, 20, 20, 51, 20, 20]

    def varies(_well_padded: bool) -> bytes:  # noqa: FBT001 - the one thing that it is told
        return alert(answers.pop())

    with raw_server(bleichenbacher(identity, web.ports[1], varies)) as server:
        found = look(server.port, STATIC_RSA, deadlines=PATIENT)
    assert "INCONSISTENT" in found.unknown["flaws.robot"]
    assert "robot" not in found.flaws


# ---------------------------------------------------------------- servers that answer no question


def drips(start: bytes) -> Behaviour:
    def behave(connection: socket.socket, server: RawServer) -> None:
        read_record(connection)
        for position in range(len(start)):
            if server.stopped.wait(0.2):
                return
            connection.sendall(start[position : position + 1])

    return behave


def breaks_off(identity: Identity) -> Behaviour:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        read_record(connection)
        connection.sendall(greeting(identity)[:-9])

    return behave


def endless() -> Behaviour:
    """Well-formed handshake messages that never come to an end."""
    chunk = record(HANDSHAKE, message(22, bytes(16_000))) * 8

    def behave(connection: socket.socket, _server: RawServer) -> None:
        read_record(connection)
        while True:
            connection.sendall(chunk)

    return behave


@pytest.mark.parametrize(
    "case", ["silent", "closing", "resetting", "dripping", "half", "http", "flood", "endless"]
)
def test_what_cannot_be_tested_is_unknown(identity: Identity, case: str) -> None:
    behaviours = {
        "silent": stays_silent(),
        "closing": closes(),
        "resetting": resets(after_request=False),
        "dripping": drips(greeting(identity)),
        "half": breaks_off(identity),
        "http": plays(b"HTTP/1.1 400 Bad Request\r\n\r\n", {}),
        "flood": floods(b"", b"\x00\xff\x17\x99" * 4096),
        "endless": endless(),
    }
    with raw_server(behaviours[case]) as server:
        found = look(server.port, ONLY_CBC)
    assert (found.flaws, found.client_renegotiation) == ({}, None)
    assert set(found.unknown) == EVERY_QUESTION
    assert all(found.unknown.values())


def test_a_server_that_has_had_enough_of_us(identity: Identity) -> None:
    sound = plays(greeting(identity), {HEARTBEAT: alert(10)})

    def behave(connection: socket.socket, server: RawServer) -> None:
        if server.connections == 1:
            sound(connection, server)

    with raw_server(behave) as server:
        found = look(server.port, ONLY_CBC)
    assert found.flaws == {"heartbleed": False}
    assert set(found.unknown) == EVERY_QUESTION - {"flaws.heartbleed"}


def test_a_closed_port() -> None:
    with dead_port() as port:
        found = look(port, ONLY_CBC)
    assert set(found.unknown.values()) == {"Server rejected the connection"}


def test_the_deadline_holds_while_a_server_drips(identity: Identity) -> None:
    begun = time.monotonic()
    with raw_server(drips(greeting(identity))) as server:
        found = look(server.port, ONLY_CBC, deadlines=Deadlines(exchange=60, tls=5))
    assert set(found.unknown) == EVERY_QUESTION
    assert time.monotonic() - begun < 7


def test_out_of_scope_sends_nothing() -> None:
    found = look(443, MODERN, address="192.0.2.1")
    assert set(found.unknown) == EVERY_QUESTION - {"flaws.robot"}
    assert found.connections == 0


# ---------------------------------------------------------------- inside another protocol


def smtp(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.test ESMTP\r\n")
    hello = connection.recv(4096)
    assert hello == b"ehlo spbe-audit.invalid\r\n", hello
    connection.sendall(b"250-mail.test\r\n250 STARTTLS\r\n")
    connection.recv(4096)
    connection.sendall(b"220 go ahead\r\n")


def imap(connection: socket.socket) -> None:
    connection.sendall(b"* OK ready\r\n")
    connection.recv(4096)
    connection.sendall(b". OK begin\r\n")


def ldap(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(bytes.fromhex("300c02010178070a010004000400"))


def xmpp(connection: socket.socket) -> None:
    assert f"to='{NAME}'".encode() in connection.recv(4096)
    connection.sendall(b"<stream:stream><stream:features><starttls/></stream:features>")
    connection.recv(4096)
    connection.sendall(b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")


def postgresql(connection: socket.socket) -> None:
    connection.recv(8)
    connection.sendall(b"S")


def pop3(connection: socket.socket) -> None:
    connection.sendall(b"+OK\r\n")
    connection.recv(4096)
    connection.sendall(b"+OK\r\n")


def ftp(connection: socket.socket) -> None:
    connection.sendall(b"220 ready\r\n")
    connection.recv(4096)
    connection.sendall(b"234 go\r\n")


OPENERS = {
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "ftp": ftp,
    "ldap": ldap,
    "postgresql": postgresql,
    "xmpp": xmpp,
    "xmpp-server": xmpp,
}


@pytest.mark.parametrize("protocol", OPENERS)
def test_starttls(identity: Identity, protocol: str) -> None:
    bleeds = plays(greeting(identity), BLEEDS)

    def behave(connection: socket.socket, server: RawServer) -> None:
        if server.connections == 1:
            OPENERS[protocol](connection)
            bleeds(connection, server)

    with raw_server(behave) as server:
        found = look(server.port, MODERN, starttls=protocol)
    assert found.flaws == {"heartbleed": True, "robot": False}


def test_starttls_that_is_declined() -> None:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        connection.sendall(b"220 ready\r\n")
        connection.recv(4096)
        connection.sendall(b"502 no\r\n")

    with raw_server(behave) as server:
        found = look(server.port, ONLY_CBC, starttls="ftp")
    assert set(found.unknown.values()) == {"FTP AUTH TLS was rejected"}


def test_mysql_is_left_unknown() -> None:
    with raw_server(closes()) as server:
        found = look(server.port, STATIC_RSA, starttls="mysql")
        assert server.connections == 0
    assert set(found.unknown) == EVERY_QUESTION
    assert "mysql" in found.unknown["flaws.heartbleed"]


def test_the_protocols_are_those_of_our_own_prober_but_one() -> None:
    assert set(OPENINGS) - set(STARTTLS) == {"mysql"}
    assert set(STARTTLS) == set(OPENERS)
    assert all(ProtocolWithOpportunisticTlsEnum(name) for name in STARTTLS.values())


# ---------------------------------------------------------------- the survey


def test_the_survey_of_an_old_server_agrees_with_the_flaws_found(web: Nginx) -> None:
    report = survey_of(web.ports[1], intensity=Intensity.THOROUGH)
    tls = report.result
    assert isinstance(tls, TlsEvidence)
    assert tls.versions == (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2)
    assert set(tls.suites[TlsVersion.TLS_1_2]) == set(STATIC_RSA[TlsVersion.TLS_1_2])
    assert tls.unknown == {}
    found = look(web.ports[1], tls.suites, deadlines=PATIENT)
    assert (found.flaws, found.client_renegotiation) == (tls.flaws, tls.client_renegotiation)
    assert report.connections > 10 * found.connections


def test_the_survey_of_a_silent_server() -> None:
    with raw_server(stays_silent()) as server:
        report = survey_of(server.port, deadlines=Deadlines(exchange=1, tls=20))
    assert isinstance(report.result, Failure)
    assert report.result.kind is FailureKind.TIMEOUT


# ---------------------------------------------------------------- the child and its bounds


def test_the_parent_does_not_load_sslyze() -> None:
    code = (
        "import sys, spbe_audit.probes.tls.deep.process, spbe_audit.probes.tls.deep.flaws,"
        " spbe_audit.probes.tls.deep.survey; print({'sslyze', 'nassl'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_a_child_that_is_killed() -> None:
    def kill() -> None:
        (child,) = wait_for(lambda: children_of(os.getpid()))
        wait_for(lambda: server.connections > 0)
        os.kill(child, signal.SIGKILL)

    with raw_server(stays_silent()) as server:
        killer = threading.Thread(target=kill)
        killer.start()
        found = look_uncounted(server.port)
        killer.join()
    assert set(found.unknown) == EVERY_QUESTION
    assert set(found.unknown.values()) == {"sslyze gave no answer (exit status -9)"}


def look_uncounted(port: int) -> FlawsFound:
    """As ``look``, for a child that cannot tell any more how many connections it made."""
    return look(port, ONLY_CBC, deadlines=Deadlines(exchange=30, tls=60))


@pytest.mark.parametrize("module", ["this", "spbe_audit.no_such_module"], ids=["babbles", "dies"])
def test_a_child_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setattr(engine_process, "_CHILD", module)
    with raw_server(closes()) as server:
        found = look(server.port, ONLY_CBC)
        report = survey_of(server.port)
    assert set(found.unknown) == EVERY_QUESTION
    assert isinstance(report.result, Failure)
    assert report.result.kind is FailureKind.TOOL_FAILED


def test_without_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_process, "ENGINE", "no_such_engine")
    with raw_server(closes()) as server:
        found = look(server.port, MODERN)
        report = survey_of(server.port)
    assert found.flaws == {"robot": False}
    assert set(found.unknown.values()) == {"sslyze is not installed: pip install sslyze"}
    assert isinstance(report.result, Failure)
    assert report.result.kind is FailureKind.TOOL_MISSING


PARENT = """
import asyncio, sys
from datetime import UTC, datetime
from spbe_audit.evidence import TlsEvidence, TlsVersion
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.deep.flaws import find_flaws
port = int(sys.argv[1])
tls = TlsEvidence(
    "layanan.test", "127.0.0.1", port, datetime.now(UTC), "test", versions=(TlsVersion.TLS_1_2,)
)
door = Door(deadlines=Deadlines(exchange=60, tls=120))
visit = find_flaws(
    host="layanan.test", address="127.0.0.1", port=port, door=door, tls=tls, seconds=120
)
asyncio.run(visit)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_the_child_ends_with_its_parent(how: signal.Signals) -> None:
    with raw_server(stays_silent()) as server:
        command = [sys.executable, "-c", PARENT, str(server.port)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as parent:
            (child,) = wait_for(lambda: children_of(parent.pid))
            wait_for(lambda: server.connections > 0)
            parent.send_signal(how)
            parent.wait(10)
        wait_for(lambda: not runs(child))


def runs(pid: int) -> bool:
    try:
        return b"deep.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_cancelling_leaves_no_child() -> None:
    async def scenario(port: int) -> None:
        door = Door(deadlines=Deadlines(exchange=30, tls=60))
        visit = asyncio.create_task(
            survey(
                host=NAME,
                address="127.0.0.1",
                port=port,
                door=door,
                intensity=Intensity.STANDARD,
                seconds=60,
            )
        )
        await asyncio.to_thread(wait_for, lambda: children_of(os.getpid()))
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit

    with raw_server(stays_silent()) as server:
        asyncio.run(scenario(server.port))
    assert children_of(os.getpid()) == []


@contextmanager
def child_with(job: EngineJob) -> Iterator[bytes]:
    """What a child that has no parent to stop it writes before it ends."""
    command = [sys.executable, "-m", "spbe_audit.probes.tls.deep.child"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(JobDocument(job).model_dump_json().encode() + b"\n")
        child.stdin.flush()
        yield child.stdout.read()
        assert child.wait(5) == 0


@pytest.mark.parametrize("flaws", [False, True], ids=["survey", "flaws"])
def test_the_child_ends_at_its_own_deadline(*, flaws: bool) -> None:
    known = KnownOffer((TlsVersion.TLS_1_2,), ONLY_CBC, client_certificate_asked=False)
    with raw_server(stays_silent()) as server:
        job = EngineJob(
            host=NAME,
            server_name=NAME,
            address="127.0.0.1",
            port=server.port,
            intensity=Intensity.STANDARD,
            at_once=2,
            per_second=100,
            patience=60,
            until=time.monotonic() + 3,
            user_agent="test",
            known=known if flaws else None,
        )
        with child_with(job) as answer:
            assert time.monotonic() < job.until + GRACE
        if flaws:
            found = FlawsDocument.model_validate_json(answer).root
            assert (set(found.unknown), found.connections) == (EVERY_QUESTION, server.connections)
        else:
            report = ReportDocument.model_validate_json(answer).root
            assert isinstance(report.result, Failure)
            assert report.connections == server.connections


GUARDED = """
import json, socket, sys, time
from spbe_audit.probes.tls.deep.guard import ForbiddenError, Guard
port, other = int(sys.argv[1]), int(sys.argv[2])
guard = Guard("127.0.0.1", port, per_second=20, patience=0.5, until=time.monotonic() + 2.5)
guard.install()
def refused(attempt):
    try:
        attempt()
    except ForbiddenError:
        return True
    return False
facts = {
    "other port": refused(lambda: socket.create_connection(("127.0.0.1", other))),
    "other address": refused(lambda: socket.create_connection(("127.0.0.2", port))),
    "by hand": refused(lambda: socket.socket().connect(("127.0.0.2", port))),
    "look-up": refused(lambda: socket.getaddrinfo("localhost", port)),
    "datagram": refused(
        lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", port))
    ),
}
begun = time.monotonic()
for _ in range(5):
    guard.begin()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        pass
facts["paced"] = time.monotonic() - begun > 0.19
guard.begin()
with socket.create_connection(("127.0.0.1", port)) as sock:
    facts["cut"] = sock.recv(1) == b"" and guard.was_cut()
try:
    socket.create_connection(("127.0.0.1", port))
except Exception as error:
    facts["after a cut"] = type(error).__name__
guard.begin()
facts["count"] = guard.connections
time.sleep(2.5)
try:
    socket.create_connection(("127.0.0.1", port))
except Exception as error:
    facts["late"] = type(error).__name__
print(json.dumps(facts))
"""


def test_the_guard_of_the_child() -> None:
    with raw_server(stays_silent()) as server, raw_server(stays_silent()) as other:
        command = [sys.executable, "-c", GUARDED, str(server.port), str(other.port)]
        facts = json.loads(subprocess.check_output(command, timeout=30))
        assert other.connections == 0
    assert facts == {
        "other port": True,
        "other address": True,
        "by hand": True,
        "look-up": True,
        "datagram": True,
        "paced": True,
        "cut": True,
        "after a cut": "TimeIsUpError",
        "count": 6,
        "late": "TimeIsUpError",
    }


# ---------------------------------------------------------------- what the witness makes of it


@pytest.mark.parametrize(
    ("records", "whole", "alerts"),
    [
        ([], False, set()),
        ([record(HANDSHAKE, message(2, bytes(40)) + message(14, b""))], True, set()),
        (
            [record(HANDSHAKE, b"\x02\x00"), record(HANDSHAKE, b"\x00\x01x\x0e\x00\x00\x00")],
            True,
            set(),
        ),
        ([record(HANDSHAKE, message(11, b"\x0e\x00\x00\x00"))], False, set()),
        ([record(APPLICATION_DATA, message(14, b""))], False, set()),
        ([record(HANDSHAKE, message(14, b""))[:-1]], False, set()),
        ([alert(40), alert(10)], False, {40, 10}),
        ([record(ALERT, bytes(32)), record(ALERT, b"")], False, set()),
    ],
)
def test_a_greeting_is_whole_with_its_last_message(
    records: Sequence[bytes],
    whole: bool,  # noqa: FBT001 - a column of the table
    alerts: set[int],
) -> None:
    heard = Heard(bytearray(b"".join(records)))
    assert heard.whole_greeting is whole
    assert heard.alerts == alerts


@given(st.binary(max_size=400))
def test_any_bytes_can_be_heard(data: bytes) -> None:
    heard = Heard(bytearray(data))
    assert heard.whole_greeting in {True, False}
    assert all(0 <= description < 256 for description in heard.alerts)
