"""A real nginx sends each fault of headers and cookies; the checks name it, and it alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome, Verdict
from spbe_audit.evidence import HttpEvidence
from spbe_audit.network import Door
from spbe_audit.probes.http import probe_http
from spbe_audit.probes.redaction import kept_cookies
from spbe_audit.targets import Service
from tests.servers.certificates import make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import answers, raw_server

CHECKS = (
    "http.hsts_preload",
    "http.csp_script_sources",
    "http.csp_hardening",
    "http.permissions_policy",
    "http.cross_origin_policies",
    "http.obsolete_headers",
    "http.content_type",
    "http.clock",
    "cookie.scope",
    "cookie.lifetime",
    "cookie.internal_leak",
)
GOOD = (
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    (
        "Content-Security-Policy",
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'",
    ),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    ("Set-Cookie", "__Host-sesi=0123456789abcdef; Path=/; Secure; HttpOnly; SameSite=Lax"),
)


@dataclass(frozen=True)
class Fault:
    """What a path sends instead of the good headers, and what must then fail."""

    check: str
    headers: tuple[tuple[str, str], ...]
    problems: tuple[str, ...] = ()
    content_type: str = "text/html; charset=utf-8"


def _csp(*policies: str) -> tuple[tuple[str, str], ...]:
    return tuple(("Content-Security-Policy", policy) for policy in policies)


REST = "object-src 'none'; base-uri 'none'; form-action 'self'"
FAULTS = {
    "inline": Fault(
        "http.csp_script_sources", _csp(f"script-src 'self' 'unsafe-inline'; {REST}"), ("inline",)
    ),
    "any-host-twice": Fault(
        "http.csp_script_sources",
        _csp(f"script-src *; {REST}", "script-src http: 'self'"),
        ("any_host", "unwanted_source"),
    ),
    "forms": Fault("http.csp_hardening", _csp("default-src 'none'; base-uri 'none'")),
    "old-syntax": Fault(
        "http.permissions_policy", (("Permissions-Policy", "camera 'none'"),), ("bad_syntax",)
    ),
    "open-camera": Fault(
        "http.permissions_policy",
        (("Permissions-Policy", "camera=*, microphone=(), geolocation=()"),),
        ("open_to_all",),
    ),
    "preload": Fault(
        "http.hsts_preload",
        (("Strict-Transport-Security", "max-age=31536000; preload"),),
        ("no_subdomains",),
    ),
    "opener": Fault(
        "http.cross_origin_policies",
        (("Cross-Origin-Opener-Policy", "same-site"),),
        ("unrecognised",),
    ),
    "filter": Fault(
        "http.obsolete_headers", (("X-XSS-Protection", "1; mode=block"),), ("obsolete",)
    ),
    "twice": Fault(
        "http.obsolete_headers",
        (("X-Frame-Options", "DENY"), ("X-Frame-Options", "SAMEORIGIN")),
        ("conflicting",),
    ),
    "no-charset": Fault("http.content_type", (), ("no_charset",), content_type="text/html"),
    "wide-cookie": Fault(
        "cookie.scope",
        (("Set-Cookie", "bahasa=id; Domain=example.go.id; Secure"),),
        ("shared_domain",),
    ),
    "false-prefix": Fault(
        "cookie.scope", (("Set-Cookie", "__Host-a=1; Secure; Path=/app"),), ("host_prefix",)
    ),
    "lasting": Fault("cookie.lifetime", (("Set-Cookie", "sid=1; Secure; Max-Age=2592000"),)),
    "balancer": Fault(
        "cookie.internal_leak",
        (("Set-Cookie", "rute=1677787402.36895.0000; Secure; Path=/"),),
        ("inner_address",),
    ),
    "framework": Fault(
        "cookie.internal_leak", (("Set-Cookie", "PHPSESSID=1; Secure"),), ("technology_name",)
    ),
}


def _location(path: str, fault: Fault | None) -> str:
    """Repeated names of a fault take the place of the good header of that name."""
    own = fault.headers if fault else ()
    replaced = {name for name, _ in own}
    headers = [pair for pair in GOOD if pair[0] not in replaced] + list(own)
    lines = "\n".join(f'add_header {name} "{value}" always;' for name, value in headers)
    content_type = fault.content_type if fault else Fault("", ()).content_type
    body = "return 200 '<html lang=id><title>Portal</title></html>';"
    return f"location = /{path} {{ default_type '{content_type}'; {lines} {body} }}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    locations = [_location("", None), *(_location(path, fault) for path, fault in FAULTS.items())]
    text = "server { listen 127.0.0.1:PORT_0 ssl; server_tokens off; ssl_certificate CERTIFICATE;"
    text += " ssl_certificate_key KEY; " + "\n".join(locations) + " }"
    folder = tmp_path_factory.mktemp("faults")
    with nginx(folder, text, identity=make_leaf(None, ("portal.example.go.id",))) as running:
        yield running


def _evidence(url: str) -> HttpEvidence:
    service = Service("portal", "Portal", url, url, "diskominfo", http_port=None)
    door = Door(hosts={"portal.example.go.id": ("127.0.0.1",)})
    result = asyncio.run(probe_http(service, door=door, secret=b"a key")).result
    assert isinstance(result, HttpEvidence), result
    return result


def _answers(evidence: HttpEvidence) -> dict[str, Outcome]:
    checks = {check_id: load_check(check_id).check for check_id in CHECKS}
    return {name: check.run((evidence,), check.params_type()) for name, check in checks.items()}


def _url(server: Nginx, path: str = "") -> str:
    return f"https://portal.example.go.id:{server.ports[0]}/{path}"


def test_a_good_page_has_no_fault(server: Nginx) -> None:
    verdicts = {name: told.verdict for name, told in _answers(_evidence(_url(server))).items()}
    assert verdicts == dict.fromkeys(CHECKS, Verdict.PASS)


@pytest.mark.parametrize("path", FAULTS)
def test_a_fault_is_named_and_no_other(server: Nginx, path: str) -> None:
    fault = FAULTS[path]
    told = _answers(_evidence(_url(server, path)))
    failed = [name for name, outcome in told.items() if outcome.verdict is Verdict.FAIL]
    assert failed == [fault.check]
    facts = told[fault.check].facts
    problems = facts.get("problems") or facts.get("problem") or ()
    assert (problems if isinstance(problems, tuple) else (problems,)) == fault.problems


def test_a_wrong_clock_is_seen_and_without_a_date_there_is_none() -> None:
    late = b"HTTP/1.1 200 OK\r\nDate: Thu, 15 Jan 2015 00:00:00 GMT\r\nContent-Length: 0\r\n"
    with raw_server(answers(late + b"\r\n")) as wrong:
        url = f"http://127.0.0.1:{wrong.port}/"
        assert _answers(_evidence(url))["http.clock"].facts["problem"] == "behind"
    with raw_server(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as silent:
        outcome = _answers(_evidence(f"http://127.0.0.1:{silent.port}/"))["http.clock"]
    assert outcome.reason == "no_date"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1677787402.36895.0000", ("bigip_address",)),
        ('"1677787402.36895.0000"', ("bigip_address",)),
        ("vi20010112000000000000000000000030.20480", ("bigip_address",)),
        ("rd5o00000000000000000000ffffc0000201o80", ("bigip_address",)),
        ("!oC0pZ1UqJ3yZ5k=", ()),
        ("4294967296.80.0000", ()),
        ("1677787402.65536.0000", ()),
        ("1677787402.36895.0001", ()),
        ("v1.1677787402.36895.0000", ()),
        ("", ()),
    ],
)
def test_an_address_is_seen_before_the_value_is_replaced(
    value: str, expected: tuple[str, ...]
) -> None:
    headers = [(b"Set-Cookie", f"BIGipServerpool={value}; path=/".encode())]
    [cookie] = kept_cookies(headers, secret=b"a key", host="a.example", secure_origin=True)
    assert cookie.marks == expected
    assert not value or value not in str(cookie)
