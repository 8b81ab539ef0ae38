"""The evidence of cases: healthy by default, and just as a case says where it says something."""

from __future__ import annotations

from typing import Any

import pytest

from spbe_audit.catalogue import load_catalogue
from spbe_audit.check import Verdict
from spbe_audit.evidence import (
    DnsEvidence,
    DnsStatus,
    Evidence,
    HttpEvidence,
    PortsEvidence,
    Probe,
    TlsEvidence,
    TlsVersion,
    UptimeEvidence,
    WalkEnd,
)
from spbe_audit.testing.cases import Case, build_evidence, run_case


def _http(**overrides: Any) -> HttpEvidence:
    evidence = build_evidence("http", overrides)
    assert isinstance(evidence, HttpEvidence)
    return evidence


def test_a_healthy_service_fails_nothing() -> None:
    for entry in load_catalogue():
        several = len(entry.check.probes) > 1
        evidence: dict[str, Any] = {probe.value: {} for probe in entry.check.probes}
        case = Case(name="healthy", evidence=evidence if several else {}, verdict=Verdict.PASS)
        outcome = run_case(entry.check, case)
        assert outcome.verdict in {Verdict.PASS, Verdict.NOT_APPLICABLE}, (entry.check.id, outcome)


def test_headers_are_laid_over_healthy_ones() -> None:
    front = _http(headers={"server": None, "X-Frame-Options": ["DENY", "SAMEORIGIN"]}).front
    assert front
    assert front.header("Server") is None
    assert front.header_values("x-frame-options") == ("DENY", "SAMEORIGIN")
    assert front.header("x-content-type-options") == "nosniff"
    exact = _http(headers=[["A", "1"], ["A", "2"]]).front
    assert exact
    assert exact.headers == (("A", "1"), ("A", "2"))


def test_cookies_keep_no_value() -> None:
    front = _http(cookies=["sid=secret; Secure; Path=/"]).front
    assert front
    (cookie,) = front.cookies
    assert (cookie.name, cookie.value_length) == ("sid", 6)
    assert cookie.attributes == (("secure", ""), ("path", "/"))
    assert "secret" not in repr(front)


def test_walks() -> None:
    service = _http(hops=[{"location": "/login", "status": 302}, {"status": 403}])
    assert [hop.status for hop in service.entry.hops] == [302, 403]
    assert service.plain
    assert [hop.status for hop in service.plain.hops] == [301, 302, 403]
    silent = _http(failure="timeout", plain={"failure": "refused"})
    assert (silent.entry.hops, silent.entry.end) == ((), WalkEnd.FAILED)
    assert silent.plain
    assert silent.plain.failure == "refused"
    assert _http(url="http://portal.example.go.id/").plain is None
    assert _http(plain=None).plain is None


def test_the_other_kinds() -> None:
    tls = build_evidence("tls", {"versions": ["TLS 1.2"], "suites": ["TLS_A_WITH_B", "TLS_C"]})
    assert isinstance(tls, TlsEvidence)
    assert tls.suites == {TlsVersion.TLS_1_2: ("TLS_A_WITH_B",)}
    assert len(tls.trust_anchors) == 1
    untrusted = build_evidence("tls", {"trusted": False, "certificate": None})
    assert isinstance(untrusted, TlsEvidence)
    assert (untrusted.trust_anchors, untrusted.chains) == ((), ())
    silent = build_evidence("tls", {"answer": "plain_http"})
    assert isinstance(silent, TlsEvidence)
    assert (silent.versions, silent.suites, silent.chains) == ((), {}, ())
    dns = build_evidence("dns", {"records": {"CAA": "timeout", "go.id CAA": ["0 issue x"]}})
    assert isinstance(dns, DnsEvidence)
    assert [answer.status for answer in dns.climb("CAA")][:3] == [
        DnsStatus.TIMEOUT,
        DnsStatus.ANSWER,
        DnsStatus.ANSWER,
    ]
    ports = build_evidence("ports", {"open": [22, {"port": 80, "banner": "x"}]})
    assert isinstance(ports, PortsEvidence)
    assert [(one.port, one.banner) for one in ports.open] == [(22, ""), (80, "x")]
    uptime = build_evidence("uptime", {"samples": ["up", "timeout", {"status": 301}]})
    assert isinstance(uptime, UptimeEvidence)
    assert [(one.up, one.status) for one in uptime.samples] == [
        (True, 200),
        (False, None),
        (True, 301),
    ]


@pytest.mark.parametrize("probe", list(Probe))
def test_a_field_that_does_not_exist_is_refused(probe: Probe) -> None:
    with pytest.raises(ValueError, match="no_such_field"):
        build_evidence(probe.value, {"no_such_field": 1})


@pytest.mark.parametrize(
    ("kind", "overrides"),
    [
        ("smtp", {}),
        ("tls", {"versions": ["TLS 9"]}),
        ("tls", {"certificate": {"colour": "red"}}),
        ("http", {"status": "200"}),
        ("dns", {"records": {"CAA": "maybe"}}),
        ("dns", {"records": {"CAA": []}, "answers": []}),
    ],
)
def test_a_value_that_does_not_fit_is_refused(kind: str, overrides: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        build_evidence(kind, overrides)


def test_evidence_is_the_same_every_time() -> None:
    def whole() -> list[Evidence]:
        return [build_evidence(probe.value) for probe in Probe]

    assert whole() == whole()
