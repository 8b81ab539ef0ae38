"""The tls probe against real servers, good, odd and hostile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from spbe_audit.evidence import (
    Attempt,
    FailureKind,
    TlsAnswer,
    TlsEvidence,
    TlsVersion,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.deep import process as sslyze_process
from spbe_audit.probes.tls.deep.job import EngineJob, JobDocument, ReportDocument
from spbe_audit.probes.tls.greeting import Sort, client_hello, hello_version, sort_reply
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import Nginx, free_ports, nginx
from tests.servers.raw import Behaviour, RawServer, closes, dead_port, raw_server, resets

NAME = "layanan.test"
PATIENT = Deadlines(connect=5, exchange=5, tls=50)
HASTY = Deadlines(connect=1, exchange=1, tls=5)
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


def probe(
    port: int,
    *,
    host: str = NAME,
    deadlines: Deadlines = PATIENT,
    intensity: Intensity = Intensity.STANDARD,
) -> Attempt:
    """Visit a port of loopback, and see that nothing of ours is left behind."""
    door = Door(deadlines=deadlines)
    begun = time.monotonic()
    attempt = asyncio.run(
        probe_tls(host=host, port=port, address="127.0.0.1", door=door, intensity=intensity)
    )
    assert time.monotonic() - begun < deadlines.tls + 2
    assert children_of(os.getpid()) == []
    assert attempt.connections == sum(door.footprint().values())
    again = attempt_from_json(canonical_json(attempt_to_json(attempt)))
    assert attempt_to_json(again) == attempt_to_json(attempt)
    return attempt


def evidence(attempt: Attempt) -> TlsEvidence:
    assert isinstance(attempt.result, TlsEvidence), attempt.result
    return attempt.result


def failure_kind(attempt: Attempt) -> FailureKind:
    assert attempt.failure is not None, attempt.result
    return attempt.failure.kind


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


@contextmanager
def openssl_server(directory: Path, identity: Identity, *options: str) -> Iterator[int]:
    """An ``openssl s_server`` on a free port."""
    certificate, key = identity.write(directory)
    (port,) = free_ports(1)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", *options]
    command += ["-cert", str(certificate), "-key", str(key), "-cert_chain", str(certificate)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            wait_for(lambda: accepts(port) or process.poll() is not None)
            yield port
        finally:
            process.kill()


def accepts(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


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
    assert tls.client_renegotiation is False
    assert tls.fallback_scsv is True
    assert tls.extended_master_secret is True
    assert tls.client_certificate_asked is False
    assert {"x25519", "secp256r1"} <= set(tls.groups or ())
    assert tls.key_exchange_signatures == ("rsa_pss_rsae_sha256",)
    assert tls.intolerances == ()
    assert ("ECDH", 256, "secp256r1") in {(k.kind, k.bits, k.group) for k in tls.key_exchanges}
    assert tls.flaws == {}
    assert tls.unknown == {}
    above = tuple(c.public_bytes(Encoding.DER) for c in identity.above)
    assert [(c.certificates, c.server_name) for c in tls.chains] == [
        ((identity.der, *above), NAME),
        ((identity.der, *above), None),
    ]
    assert attempt.endpoint.key == f"tls 127.0.0.1:{web.ports[0]} {NAME}"
    assert attempt.tool.name == "sslyze"
    assert attempt.tool.version
    assert attempt.connections > 100


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
    tls = evidence(probe(web.ports[0], host="127.0.0.1", intensity=Intensity.LIGHT))
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert [(c.certificates[0], c.server_name) for c in tls.chains] == [(identity.der, None)]
    assert (tls.groups, tls.server_preference, tls.early_data) == (None, None, None)
    assert (tls.intolerances, tls.key_exchange_signatures) == (None, None)
    assert tls.unknown == {}


def test_a_server_that_rejects_every_handshake(web: Nginx) -> None:
    tls = evidence(probe(web.ports[2]))
    assert (tls.answer, tls.answer_detail) == (TlsAnswer.ALERT, "unrecognized_name")
    assert tls.versions == ()
    assert not tls.offered


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
    with openssl_server(tmp_path, identity, *options) as port:
        tls = evidence(probe(port))
    assert tls.versions == (version,)
    assert tls.suites == {version: suites}
    assert tls.server_preference is None
    assert tls.unknown == {}
    assert tls.compression is False
    assert tls.client_renegotiation is False
    assert tls.early_data is False
    assert tls.fallback_scsv is None
    assert tls.chains[0].certificates[0] == identity.der


@pytest.mark.parametrize("cipher", ["ADH-AES128-SHA", "ADH-CAMELLIA128-SHA256"])
def test_a_server_without_certificate(tmp_path: Path, identity: Identity, cipher: str) -> None:
    with openssl_server(tmp_path, identity, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0") as port:
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
    with openssl_server(tmp_path, identity, asks, "1", "-serverpref") as port:
        tls = evidence(probe(port))
    assert tls.client_certificate_asked is True
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" in tls.suites[TlsVersion.TLS_1_2]
    assert tls.chains[0].certificates[0] == identity.der
    assert tls.versions_unknown() == ()
    if asks == "-verify":
        assert tls.server_preference is True
        assert tls.secure_renegotiation is True
    else:
        assert tls.server_preference is None
        assert "server_preference" in tls.unknown
        assert "secure_renegotiation" in tls.unknown


def test_silence_is_unknown_and_hanging_up_is_refusal(web: Nginx) -> None:
    def relay(connection: socket.socket, server: RawServer) -> None:
        hello = connection.recv(4096)
        if hello[9:11] == b"\x03\x01":
            server.stopped.wait()  # silent to TLS 1.0
        if hello[9:11] == b"\x03\x02":
            return  # hangs up on TLS 1.1
        with socket.create_connection(("127.0.0.1", web.ports[1])) as behind:
            behind.sendall(hello)
            pump(connection, behind)

    with raw_server(relay) as server:
        tls = evidence(probe(server.port, deadlines=Deadlines(exchange=1, tls=40)))
    assert tls.versions == (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)
    assert tls.versions_unknown() == ("TLS 1.0",)


def pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until both sides have ended."""
    back = threading.Thread(target=carry, args=(other, one))
    back.start()
    carry(one, other)
    back.join()


