"""The tls probe against real servers, good, odd and hostile."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from spbe_audit.catalogue import load_catalogue
from spbe_audit.evidence import FailureKind, TlsAnswer, TlsEvidence, TlsVersion
from spbe_audit.network import Deadlines, Door
from spbe_audit.policy import load_policy, tls_questions
from spbe_audit.probes.tls.greeting import Sort, client_hello, hello_version, sort_reply
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity
from spbe_audit.version import VERSION
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.daemons import s_server
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import Behaviour, RawServer, closes, dead_port, raw_server, resets
from tests.servers.tls_scripts import TLS_1_0, TLS_1_1, Deed, hears, passes_on, unless
from tests.tls_visit import HASTY, NAME, evidence, failure_kind, open_to, probe

ALL_VERSIONS = tuple(TlsVersion)
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server {
  listen 127.0.0.1:PORT_0 ssl;
  server_name layanan.test;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384;
  ssl_early_data on;
  return 200 ok;
}
server {
  listen 127.0.0.1:PORT_1 ssl;
  server_name layanan.test;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_ciphers AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-SHA:AES256-SHA:@SECLEVEL=0;
  ssl_prefer_server_ciphers on;
  ssl_ecdh_curve secp384r1:prime256v1;
  return 200 ok;
}
server { listen 127.0.0.1:PORT_2 ssl; server_name layanan.test; ssl_reject_handshake on; }
server { listen 127.0.0.1:PORT_3; return 200 ok; }
"""
SERVER_HELLO = b"\x02\x00\x00\x26\x03\x03" + bytes(32) + b"\x00\xc0\x2f\x00"
HELLO_RECORD = b"\x16\x03\x03" + len(SERVER_HELLO).to_bytes(2) + SERVER_HELLO
WHOLE_FLIGHT = HELLO_RECORD + b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00"


@pytest.fixture(scope="module")
def authority() -> Identity:
    return make_authority()


@pytest.fixture(scope="module")
def identity(authority: Identity) -> Identity:
    intermediate = make_authority("Test Intermediate", issuer=authority)
    return make_leaf(intermediate, (NAME,), key="rsa2048")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    directory = tmp_path_factory.mktemp("nginx")
    with nginx(directory, NGINX, ports=4, identity=identity) as server:
        yield server


def wait_for(condition: Callable[[], Any], seconds: float = 5) -> Any:
    """Wait until a condition holds; the value that it then has."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def says(*answers: bytes) -> Behaviour:
    """Read a greeting, give the next answer (the last one again and again), wait."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.recv(4096)
        turn = min(server.connections, len(answers)) - 1
        if answers[turn]:
            connection.sendall(answers[turn])
        server.stopped.wait()

    return behave


# ---------------------------------------------------------------- servers that speak TLS


def test_a_modern_nginx(web: Nginx, identity: Identity) -> None:
    attempt = probe(web.ports[0])
    tls = evidence(attempt)
    assert tls.answer is TlsAnswer.HANDSHAKE
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert set(tls.suites[TlsVersion.TLS_1_2]) == {
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    }
    assert set(tls.suites[TlsVersion.TLS_1_3]) == {
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    }
    assert tls.server_preference is False
    assert tls.early_data is True
    assert tls.compression is False
    assert tls.secure_renegotiation is True
    assert tls.client_renegotiation is None  # which takes a whole handshake, at thorough
    assert tls.fallback_scsv is True
    assert tls.extended_master_secret is True
    assert tls.client_certificate_asked is False
    assert tls.encrypt_then_mac is None  # no suite that could show it
    assert (tls.session_tickets, tls.alpn, tls.slowed_to) == (True, "http/1.1", None)
    assert tls.groups is not None
    assert {"x25519", "secp256r1", "secp521r1", "ffdhe2048"} <= set(tls.groups)
    assert tls.key_exchange_signatures == ("rsa_pss_rsae_sha256",)
    assert tls.intolerances == ()
    assert [(k.kind, k.bits, k.group) for k in tls.key_exchanges] == [("ECDH", 255, "x25519")]
    assert tls.flaws == {}
    assert tls.unknown == {}
    above = tuple(c.public_bytes(Encoding.DER) for c in identity.above)
    assert [(c.certificates, c.server_name) for c in tls.chains] == [
        ((identity.der, *above), NAME),
        ((identity.der, *above), None),
    ]
    assert attempt.endpoint.key == f"tls 127.0.0.1:{web.ports[0]} {NAME}"
    assert (attempt.tool.name, attempt.tool.version) == ("spbe-audit", VERSION)
    assert tls.engine == "spbe-audit"
    assert attempt.connections <= 30


