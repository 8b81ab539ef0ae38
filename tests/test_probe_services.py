"""The services probe against real daemons on odd ports, scripted ones, and hostile ones."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome, Verdict
from spbe_audit.evidence import (
    Attempt,
    Evidence,
    FailureKind,
    PortService,
    PortsEvidence,
    ServicesEvidence,
    SshOffer,
    TlsVersion,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.services import port as services_port
from spbe_audit.probes.services import probe as services_probe
from spbe_audit.probes.services.heard import product_in, readable, recognise
from spbe_audit.probes.services.line import READ_LIMIT
from spbe_audit.probes.services.probe import MOST_PORTS, probe_services
from spbe_audit.probes.services.ssh import (
    MOST_NAMES,
    BrokenOfferError,
    offer_settled,
    read_offer,
)
from spbe_audit.probes.services.web import read_web
from spbe_audit.targets import Engagement, Intensity
from spbe_audit.testing.cases import build_evidence
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.daemons import postgresql, redis, s_server, sshd, vsftpd
from tests.servers.nginx import nginx
from tests.servers.raw import (
    Behaviour,
    RawServer,
    answers,
    closes,
    dead_port,
    drips,
    floods,
    page,
    raw_server,
    resets,
    responds,
    speaks_first,
    stays_silent,
)

LOOPBACK = "127.0.0.1"
WEAK_SSH = """
KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group14-sha1,curve25519-sha256
HostKeyAlgorithms ssh-rsa,rsa-sha2-256
Ciphers 3des-cbc,aes128-cbc,aes256-ctr
MACs hmac-md5,hmac-sha2-256
DebianBanner no
"""
DOCKER_ROOT = page(
    b'{"message":"page not found"}', "Content-Type: application/json", status="404 Not Found"
)
DOCKER_VERSION = page(
    b'{"Platform":{"Name":"Docker Engine"},"Version":"24.0.5","ApiVersion":"1.43"}',
    "Content-Type: application/json",
)
together = pytest.mark.xdist_group("daemons")
IDENTIFICATION = b"SSH-2.0-test\r\n"


def ports_evidence(*ports: int, **more: Any) -> PortsEvidence:
    told = {"address": LOOPBACK, "open": list(ports), "declared": [], **more}
    evidence = build_evidence("ports", told)
    assert isinstance(evidence, PortsEvidence)
    return evidence


def visit(
    ports: PortsEvidence,
    *,
    own_ports: frozenset[int] = frozenset(),
    deadlines: Deadlines | None = None,
    intensity: Intensity = Intensity.STANDARD,
    door: Door | None = None,
) -> Attempt:
    """One visit; see that it ends in time, counts what it opens, and survives the store."""
    door = door or Door(deadlines=deadlines or Deadlines())
    begun = time.monotonic()
    attempt = asyncio.run(
        probe_services(
            host=LOOPBACK, ports=ports, own_ports=own_ports, door=door, intensity=intensity
        )
    )
    assert time.monotonic() - begun < door.deadlines.ports + 2
    assert attempt.connections == sum(door.footprint().values())
    again = attempt_from_json(canonical_json(attempt_to_json(attempt)))
    assert attempt_to_json(again) == attempt_to_json(attempt)
    return attempt


def found(attempt: Attempt) -> ServicesEvidence:
    assert isinstance(attempt.result, ServicesEvidence), attempt.result
    return attempt.result


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of half a second, where a test is about what comes after them."""
    monkeypatch.setattr(services_port, "LISTEN", 0.5)
    monkeypatch.setattr(services_port, "REPLY", 0.5)


def heard_on(port: int, **settings: Any) -> PortService:
    (service,) = found(visit(ports_evidence(port), **settings)).services
    return service


def ask(check_id: str, ports: PortsEvidence, services: ServicesEvidence) -> Outcome:
    """What a check says of what was really seen."""
    check = load_check(check_id).check
    given: Mapping[type, Evidence] = {PortsEvidence: ports, ServicesEvidence: services}
    return check.run(tuple(given[kind] for kind in check.needs), check.params_type())


