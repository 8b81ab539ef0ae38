"""oscal.json: accepted by the models of OSCAL, and every reference in it leads somewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from trestle.oscal.assessment_results import Model

from spbe_audit.check import Verdict
from spbe_audit.finding import Assessment, ControlStatus, ManualAnswer
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.oscal_words import line, markup, stable_uuid, token
from spbe_audit.report.summaries import is_fault
from tests.assessments import BROKEN, EVIDENCE, HOSTILE, assess, hostile, ordinary
from tests.report_pages import compare_with_golden, written


def oscal(folder: Path, assessment: Assessment, language: str = "id") -> dict[str, Any]:
    """The document of an assessment."""
    raw = (
        written(folder, assessment, language=language, formats=["oscal"]) / "oscal.json"
    ).read_bytes()
    assert raw.isascii()
    loaded: dict[str, Any] = json.loads(raw)
    return loaded


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A document in Indonesian."""
    return oscal(tmp_path_factory.mktemp("oscal"), ordinary())


@pytest.fixture(scope="module")
def results(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Its results, one for each agency."""
    found: list[dict[str, Any]] = document["assessment-results"]["results"]
    return found


def answered(status: ControlStatus) -> Assessment:
    """An assessment in which the auditor answers for a control that nothing was observed of."""
    whole = ordinary()
    agency = whole.agencies[0]
    answer = ManualAnswer(
        control=agency.controls[4].control.id,
        status=status,
        by="Siti Rahma",
        date=date(2026, 11, 20),
        reference="SOP [7]/2026",
    )
    controls = list(agency.controls)
    controls[4] = replace(controls[4], status=status, answer=answer)
    agencies = (replace(agency, controls=tuple(controls)), *whole.agencies[1:])
    return replace(whole, agencies=agencies)


def named(value: Any, *names: str) -> Iterator[str]:
    """Every text under one of some names, at any depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in names:
                yield from [item] if isinstance(item, str) else item
            yield from named(item, *names)
    elif isinstance(value, list):
        for item in value:
            yield from named(item, *names)


def prop(thing: dict[str, Any], name: str) -> str:
    """The value of a property."""
    (value,) = [one["value"] for one in thing["props"] if one["name"] == name]
    assert isinstance(value, str)
    return value


def test_it_is_the_golden_file(tmp_path: Path) -> None:
    folder = written(tmp_path, ordinary(), formats=["oscal"])
    compare_with_golden("oscal.json", (folder / "oscal.json").read_bytes().decode())


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize(
    "make",
    [
        ordinary,
        lambda: answered(ControlStatus.CONFORMING),
        hostile,
        lambda: hostile(BROKEN),
        lambda: assess([], engagement=None, finished=False),
        lambda: replace(assess([]), controls=(), regulations=()),
    ],
    ids=["ordinary", "answered", "hostile", "broken", "empty", "no-controls"],
)
def test_the_models_of_oscal_accept_it(
    make: Callable[[], Assessment], language: str, tmp_path: Path
) -> None:
    Model.model_validate(oscal(tmp_path, make(), language))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metadata", "title"), "two\nlines"),
        (("results",), []),
        (("results", 0, "observations", 0, "uuid"), "42"),
        (("results", 0, "observations", 0, "methods"), []),
        (("results", 0, "findings", 0, "target", "target-id"), "bssn-4-2021:p27"),
        (("results", 0, "findings", 0, "target", "status", "state"), "unknown"),
        (("results", 0, "risks", 0, "surplus"), "1"),
    ],
)
def test_the_models_are_not_asleep(
    document: dict[str, Any], path: tuple[str | int, ...], value: Any
) -> None:
    wrong = deepcopy(document)
    *steps, last = path
    place = wrong["assessment-results"]
    for step in steps:
        place = place[step]
    place[last] = value
    with pytest.raises(ValidationError):
        Model.model_validate(wrong)


def test_every_reference_leads_to_something(document: dict[str, Any]) -> None:
    defined = list(named(document, "uuid"))
    assert len(defined) == len(set(defined))
    references = {
        *named(document, "observation-uuid", "risk-uuid", "subject-uuid"),
        *named(document, "actor-uuid", "party-uuids", "component-uuid"),
        document["assessment-results"]["import-ap"]["href"].removeprefix("#"),
    }
    assert len(references) > 30
    assert references <= set(defined)


def test_a_result_is_an_agency(results: list[dict[str, Any]]) -> None:
    for result, agency in zip(results, ordinary().agencies, strict=True):
        assert result["title"] == agency.agency.name
        items = result.get("local-definitions", {}).get("inventory-items", [])
        assert [prop(item, "asset-id") for item in items] == [
            service.service.id for service in agency.services
        ]
        answers = [finding for service in agency.services for finding in service.findings]
        told = result.get("observations", [])
        assert [prop(one, "finding-id") for one in told] == [answer.id for answer in answers]
        assert [prop(one, "verdict") for one in told] == [answer.verdict for answer in answers]
        faults = [answer for answer in answers if is_fault(answer)]
        assert len(result.get("risks", [])) == len(faults)


def test_an_observation_carries_its_evidence(results: list[dict[str, Any]]) -> None:
    one = next(
        observation
        for observation in results[0]["observations"]
        if prop(observation, "check") == "tls.protocol_versions"
    )
    assert one["description"] == "Masih diterima: TLS 1.0 dan TLS 1.1."
    assert one["collected"] == "2026-11-20T03:17:05Z"
    assert [prop(evidence, "evidence-digest") for evidence in one["relevant-evidence"]] == [
        "cd" * 32,
        EVIDENCE,
    ]


