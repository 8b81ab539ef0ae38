"""STARTTLS at real servers, and what the probes and the check make of it."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome
from spbe_audit.evidence import FailureKind, PortsEvidence, ServicesEvidence, TlsVersion
from spbe_audit.network import Door
from spbe_audit.probes.services import port as services_port
from spbe_audit.probes.services.first_words import first_words
from spbe_audit.probes.services.heard import recognise
from spbe_audit.probes.services.probe import probe_services
from spbe_audit.probes.tls.contact import StarttlsDeclinedError
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.probes.tls.starttls.ldap import START_TLS
from spbe_audit.testing.cases import build_evidence
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.daemons import postgresql, vsftpd
from tests.servers.directory import slapd
from tests.servers.mail import dovecot, exim
from tests.servers.mariadb import mariadb
from tests.servers.prosody import prosody
from tests.servers.raw import RawServer, raw_server
from tests.servers.starttls import (
    FAREWELL,
    GOOD,
    LOOPBACK,
    STREAM_ERROR,
    STREAM_START,
    XMPP_FAILURE,
    begin,
    ldap_answer,
    plays,
)

PROTOCOLS = tuple(OPENINGS)
PROGRAMS: Mapping[str, str] = {
    "smtp": "/usr/sbin/exim4",
    "imap": "/usr/lib/dovecot/imap-login",
    "pop3": "/usr/lib/dovecot/pop3-login",
    "ftp": "/usr/sbin/vsftpd",
    "ldap": "/usr/sbin/slapd",
    "postgresql": "/usr/lib/postgresql",
    "mysql": "/usr/sbin/mariadbd",
    "xmpp": "/usr/bin/prosody",
    "xmpp-server": "/usr/bin/prosody",
}
"""Whose absence leaves out a protocol's tests with a real server."""
NAMES: Mapping[str, str] = {
    **{name: name.upper() for name in PROTOCOLS},
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "xmpp-server": "XMPP (server)",
}
"""How a sentence of the report calls the protocols."""
FTP_TLS = "ssl_enable=YES\nrsa_cert_file={}\nrsa_private_key_file={}"
S_CLIENT_NAMES = {"postgresql": "postgres"}
together = pytest.mark.xdist_group("daemons")


# ---------------------------------------------------------------- real servers


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(make_authority(), key="rsa2048")


Server = Callable[[Path, Identity | None], AbstractContextManager[int | tuple[int, int]]]


def ftp_server(directory: Path, identity: Identity | None) -> AbstractContextManager[int]:
    more = FTP_TLS.format(*identity.write(directory)) if identity else ""
    return vsftpd(directory, more)


SERVERS: Mapping[str, Server] = {
    "smtp": exim,
    "imap": lambda directory, identity: dovecot(directory, "imap", identity),
    "pop3": lambda directory, identity: dovecot(directory, "pop3", identity),
    "ftp": ftp_server,
    "ldap": slapd,
    "postgresql": postgresql,
    "mysql": mariadb,
    "xmpp": prosody,
}


def started(
    stack: ExitStack, folders: pytest.TempPathFactory, identity: Identity | None
) -> Mapping[str, int]:
    """The real servers that are installed, by protocol, and their ports."""
    ports: dict[str, int] = {}
    for protocol, server in SERVERS.items():
        if not Path(PROGRAMS[protocol]).exists():
            continue
        port = stack.enter_context(server(folders.mktemp(protocol), identity))
        if isinstance(port, tuple):
            ports[protocol], ports[f"{protocol}-server"] = port
        else:
            ports[protocol] = port
    return ports


@pytest.fixture(scope="module")
def secured(
    tmp_path_factory: pytest.TempPathFactory, identity: Identity
) -> Iterator[Mapping[str, int]]:
    with ExitStack() as stack:
        yield started(stack, tmp_path_factory, identity)


@pytest.fixture(scope="module")
def unsecured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, int]]:
    with ExitStack() as stack:
        yield started(stack, tmp_path_factory, None)


def port_of(protocol: str, ports: Mapping[str, int]) -> int:
    if protocol not in ports:
        pytest.skip(f"{PROGRAMS[protocol]} is not installed")
    return ports[protocol]


@together
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_real_server(protocol: str, secured: Mapping[str, int], identity: Identity) -> None:
    port = port_of(protocol, secured)
    assert begin(protocol, port) == identity.der
    assert leaf_of_s_client(protocol, port) == identity.der


def leaf_of_s_client(protocol: str, port: int) -> bytes:
    """What OpenSSL's own client is shown by the same server."""
    name = S_CLIENT_NAMES.get(protocol, protocol)
    command = ["openssl", "s_client", "-starttls", name, "-connect", f"{LOOPBACK}:{port}"]
    if protocol.startswith("xmpp"):
        command += ["-xmpphost", LOOPBACK]
    told = subprocess.run(command, input=b"", capture_output=True, check=False, timeout=10)
    found = re.search(r"-----BEGIN.*?-----END CERTIFICATE-----\n", told.stdout.decode(), re.DOTALL)
    return ssl.PEM_cert_to_DER_cert(found[0]) if found else b""


@together
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_real_server_without_tls(protocol: str, unsecured: Mapping[str, int]) -> None:
    outcome = begin(protocol, port_of(protocol, unsecured))
    assert isinstance(outcome, StarttlsDeclinedError), outcome
    assert re.search("not offered|refused", str(outcome))


