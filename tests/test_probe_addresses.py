"""The addresses probe against real servers: every address once, and never more than is needed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome
from spbe_audit.evidence import (
    AddressesEvidence,
    Attempt,
    FailureKind,
    NameKind,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door, NameNotFoundError, NameServerFailedError
from spbe_audit.probes.addresses import ADDRESSES_LIMIT, probe_addresses, twin_name
from spbe_audit.probes.name_kind import name_kind
from spbe_audit.scanner import worth_confirming
from spbe_audit.targets import Engagement, Service
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import answers, page, raw_server, redirect

NAME = "layanan.test"
TWIN = f"www.{NAME}"
PATIENT = Deadlines(connect=5, exchange=5, http=20)
HASTY = Deadlines(connect=1, exchange=1, http=4)
PORTAL = "default_type text/html; return 200 '<html><title>Portal</title>';"
WEB = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
ssl_protocols TLSv1.2 TLSv1.3;
server {
  listen 127.0.0.1:PORT_0 ssl;
  listen 127.0.0.2:PORT_0 ssl;
  listen [::1]:PORT_0 ssl;
  server_name layanan.test;
  PORTAL
}
server {
  listen 127.0.0.3:PORT_0 ssl;
  server_name layanan.test;
  ssl_certificate DIRECTORY/old.pem;
  ssl_certificate_key DIRECTORY/old.key;
  ssl_conf_command MaxProtocol TLSv1.2;
  default_type text/html;
  return 200 '<html><TITLE>Welcome to nginx!</TITLE>';
}
server {
  listen 127.0.0.4:PORT_0 ssl;
  listen [::1]:PORT_0 ssl;
  server_name www.layanan.test;
  return 301 https://layanan.test$request_uri?token=rahasia#top;
}
server {
  listen 127.0.0.5:PORT_0 ssl;
  server_name www.layanan.test;
  return 301 https://toko.test/;
}
"""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    directory = tmp_path_factory.mktemp("nginx")
    authority = make_authority()
    make_leaf(authority, (NAME,)).write(directory, "old")
    identity: Identity = make_leaf(authority, (NAME, TWIN))
    with nginx(directory, WEB.replace("PORTAL", PORTAL), identity=identity) as server:
        yield server


def service(port: int, host: str = NAME, scheme: str = "https") -> Service:
    url = f"{scheme}://{host}:{port}/"
    return Service(id="portal", name="Portal", url=url, display_url=url, agency="a")


def door(deadlines: Deadlines = PATIENT, **hosts: tuple[str, ...]) -> Door:
    """A door that knows NAME (as ``own``) and its twin."""
    names = {"own": NAME, "twin": TWIN}
    return Door(deadlines=deadlines, hosts={names[key]: hosts[key] for key in hosts})


def probe(asked: Service, through: Door) -> Attempt:
    attempt = asyncio.run(probe_addresses(asked, door=through))
    assert attempt.connections == sum(through.footprint().values())
    again = attempt_from_json(canonical_json(attempt_to_json(attempt)))
    assert attempt_to_json(again) == attempt_to_json(attempt)
    return attempt


def evidence(attempt: Attempt) -> AddressesEvidence:
    assert isinstance(attempt.result, AddressesEvidence), attempt.result
    return attempt.result


def judge(check_id: str, found: AddressesEvidence) -> Outcome:
    check = load_check(check_id).check
    return check.run((found,), check.params_type())


def verdicts(found: AddressesEvidence) -> tuple[str, str]:
    consistency = judge("tls.address_consistency", found)
    parity = judge("http.address_parity", found)
    return consistency.verdict.value, parity.verdict.value


# --- what the addresses answer


def test_two_addresses_and_a_twin_that_leads_home(web: Nginx) -> None:
    through = door(own=("127.0.0.2", "::1"), twin=("127.0.0.4",))
    attempt = probe(service(web.ports[0]), through)
    found = evidence(attempt)
    assert attempt.connections == 3
    assert not worth_confirming(attempt)
    first, second, twin = found.answers
    assert first.tls.startswith("TLS 1.3 TLS_")
    assert len(first.certificate) == 64
    assert (first.status, first.title) == (200, "Portal")
    assert first.server.startswith("nginx")
    assert replace(second, address=first.address) == first
    assert (twin.host, twin.status, twin.title) == (TWIN, 301, "301 Moved Permanently")
    assert twin.location == f"https://{NAME}/", "no query is kept"
    assert (found.twin, found.left_out) == (TWIN, ())
    assert verdicts(found) == ("pass", "pass")


