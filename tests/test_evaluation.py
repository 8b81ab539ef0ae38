"""Evidence and a policy make findings: every rule of the judgement, and that it is quick."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from spbe_audit.bilingual import Bilingual
from spbe_audit.catalogue import BUILT_IN, Catalogue, CatalogueEntry, load_catalogue
from spbe_audit.check import Check, NoParams, Outcome, Params, Verdict, check
from spbe_audit.check_texts import CheckTexts, Remedy
from spbe_audit.evaluation import evaluate, evaluate_service
from spbe_audit.evidence import (
    Attempt,
    DnsEvidence,
    Endpoint,
    Evidence,
    Failure,
    FailureKind,
    HttpEvidence,
    PortsEvidence,
    Probe,
    TlsEvidence,
    Tool,
)
from spbe_audit.finding import Assessment, ControlStatus, Finding, RunSummary, Score
from spbe_audit.policy import Aspect, Policy, Requirement, load_policy
from spbe_audit.recorded_run import RecordedAttempt, ServiceEvidence
from spbe_audit.regulation import Confidence, Control, Regulation, Strength
from spbe_audit.roll_up import control_status
from spbe_audit.severity import Severity
from spbe_audit.targets import Agency, Engagement, Service
from spbe_audit.testing.cases import build_evidence

START = datetime(2026, 1, 15, tzinfo=UTC)
BOTH = Bilingual(id="a", en="b")
TEXTS = CheckTexts(
    title=BOTH,
    question=BOTH,
    why=BOTH,
    remedy=Remedy(text=BOTH),
    passed=BOTH,
    failed=BOTH,
)


# --- checks of known behaviour, one for each kind of evidence


class PortParams(Params):
    """The port that is wanted."""

    wanted: int = 443


@check("tls.port", needs=TlsEvidence, params=PortParams)
def tls_port(tls: TlsEvidence, params: PortParams) -> Outcome:
    facts = {"port": tls.port}
    return Outcome.passed(**facts) if tls.port == params.wanted else Outcome.failed(**facts)


@check("http.status", needs=HttpEvidence, params=NoParams)
def http_status(http: HttpEvidence, _: NoParams) -> Outcome:
    front = http.front
    if front is None:
        return Outcome.not_applicable("not_a_page")
    good = front.status == 200
    return Outcome.passed(status=200) if good else Outcome.failed(status=front.status)


@check("dns.name", needs=DnsEvidence, params=NoParams)
def dns_name(dns: DnsEvidence, _: NoParams) -> Outcome:
    return Outcome.passed() if dns.addresses else Outcome.failed()


@check("ports.broken", needs=PortsEvidence, params=NoParams)
def ports_broken(ports: PortsEvidence, _: NoParams) -> Outcome:
    raise IndexError(ports.address)


@check("ports.silent", needs=PortsEvidence, params=NoParams)
def ports_silent(ports: PortsEvidence, _: NoParams) -> Outcome:
    return None if ports.address else Outcome.passed()  # type: ignore[return-value] # a bad plugin


@check("ports.unplain", needs=PortsEvidence, params=NoParams)
def ports_unplain(ports: PortsEvidence, _: NoParams) -> Outcome:
    return Outcome.passed(at=ports.collected_at)  # type: ignore[arg-type] # a bad plugin


@check("certificate.and_name", needs=(TlsEvidence, DnsEvidence), params=NoParams)
def certificate_and_name(tls: TlsEvidence, dns: DnsEvidence, _: NoParams) -> Outcome:
    return Outcome.passed(port=tls.port, host=dns.host)


CHECKS: tuple[Check, ...] = (
    certificate_and_name,
    dns_name,
    http_status,
    ports_broken,
    ports_silent,
    ports_unplain,
    tls_port,
)
CATALOGUE = Catalogue(tuple(CatalogueEntry(one, TEXTS, BUILT_IN) for one in CHECKS))


# --- a policy and a run out of plain data


def _requirement(check_id: str, severity: str = "medium", *controls: str) -> Requirement:
    params = PortParams() if check_id == "tls.port" else NoParams()
    return Requirement(check_id, check_id, params, Severity(severity), controls)


def _control(control_id: str) -> Control:
    return Control(control_id, "r", BOTH, BOTH, Confidence.VERIFIED, Strength.DIRECT)


def _policy(
    *requirements: Requirement, controls: str = "", aspects: tuple[Aspect, ...] = ()
) -> Policy:
    cited = {control for one in requirements for control in one.controls}
    shown = tuple(_control(one) for one in sorted(cited | set(controls.split())))
    regulation = Regulation("r", BOTH, BOTH, "in_force", None, Confidence.VERIFIED, shown)
    return Policy("test", BOTH, requirements, aspects, (regulation,))


def _service(service_id: str = "portal", agency: str = "dinas") -> Service:
    url = f"https://{service_id}.example.go.id/"
    return Service(id=service_id, name=service_id, url=url, display_url=url, agency=agency)


def _attempts(
    probe: Probe, *results: Evidence | FailureKind
) -> Mapping[Probe, tuple[RecordedAttempt, ...]]:
    made = []
    for number, result in enumerate(results, start=1):
        attempt = Attempt(
            probe=probe,
            endpoint=Endpoint(key="k", host="portal.example.go.id"),
            started=START + timedelta(minutes=number),
            duration=0.1,
            tool=Tool("t", "1"),
            result=Failure(result, "no") if isinstance(result, FailureKind) else result,
            number=number,
        )
        made.append(RecordedAttempt(attempt, f"{probe}-{number}"))
    return {probe: tuple(made)}


def _evidence(*attempts: Mapping[Probe, tuple[RecordedAttempt, ...]]) -> ServiceEvidence:
    merged: dict[Probe, tuple[RecordedAttempt, ...]] = {}
    for one in attempts:
        merged |= one
    return ServiceEvidence(_service(), merged)


@dataclass(frozen=True)
class Run:
    """A run out of plain data."""

    collected: Sequence[ServiceEvidence]
    agencies: tuple[Agency, ...] = ()
    families: tuple[str, ...] = ()
    engagement: Engagement | None = None
    policy_id: str = "test"
    summary: RunSummary = field(init=False)

    def __post_init__(self) -> None:
        summary = RunSummary("run", START, START, "d", {}, {}, "standard", self.families)
        object.__setattr__(self, "summary", summary)
        if not self.agencies:
            services = tuple(one.service for one in self.collected)
            object.__setattr__(self, "agencies", (Agency("dinas", "Dinas", services),))

    def evidence(self) -> Iterator[ServiceEvidence]:
        """What was collected, in order."""
        yield from self.collected

    def evidence_of(self, service: Service) -> ServiceEvidence:
        """What was collected for one service."""
        nothing = ServiceEvidence(service=service, attempts={})
        return next((one for one in self.collected if one.service == service), nothing)


def _tls(**overrides: object) -> Evidence:
    return build_evidence("tls", overrides)


def _only(findings: Sequence[Finding]) -> Finding:
    (finding,) = findings
    return finding


# --- one finding


def test_a_finding_tells_what_it_rests_on() -> None:
    policy = _policy(_requirement("tls.port", "high", "r:a", "r:b"))
    evidence = _evidence(_attempts(Probe.TLS, _tls(), _tls(port=8443)))
    finding = _only(evaluate_service(evidence, policy, CATALOGUE))
    assert finding == Finding(
        id="e3c9a8b84b99d8c7",
        agency="dinas",
        service="portal",
        url="https://portal.example.go.id/",
        requirement="tls.port",
        check="tls.port",
        verdict=Verdict.FAIL,
        reason=None,
        severity=Severity.HIGH,
        controls=("r:a", "r:b"),
        facts={"port": 8443},
        evidence=("tls-2",),
        observed_at=START + timedelta(minutes=2),
        attempts=2,
    )


def test_parameters_come_from_the_policy() -> None:
    requirement = replace(_requirement("tls.port"), params=PortParams(wanted=8443))
    evidence = _evidence(_attempts(Probe.TLS, _tls(port=8443)))
    finding = _only(evaluate_service(evidence, _policy(requirement), CATALOGUE))
    assert finding.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("results", "verdict", "reason", "digests"),
    [
        (["timeout"], "unknown", "timeout", ["tls-1"]),
        (["timeout", "refused"], "unknown", "refused", ["tls-1", "tls-2"]),
        (["timeout", "evidence"], "pass", None, ["tls-2"]),
        (["evidence", "timeout"], "pass", None, ["tls-1"]),
        (["evidence", "evidence"], "pass", None, ["tls-2"]),
    ],
)
def test_the_newest_evidence_decides(
    results: list[str], verdict: str, reason: str | None, digests: list[str]
) -> None:
    made = [_tls() if one == "evidence" else FailureKind(one) for one in results]
    evidence = _evidence(_attempts(Probe.TLS, *made))
    finding = _only(evaluate_service(evidence, _policy(_requirement("tls.port")), CATALOGUE))
    assert (finding.verdict.value, finding.reason) == (verdict, reason)
    assert finding.evidence == tuple(digests)
    assert finding.attempts == len(results)


@pytest.mark.parametrize("kind", list(FailureKind))
def test_no_failure_of_a_probe_is_ever_judged(kind: FailureKind) -> None:
    evidence = _evidence(_attempts(Probe.TLS, kind))
    finding = _only(evaluate_service(evidence, _policy(_requirement("tls.port")), CATALOGUE))
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, kind.value)


def test_two_kinds_of_evidence_are_both_needed() -> None:
    policy = _policy(_requirement("certificate.and_name"))
    dns = build_evidence("dns")
    whole = _evidence(_attempts(Probe.TLS, _tls()), _attempts(Probe.DNS, FailureKind.TIMEOUT, dns))
    finding = _only(evaluate_service(whole, policy, CATALOGUE))
    assert finding.verdict is Verdict.PASS
    assert finding.evidence == ("tls-1", "dns-2")
    assert finding.attempts == 2
    assert finding.observed_at == START + timedelta(minutes=2)
    half = _evidence(_attempts(Probe.TLS, _tls()), _attempts(Probe.DNS, FailureKind.TIMEOUT))
    finding = _only(evaluate_service(half, policy, CATALOGUE))
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, "timeout")
    assert evaluate_service(_evidence(_attempts(Probe.TLS, _tls())), policy, CATALOGUE) == ()


@pytest.mark.parametrize("check_id", ["ports.broken", "ports.silent", "ports.unplain"])
def test_a_check_that_breaks_is_unknown_and_logged(
    check_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    evidence = _evidence(_attempts(Probe.PORTS, build_evidence("ports")))
    with caplog.at_level(logging.ERROR):
        finding = _only(evaluate_service(evidence, _policy(_requirement(check_id)), CATALOGUE))
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, "check_failed")
    assert check_id in caplog.text


# --- all findings of a service


def test_the_worst_come_first() -> None:
    policy = _policy(
        _requirement("http.status", "low"),
        _requirement("tls.port", "critical"),
        _requirement("ports.broken", "low"),
        _requirement("dns.name", "critical"),
        _requirement("certificate.and_name", "high"),
    )
    evidence = _evidence(
        _attempts(Probe.HTTP, build_evidence("http", {"status": 500})),
        _attempts(Probe.TLS, _tls(port=8443)),
        _attempts(Probe.PORTS, build_evidence("ports")),
        _attempts(Probe.DNS, build_evidence("dns")),
    )
    found = evaluate_service(evidence, policy, CATALOGUE)
    assert [(one.check, one.verdict.value) for one in found] == [
        ("tls.port", "fail"),
        ("http.status", "fail"),
        ("ports.broken", "unknown"),
        ("dns.name", "pass"),
        ("certificate.and_name", "pass"),
    ]


def test_where_the_gate_fails_nothing_else_is_believed() -> None:
    gate = replace(_requirement("dns.name", "high"), gate="name_not_found")
    policy = _policy(gate, _requirement("tls.port"), _requirement("http.status"))
    attempts = (
        _attempts(Probe.TLS, _tls()),
        _attempts(Probe.HTTP, FailureKind.TIMEOUT),
    )
    missing = _attempts(Probe.DNS, build_evidence("dns", {"addresses": []}))
    found = evaluate_service(_evidence(missing, *attempts), policy, CATALOGUE)
    assert {one.check: (one.verdict.value, one.reason) for one in found} == {
        "dns.name": ("fail", None),
        "tls.port": ("unknown", "name_not_found"),
        "http.status": ("unknown", "name_not_found"),
    }
    there = _attempts(Probe.DNS, build_evidence("dns"))
    found = evaluate_service(_evidence(there, *attempts), policy, CATALOGUE)
    assert {one.check: (one.verdict.value, one.reason) for one in found} == {
        "dns.name": ("pass", None),
        "tls.port": ("pass", None),
        "http.status": ("unknown", "timeout"),
    }


def test_a_name_that_does_not_exist_leaves_one_answer_in_the_default_policy() -> None:
    catalogue = load_catalogue()
    records = {"A": "no_name", "AAAA": "no_name"}
    dns = build_evidence("dns", {"addresses": [], "records": records})
    lost = FailureKind.NAME_NOT_FOUND
    others = [_attempts(probe, lost) for probe in Probe if probe is not Probe.DNS]
    evidence = _evidence(_attempts(Probe.DNS, dns), *others)
    found = evaluate_service(evidence, load_policy("spbe", catalogue=catalogue), catalogue)
    assert (found[0].check, found[0].verdict) == ("dns.resolves", Verdict.FAIL)
    assert {(one.verdict, one.reason) for one in found[1:]} == {(Verdict.UNKNOWN, "name_not_found")}
    assert len(found) > 30


# --- a whole run


def _assess(*collected: ServiceEvidence, policy: Policy, **run: object) -> Assessment:
    return evaluate(Run(collected, **run), policy, catalogue=CATALOGUE)  # type: ignore[arg-type] # keyword arguments of Run


def test_families_that_were_left_out_have_no_findings() -> None:
    policy = _policy(
        _requirement("tls.port", "high", "r:a"), _requirement("http.status", "high", "r:b")
    )
    evidence = _evidence(
        _attempts(Probe.TLS, _tls()), _attempts(Probe.HTTP, build_evidence("http"))
    )
    assessment = _assess(evidence, policy=policy, families=("tls",))
    assert [one.check for one in assessment.findings] == ["tls.port"]
    assert [one.status.value for one in assessment.controls] == ["conforming", "not_examined"]
    others = Catalogue(tuple(replace(entry, origin="a plugin") for entry in CATALOGUE))
    assessment = evaluate(Run([evidence], families=("tls",)), policy, catalogue=others)
    assert len(assessment.findings) == 2, "--only speaks of our own families"


def test_a_service_whose_turn_never_came_is_unknown() -> None:
    policy = _policy(_requirement("tls.port"), _requirement("http.status"))
    done = _evidence(_attempts(Probe.TLS, _tls()), _attempts(Probe.HTTP, build_evidence("http")))
    waiting, never = _service("second"), _service("third")
    agency = Agency("dinas", "Dinas", (done.service, waiting, never))
    assessment = _assess(done, ServiceEvidence(waiting, {}), policy=policy, agencies=(agency,))
    assert [one.service.id for one in assessment.services] == ["portal", "second", "third"]
    for service in assessment.services[1:]:
        assert {(one.verdict, one.reason) for one in service.findings} == {
            (Verdict.UNKNOWN, "not_probed")
        }
        assert all(one.observed_at is None and one.evidence == () for one in service.findings)
    assert assessment.score == Score(passed=2, unknown=4)
    assert assessment.score.coverage == pytest.approx(1 / 3)


def test_observations_are_told_and_not_counted() -> None:
    policy = _policy(
        _requirement("tls.port", "info", "r:a", "r:b"), _requirement("http.status", "low", "r:b")
    )
    evidence = _evidence(
        _attempts(Probe.TLS, _tls(port=1)), _attempts(Probe.HTTP, build_evidence("http"))
    )
    assessment = _assess(evidence, policy=policy)
    assert {one.check: one.verdict.value for one in assessment.findings} == {
        "tls.port": "fail",
        "http.status": "pass",
    }
    assert assessment.score == Score(passed=1)
    assert [one.status.value for one in assessment.controls] == ["manual", "conforming"]
    assert [one.requirements for one in assessment.controls] == [
        ("tls.port",),
        ("tls.port", "http.status"),
    ]


@pytest.mark.parametrize(
    ("score", "status"),
    [
        (Score(), ControlStatus.NOT_EXAMINED),
        (Score(passed=1), ControlStatus.CONFORMING),
        (Score(passed=1, unknown=3, not_applicable=1), ControlStatus.CONFORMING),
        (Score(failed=1), ControlStatus.NOT_CONFORMING),
        (Score(failed=1, unknown=2), ControlStatus.NOT_CONFORMING),
        (Score(failed=1, passed=9), ControlStatus.PARTLY_CONFORMING),
        (Score(unknown=1), ControlStatus.NOT_TESTABLE),
        (Score(unknown=1, not_applicable=4), ControlStatus.NOT_TESTABLE),
        (Score(not_applicable=1), ControlStatus.NOT_APPLICABLE),
    ],
)
def test_what_findings_say_of_a_control(score: Score, status: ControlStatus) -> None:
    assert control_status(score) is status


def test_sums_go_up_from_service_to_agency_to_all() -> None:
    aspects = (
        Aspect("web", BOTH, ("http",), (), ()),
        Aspect("named", BOTH, (), ("tls.port",), ()),
        Aspect("clauses", BOTH, (), (), ("r:*",)),
        Aspect("none", BOTH, (), (), ()),
    )
    policy = _policy(
        _requirement("tls.port", "high", "r:a"),
        _requirement("http.status", "low"),
        controls="r:a r:manual",
        aspects=aspects,
    )

    def collected(
        name: str, agency: str, port: int, http: Evidence | FailureKind
    ) -> ServiceEvidence:
        attempts = {**_attempts(Probe.TLS, _tls(port=port)), **_attempts(Probe.HTTP, http)}
        return ServiceEvidence(_service(name, agency), attempts)

    one = collected("one", "a", 443, build_evidence("http"))
    two = collected("two", "a", 8443, FailureKind.TIMEOUT)
    three = collected("three", "b", 443, build_evidence("http", {"status": 500}))
    agencies = (
        Agency("a", "A", (one.service, two.service)),
        Agency("b", "B", (three.service,)),
        Agency("c", "C", ()),
    )
    assessment = _assess(one, two, three, policy=policy, agencies=agencies)
    assert [service.score for service in assessment.services] == [
        Score(passed=2),
        Score(failed=1, unknown=1),
        Score(passed=1, failed=1),
    ]
    assert [agency.score for agency in assessment.agencies] == [
        Score(passed=2, failed=1, unknown=1),
        Score(passed=1, failed=1),
        Score(),
    ]
    assert assessment.score == Score(passed=3, failed=2, unknown=1)
    assert {aspect.id: aspect.score for aspect in assessment.aspects} == {
        "web": Score(passed=1, failed=1, unknown=1),
        "named": Score(passed=2, failed=1),
        "clauses": Score(passed=2, failed=1),
        "none": Score(),
    }
    by_agency = [
        {result.control.id: result.status.value for result in agency.controls}
        for agency in assessment.agencies
    ]
    assert by_agency == [
        {"r:a": "partly_conforming", "r:manual": "manual"},
        {"r:a": "conforming", "r:manual": "manual"},
        {"r:a": "not_examined", "r:manual": "manual"},
    ]
    assert assessment.policy.digest == policy.digest
    assert assessment.regulations == policy.regulations


def test_the_same_evidence_gives_the_same_assessment() -> None:
    policy = _policy(_requirement("tls.port"), _requirement("http.status"))
    evidence = _evidence(
        _attempts(Probe.TLS, _tls()), _attempts(Probe.HTTP, build_evidence("http"))
    )
    assert _assess(evidence, policy=policy) == _assess(evidence, policy=policy)


def test_two_thousand_services_are_judged_in_seconds() -> None:
    kinds = ["dns.name", "http.status", "tls.port", "certificate.and_name"]
    requirements = tuple(
        replace(_requirement(kinds[number % 4], "low", f"r:{number}"), id=f"q{number}")
        for number in range(40)
    )
    aspects = tuple(Aspect(f"a{n}", BOTH, (), (), ("r:*",)) for n in range(4))
    policy = _policy(
        *requirements, controls=" ".join(f"r:{n}" for n in range(120)), aspects=aspects
    )
    attempts = {
        **_attempts(Probe.TLS, _tls()),
        **_attempts(Probe.HTTP, build_evidence("http")),
        **_attempts(Probe.DNS, build_evidence("dns")),
    }
    collected = [ServiceEvidence(_service(f"s{n}"), attempts) for n in range(2000)]
    began = time.process_time()
    assessment = _assess(*collected, policy=policy)
    assert time.process_time() - began < 15
    assert len(assessment.findings) == 80_000
    assert assessment.score == Score(passed=80_000)