def test_a_modern_nginx_lightly(web: Nginx) -> None:
    """All that the policy asks, and no more."""
    questions = tls_questions(load_policy("spbe"), load_catalogue())
    attempt = probe(web.ports[0], intensity=Intensity.LIGHT, questions=questions)
    tls = evidence(attempt)
    assert attempt.connections <= 12
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert {len(suites) for suites in tls.suites.values()} == {1}
    assert (tls.fallback_scsv, tls.early_data, tls.intolerances) == (True, True, ())
    assert tls.key_exchange_signatures == ("rsa_pss_rsae_sha256",)
    assert [chain.server_name for chain in tls.chains] == [NAME, None]
    assert tls.unknown == {}


def test_an_old_nginx_with_an_order_of_its_own(web: Nginx) -> None:
    tls = evidence(probe(web.ports[1], intensity=Intensity.THOROUGH))
    assert tls.versions == ALL_VERSIONS[2:]
    assert tls.server_preference is True
    assert tls.suites[TlsVersion.TLS_1_2] == (
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
    )
    assert tls.suites[TlsVersion.TLS_1_0] == (
        "TLS_RSA_WITH_AES_128_CBC_SHA",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
        "TLS_RSA_WITH_AES_256_CBC_SHA",
    )
    assert set(tls.groups or ()) == {"secp256r1", "secp384r1"}
    assert tls.flaws == {
        "ccs_injection": False,
        "heartbleed": False,
        "robot": False,
        "ticketbleed": False,
    }
    assert tls.key_exchange_signatures == ("rsa_pss_rsae_sha256", "rsa_pkcs1_sha1")
    assert tls.unknown == {}


def test_an_address_is_visited_without_sni_and_lightly(web: Nginx, identity: Identity) -> None:
    tls = evidence(probe(web.ports[0], host="127.0.0.1", intensity=Intensity.LIGHT, questions=()))
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert [(c.certificates[0], c.server_name) for c in tls.chains] == [(identity.der, None)]
    assert (tls.groups, tls.early_data) == (("x25519",), True)  # seen in the first handshake
    assert (tls.server_preference, tls.fallback_scsv) == (None, None)
    assert (tls.intolerances, tls.key_exchange_signatures) == (None, None)
    assert tls.unknown == {}


def test_a_server_that_rejects_every_handshake(web: Nginx) -> None:
    tls = evidence(probe(web.ports[2]))
    assert (tls.answer, tls.answer_detail) == (TlsAnswer.ALERT, "unrecognized_name")
    assert (tls.versions, tls.unknown, tls.offered) == ((), {}, False)


@pytest.mark.parametrize(
    ("options", "version", "suites"),
    [
        (
            ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
            TlsVersion.TLS_1_2,
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
        ),
        (
            ("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"),
            TlsVersion.TLS_1_3,
            ("TLS_AES_128_CCM_SHA256",),
        ),
        (
            ("-tls1_2", "-cipher", "NULL-SHA256:@SECLEVEL=0"),
            TlsVersion.TLS_1_2,
            ("TLS_RSA_WITH_NULL_SHA256",),
        ),
        (
            ("-tls1_1", "-cipher", "AES256-SHA:@SECLEVEL=0"),
            TlsVersion.TLS_1_1,
            ("TLS_RSA_WITH_AES_256_CBC_SHA",),
        ),
    ],
    ids=["one suite", "only TLS 1.3", "null", "only TLS 1.1"],
)
def test_a_server_with_one_version_and_one_suite(
    tmp_path: Path,
    identity: Identity,
    options: tuple[str, ...],
    version: TlsVersion,
    suites: tuple[str, ...],
) -> None:
    with s_server(tmp_path, identity, *options) as port:
        tls = evidence(probe(port))
    assert tls.versions == (version,)
    assert tls.suites == {version: suites}
    assert tls.server_preference is None
    assert tls.unknown == {}
    assert tls.compression is False
    assert tls.client_renegotiation is (False if tls.only_tls_1_3 else None)
    assert tls.early_data is False
    assert tls.fallback_scsv is None
    assert tls.chains[0].certificates[0] == identity.der