def test_one_address_that_lags_behind(web: Nginx) -> None:
    found = evidence(
        probe(service(web.ports[0]), door(own=("127.0.0.2", "127.0.0.3"), twin=("127.0.0.4",)))
    )
    assert [answer.title for answer in found.own_answers] == ["Portal", "Welcome to nginx!"]
    assert verdicts(found) == ("fail", "fail")
    facts = judge("tls.address_consistency", found).facts
    assert facts["problems"] == ("tls", "certificate")
    assert judge("http.address_parity", found).facts["problems"] == ("addresses_differ",)


def test_a_twin_that_leads_to_a_stranger(web: Nginx) -> None:
    found = evidence(probe(service(web.ports[0]), door(own=("127.0.0.2",), twin=("127.0.0.5",))))
    assert verdicts(found) == ("not_applicable", "fail")
    assert judge("http.address_parity", found).facts["problems"] == ("twin_differs",)


def test_a_service_that_is_known_by_its_www_name(web: Nginx) -> None:
    hosts = {TWIN: ("127.0.0.4",), NAME: ("127.0.0.2", "127.0.0.3", "::1")}
    found = evidence(
        probe(service(web.ports[0], TWIN), Door(deadlines=PATIENT, hosts=hosts)),
    )
    assert found.twin == NAME
    asked = [(answer.host, answer.address) for answer in found.answers]
    assert asked == [(TWIN, "127.0.0.4"), (NAME, "127.0.0.2"), (NAME, "::1")]
    assert verdicts(found) == ("not_applicable", "pass")


def test_an_address_that_refuses(web: Nginx) -> None:
    attempt = probe(service(web.ports[0]), door(own=("127.0.0.2", "127.0.0.9")))
    found = evidence(attempt)
    assert [answer.failure for answer in found.answers] == [None, "refused"]
    assert worth_confirming(attempt)
    assert verdicts(found) == ("fail", "fail")


def test_an_address_that_accepts_and_says_nothing(web: Nginx) -> None:
    with socket.create_server(("127.0.0.6", web.ports[0])):
        found = evidence(probe(service(web.ports[0]), door(HASTY, own=("127.0.0.2", "127.0.0.6"))))
    silent = found.answers[1]
    assert (silent.failure, silent.tls, silent.certificate) == ("timeout", "", "")
    assert verdicts(found) == ("unknown", "unknown")
    assert judge("http.address_parity", found).reason == "timeout"


def test_when_nothing_answers_the_attempt_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        attempt = probe(service(port), door(own=("127.0.0.2", "127.0.0.3")))
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.REFUSED
    assert worth_confirming(attempt)


def test_without_tls_and_with_hostile_answers() -> None:
    title = "<TITLE>A&#27;[31m" + "x" * 5000 + "</TITLE>"
    replies = (
        page(title.encode(), "Content-Type: text/html", "Server: a\x07b" + "c" * 999),
        redirect("https://[bad"),
    )
    with raw_server(answers(*replies)) as server:
        hosts = {NAME: ("127.0.0.1",), TWIN: ("127.0.0.1",)}
        found = evidence(
            probe(service(server.port, scheme="http"), Door(deadlines=PATIENT, hosts=hosts))
        )
        requests = sorted(request.split(b"\r\n")[1] for request in server.requests)
    assert requests == [f"Host: {name}:{server.port}".encode() for name in (NAME, TWIN)]
    told = sorted(found.answers, key=lambda answer: answer.status or 0)
    assert "\x1b" not in told[0].title
    assert "\x07" not in told[0].server
    assert len(told[0].title) <= 200
    assert len(told[0].server) <= 200
    assert (told[1].status, told[1].location) == (302, "")
    assert [answer.tls for answer in told] == ["", ""]


def test_what_has_no_route_from_here_is_not_tried_again(web: Nginx) -> None:
    attempt = probe(service(web.ports[0]), door(own=("127.0.0.2", "127.0.0.9")))
    found = evidence(attempt)
    far = replace(found.answers[1], failure=FailureKind.UNREACHABLE.value)
    assert worth_confirming(attempt)
    told = replace(found, answers=(found.answers[0], far))
    assert not worth_confirming(replace(attempt, result=told))
    assert verdicts(told) == ("unknown", "unknown")


# --- what is asked, and what is not