# ---------------------------------------------------------------- real daemons on odd ports


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, int]]:
    """Real servers, by what they are, and their ports."""
    authority = make_authority()
    rsa = make_leaf(authority, key="rsa2048")
    past = datetime.now(UTC) - timedelta(days=30)
    expired = make_leaf(authority, valid_from=past - timedelta(days=60), valid_until=past)
    page_only = "server { listen 127.0.0.1:PORT_0; return 200 ok; }"
    ftps = ("ssl_enable=YES", "rsa_cert_file={0}", "rsa_private_key_file={1}")
    with ExitStack() as stack:

        def folder(name: str) -> Path:
            return tmp_path_factory.mktemp(name)

        certificate = rsa.write(folder("ftps"))
        yield {
            "sshd": stack.enter_context(sshd(folder("sshd"))),
            "weak sshd": stack.enter_context(sshd(folder("weak"), WEAK_SSH)),
            "vsftpd": stack.enter_context(vsftpd(folder("ftp"))),
            "vsftpd with TLS": stack.enter_context(
                vsftpd(folder("ftp"), "\n".join(ftps).format(*certificate))
            ),
            "redis": stack.enter_context(redis(folder("redis"))),
            "locked redis": stack.enter_context(redis(folder("redis"), "--requirepass", "secret")),
            "postgresql": stack.enter_context(postgresql(folder("postgresql"))),
            "old tls": stack.enter_context(
                s_server(folder("old"), rsa, "-tls1", "-cipher", "DEFAULT:@SECLEVEL=0")
            ),
            "expired tls": stack.enter_context(s_server(folder("expired"), expired)),
            "nginx": stack.enter_context(nginx(folder("nginx"), page_only)).ports[0],
        }


@pytest.fixture(scope="module")
def seen(daemons: Mapping[str, int]) -> ServicesEvidence:
    return found(visit(ports_evidence(*daemons.values())))


@pytest.fixture
def on(daemons: Mapping[str, int], seen: ServicesEvidence) -> Callable[[str], PortService]:
    def service(name: str) -> PortService:
        told = seen.on(daemons[name])
        assert told, name
        return told

    return service


@together
def test_everything_was_asked(daemons: Mapping[str, int], seen: ServicesEvidence) -> None:
    assert {one.port for one in seen.services} == set(daemons.values())
    assert seen.left_out == ()
    assert seen.on(1) is None
    assert [one.failure for one in seen.services] == [None] * len(daemons)


@together
def test_sshd(on: Callable[[str], PortService]) -> None:
    good, weak = on("sshd"), on("weak sshd")
    assert (good.protocol, good.software) == ("ssh", "OpenSSH")
    assert good.banner.startswith("SSH-2.0-OpenSSH_")
    assert good.version
    assert good.ssh
    assert "curve25519-sha256" in good.ssh.key_exchange
    assert weak.ssh
    assert weak.ssh.key_exchange[:2] == (
        "diffie-hellman-group1-sha1",
        "diffie-hellman-group14-sha1",
    )
    assert set(weak.ssh.host_key) == {"ssh-rsa", "rsa-sha2-256"}
    assert weak.ssh.ciphers == ("3des-cbc", "aes128-cbc", "aes256-ctr")
    assert weak.ssh.macs == ("hmac-md5", "hmac-sha2-256")


@together
def test_vsftpd(on: Callable[[str], PortService]) -> None:
    plain, secured = on("vsftpd"), on("vsftpd with TLS")
    assert (plain.protocol, plain.software) == ("ftp", "vsFTPd")
    assert re.fullmatch(r"3\.\d+\.\d+", plain.version)
    assert (plain.starttls, plain.clear_login, plain.anonymous_login) == (False, True, None)
    assert (secured.protocol, secured.starttls) == ("ftp", True)


@together
def test_databases(on: Callable[[str], PortService]) -> None:
    assert (on("redis").protocol, on("redis").software) == ("redis", "Redis")
    assert on("locked redis").protocol == "redis"
    assert (on("postgresql").protocol, on("postgresql").starttls) == ("postgresql", False)