@pytest.mark.parametrize("cipher", ["ADH-AES128-SHA", "ADH-CAMELLIA128-SHA256"])
def test_a_server_without_certificate(tmp_path: Path, identity: Identity, cipher: str) -> None:
    with s_server(tmp_path, identity, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0") as port:
        tls = evidence(probe(port))
    assert len(tls.accepted_suites()) == 1
    assert tls.accepted_suites()[0].startswith("TLS_DH_anon_WITH_")
    assert tls.chains == ()
    assert "chains" not in tls.unknown
    assert [k.kind for k in tls.key_exchanges] == ["DH"]
    assert tls.key_exchanges[0].prime


@pytest.mark.parametrize("asks", ["-verify", "-Verify"])
def test_a_server_that_asks_for_a_certificate_of_ours(
    tmp_path: Path, identity: Identity, asks: str
) -> None:
    with s_server(tmp_path, identity, asks, "1", "-serverpref") as port:
        tls = evidence(probe(port))
    assert tls.client_certificate_asked is True
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" in tls.suites[TlsVersion.TLS_1_2]
    assert tls.chains[0].certificates[0] == identity.der
    assert tls.versions_unknown() == ()
    assert tls.server_preference is True
    assert tls.secure_renegotiation is True
    if asks == "-verify":
        assert tls.early_data is False
    else:
        assert "early_data" in tls.unknown  # no ticket for those who show no certificate


def test_two_keys_bring_two_chains(tmp_path: Path, identity: Identity) -> None:
    other = make_leaf(make_authority("Other"), (NAME,))
    certificate, key = other.write(tmp_path, "other")
    more = ("-dcert", str(certificate), "-dkey", str(key))
    with s_server(tmp_path, identity, *more) as port:
        tls = evidence(probe(port))
    assert {chain.certificates[0] for chain in tls.chains} == {identity.der, other.der}
    assert tls.unknown == {}


def test_silence_is_unknown_and_hanging_up_is_refusal(web: Nginx) -> None:
    turn = unless(lambda hello: hello.version == TLS_1_0, Deed.SILENCE, passes_on(web.ports[1]))
    turn = unless(lambda hello: hello.version == TLS_1_1, Deed.HANG_UP, turn)
    with raw_server(hears(turn)) as server:
        tls = evidence(probe(server.port, deadlines=replace(HASTY, exchange=0.5)))
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert tls.versions_unknown() == ("TLS 1.0",)


# ---------------------------------------------------------------- ports where TLS does not speak


def test_plain_http_of_nginx(web: Nginx) -> None:
    attempt = probe(web.ports[3], deadlines=HASTY)
    tls = evidence(attempt)
    assert tls.answer is TlsAnswer.PLAIN_HTTP
    assert tls.answer_detail == "HTTP/1.1 400 Bad Request"
    assert (tls.versions, tls.offered, attempt.connections) == ((), False, 1)


def test_plain_http_of_python() -> None:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            tls = evidence(probe(server.server_address[1], deadlines=HASTY))
        finally:
            server.shutdown()
            thread.join()
    assert tls.answer is TlsAnswer.PLAIN_HTTP


def test_plain_http_that_hangs_up_on_tls() -> None:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        if connection.recv(4096).startswith(b"GET / HTTP/1.0\r\n"):
            connection.sendall(b"HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n")

    with raw_server(behave) as server:
        tls = evidence(probe(server.port, deadlines=HASTY))
    assert (tls.answer, tls.answer_detail) == (TlsAnswer.PLAIN_HTTP, "HTTP/1.0 302 Found")


def test_an_https_port_that_hangs_up_is_not_plain_http() -> None:
    page = b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port"

    def behave(connection: socket.socket, _server: RawServer) -> None:
        if connection.recv(4096).startswith(b"GET"):
            connection.sendall(page)

    with raw_server(behave) as server:
        assert failure_kind(probe(server.port, deadlines=HASTY)) is FailureKind.RESET


def test_ssh() -> None:
    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.2p1\x1b[31m Debian\r\n")
        server.stopped.wait()

    with raw_server(behave) as server:
        tls = evidence(probe(server.port, deadlines=HASTY))
    assert tls.answer is TlsAnswer.OTHER_PROTOCOL
    assert tls.answer_detail == "SSH-2.0-OpenSSH_9.2p1[31m Debian"


def test_a_server_that_hangs_up_on_every_hello_but_the_oldest() -> None:
    def behave(connection: socket.socket, _server: RawServer) -> None:
        if connection.recv(4096)[0] == 0x80:
            connection.sendall(b"\x15\x03\x00\x00\x02\x02\x28")

    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.RESET
    assert attempt.connections > 10  # every version was asked


def test_closed_port() -> None:
    with dead_port() as port:
        assert failure_kind(probe(port, deadlines=HASTY)) is FailureKind.REFUSED


def test_tarpit() -> None:
    with raw_server(says(b"")) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert attempt.duration < 4


def test_a_record_that_drips() -> None:
    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00\x02")
        while not server.stopped.wait(0.05):
            connection.sendall(b"\x00")

    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert attempt.duration < 4


@pytest.mark.parametrize("behave", [closes(), resets(after_request=False)], ids=["close", "reset"])
def test_hanging_up(behave: Behaviour) -> None:
    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.RESET
    assert attempt.connections == 5


def test_a_flood_of_garbage() -> None:
    def behave(connection: socket.socket, server: RawServer) -> None:
        while not server.stopped.is_set():
            connection.sendall(b"\x00\xff\x17\x99" * 4096)

    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.PROTOCOL_BROKEN
    assert attempt.duration < 2


def test_out_of_scope_sends_nothing() -> None:
    door = Door(deadlines=HASTY)
    attempt = asyncio.run(probe_tls(host=NAME, port=443, address="192.0.2.1", door=door))
    assert failure_kind(attempt) is FailureKind.OUT_OF_SCOPE
    assert attempt.connections == 0


# ---------------------------------------------------------------- the bounds


def test_a_server_that_falls_silent_after_the_greeting() -> None:
    with raw_server(says(WHOLE_FLIGHT, b"")) as server:
        attempt = probe(server.port, deadlines=Deadlines(exchange=30, tls=1.5))
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert 1 < attempt.duration < 3
    assert attempt.connections > 1


def test_a_server_that_drips_after_the_greeting() -> None:
    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.recv(4096)
        if server.connections == 1:
            connection.sendall(WHOLE_FLIGHT)
        for position in range(len(HELLO_RECORD)):
            if server.stopped.wait(0.05):
                return
            connection.sendall(HELLO_RECORD[position : position + 1])

    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=Deadlines(exchange=0.5, tls=3))
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert attempt.duration < 4


@pytest.mark.parametrize(
    "endless",
    [
        b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00",
        b"\x16\x03\x03\x00\x04\x00\x00\x00\x00",
        b"\x15\x03\x03\x00\x02\x01\x5a",
        b"\x16\x03\x03\x00\x01\x0b",
    ],
    ids=["messages", "requests", "warnings", "bytes"],
)
@pytest.mark.parametrize("start", [b"", HELLO_RECORD], ids=["at once", "after a hello"])
def test_endless_records(start: bytes, endless: bytes) -> None:
    """Each is as the protocol has it; there is no end of them."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.recv(4096)
        connection.sendall(start)
        while not server.stopped.is_set():
            connection.sendall(endless * 500)

    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=HASTY)
    if isinstance(attempt.result, TlsEvidence):
        assert (attempt.result.offered, start) == (True, HELLO_RECORD)
    else:
        assert failure_kind(attempt) in {FailureKind.PROTOCOL_BROKEN, FailureKind.TIMEOUT}


def test_cancelling_leaves_nothing_open() -> None:
    async def scenario(server: RawServer) -> None:
        door = Door(deadlines=Deadlines(exchange=30, tls=60))
        visit = asyncio.create_task(
            probe_tls(host=NAME, port=server.port, address="127.0.0.1", door=door)
        )
        await asyncio.to_thread(wait_for, lambda: server.connections > 3)
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with raw_server(says(WHOLE_FLIGHT, b"")) as server:
        asyncio.run(scenario(server))
        assert open_to(server.port) == 0


@pytest.mark.parametrize(
    ("data", "sort", "detail"),
    [
        (HELLO_RECORD, Sort.HANDSHAKE, ""),
        (b"\x15\x03\x01\x00\x02\x01\x70" + HELLO_RECORD, Sort.HANDSHAKE, ""),
        (b"\x15\x03\x01\x00\x02\x02\x28", Sort.ALERT, "handshake_failure"),
        (b"\x15\x03\x01\x00\x02\x01\x00", Sort.ALERT, "close_notify"),
        (b"\x15\x03\x01\x00\x02\x02\xee", Sort.ALERT, "alert 238"),
        (b"\x16\x03\x01\x00\x04\x0b\x00\x00\x00", Sort.GARBAGE, ""),
        (b"\x16\x03\x01\xff\xff\x02", Sort.GARBAGE, ""),
        (b"HTTP/1.0 200 OK\r\n", Sort.HTTP, "HTTP/1.0 200 OK"),
        (b"<!DOCTYPE HTML>\n<html>", Sort.HTTP, "<!DOCTYPE HTML>"),
        (b"220 mail.example ESMTP\r\n", Sort.TEXT, "220 mail.example ESMTP"),
        (b"-ERR unknown command\r\n", Sort.TEXT, "-ERR unknown command"),
        (b"\x00\x01\x02\x03" * 30, Sort.GARBAGE, ""),
        (b"\x80\x0b\x04\x00\x01\x00\x02" + bytes(6), Sort.HANDSHAKE, ""),
        (b"\x80\x03\x00\x00\x01", Sort.ALERT, "ssl2_error"),
    ],
)
def test_answers_are_sorted(data: bytes, sort: Sort, detail: str) -> None:
    reply = sort_reply(data, ended=True)
    assert reply is not None
    assert (reply.sort, reply.detail) == (sort, detail)


@pytest.mark.parametrize("data", [b"", b"\x16", HELLO_RECORD[:-1], b"\x15\x03\x01\x00\x02", b"HT"])
def test_the_beginning_of_an_answer_is_not_judged(data: bytes) -> None:
    assert sort_reply(data, ended=False) is None


def test_the_hello_names_names_and_not_addresses() -> None:
    assert NAME.encode() in client_hello(NAME)
    assert b"127.0.0.1" not in client_hello("127.0.0.1")
    assert client_hello("not a name..")[:2] == b"\x16\x03"


def test_the_version_of_a_hello_is_in_its_extension() -> None:
    extension = b"\x00\x06\x00\x2b\x00\x02\x03\x04"
    assert hello_version(SERVER_HELLO) is TlsVersion.TLS_1_2
    assert hello_version(SERVER_HELLO + extension) is TlsVersion.TLS_1_3
    assert hello_version(b"\x02") is None


def test_the_clock_is_the_doors(web: Nginx) -> None:
    then = datetime(2026, 11, 3, tzinfo=UTC)
    door = Door(deadlines=HASTY, clock=lambda: then)
    attempt = asyncio.run(
        probe_tls(
            host=NAME, port=web.ports[3], address="127.0.0.1", door=door, trust_anchors=(b"ca",)
        )
    )
    assert (attempt.started, evidence(attempt).collected_at) == (then, then)
    assert evidence(attempt).trust_anchors == (b"ca",)
