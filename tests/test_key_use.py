"""Which services share a certificate key follows from stored evidence, in one pass."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spbe_audit import evaluate, load_policy, load_targets, scan
from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Evidence,
    Failure,
    FailureKind,
    KeyUse,
    Probe,
    Tool,
)
from spbe_audit.key_use import MOST_NAMED, find_key_uses, with_key_use
from spbe_audit.network import Deadlines
from spbe_audit.recorded_run import RecordedAttempt, ServiceEvidence
from spbe_audit.scan_options import ScanOptions
from spbe_audit.targets import Intensity, Service
from spbe_audit.testing.cases import build_evidence
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.nginx import nginx

START = datetime(2026, 1, 15, tzinfo=UTC)


def _service(service_id: str, agency: str) -> Service:
    url = f"https://{service_id}.example.go.id/"
    return Service(id=service_id, name=service_id, url=url, display_url=url, agency=agency)


def _collected(service_id: str, agency: str, *results: Evidence | Failure) -> ServiceEvidence:
    attempts = tuple(
        RecordedAttempt(
            Attempt(Probe.TLS, Endpoint("tls", "a"), START, 1.0, Tool("t", "1"), result), "d"
        )
        for result in results
    )
    return ServiceEvidence(_service(service_id, agency), {Probe.TLS: attempts} if attempts else {})


def _tls(**certificate: Any) -> Evidence:
    return build_evidence("tls", {"certificate": certificate})


def test_who_shares_a_key_and_who_does_not() -> None:
    uses = find_key_uses(
        [
            _collected("portal", "diskominfo", _tls()),
            _collected("ppid", "diskominfo", _tls(subject="ppid.example.go.id")),
            _collected("rsud", "dinkes", _tls(not_after=99, issuer="untrusted")),
            _collected("pajak", "bapenda", _tls(key="p384")),
        ]
    )
    portal = uses.of(_service("portal", "diskominfo"))
    assert portal.others == (KeyUse("dinkes", "rsud"), KeyUse("diskominfo", "ppid"))
    assert (portal.foreign, portal.own) == (1, 1)
    rsud = uses.of(_service("rsud", "dinkes"))
    assert rsud.others == (KeyUse("diskominfo", "portal"), KeyUse("diskominfo", "ppid"))
    assert (rsud.foreign, rsud.own) == (2, 0)
    assert rsud.key == portal.key
    assert len(rsud.key) == 64
    pajak = uses.of(_service("pajak", "bapenda"))
    assert (pajak.others, pajak.foreign, pajak.own) == ((), 0, 0)
    assert pajak.key not in {"", portal.key}


def test_services_without_a_key_share_nothing() -> None:
    silence = Failure(FailureKind.TIMEOUT, "no answer")
    uses = find_key_uses(
        [
            _collected("cut-short", "a"),
            _collected("silent", "b", silence),
            _collected("bare", "c", build_evidence("tls", {"certificate": None})),
            _collected("plain", "d", build_evidence("tls", {"answer": "plain_http"})),
            _collected("broken", "e", _tls(damage="der")),
        ]
    )
    for service, agency in zip(
        ("cut-short", "silent", "bare", "plain", "broken", "stranger"), "abcdef", strict=True
    ):
        use = uses.of(_service(service, agency))
        assert (use.key, use.others, use.foreign, use.own) == ("", (), 0, 0)


def test_the_attempt_that_decides_is_the_one_that_is_read() -> None:
    silence = Failure(FailureKind.TIMEOUT, "no answer")
    uses = find_key_uses(
        [
            _collected("first", "a", _tls(), silence),
            _collected("second", "b", _tls(key="p384"), _tls()),
        ]
    )
    assert uses.of(_service("first", "a")).others == (KeyUse("b", "second"),)


def test_evidence_is_laid_beside_what_was_derived_already() -> None:
    collected = _collected("portal", "a", _tls())
    uses = find_key_uses([collected])
    laid = with_key_use(with_key_use(collected, uses), uses)
    assert laid.derived == {Probe.KEY_USE: uses.of(collected.service)}
    assert laid.attempts == collected.attempts


def test_a_key_that_everybody_has_is_told_briefly() -> None:
    tls = _tls()
    many = [_collected(f"s{number}", f"a{number % 7}", tls) for number in range(700)]
    uses = find_key_uses(iter(many))
    use = uses.of(many[0].service)
    assert (use.foreign, use.own) == (600, 99)
    assert len(use.others) == MOST_NAMED
    assert all(other.agency != "a0" for other in use.others), "other agencies come first"


def test_nothing_of_the_evidence_is_kept() -> None:
    """What grows is a few hundred bytes for each service, and not the evidence."""

    def services() -> Iterator[ServiceEvidence]:
        for number in range(400):
            ballast = build_evidence(
                "tls", {"certificate": {}, "answer_detail": "x" * 100_000 + str(number)}
            )
            yield _collected(f"s{number}", "a", ballast)

    tracemalloc.start()
    try:
        uses = find_key_uses(services())
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert uses.of(_service("s0", "a")).own == 399
    assert kept < 5_000_000
    assert peak < 10_000_000


def test_a_shared_key_is_found_in_a_scan(tmp_path: Path) -> None:
    authority = make_authority()
    shared, own = make_leaf(authority), make_leaf(authority)
    own.write(tmp_path, "own")
    http = """
    server { listen 127.0.0.1:PORT_0 ssl; listen 127.0.0.1:PORT_1 ssl;
             ssl_certificate CERTIFICATE; ssl_certificate_key KEY; return 200 ok; }
    server { listen 127.0.0.1:PORT_2 ssl;
             ssl_certificate DIRECTORY/own.pem; ssl_certificate_key DIRECTORY/own.key; }
    """
    with nginx(tmp_path, http, ports=3, identity=shared) as server:
        urls = [f"https://127.0.0.1:{port}" for port in server.ports]
        targets = tmp_path / "targets.yaml"
        targets.write_text(
            f"""
agencies:
  - {{id: dinkes, name: Dinkes, services: [{{id: rsud, name: RSUD, url: "{urls[0]}"}}]}}
  - id: diskominfo
    name: Diskominfo
    services:
      - {{id: portal, name: Portal, url: "{urls[1]}"}}
      - {{id: ppid, name: PPID, url: "{urls[2]}"}}
"""
        )
        options = ScanOptions(
            intensity=Intensity.LIGHT,
            families=("certificate",),
            confirm_after=0.1,
            deadlines=Deadlines(connect=5, exchange=5, tls=50),
        )
        run = scan(load_targets(targets), options=options)
    assessment = evaluate(run.evidence, load_policy("spbe"))
    found = {f.service: f for f in assessment.findings if f.check == "certificate.key_reuse"}
    told = {service: finding.verdict.value for service, finding in found.items()}
    assert told == {"rsud": "fail", "portal": "fail", "ppid": "pass"}
    assert found["rsud"].facts["other_agencies"] == ("diskominfo/portal",)
    assert len(found["rsud"].evidence) == 1
    assert found["rsud"].observed_at is not None