@together
def test_tls_and_the_web(on: Callable[[str], PortService]) -> None:
    old, expired = on("old tls"), on("expired tls")
    assert old.protocol == expired.protocol == "tls"
    assert old.tls
    assert old.tls.versions == (TlsVersion.TLS_1_0,)
    assert expired.tls
    assert TlsVersion.TLS_1_2 in expired.tls.versions
    assert (on("nginx").protocol, on("nginx").software) == ("http", "nginx")
    assert on("nginx").version


@together
def test_the_checks_find_what_is_wrong(daemons: Mapping[str, int], seen: ServicesEvidence) -> None:
    ports = ports_evidence(*daemons.values(), declared=[daemons["sshd"]])

    def told(check_id: str, fact: str) -> dict[int, Mapping[str, Any]]:
        outcome = ask(check_id, ports, seen)
        assert outcome.verdict is Verdict.FAIL, outcome
        faults: Any = outcome.facts[fact]
        return {one["port"]: one for one in faults}

    remote = told("ports.remote_administration_exposed", "exposed")
    assert set(remote) == {daemons["weak sshd"]}, "the other one is declared"
    clear = told("ports.cleartext_services", "exposed")
    assert set(clear) == {daemons["vsftpd"], daemons["vsftpd with TLS"]}
    weak = told("ports.ssh_algorithms", "weak")
    assert dict(weak[daemons["weak sshd"]]) == {
        "port": daemons["weak sshd"],
        "key_exchange": ("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"),
        "host_key": ("ssh-rsa",),
        "ciphers": ("3des-cbc", "aes128-cbc"),
        "macs": ("hmac-md5",),
    }
    assert set(weak) == {daemons["weak sshd"]}, "what OpenSSH offers by itself is good"
    versions = told("ports.version_disclosure", "disclosures")
    assert set(versions) >= {daemons["vsftpd"], daemons["nginx"], daemons["sshd"]}
    assert daemons["weak sshd"] not in versions, "it names no more than it must"
    tls = told("tls.other_ports", "faulty")
    assert tls[daemons["old tls"]]["versions"] == ("TLS 1.0",)
    assert "expired" in tls[daemons["expired tls"]]
    assert "versions" not in tls[daemons["expired tls"]]
    assert ask("ports.orchestration_exposed", ports, seen).verdict is Verdict.PASS
    assert ask("ports.file_sharing_exposed", ports, seen).reason == "anonymous_ftp_not_tried"


# ---------------------------------------------------------------- scripted servers


def docker(request: bytes) -> bytes:
    """Like the Docker API without TLS, behind a proxy that hides the headers."""
    if request.startswith(b"GET /version "):
        return DOCKER_VERSION
    if request.startswith(b"GET "):
        return DOCKER_ROOT
    return page(b"", status="400 Bad Request")


