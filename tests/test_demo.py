"""The reference services, scanned for real: each fault is named, and nothing on the good one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from spbe_audit import Assessment, ScanOptions, Verdict, evaluate, load_policy, load_targets, scan
from spbe_audit.demo import reference_targets
from spbe_audit.finding import Finding
from spbe_audit.network import Deadlines
from spbe_audit.reference_services.catalogue import REFERENCE_SERVICES, ReferenceService
from spbe_audit.severity import Severity

pytestmark = pytest.mark.xdist_group("demo")  # one scan serves them all

OPTIONS = ScanOptions(
    uptime_interval=0.2, confirm_after=0.2, deadlines=Deadlines(connect=2.0, exchange=3.0)
)


@pytest.fixture(scope="module")
def assessment(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    folder = tmp_path_factory.mktemp("reference")
    with reference_targets(folder, now=datetime.now(UTC), language="en") as targets:
        run = scan(load_targets(targets), options=OPTIONS)
    return evaluate(run.evidence, load_policy("spbe"))


def _findings(assessment: Assessment, service: str) -> list[Finding]:
    return [finding for finding in assessment.findings if finding.service == service]


def _failed(assessment: Assessment, service: str) -> set[str]:
    return {
        finding.check
        for finding in _findings(assessment, service)
        if finding.verdict is Verdict.FAIL and finding.severity is not Severity.INFO
    }


def _answering() -> list[ReferenceService]:
    return [service for service in REFERENCE_SERVICES if not service.unknown_reason]


@pytest.mark.parametrize("service", _answering(), ids=lambda service: service.id)
def test_the_faults_of_a_service_are_found_and_no_others(
    assessment: Assessment, service: ReferenceService
) -> None:
    assert _failed(assessment, service.id) == set(service.must_fail)


@pytest.mark.parametrize("service", _answering(), ids=lambda service: service.id)
def test_nothing_about_an_answering_service_is_unknown(
    assessment: Assessment, service: ReferenceService
) -> None:
    unknown = [
        (finding.check, finding.reason)
        for finding in _findings(assessment, service.id)
        if finding.verdict is Verdict.UNKNOWN
    ]
    assert unknown == []


@pytest.mark.parametrize(
    "service",
    [service for service in REFERENCE_SERVICES if service.unknown_reason],
    ids=lambda service: service.id,
)
def test_a_service_that_does_not_answer_is_unknown_with_its_reason(
    assessment: Assessment, service: ReferenceService
) -> None:
    for finding in _findings(assessment, service.id):
        family = finding.check.partition(".")[0]
        if finding.reason in {"one_address", "no_other_tls"}:  # nothing to compare, answer or no
            continue
        if family in {"tls", "certificate", "http", "cookie", "uptime"}:
            assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, service.unknown_reason)
            assert finding.attempts == 2


def test_evidence_stands_behind_every_finding(assessment: Assessment) -> None:
    for finding in assessment.findings:
        assert finding.evidence
        assert finding.observed_at is not None


def test_the_example_of_the_design_page_works(tmp_path: Path) -> None:
    with reference_targets(tmp_path, now=datetime.now(UTC), language="en") as targets:
        good = next(s.url for s in load_targets(targets).services if s.id == "good")
        options = ScanOptions(families=("http",), uptime_interval=0.2)
        run = scan([good], options=options)
    findings = evaluate(run.evidence, load_policy("spbe")).findings
    assert {finding.check.partition(".")[0] for finding in findings} == {"http"}
