"""junit.xml: read by an XML parser and by a reader of test reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from spbe_audit.check import Verdict
from spbe_audit.finding import Assessment
from tests.assessments import BROKEN, EVIDENCE, HOSTILE, assess, hostile, ordinary
from tests.report_pages import compare_with_golden, written

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no character of XML 1.0 (section 2.2)."""


def junit(folder: Path, assessment: Assessment, language: str = "id") -> Path:
    """The file of an assessment."""
    return written(folder, assessment, language=language, formats=["junit"]) / "junit.xml"


def tree(file: Path) -> Element:
    """The file as a tree; fails on what XML does not allow."""
    return ET.parse(file).getroot()  # noqa: S314 - the file was written by the test


def suites(file: Path) -> list[TestSuite]:
    """The suites as a reader of test reports finds them."""
    return list(JUnitXml.fromfile(str(file)))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in Indonesian."""
    return junit(tmp_path_factory.mktemp("junit"), ordinary())


def test_it_is_the_golden_file(file: Path) -> None:
    compare_with_golden("junit.xml", file.read_bytes().decode())


def test_a_service_is_a_suite_and_a_requirement_a_case(file: Path) -> None:
    found = suites(file)
    services = ordinary().services
    assert [suite.name for suite in found] == [one.service.id for one in services]
    for suite, one in zip(found, services, strict=True):
        assert [(case.classname, case.name) for case in suite] == [
            (f"{finding.agency}.{finding.service}", finding.requirement) for finding in one.findings
        ]


def test_verdicts_are_told_apart(file: Path) -> None:
    kinds = {
        Verdict.PASS: [],
        Verdict.FAIL: [Failure],
        Verdict.UNKNOWN: [Error],
        Verdict.NOT_APPLICABLE: [Skipped],
    }
    cases: list[TestCase] = [case for suite in suites(file) for case in suite]
    assert {finding.verdict for finding in ordinary().findings} == set(kinds)
    for case, finding in zip(cases, ordinary().findings, strict=True):
        assert [type(result) for result in case.result] == kinds[finding.verdict]


def test_the_numbers_are_those_of_the_cases(file: Path) -> None:
    def counted(cases: Sequence[TestCase]) -> tuple[int, ...]:
        kinds = [type(result) for case in cases for result in case.result]
        return len(cases), kinds.count(Failure), kinds.count(Error), kinds.count(Skipped)

    whole = JUnitXml.fromfile(str(file))
    for suite in whole:
        told = (suite.tests, suite.failures, suite.errors, suite.skipped)
        assert told == counted(list(suite))
    told = (whole.tests, whole.failures, whole.errors, whole.skipped)
    assert told == counted([case for suite in whole for case in suite]) == (22, 7, 5, 2)


def test_a_failure_says_what_to_do(file: Path) -> None:
    (portal, *_) = suites(file)
    case = next(case for case in portal if case.name == "tls.protocol_versions")
    (failure,) = case.result
    assert failure.type == "high"
    assert failure.message == (
        "Versi protokol TLS usang ditolak: Masih diterima: TLS 1.0 dan TLS 1.1."
    )
    assert "\nRekomendasi: Terima hanya TLS 1.2 dan TLS 1.3.\n" in failure.text
    assert failure.text.endswith(f"Bukti: {'cd' * 32} {EVIDENCE}")


def test_an_error_gives_the_reason(file: Path) -> None:
    silent = suites(file)[1]
    for case in silent:
        (error,) = case.result
        assert error.type == "timeout"
        assert error.message.endswith("Tidak ada jawaban dalam batas waktu.")


def test_a_suite_names_the_assignment_and_the_run(file: Path) -> None:
    portal = tree(file)[0]
    told = {one.get("name"): one.get("value") for one in portal.iter("property")}
    assert told["engagement.letter"] == "ST-012/ITDA/2026"
    assert told["run.id"] == "20261120T031530Z-7f3a"
    assert told["policy.id"] == "spbe"
    assert portal.get("timestamp") == "2026-11-20T03:15:30"


def test_names_are_the_same_in_both_languages(file: Path, tmp_path: Path) -> None:
    english = junit(tmp_path, ordinary(), "en")
    for ours, theirs in zip(suites(file), suites(english), strict=True):
        assert [(case.classname, case.name) for case in ours] == [
            (case.classname, case.name) for case in theirs
        ]
    assert "Rekomendasi" not in english.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "make",
    [hostile, lambda: hostile(BROKEN), lambda: assess([], engagement=None, finished=False)],
    ids=["hostile", "broken", "empty"],
)
def test_no_character_is_one_that_xml_forbids(
    make: Callable[[], Assessment], tmp_path: Path
) -> None:
    assessment = make()
    file = junit(tmp_path, assessment)
    text = file.read_bytes().decode("utf-8")
    assert not _ILLEGAL.search(text)
    assert "<!" not in text
    root = tree(file)
    assert len(root.findall(".//testcase")) == len(assessment.findings)
    assert {element.tag for element in root.iter()} <= {
        *("testsuites", "testsuite", "properties", "property", "testcase"),
        *("failure", "error", "skipped"),
    }


def test_a_hostile_value_is_shown_as_it_is(tmp_path: Path) -> None:
    root = tree(junit(tmp_path, hostile()))
    told = {one.get("name"): one.get("value") for one in root.iter("property")}
    name = told["service.name"]
    assert name is not None
    assert name.startswith(HOSTILE[:40])
    assert "[U+202E]gnp.exe[U+2066][U+200B][U+001B][31m[U+0000]{{7*7}}" in name