def carry(
    source: socket.socket, sink: socket.socket, watch: Callable[[bytes], None] = lambda _: None
) -> None:
    with suppress(OSError):
        while data := source.recv(4096):
            sink.sendall(data)
            watch(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def test_a_server_that_bleeds(web: Nginx) -> None:
    question, answer = b"\x18\x03\x03\x40\x00", b"\x18\x03\x03\x00\x40" + b"\x01" * 64

    def bleed(connection: socket.socket, _server: RawServer) -> None:
        hello_done = threading.Event()

        def watch(flight: bytes) -> None:
            if b"\x0e\x00\x00\x00" in flight:
                hello_done.set()

        with socket.create_connection(("127.0.0.1", web.ports[0])) as behind:
            back = threading.Thread(target=carry, args=(behind, connection, watch))
            back.start()
            while data := connection.recv(4096):
                before, asked, _ = data.partition(question)
                behind.sendall(before)
                if asked and hello_done.wait(5):
                    connection.sendall(answer)
            with suppress(OSError):
                behind.shutdown(socket.SHUT_RDWR)
            back.join()

    with raw_server(bleed) as server:
        tls = evidence(probe(server.port, intensity=Intensity.THOROUGH))
    assert tls.flaws == {
        "ccs_injection": False,
        "heartbleed": True,
        "robot": False,
        "ticketbleed": False,
    }


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
        attempt = probe(server.port)
    assert failure_kind(attempt) is FailureKind.RESET
    assert attempt.connections > 10  # the engine was asked


def test_closed_port() -> None:
    with dead_port() as port:
        assert failure_kind(probe(port, deadlines=HASTY)) is FailureKind.REFUSED


def test_tarpit() -> None:
    with raw_server(says(b"")) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert attempt.duration < 3


def test_a_record_that_drips() -> None:
    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00\x02")
        while not server.stopped.wait(0.05):
            connection.sendall(b"\x00")

    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert attempt.duration < 3


@pytest.mark.parametrize("behave", [closes(), resets(after_request=False)], ids=["close", "reset"])
def test_hanging_up(behave: Behaviour) -> None:
    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=HASTY)
    assert failure_kind(attempt) is FailureKind.RESET
    assert attempt.connections == 4


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