# ---------------------------------------------------------------- the probes


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a second for servers that keep silent until they hear their own protocol."""
    monkeypatch.setattr(services_port, "LISTEN", 1.0)
    monkeypatch.setattr(services_port, "REPLY", 1.0)


def heard_on(*ports: int) -> ServicesEvidence:
    """One visit of the services probe to ports of loopback."""
    told = {"address": LOOPBACK, "open": list(ports), "declared": []}
    evidence = build_evidence("ports", told)
    assert isinstance(evidence, PortsEvidence)
    visit = probe_services(host=LOOPBACK, ports=evidence, own_ports=frozenset(), door=Door())
    result = asyncio.run(visit).result
    assert isinstance(result, ServicesEvidence), result
    return result


def judged(services: ServicesEvidence) -> Outcome:
    rule = load_check("tls.other_ports").check
    return rule.run((services,), rule.params_type())


@together
@pytest.mark.usefixtures("impatient")
def test_the_probes_see_what_the_servers_offer(
    secured: Mapping[str, int], identity: Identity
) -> None:
    services = heard_on(*secured.values())
    for protocol, port in secured.items():
        told = services.on(port)
        assert told, protocol
        assert (told.protocol, told.starttls, told.failure) == (protocol, True, None)
        assert told.tls, protocol
        assert told.tls.starttls == protocol
        assert {TlsVersion.TLS_1_2, TlsVersion.TLS_1_3} <= set(told.tls.versions), protocol
        assert {chain.certificates[0] for chain in told.tls.chains} == {identity.der}, protocol
    outcome = judged(services)
    told_of: Any = outcome.facts.get("faulty", outcome.facts.get("starttls"))
    names = {one["port"]: one["protocol"] for one in told_of}
    assert names
    assert names == {port: NAMES[one] for one, port in secured.items() if port in names}


@together
@pytest.mark.usefixtures("impatient")
def test_the_probes_see_that_nothing_is_offered(unsecured: Mapping[str, int]) -> None:
    services = heard_on(*unsecured.values())
    for protocol, port in unsecured.items():
        told = services.on(port)
        assert told, protocol
        assert (told.protocol, told.starttls, told.tls) == (protocol, False, None)
    assert judged(services).reason == "no_other_tls"


@pytest.mark.parametrize(
    ("protocol", "go_ahead", "failure"),
    [
        ("smtp", b"454 not now\r\n", FailureKind.TLS_REFUSED),
        ("smtp", b"220 go\r\ninjected", FailureKind.TLS_REFUSED),
        ("smtp", b"421 too many\r\n", FailureKind.RESET),
        ("smtp", b"220 go\r\n", FailureKind.PROTOCOL_BROKEN),
        ("xmpp", XMPP_FAILURE, FailureKind.TLS_REFUSED),
    ],
)
def test_an_offer_that_comes_to_nothing(
    protocol: str, go_ahead: bytes, failure: FailureKind
) -> None:
    *before, _ = GOOD[protocol]
    with raw_server(plays([*before, go_ahead], hears_out)) as server:
        probe = probe_tls(
            host=LOOPBACK, port=server.port, address=LOOPBACK, door=Door(), starttls=protocol
        )
        attempt = asyncio.run(probe)
    assert attempt.failure
    assert attempt.failure.kind is failure, attempt.failure


def hears_out(connection: socket.socket, _server: RawServer) -> None:
    connection.recv(4096)


@pytest.mark.parametrize(
    ("port", "message"),
    [(389, START_TLS), (3268, START_TLS), (5222, b"jabber:client"), (5269, b"jabber:server")],
)
def test_the_first_word_on_a_port_of_its_own(port: int, message: bytes) -> None:
    first, *others = first_words(port, LOOPBACK, "test")
    assert message in first.message
    assert message not in b"".join(one.message for one in others)


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        (ldap_answer(0), "ldap"),
        (ldap_answer(2, number=0, name=FAREWELL, long=True), "ldap"),
        (ldap_answer(0) + b"more", "ldap"),
        (ldap_answer(0)[:-1], None),
        (b"\x30\x03\x02\x01\x01", None),
        (STREAM_START + STREAM_ERROR, "xmpp"),
        (STREAM_START.replace(b"client", b"server"), "xmpp-server"),
        (STREAM_START.replace(b"client", b"other"), None),
        (b"<?xml version='1.0'?><html/>", None),
    ],
)
def test_what_refuses_another_protocol_is_known(data: bytes, protocol: str | None) -> None:
    heard = recognise(data, 40000)
    assert (heard.protocol if heard else None) == protocol


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("reply", "starttls"),
    [(ldap_answer(0), "yes"), (ldap_answer(2), "no"), (ldap_answer(51), ""), (b"", "")],
)
def test_ldap_that_was_found_by_its_farewell_is_asked_again(reply: bytes, starttls: str) -> None:
    """It hangs up on a ClientHello with a farewell."""

    def behave(connection: socket.socket, _server: RawServer) -> None:
        if connection.recv(4096) == START_TLS:
            connection.sendall(reply)
        else:
            connection.sendall(ldap_answer(2, number=0, name=FAREWELL))

    with raw_server(behave) as server:
        (told,) = heard_on(server.port).services
    assert (told.protocol, told.starttls) == ("ldap", {"yes": True, "no": False}.get(starttls))
    outcome = judged(ServicesEvidence(LOOPBACK, datetime.now(UTC), (told,)))
    assert outcome.reason == ("tls_not_settled" if starttls == "yes" else "no_other_tls")
