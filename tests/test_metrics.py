"""Figures for Prometheus: what its own parser reads, whole or not at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spbe_audit.cli.commands import run as command_line
from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment
from spbe_audit.news import Item, Kind, News
from spbe_audit.over_time import RunMark
from spbe_audit.report.metrics_document import Ending, metrics_text, refuse_metrics, write_metrics
from spbe_audit.severity import Severity
from tests.assessments import STARTED, hostile, many, ordinary

ENDING = Ending(STARTED + timedelta(seconds=90), exit_code=1, not_reached=2, left_out=1)
NEWS = News(
    RunMark("run-00", STARTED - timedelta(days=1)),
    (
        Item(Kind.NEW, "diskominfo", "portal", "r", "c", Severity.CRITICAL),
        Item(Kind.NEW, "diskominfo", "portal", "r", "c", Severity.CRITICAL, subject="x"),
        Item(Kind.REGRESSED, "dinkes", "sehat", "r", "c", Severity.LOW),
    ),
)
OPEN = Counter({("diskominfo", Severity.HIGH): 7})

Figures = dict[tuple[str, str, str], float]


def read(text: str) -> Figures:
    """Every sample by name, agency and severity."""
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type == "gauge"
        for sample in family.samples:
            assert set(sample.labels) <= {"agency", "severity"}
            labels = sample.labels.get("agency", ""), sample.labels.get("severity", "")
            assert (sample.name, *labels) not in found
            found[sample.name, *labels] = sample.value
    return found


def figures_of(assessment: Assessment) -> Figures:
    return read(metrics_text(assessment, NEWS, ENDING, open_now=OPEN))


def test_the_figures_are_those_of_the_run() -> None:
    assessment = ordinary()
    found = figures_of(assessment)
    assert found["spbe_audit_run_start_timestamp_seconds", "", ""] == STARTED.timestamp()
    assert found["spbe_audit_run_duration_seconds", "", ""] == 90
    assert found["spbe_audit_run_exit_code", "", ""] == 1
    assert found["spbe_audit_run_finished", "", ""] == 1
    assert found["spbe_audit_run_connections", "", ""] == 1280
    assert found["spbe_audit_run_services_not_reached", "", ""] == 2
    assert found["spbe_audit_run_services_left_out", "", ""] == 1
    assert found["spbe_audit_services", "diskominfo", ""] == 3
    assert found["spbe_audit_services_unreachable", "diskominfo", ""] == 1
    assert found["spbe_audit_services_unreachable", "dinkes", ""] == 0
    assert found["spbe_audit_findings_new", "diskominfo", "critical"] == 2
    assert found["spbe_audit_findings_regressed", "dinkes", "low"] == 1
    assert found["spbe_audit_findings_open", "diskominfo", "high"] == 7
    assert found["spbe_audit_findings_open", "dinkes", "high"] == 0
    score = assessment.agencies[0].score
    assert found["spbe_audit_compliance_ratio", "diskominfo", ""] == score.compliance
    assert found["spbe_audit_coverage_ratio", "diskominfo", ""] == score.coverage


def test_an_agency_without_services_has_no_series() -> None:
    assert not [key for key in figures_of(ordinary()) if key[1] == "bapenda"]


def test_a_run_that_was_cut_short_says_so() -> None:
    assert figures_of(ordinary(finished=False))["spbe_audit_run_finished", "", ""] == 0


def test_there_are_no_more_series_with_more_services() -> None:
    assert len(figures_of(many(2, 2))) == len(figures_of(many(2, 40)))


def test_hostile_names_are_escaped() -> None:
    assessment = hostile()
    evil = 'a"b\\c\nd{}= # \x1b'
    agency = replace(assessment.agencies[0], agency=replace(assessment.agencies[0].agency, id=evil))
    found = figures_of(replace(assessment, agencies=(agency,)))
    assert found["spbe_audit_services", evil, ""] == 1


def test_the_file_is_replaced_whole_and_readable_by_the_collector(tmp_path: Path) -> None:
    path = tmp_path / "spbe-audit.prom"
    path.write_text("old")
    write_metrics(path, "spbe_audit_x 1\n")
    assert path.read_text() == "spbe_audit_x 1\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir()] == ["spbe-audit.prom"]


def test_what_cannot_be_written_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spbe-audit.prom"
    path.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ReportError, match="No space left"):
        write_metrics(path, "new")
    assert path.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["spbe-audit.prom"]


def test_a_place_that_is_none_is_told_before_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command_line(["scan", "http://127.0.0.1:9/", "--metrics", "missing/x.prom"]) == 2
    assert "it has no folder" in capsys.readouterr().err
    assert not Path("spbe-audit.db").exists()
    with pytest.raises(ReportError, match="that is a folder"):
        refuse_metrics(tmp_path)