# ---------------------------------------------------------------- the engine and its bounds


def test_a_server_that_falls_silent_after_the_greeting() -> None:
    with raw_server(says(HELLO_RECORD, b"")) as server:
        attempt = probe(server.port, deadlines=Deadlines(exchange=30, tls=4))
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert 2 < attempt.duration < 5
    assert attempt.connections > 1


def test_a_server_that_drips_after_the_greeting() -> None:
    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.recv(4096)
        if server.connections == 1:
            connection.sendall(HELLO_RECORD)
        for position in range(len(HELLO_RECORD)):
            if server.stopped.wait(0.3):
                return
            connection.sendall(HELLO_RECORD[position : position + 1])

    with raw_server(behave) as server:
        attempt = probe(server.port, deadlines=Deadlines(exchange=1, tls=30))
    assert failure_kind(attempt) is FailureKind.TIMEOUT
    assert attempt.duration < 8


def test_cancelling_leaves_no_child() -> None:
    async def scenario(port: int) -> None:
        door = Door(deadlines=Deadlines(exchange=30, tls=60))
        visit = asyncio.create_task(probe_tls(host=NAME, port=port, address="127.0.0.1", door=door))
        await asyncio.to_thread(wait_for, lambda: children_of(os.getpid()))
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit

    with raw_server(says(HELLO_RECORD, b"")) as server:
        asyncio.run(scenario(server.port))
    assert children_of(os.getpid()) == []


PARENT = """
import asyncio, sys
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.probe import probe_tls
door = Door(deadlines=Deadlines(exchange=60, tls=120))
asyncio.run(probe_tls(host="layanan.test", port=int(sys.argv[1]), address="127.0.0.1", door=door))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_the_child_ends_with_its_parent(how: signal.Signals) -> None:
    with raw_server(says(HELLO_RECORD, b"")) as server:
        command = [sys.executable, "-c", PARENT, str(server.port)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as parent:
            (child,) = wait_for(lambda: children_of(parent.pid))
            wait_for(lambda: server.connections > 1)
            parent.send_signal(how)
            parent.wait(10)
        wait_for(lambda: not runs(child))


def runs(pid: int) -> bool:
    try:
        return b"deep.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_the_child_ends_at_its_own_deadline() -> None:
    with raw_server(says(b"")) as server:
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
        )
        command = [sys.executable, "-m", "spbe_audit.probes.tls.deep.child"]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(JobDocument(job).model_dump_json().encode() + b"\n")
            child.stdin.flush()
            report = ReportDocument.model_validate_json(child.stdout.read()).root
            assert child.wait(5) == 0
    assert isinstance(report.result, TlsEvidence) is False
    assert report.connections == server.connections


@pytest.mark.parametrize("module", ["this", "spbe_audit.no_such_module"], ids=["babbles", "dies"])
def test_a_child_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setattr(sslyze_process, "_CHILD", module)
    with raw_server(says(HELLO_RECORD)) as server:
        attempt = probe(server.port)
    assert failure_kind(attempt) is FailureKind.TOOL_FAILED


def test_without_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sslyze_process, "ENGINE", "no_such_engine")
    with raw_server(says(HELLO_RECORD)) as server:
        attempt = probe(server.port)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.TOOL_MISSING
    assert "pip install sslyze" in attempt.failure.text


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
facts["count"] = guard.connections
time.sleep(2.5)
try:
    socket.create_connection(("127.0.0.1", port))
except Exception as error:
    facts["late"] = type(error).__name__
print(json.dumps(facts))
"""


def test_the_guard_of_the_child() -> None:
    with raw_server(says(b"")) as server, raw_server(says(b"")) as other:
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
        "count": 6,
        "late": "TimeIsUpError",
    }


# ---------------------------------------------------------------- the words of a greeting


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
