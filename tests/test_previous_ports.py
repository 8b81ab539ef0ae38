"""The ports of the run before: found in the evidence file, and compared with those of today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from spbe_audit import questions
from spbe_audit.catalogue import load_check
from spbe_audit.check import Verdict
from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Evidence,
    Failure,
    FailureKind,
    PortsEvidence,
    Probe,
    ServicesEvidence,
    Tool,
)
from spbe_audit.evidence.ports import stands_in
from spbe_audit.scan_options import ScanOptions
from spbe_audit.scanner import scan
from spbe_audit.store import RunPlan, Store
from spbe_audit.targets import Agency, Intensity, Service, TargetList
from spbe_audit.testing.cases import build_evidence

NOW = datetime(2026, 1, 15, tzinfo=UTC)
KEY = "ports 127.0.0.1"
TARGETS = TargetList(
    agencies=(
        Agency(
            id="a",
            name="A",
            services=(
                Service(
                    id="portal",
                    name="Portal",
                    url="http://127.0.0.1/",
                    display_url="127.0.0.1",
                    agency="a",
                ),
            ),
        ),
    )
)
OPTIONS = ScanOptions(families=("ports",), confirm_after=0.0)


def ports(*opened: int, asked: str = "1-1000") -> PortsEvidence:
    told = {"address": "127.0.0.1", "open": list(opened), "asked": asked}
    evidence = build_evidence("ports", told)
    assert isinstance(evidence, PortsEvidence)
    return evidence


def attempt(result: Evidence | Failure, probe: Probe = Probe.PORTS) -> Attempt:
    endpoint = Endpoint(f"{probe} 127.0.0.1", "127.0.0.1", address="127.0.0.1")
    return Attempt(probe, endpoint, NOW, 0.1, Tool("fake", "1"), result)


def record(
    store: Store, run_id: str, results: Iterable[Evidence | Failure], *, finished: bool = True
) -> None:
    writer = store.begin(plan(run_id))
    for result in results:
        writer.add_attempt(attempt(result))
    if finished:
        writer.finish(NOW)


def plan(run_id: str) -> RunPlan:
    return RunPlan(run_id, NOW, TARGETS, "spbe", Intensity.STANDARD, ("ports",), "0")


def test_the_newest_finished_run_that_brought_evidence_counts(tmp_path: Path) -> None:
    silence = Failure(FailureKind.TIMEOUT, "no answer")
    with Store.open(tmp_path / "evidence.db") as store:
        assert store.begin(plan("first")).earlier_evidence(KEY) is None
        record(store, "old", [ports(80)])
        record(store, "newer", [ports(80, 81), ports(80, 82)])
        record(store, "nothing", [silence])
        record(store, "cut short", [ports(80, 83)], finished=False)
        writer = store.begin(plan("now"))
        writer.add_attempt(attempt(ports(80, 84)))
        assert writer.earlier_evidence(KEY) == ports(80, 82)
        assert writer.earlier_evidence("ports 127.0.0.9") is None


def test_a_scan_compares_with_the_run_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    today: list[PortsEvidence] = []

    async def probe_ports(**_: object) -> Attempt:
        return attempt(today[-1])

    async def probe_services(**settings: object) -> Attempt:
        assert settings["own_ports"] == frozenset({80})
        return attempt(ServicesEvidence("127.0.0.1", NOW, ()), Probe.SERVICES)

    monkeypatch.setattr(questions, "probe_ports", probe_ports)
    monkeypatch.setattr(questions, "probe_services", probe_services)
    check = load_check("ports.new_since_last_run").check
    verdicts = []
    with Store.open(tmp_path / "evidence.db") as store:
        for evidence in (
            ports(80, asked="80,8099"),
            ports(80, 8099, 9000),
            ports(80, 8099, 9000),
        ):
            today.append(evidence)
            (service,) = scan(TARGETS, store=store, options=OPTIONS).evidence.evidence()
            seen = service.attempts[Probe.PORTS][-1].attempt.result
            assert isinstance(seen, PortsEvidence)
            assert replace(seen, previous_open=None, previous_asked="") == evidence
            outcome = check.run((seen,), check.params_type())
            verdicts.append((outcome.verdict, outcome.facts.get("new")))
    newly = ({"port": 8099, "service": None},)
    assert verdicts == [
        (Verdict.NOT_APPLICABLE, None),
        (Verdict.FAIL, newly),
        (Verdict.PASS, None),
    ]


def test_unknown_ports_leave_their_services_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Failure(FailureKind.UNREACHABLE, "no route")

    async def probe_ports(**_: object) -> Attempt:
        return attempt(refused)

    monkeypatch.setattr(questions, "probe_ports", probe_ports)
    (service,) = scan(TARGETS, options=OPTIONS).evidence.evidence()
    assert service.attempts[Probe.SERVICES][-1].attempt.result == refused


@pytest.mark.parametrize(
    ("port", "ranges", "expected"),
    [
        (22, "22", True),
        (23, "22,24", False),
        (8005, "80,8000-8010", True),
        (8011, "80,8000-8010", False),
        (80, "", False),
        (80, "x,-,1-", False),
    ],
)
def test_ports_in_ranges(port: int, ranges: str, expected: object) -> None:
    assert stands_in(port, ranges) is expected
