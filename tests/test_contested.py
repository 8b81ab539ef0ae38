"""Contested cases: what answers in a service's place is recognised before its page is judged."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from spbe_audit.catalogue import load_catalogue
from spbe_audit.check import About, Verdict
from spbe_audit.contested import recognise
from spbe_audit.evaluation import evaluate_service
from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Evidence,
    Failure,
    FailureKind,
    Probe,
    Tool,
)
from spbe_audit.finding import Finding
from spbe_audit.network import Door
from spbe_audit.policy import load_policy
from spbe_audit.probes.http import probe_http
from spbe_audit.recorded_run import RecordedAttempt, ServiceEvidence
from spbe_audit.targets import Service
from spbe_audit.testing.cases import build_evidence
from tests.servers.certificates import Identity, make_leaf
from tests.servers.nginx import Nginx, nginx

ROOT = Path(__file__).parent.parent
START = datetime(2026, 1, 15, tzinfo=UTC)
URL = "https://portal.example.go.id/"
CODES = {
    "blocked_page",
    "client_certificate_required",
    "ipv6_only",
    "maintenance_page",
    "parked_page",
    "wildcard_ghost",
}

Result = Evidence | Failure


def _service(url: str = URL) -> Service:
    return Service("portal", "Portal", url, url, "dinas")


def _attempt(probe: Probe, result: Result) -> Attempt:
    endpoint = Endpoint(key="k", host="portal.example.go.id")
    return Attempt(probe, endpoint, START, 0.1, Tool("t", "1"), result)


def _recorded(*attempts: Attempt) -> ServiceEvidence:
    by_probe: dict[Probe, tuple[RecordedAttempt, ...]] = {}
    for attempt in attempts:
        earlier = by_probe.get(attempt.probe, ())
        digest = f"{attempt.probe}-{len(earlier) + 1}"
        by_probe[attempt.probe] = (*earlier, RecordedAttempt(attempt, digest))
    return ServiceEvidence(_service(), by_probe)


def _failed(probe: Probe, kind: FailureKind) -> Attempt:
    return _attempt(probe, Failure(kind, "no"))


def _built(probe: Probe, overrides: Mapping[str, Any]) -> Attempt:
    return _attempt(probe, build_evidence(probe.value, overrides))


def _code(*attempts: Attempt) -> str | None:
    contest = recognise(_recorded(*attempts))
    return contest.code if contest else None


# --- by the front page

FRONTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "an ordinary page": ({}, None),
    "an ordinary 404": ({"status": 404}, None),
    "a welcome page is judged as it is": ({"page": {"marks": ["default.nginx"]}}, None),
    "a page that leaks is judged as it is": ({"page": {"marks": ["stack_trace.php"]}}, None),
    "an ordinary 403": ({"status": 403}, None),
    "an ordinary 503": ({"status": 503}, None),
    "a firewall's 403": ({"status": 403, "page": {"marks": ["block.f5"]}}, "blocked_page"),
    "a firewall's 200": ({"page": {"marks": ["block.f5"]}}, "blocked_page"),
    "a block page's words on a 404": ({"status": 404, "page": {"marks": ["block.f5"]}}, None),
    "are you human": ({"status": 429, "page": {"marks": ["captcha"]}}, "blocked_page"),
    "503 and when to come back": (
        {"status": 503, "headers": {"Retry-After": "3600"}},
        "maintenance_page",
    ),
    "200 and when to come back": ({"headers": {"Retry-After": "3600"}}, None),
    "under maintenance with 200": ({"page": {"marks": ["maintenance"]}}, "maintenance_page"),
    "a parked name": ({"page": {"marks": ["parked"]}}, "parked_page"),
    "no client certificate": (
        {"status": 400, "page": {"marks": ["client_certificate_required"]}},
        "client_certificate_required",
    ),
    "a firewall's page under maintenance": (
        {"status": 503, "page": {"marks": ["block.f5", "maintenance"]}},
        "blocked_page",
    ),
    "a redirect to elsewhere": (
        {"status": 302, "location": "https://login.example.go.id/"},
        None,
    ),
}


@pytest.mark.parametrize(("overrides", "code"), FRONTS.values(), ids=FRONTS)
def test_what_the_front_page_shows(overrides: dict[str, Any], code: str | None) -> None:
    assert _code(_built(Probe.HTTP, overrides)) == code


def test_the_newest_visit_decides() -> None:
    under_maintenance = _built(Probe.HTTP, {"page": {"marks": ["maintenance"]}})
    healthy = _built(Probe.HTTP, {})
    assert _code(under_maintenance, healthy) is None
    assert _code(healthy, under_maintenance) == "maintenance_page"
    assert _code(under_maintenance, _failed(Probe.HTTP, FailureKind.TIMEOUT)) == "maintenance_page"


# --- by what several probes show


@pytest.mark.parametrize(
    ("asked", "failure", "code"),
    [
        (True, "tls_refused", "client_certificate_required"),
        (True, "reset", "client_certificate_required"),
        (True, "timeout", None),
        (False, "tls_refused", None),
        (None, "tls_refused", None),
    ],
)
def test_a_server_that_hangs_up_on_those_without_a_certificate(
    asked: bool | None,  # noqa: FBT001 - a column of the table
    failure: str,
    code: str | None,
) -> None:
    tls = _built(Probe.TLS, {"client_certificate_asked": asked})
    assert _code(tls, _failed(Probe.HTTP, FailureKind(failure))) == code
    beside_http = _built(Probe.HTTP, {"failure": failure, "plain": {"status": 404}})
    assert _code(tls, beside_http) == code


def test_a_certificate_that_is_only_asked_for_is_no_contest() -> None:
    tls = _built(Probe.TLS, {"client_certificate_asked": True})
    assert _code(tls, _built(Probe.HTTP, {})) is None


@pytest.mark.parametrize(
    ("wildcard", "overrides", "code"),
    [
        (True, {"status": 404}, "wildcard_ghost"),
        (True, {"page": {"marks": ["default.apache_debian"]}}, "wildcard_ghost"),
        (True, {}, None),
        (True, {"status": 403}, None),
        (False, {"status": 404}, None),
        (None, {"status": 404}, None),
    ],
)
def test_a_name_that_lives_by_a_wildcard_alone(
    wildcard: bool | None,  # noqa: FBT001 - a column of the table
    overrides: dict[str, Any],
    code: str | None,
) -> None:
    dns = _built(Probe.DNS, {"wildcard": wildcard})
    assert _code(dns, _built(Probe.HTTP, overrides)) == code


@pytest.mark.parametrize(
    ("addresses", "http", "tls", "code"),
    [
        (["2001:db8::1"], "unreachable", "unreachable", "ipv6_only"),
        (["2001:db8::1"], "timeout", "unreachable", "ipv6_only"),
        (["2001:db8::1"], "refused", "unreachable", None),
        (["2001:db8::1", "203.0.113.1"], "unreachable", "unreachable", None),
        ([], "unreachable", "unreachable", None),
    ],
)
def test_a_host_of_the_other_internet(
    addresses: list[str], http: str, tls: str, code: str | None
) -> None:
    dns = _built(Probe.DNS, {"addresses": addresses})
    failures = (
        _failed(Probe.HTTP, FailureKind(http)),
        _failed(Probe.TLS, FailureKind(tls)),
    )
    assert _code(dns, *failures) == code
    assert _code(dns) is None
    assert _code(*failures) is None
    assert _code(dns, _built(Probe.HTTP, {}), failures[1]) is None


# --- what is made of them


def _findings(*attempts: Attempt) -> dict[str, Finding]:
    catalogue = load_catalogue()
    found = evaluate_service(
        _recorded(*attempts), load_policy("spbe", catalogue=catalogue), catalogue
    )
    return {finding.check: finding for finding in found}


def _about() -> dict[str, About]:
    return {entry.check.id: entry.check.about for entry in load_catalogue()}


def test_the_page_is_not_judged_and_the_server_is() -> None:
    blocked = {
        "status": 403,
        "headers": {"Server": "nginx/1.18.0", "X-Frame-Options": None},
        "page": {"marks": ["block.f5"], "title": "Request Rejected"},
    }
    tls = _built(Probe.TLS, {"versions": ["TLS 1.0", "TLS 1.2"]})
    found = _findings(_built(Probe.HTTP, blocked), tls)
    about = _about()
    pages = [one for check, one in found.items() if about[check] is About.PAGE]
    assert len(pages) > 10
    assert {(one.verdict, one.reason) for one in pages} == {(Verdict.UNKNOWN, "blocked_page")}
    assert {one.evidence for one in pages} == {("http-1",)}
    assert found["http.csp"].facts["marks"] == ("block.f5",)
    assert found["http.csp"].facts["status"] == 403
    servers = [one for check, one in found.items() if about[check] is About.SERVER]
    assert "blocked_page" not in {one.reason for one in servers}
    assert found["tls.protocol_versions"].verdict is Verdict.FAIL
    assert found["http.version_disclosure"].verdict is Verdict.FAIL


def test_a_host_that_cannot_be_reached_is_unknown_for_one_reason() -> None:
    dns = _built(Probe.DNS, {"addresses": ["2001:db8::1"]})
    lost = [_failed(probe, FailureKind.UNREACHABLE) for probe in (Probe.HTTP, Probe.TLS)]
    found = _findings(dns, *lost, _failed(Probe.PORTS, FailureKind.UNREACHABLE))
    reasons = {one.reason for check, one in found.items() if not check.startswith("dns.")}
    assert reasons == {"ipv6_only"}
    assert found["dns.resolves"].verdict is Verdict.PASS


def test_a_site_for_holders_of_certificates_has_no_page_for_the_public() -> None:
    tls = _built(Probe.TLS, {"client_certificate_asked": True})
    found = _findings(tls, _failed(Probe.HTTP, FailureKind.TLS_REFUSED))
    for check in ("http.https_available", "http.csp", "http.hsts"):
        assert found[check].verdict is Verdict.NOT_APPLICABLE
        assert found[check].reason == "client_certificate_required"
    assert found["http.redirect_chain"].reason == "tls_refused"
    assert found["tls.offered"].verdict is Verdict.PASS


def test_every_contest_has_words_that_say_what_to_do() -> None:
    reasons = yaml.safe_load((ROOT / "report_templates" / "reasons.yaml").read_text("utf-8"))
    for code in CODES:
        for language in ("id", "en"):
            assert len(reasons[code][language].split(".")) > 2, (code, language)
            assert "{" not in reasons[code][language]
    documented = (ROOT / "docs" / "contested-cases.md").read_text("utf-8")
    assert all(f"`{code}`" in documented for code in {*CODES, "all_ports_open"})


# --- real servers

SITES = """
server {
  listen 127.0.0.1:PORT_0 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  ssl_client_certificate CERTIFICATE; ssl_verify_client on; return 200 "in";
}
server {
  listen 127.0.0.1:PORT_1 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  default_type text/html; add_header Retry-After 3600 always;
  return 503 "<title>Portal</title><p>Sebentar.</p>";
}
server {
  listen 127.0.0.1:PORT_2 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  default_type text/html;
  return 403 "<title>Request Rejected</title>The requested URL was rejected. Please consult with
    your administrator.<br><br>Your support ID is: 1234567890123456789";
}
server {
  listen 127.0.0.1:PORT_3 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  root /usr/share/nginx/html;
}
server {
  listen 127.0.0.1:PORT_4 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  default_type text/html;
  return 200 "<title>Portal</title><h1>Mohon maaf, layanan sedang dalam pemeliharaan</h1>";
}
server {
  listen 127.0.0.1:PORT_5 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  return 503;
}
"""


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(None, ("site.test",))


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("sites"), SITES, ports=6, identity=identity) as server:
        yield server


def _probed(port: int) -> Attempt:
    door = Door(hosts={"site.test": ("127.0.0.1",)})
    service = _service(f"https://site.test:{port}/")
    return asyncio.run(probe_http(service, door=door, secret=b"key"))


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (0, "client_certificate_required"),
        (1, "maintenance_page"),
        (2, "blocked_page"),
        (3, None),
        (4, "maintenance_page"),
        (5, None),
    ],
    ids=["client certificate", "503 for a while", "firewall", "welcome", "200 for a while", "503"],
)
def test_nginx(sites: Nginx, number: int, code: str | None) -> None:
    attempt = _probed(sites.ports[number])
    assert attempt.failure is None
    assert _code(attempt) == code
    available = _findings(attempt)["http.https_available"]
    assert (available.verdict is Verdict.FAIL) is (number == 5)
    assert available.reason == code


def test_openssl_that_wants_a_certificate(tmp_path: Path, identity: Identity) -> None:
    """It ends the connection with an alert, so that there is no page to read a mark from."""
    certificate, key = identity.write(tmp_path)
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-Verify", "1"]
    command += ["-cert", str(certificate), "-key", str(key), "-verify_return_error"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            assert server.stdout is not None
            accepting = next(line for line in server.stdout if line.startswith(b"ACCEPT 127"))
            http = _probed(int(accepting.rpartition(b":")[2]))
        finally:
            server.terminate()
    assert http.failure is not None
    tls = _built(Probe.TLS, {"client_certificate_asked": True})
    assert _code(tls, http) == "client_certificate_required"
    assert _code(http) is None