def converses(greeting: bytes, replies: Mapping[bytes, bytes]) -> Behaviour:
    """Greet, then answer each line by its first word; keep what was said."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.sendall(greeting)
        for line in connection.makefile("rb"):
            server.requests.append(line)
            word = line.split()[0].upper() if line.split() else b""
            connection.sendall(replies.get(word, b"500 what?\r\n"))

    return behave


@pytest.mark.usefixtures("impatient")
def test_docker_is_known_by_its_api() -> None:
    with raw_server(responds(docker)) as server:
        service = heard_on(server.port)
        ports = ports_evidence(server.port)
        services = ServicesEvidence(LOOPBACK, datetime.now(UTC), (service,))
        assert (service.protocol, service.software) == ("http", "Docker")
        assert service.version == "24.0.5"
        outcome = ask("ports.orchestration_exposed", ports, services)
    assert outcome.verdict is Verdict.FAIL
    assert {request.split()[0] for request in server.requests if request.isascii()} == {b"GET"}


@pytest.mark.parametrize(
    ("greeting", "replies", "expected"),
    [
        (
            b"220 mail.test ESMTP Exim 4.96 Thu, 15 Jan 2026\r\n",
            {b"EHLO": b"250-mail.test\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n"},
            ("smtp", "Exim", "4.96", True, True),
        ),
        (
            b"220-welcome\r\n220 mail.test\r\n",
            {b"EHLO": b"250-mail.test\r\n250 AUTH=LOGIN\r\n"},
            ("smtp", "", "", False, True),
        ),
        (
            b"220 ProFTPD 1.3.5e Server (x) [127.0.0.1]\r\n",
            {b"FEAT": b"211-Features:\r\n AUTH TLS\r\n PASV\r\n211 End\r\n"},
            ("ftp", "ProFTPD", "1.3.5e", True, True),
        ),
        (b"220 ready\r\n", {}, ("ftp", "", "", None, True)),
        (
            b"+OK Dovecot ready.\r\n",
            {b"CAPA": b"+OK\r\nUSER\r\nSASL PLAIN\r\n.\r\n"},
            ("pop3", "", "", False, True),
        ),
        (b"+OK\r\n", {b"CAPA": b"+OK\r\nSTLS\r\n.\r\n"}, ("pop3", "", "", True, False)),
        (b"+OK\r\n", {b"CAPA": b"-ERR what\r\n"}, ("pop3", "", "", None, None)),
        (
            b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
            {
                b"A": b"* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na OK done\r\n",
                b"B": b"b NO\r\n",
            },
            ("imap", "", "", True, False),
        ),
    ],
)
def test_mail_and_ftp_tell_how_one_logs_in(
    greeting: bytes, replies: Mapping[bytes, bytes], expected: tuple[object, ...]
) -> None:
    with raw_server(converses(greeting, replies)) as server:
        told = heard_on(server.port)
    facts = (told.protocol, told.software, told.version, told.starttls, told.clear_login)
    assert facts == expected
    said = b"".join(server.requests).upper()
    assert not re.search(rb"^(USER|PASS|AUTH (?!TLS)|LOGIN|MAIL|RCPT)", said, re.MULTILINE)
    begun = re.search(rb"^(?:B )?(?:STARTTLS|STLS|AUTH TLS)\r$", said, re.MULTILINE)
    assert bool(begun) is (told.starttls is True), "TLS is begun where it is offered"


def test_a_web_interface_inside_tls(tmp_path: Path) -> None:
    denied = '{"kind":"Status","apiVersion":"v1","status":"Failure","code":403}'
    text = f"""
    server {{
      listen 127.0.0.1:PORT_0 ssl;
      ssl_certificate CERTIFICATE;
      ssl_certificate_key KEY;
      return 403 '{denied}';
    }}
    """
    with nginx(tmp_path, text, identity=make_leaf(make_authority())) as server:
        told = heard_on(server.ports[0])
    assert (told.protocol, told.software) == ("tls", "Kubernetes")
    assert told.tls


@pytest.mark.usefixtures("impatient")
def test_nothing_but_first_words_is_sent() -> None:
    with raw_server(answers(b"hm\r\n")) as server:
        heard_on(server.port)
    said = [request for request in server.requests if request]
    assert 2 <= len(said) <= 6
    for message in said:
        assert not re.match(rb"(PUT|POST|DELETE|PATCH|AUTH|USER|PASS|CONFIG|SET|EVAL)\b", message)


# ---------------------------------------------------------------- which ports, and how many


def test_own_ports_are_left_to_others() -> None:
    with raw_server(speaks_first(b"SSH-2.0-x\r\n")) as own, raw_server(closes()) as other:
        ports = ports_evidence(own.port, other.port)
        evidence = found(visit(ports, own_ports=frozenset({own.port})))
    assert own.connections == 0
    assert [one.port for one in evidence.services] == [other.port]
    assert evidence.left_out == ()


def test_a_light_visit_asks_nothing() -> None:
    with raw_server(closes()) as server:
        attempt = visit(ports_evidence(server.port), intensity=Intensity.LIGHT)
    assert server.connections == attempt.connections == 0
    assert (found(attempt).services, found(attempt).left_out) == ((), (server.port,))


def test_the_rest_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [MOST_PORTS[one] for one in Intensity] == [0, 20, 100]
    monkeypatch.setattr(services_probe, "MOST_PORTS", {Intensity.STANDARD: 1})
    with raw_server(closes()) as one, raw_server(closes()) as other:
        low, high = sorted((one.port, other.port))
        evidence = found(visit(ports_evidence(high, low)))
    assert [service.port for service in evidence.services] == [low]
    assert evidence.left_out == (high,)


def test_a_host_that_answers_everywhere_is_not_asked() -> None:
    with raw_server(closes()) as server:
        everywhere = tuple(range(1, 100))
        ports = ports_evidence(*everywhere, server.port, asked_count=100)
        attempt = visit(ports)
    assert attempt.connections == 0
    assert len(found(attempt).left_out) == 100


def test_what_is_out_of_scope_is_not_asked() -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    letter = Engagement("ST-1", "Inspektur", past, past, ("localhost",), (), "csirt@example.go.id")
    with raw_server(closes()) as server:
        attempt = visit(ports_evidence(server.port), door=Door(engagement=letter))
    assert server.connections == 0
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.OUT_OF_SCOPE


# ---------------------------------------------------------------- silent and hostile ones


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("behaviour", "protocol", "failure"),
    [
        (stays_silent(), "", "timeout"),
        (closes(), "", "reset"),
        (resets(after_request=False), "", "reset"),
        (answers(b"\x00\x01\x02" * 10), "", "protocol_broken"),
        (speaks_first(b"what do you want\r\n"), "", "protocol_broken"),
        (drips(b"HTTP/1.1 200 OK\r\n"), "http", None),
        (floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), "http", None),
        (speaks_first(b"\x1b]0;owned\x07\x1b[31mSSH" * 9 + b"\n"), "", "protocol_broken"),
        (speaks_first(b"A" * (READ_LIMIT + 5000)), "", "protocol_broken"),
        (speaks_first(b"SSH-2.0-" + b"x" * 400 + b"\x1b[2J\r\n"), "ssh", "timeout"),
    ],
    ids=[
        *("silent", "closes", "resets", "garbage", "unknown", "drips", "floods"),
        *("escapes", "long", "long ssh"),
    ],
)
def test_hostile_servers(behaviour: Behaviour, protocol: str, failure: str | None) -> None:
    with raw_server(behaviour) as server:
        told = heard_on(server.port)
    assert (told.protocol, told.failure) == (protocol, failure)
    assert len(told.banner) <= 200
    assert told.banner.isprintable()


def greets_by_drops(connection: socket.socket, server: RawServer) -> None:
    """A greeting that never ends."""
    while not server.stopped.wait(0.05):
        connection.sendall(b"x")


def test_a_greeting_without_end_is_cut() -> None:
    begun = time.monotonic()
    with raw_server(greets_by_drops) as server:
        told = heard_on(server.port)
    assert told.failure == "protocol_broken"
    assert set(told.banner) == {"x"}
    assert time.monotonic() - begun < 4


def test_a_port_that_is_closed_meanwhile() -> None:
    with dead_port() as dead:
        assert heard_on(dead).failure == "refused"


def test_silence_costs_no_more_than_the_time_allowed() -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(raw_server(stays_silent())) for _ in range(15)]
        ports = ports_evidence(*(server.port for server in servers))
        evidence = found(visit(ports, deadlines=Deadlines(ports=4)))
    asked = [one.port for one in evidence.services]
    assert {one.failure for one in evidence.services} == {"timeout"}
    assert sorted((*asked, *evidence.left_out)) == sorted(one.port for one in ports.open)
    assert evidence.left_out


def alerts(connection: socket.socket, _server: RawServer) -> None:
    """Refuse every handshake."""
    if connection.recv(4096):
        connection.sendall(b"\x15\x03\x01\x00\x02\x02\x28")


@pytest.mark.usefixtures("impatient")
def test_tls_that_cannot_be_learned_is_a_failure_and_no_absence() -> None:
    with raw_server(alerts) as server:
        told = heard_on(server.port)
        services = ServicesEvidence(LOOPBACK, datetime.now(UTC), (told,))
        outcome = ask("tls.other_ports", ports_evidence(server.port), services)
    assert told.protocol == "tls"
    assert outcome.reason == "tls_not_settled"


# ---------------------------------------------------------------- KEXINIT


def kexinit(*lists: bytes, message: int = 20, tail: bytes = bytes(5)) -> bytes:
    """A packet with the ten lists of a KEXINIT, the last ones empty."""
    payload = bytes([message]) + bytes(16)
    for number in range(10):
        names = lists[number] if number < len(lists) else b""
        payload += len(names).to_bytes(4) + names
    payload += tail
    padding = 4 + -(5 + len(payload) + 4) % 8
    return (1 + len(payload) + padding).to_bytes(4) + bytes([padding]) + payload + bytes(padding)


def test_the_lists_of_both_directions_are_put_together() -> None:
    lists = (b"k1,k2", b"h1", b"c1,c2", b"c2,c3", b"m1", b"m2", b"none", b"zlib")
    offer = read_offer(b"hello\r\n" + IDENTIFICATION + kexinit(*lists))
    assert offer == SshOffer(
        ("k1", "k2"), ("h1",), ("c1", "c2", "c3"), ("m1", "m2"), ("none", "zlib")
    )
    ignored = kexinit(message=2)
    assert read_offer(IDENTIFICATION + ignored + kexinit(*lists)) == offer


def test_more_is_waited_for_as_long_as_it_can_become_an_offer() -> None:
    whole = IDENTIFICATION + kexinit(b"k", b"h")
    for length in range(len(whole)):
        assert read_offer(whole[:length]) is None
    assert read_offer(whole)


@pytest.mark.parametrize(
    "packets",
    [
        b"\xff\xff\xff\xff\x04",
        b"\x00\x00\x00\x01\x04",
        (36_000).to_bytes(4) + b"\x04",
        kexinit(message=1),
        kexinit(b"," * 50),
        kexinit(b"x" * 65),
        kexinit(b"a,\x1b[31m"),
        kexinit(b",".join(b"name%d" % n for n in range(MOST_NAMES + 1))),
        kexinit(b"k", tail=bytes(4)),
        kexinit(b"k", tail=bytes(60)),
        kexinit(b"k").replace(b"\x00\x00\x00\x01k", b"\x7f\xff\xff\xffk"),
        kexinit(message=2) * 20,
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_what_is_no_kexinit_is_refused(packets: bytes) -> None:
    assert offer_settled(IDENTIFICATION + packets)
    with pytest.raises(BrokenOfferError):
        read_offer(IDENTIFICATION + packets)


def test_an_oversize_offer_on_the_wire() -> None:
    names = b",".join(b"algorithm-%d" % number for number in range(3000))
    packet = (60_000).to_bytes(4) + b"\x04" + kexinit(names)[5:]
    with raw_server(speaks_first(IDENTIFICATION + packet)) as server:
        told = heard_on(server.port)
    assert (told.protocol, told.ssh, told.failure) == ("ssh", None, "protocol_broken")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for start in (b"", IDENTIFICATION, IDENTIFICATION + kexinit(b"k")[:40], b"J\x00\x00\x00\x0a"):
        offer_settled(start + data)
        heard = recognise(start + data, 21)
        assert heard is None or heard.banner.isprintable()
        assert readable(start + data).isprintable()
        assert read_web(b"HTTP/1.0 200 OK\r\n" + data).banner.isprintable()


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("data", "protocol", "software", "version"),
    [
        (b"SSH-2.0-dropbear_2022.83\r\n", "ssh", "dropbear", "2022.83"),
        (b"SSH-2.0-Cisco-1.25\n", "ssh", "Cisco", "1.25"),
        (b"RFB 003.008\n", "vnc", "", ""),
        (b"@RSYNCD: 31.0 sha512\n", "rsync", "", ""),
        (b"\xff\xfd\x18\xff\xfd\x20", "telnet", "", ""),
        (b"AMQP\x00\x00\x09\x01", "amqp", "", ""),
        (b'INFO {"server_id":"x","version":"2.9.1"}\r\n', "nats", "NATS", "2.9.1"),
        (b"\x4a\x00\x00\x00\x0a8.0.36\x00" + bytes(20), "mysql", "MySQL", "8.0.36"),
        (b"\x5b\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB-0\x00", "mysql", "MariaDB", "10.11.6"),
        (b"\x45\x00\x00\x00\xff\x6a\x04Host 'x' may not use this MySQL server", "mysql", "", ""),
        (b"-DENIED Redis is running in protected mode\r\n", "redis", "Redis", ""),
        (b"-NOAUTH Authentication required.\r\n", "redis", "Redis", ""),
        (b"VERSION 1.6.18\r\n", "memcached", "Memcached", "1.6.18"),
        (bytes(36) + b"\x08ismaster\x00\x01", "mongodb", "MongoDB", ""),
        (b"E\x00\x00\x00\x60SFATAL\x00VFATAL\x00", "postgresql", "PostgreSQL", ""),
        (b"220 files FTP server (Version 6.4) ready\r\n", "ftp", "", ""),
        (b"220 10.0.0.5 Microsoft FTP Service 10.0.0.5\r\n", "ftp", "", ""),
    ],
)
def test_first_bytes_are_recognised(
    data: bytes, protocol: str, software: str, version: str
) -> None:
    heard = recognise(data, 40000)
    assert heard
    assert (heard.protocol, heard.software, heard.version) == (protocol, software, version)


@pytest.mark.parametrize("data", [b"", b"hello\r\n", b"N", bytes(50), b"HTTP", b"-ERR\r\n"])
def test_what_tells_nothing_is_nothing(data: bytes) -> None:
    assert recognise(data, 40000) is None


def test_an_https_port_that_says_so_is_no_http() -> None:
    said = b"HTTP/1.1 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port"
    assert recognise(said, 443) is None


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("nginx/1.22.1", ("nginx", "1.22.1")),
        ("HTTP/1.1 200 OK", ("", "")),
        ("Pure-FTPd ready at 10.1.2.3", ("", "")),
        ("Microsoft-IIS/10.0", ("Microsoft-IIS", "10.0")),
    ],
)
def test_products(text: str, product: tuple[str, str]) -> None:
    assert product_in(text) == product


@pytest.mark.parametrize(
    ("headers", "body", "software", "version"),
    [
        ("Server: Docker/20.10.5 (linux)", "", "Docker", "20.10.5"),
        ("X-Jenkins: 2.401.1", "", "Jenkins", "2.401.1"),
        ("", '{"etcdserver":"3.5.9","etcdcluster":"3.5.0"}', "etcd", "3.5.9"),
        ("", '"10.0.0.4:8300"', "Consul", ""),
        (
            "",
            '{"version":{"number":"8.1"},"tagline":"You Know, for Search"}',
            "Elasticsearch",
            "8.1",
        ),
        ("X-Influxdb-Version: v2.7.1", "", "InfluxDB", "2.7.1"),
        ("", '{"major":"1","gitVersion":"v1.28.2"}', "Kubernetes", "1.28.2"),
        ("Server: cpsrvd", "", "cPanel", ""),
        ("Server: Apache/2.4.57 (Debian)", "<title>Docker</title>", "Apache", "2.4.57"),
    ],
)
def test_programs_behind_http(headers: str, body: str, software: str, version: str) -> None:
    reply = f"HTTP/1.1 200 OK\r\nDate: x\r\n{headers}".strip() + f"\r\n\r\n{body}"
    program = read_web(reply.encode())
    assert (program.software, program.version) == (software, version)
