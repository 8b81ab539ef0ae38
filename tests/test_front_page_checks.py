"""Checks about the front page, asked of a real nginx that shows each fault and of one without."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome, Verdict
from spbe_audit.evidence import HttpEvidence
from spbe_audit.network import Door
from spbe_audit.probes.http import probe_http
from spbe_audit.targets import Service
from tests.servers.certificates import Identity, make_leaf
from tests.servers.nginx import Nginx, nginx

SITES = """
gzip on; gzip_types *; gzip_min_length 1;
server {
  listen 127.0.0.1:PORT_0 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  default_type text/html; gzip off; add_header Cache-Control no-store;
  return 200 "<script src=/a.js></script><link rel=stylesheet href=https://x.site.test/a.css>
    <form method=post action=/masuk><input type=password></form>
    <a href=/kebijakan-privasi>Kebijakan Privasi</a>";
}
server {
  listen 127.0.0.1:PORT_1 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  default_type text/html; add_header X-Backend "web01.dinas.local 10.1.2.3";
  return 200 "<img src=http://gambar.test/a.png><script src=https://cdn.example/a.js></script>
    <form method=get action=http://lain.test/masuk><input type=password></form>";
}
server { listen 127.0.0.1:PORT_2; return 302 http://192.168.10.4:8080/; }
"""


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(None, ("site.test",))


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("sites"), SITES, ports=3, identity=identity) as server:
        yield server


def _probed(url: str) -> HttpEvidence:
    door = Door(hosts={"site.test": ("127.0.0.1",)})
    service = Service("portal", "Portal", url, url, "dinas")
    result = asyncio.run(probe_http(service, door=door, secret=b"key")).result
    assert isinstance(result, HttpEvidence), result
    return result


def _asked(check_id: str, evidence: HttpEvidence) -> Outcome:
    check = load_check(check_id).check
    return check.run((evidence,), check.params_type())


@pytest.mark.parametrize(
    ("check_id", "good", "bad"),
    [
        ("http.mixed_content", "pass", "fail"),
        ("http.subresource_integrity", "not_applicable", "fail"),
        ("http.third_parties", "pass", "pass"),
        ("http.login_form", "pass", "fail"),
        ("http.privacy_notice", "pass", "fail"),
        ("http.internal_address", "pass", "fail"),
        ("http.cache_control", "pass", "fail"),
        ("http.compression", "pass", "pass"),
    ],
)
def test_nginx_with_and_without_the_fault(sites: Nginx, check_id: str, good: str, bad: str) -> None:
    verdicts = [
        _asked(check_id, _probed(f"https://site.test:{port}/")).verdict.value
        for port in sites.ports[:2]
    ]
    assert verdicts == [good, bad]


def test_what_the_faulty_one_is_told(sites: Nginx) -> None:
    evidence = _probed(f"https://site.test:{sites.ports[1]}/")
    mixed = _asked("http.mixed_content", evidence).facts["insecure"]
    assert mixed == (
        {"name": "image", "value": "http://gambar.test/a.png"},
        {"name": "form", "value": "http://lain.test/masuk"},
    )
    login = _asked("http.login_form", evidence).facts["problems"]
    assert login == ("sends_over_http", "sends_elsewhere", "sends_in_address")
    assert _asked("http.third_parties", evidence).facts["hosts"] == ("cdn.example",)
    assert _asked("http.compression", evidence).facts["conditions_meet"] is True
    leaks = _asked("http.internal_address", evidence).facts["leaks"]
    assert isinstance(leaks, tuple)
    assert [leak["value"] for leak in leaks if isinstance(leak, dict)] == [
        "10.1.2.3",
        "web01.dinas.local",
    ]


def test_a_redirect_into_the_inner_network(sites: Nginx) -> None:
    evidence = _probed(f"http://site.test:{sites.ports[2]}/")
    outcome = _asked("http.internal_address", evidence)
    assert outcome.verdict is Verdict.FAIL
    assert _asked("http.mixed_content", evidence).verdict is Verdict.UNKNOWN