def test_one_address_and_no_twin_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolver(monkeypatch, AssertionError("nobody may be asked"))
    for host in ("127.0.0.1", NAME):
        hosts = {NAME: ("127.0.0.1",)}
        attempt = probe(service(1, host), Door(deadlines=PATIENT, hosts=hosts))
        found = evidence(attempt)
        assert (found.answers, found.twin, attempt.connections) == ((), "", 0)
        assert not worth_confirming(attempt)
        assert verdicts(found) == ("not_applicable", "not_applicable")


def test_not_more_addresses_than_the_limit_are_asked(web: Nginx) -> None:
    own = tuple(f"127.0.0.{number}" for number in range(20, 20 + ADDRESSES_LIMIT + 2))
    found = evidence(probe(service(web.ports[0]), door(own=("::1", *own))))
    assert len(found.answers) == ADDRESSES_LIMIT
    assert found.left_out == own[ADDRESSES_LIMIT - 1 :]


def test_an_address_out_of_scope_is_left_out(web: Nginx) -> None:
    through = door(own=("127.0.0.2", "203.0.113.9", "::1"), twin=("203.0.113.9",))
    found = evidence(probe(service(web.ports[0]), through))
    assert [answer.address for answer in found.answers] == ["127.0.0.2", "::1"]
    assert (found.left_out, found.twin) == (("203.0.113.9",), "")
    assert "203.0.113.9" not in through.footprint()


def test_a_service_out_of_scope_is_not_asked() -> None:
    attempt = probe(service(443), door(own=("203.0.113.9", "203.0.113.10")))
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.OUT_OF_SCOPE


HOST = "layanan.babelprov.go.id"
CASES = [
    (NameNotFoundError("no"), ("*.babelprov.go.id",), "", [], "not_applicable"),
    (NameServerFailedError("no"), (HOST,), "", [], "not_applicable"),
    (
        NameServerFailedError("no"),
        ("*.babelprov.go.id",),
        f"www.{HOST}",
        ["name_server_failed"],
        "unknown",
    ),
]


@pytest.mark.parametrize(
    ("error", "scope", "twin", "failures", "verdict"),
    CASES,
    ids=["no such name", "out of scope", "no answer"],
)
def test_a_twin_that_is_not_to_be_had(
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    scope: tuple[str, ...],
    twin: str,
    failures: list[str],
    verdict: str,
) -> None:
    asked = _resolver(monkeypatch, error)
    now = datetime.now(UTC)
    engagement = Engagement(
        letter="ST-1",
        issued_by="Inspektur",
        valid_from=now - timedelta(days=1),
        valid_until=now + timedelta(days=1),
        names=scope,
        networks=(ip_network("127.0.0.0/8"),),
        contact="a@example.go.id",
    )
    through = Door(engagement=engagement, deadlines=PATIENT, hosts={HOST: ("127.0.0.1",)})
    attempt = probe(service(443, HOST), through)
    found = evidence(attempt)
    assert asked == ([f"www.{HOST}"] if scope != (HOST,) else [])
    assert (found.twin, attempt.connections) == (twin, 0)
    assert [answer.failure for answer in found.answers] == failures
    assert judge("http.address_parity", found).verdict.value == verdict


def _resolver(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    """Put a resolver in the place of the system's that notes who is asked for, and fails."""
    asked: list[str] = []

    async def fail(host: str, _threads: object) -> tuple[str, ...]:
        asked.append(host)
        raise error

    monkeypatch.setattr("spbe_audit.network._system_resolve", fail)
    return asked


@pytest.mark.parametrize(
    ("host", "twin"),
    [
        ("example.go.id", "www.example.go.id"),
        ("www.example.go.id", "example.go.id"),
        ("www2.example.go.id", "www.www2.example.go.id"),
        ("127.0.0.1", ""),
        ("::1", ""),
    ],
)
def test_the_twin_of_a_name(host: str, twin: str) -> None:
    assert twin_name(host) == twin


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("portal.example.go.id", NameKind.DOMAIN),
        ("PORTAL.localhost.", NameKind.SPECIAL_USE),
        ("portal", NameKind.SPECIAL_USE),
        ("a.home.arpa", NameKind.SPECIAL_USE),
        ("local.go.id", NameKind.DOMAIN),
        ("10.0.0.1", NameKind.ADDRESS),
        ("::ffff:10.0.0.1", NameKind.ADDRESS),
    ],
)
def test_the_kinds_of_hosts(host: str, kind: NameKind) -> None:
    assert name_kind(host) is kind