def test_a_finding_is_what_can_be_said_of_a_control(results: list[dict[str, Any]]) -> None:
    states = {
        ControlStatus.CONFORMING: "satisfied",
        ControlStatus.PARTLY_CONFORMING: "not-satisfied",
        ControlStatus.NOT_CONFORMING: "not-satisfied",
    }
    for result, agency in zip(results, ordinary().agencies, strict=True):
        assert {
            prop(finding, "control-id"): finding["target"]["status"]["state"]
            for finding in result.get("findings", [])
        } == {one.control.id: states[one.status] for one in agency.controls if one.status in states}


def test_what_could_not_be_tested_is_neither(tmp_path: Path) -> None:
    whole = ordinary()
    silent = whole.agencies[0].services[1]
    only = assess(
        [
            (
                replace(whole.agencies[0].agency, services=(silent.service,)),
                {"arsip": silent.findings},
            )
        ]
    )
    assert {finding.verdict for finding in only.findings} == {Verdict.UNKNOWN}
    (result,) = oscal(tmp_path, only)["assessment-results"]["results"]
    assert len(result["observations"]) == len(only.findings)
    assert "findings" not in result
    assert "risks" not in result


def test_every_control_has_its_status(results: list[dict[str, Any]]) -> None:
    agency = ordinary().agencies[0]
    reviewed = results[0]["reviewed-controls"]
    assert {one["class"]: one["value"] for one in reviewed["props"]} == {
        token(one.control.id): one.status.value for one in agency.controls
    }
    (selection,) = reviewed["control-selections"]
    manual = {one["control-id"] for one in selection["exclude-controls"]}
    assert manual == {
        token(one.control.id) for one in agency.controls if one.status is ControlStatus.MANUAL
    }


def test_the_auditors_answer_is_told_as_his(tmp_path: Path) -> None:
    document = oscal(tmp_path, answered(ControlStatus.NOT_CONFORMING))
    result = document["assessment-results"]["results"][0]
    finding = next(one for one in result["findings"] if "origins" not in one)
    assert finding["target"]["target-id"] == "bssn-4-2021_p27-a1-a"
    status = finding["target"]["status"]
    assert status["state"] == "not-satisfied"
    assert status["remarks"] == (
        r"jawaban auditor: tidak sesuai, oleh Siti Rahma, 20 November 2026, "
        r"berdasarkan: SOP \[7\]/2026."
    )
    assert "related-observations" not in finding


def test_no_conclusion_stands_without_the_auditor(tmp_path: Path, document: dict[str, Any]) -> None:
    english = oscal(tmp_path, ordinary(), "en")
    for whole, word in ((document, "konfirmasi auditor"), (english, "an auditor to confirm")):
        for result in whole["assessment-results"]["results"]:
            for finding in result.get("findings", []):
                assert word in finding["target"]["status"]["remarks"]


def test_identities_outlive_a_run_where_they_should(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    later = ordinary()
    later = replace(later, run=replace(later.run, id="20270120T031530Z-0001", digest="12" * 32))
    second = oscal(tmp_path, later)
    first_result = document["assessment-results"]["results"][0]
    second_result = second["assessment-results"]["results"][0]
    for kind, same in (("risks", True), ("findings", True), ("observations", False)):
        ours = {one["uuid"] for one in first_result[kind]}
        theirs = {one["uuid"] for one in second_result[kind]}
        assert (ours == theirs) is same, kind
        assert same or not ours & theirs, kind
    assert second["assessment-results"]["uuid"] != document["assessment-results"]["uuid"]
    assert second_result["uuid"] != first_result["uuid"]


def test_another_language_is_another_document(tmp_path: Path, document: dict[str, Any]) -> None:
    english = oscal(tmp_path, ordinary(), "en")["assessment-results"]
    ours = document["assessment-results"]
    assert english["uuid"] != ours["uuid"]
    assert sorted(named(english["results"], "uuid")) == sorted(named(ours["results"], "uuid"))


def test_words_fit_the_forms_of_oscal() -> None:
    assert token("bssn-4-2021:p27-a8-a") == "bssn-4-2021_p27-a8-a"
    assert token("27:a b") != token("27:a_b") == "_27_a_b-" + token("27:a_b")[-8:]
    assert line(" \u202e\n ") == "[U+202E][U+000A]"
    assert line(" a \u00a0 b ") == "a b"
    assert line("") == "-"
    assert markup("![x](u) <b> `c` {{ insert: param, x }} a*b\\") == (
        r"!\[x\](u) \<b\> \`c\` \{\{ insert: param, x \}\} a\*b\\"
    )
    assert stable_uuid("risk", "a", "b") != stable_uuid("risk", "ab", "")


@pytest.mark.parametrize("text", [HOSTILE, BROKEN], ids=["hostile", "broken"])
def test_hostile_values_are_inert(text: str, tmp_path: Path) -> None:
    document = oscal(tmp_path, hostile(text))
    markups = [*named(document, "title", "description", "statement", "remarks")]
    assert any("evil.example" in one or "alert" in one for one in markups)
    for one in markups:
        assert spelt_out(one) == one
        plain = one.replace("\\\\", "")
        for character in "[]<>`*{}":
            assert plain.count(character) == plain.count(f"\\{character}")
        assert len(one) < 60_000
