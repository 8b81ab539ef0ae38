"""audit.json: the contract with other programs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.assessments import CONTROLS, EVIDENCE, HOSTILE, assess, hostile, ordinary
from tests.report_pages import compare_with_golden, written


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file in Indonesian."""
    folder = written(tmp_path_factory.mktemp("json"), ordinary(), formats=["json"])
    return (folder / "audit.json").read_bytes().decode("utf-8")


@pytest.fixture(scope="module")
def document(text: str) -> dict[str, Any]:
    """The file as data."""
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_it_is_the_golden_file(text: str) -> None:
    compare_with_golden("audit.json", text)


def test_it_is_laid_out_as_json_dumps_would(text: str, document: dict[str, Any]) -> None:
    assert text == json.dumps(document, indent=2) + "\n"


def test_the_top_of_the_contract(document: dict[str, Any]) -> None:
    assert document["schema_version"] == "1.0"
    assert {"engagement", "policy", "run", "services", "controls", "findings"} <= set(document)
    assert {"agencies", "aspects", "score"} <= set(document)
    assert document["engagement"]["letter"] == "ST-012/ITDA/2026"
    assert document["engagement"]["scope"] == ["*.babelprov.go.id", "103.10.0.0/22"]
    assert document["policy"]["id"] == "spbe"
    run = document["run"]
    assert {"id", "started", "finished", "tools", "footprint", "digest"} <= set(run)
    assert run["tools"] == {"nmap": "7.93", "spbe-audit": "0.1.0"}


def test_a_finding_keeps_the_contract(document: dict[str, Any]) -> None:
    one = next(
        finding
        for finding in document["findings"]
        if finding["service"] == "portal" and finding["check"] == "tls.protocol_versions"
    )
    assert one["url"] == "https://portal.babelprov.go.id/"
    assert one["agency"] == "diskominfo"
    assert one["verdict"] == "fail"
    assert one["reason"] is None
    assert one["severity"] == "high"
    assert one["controls"] == [
        "bssn-4-2021:p27-a8-a",
        "bssn-4-2021:p27-a8-c",
        "panrb-59-2020:i22",
    ]
    assert one["facts"] == {"accepted": ["TLS 1.0", "TLS 1.1"]}
    assert one["evidence"] == EVIDENCE
    assert one["evidence_all"] == ["cd" * 32, EVIDENCE]
    assert one["attempts"] == 2


def test_verdicts_and_severities_are_the_words_of_the_contract(document: dict[str, Any]) -> None:
    findings = document["findings"]
    assert {one["verdict"] for one in findings} == {"pass", "fail", "not_applicable", "unknown"}
    assert {one["severity"] for one in findings} == {"critical", "high", "medium", "low", "info"}
    for one in findings:
        assert (one["reason"] is not None) == (one["verdict"] in {"unknown", "not_applicable"})


def test_all_controls_are_listed_the_manual_ones_too(document: dict[str, Any]) -> None:
    controls = {control["id"]: control for control in document["controls"]}
    assert set(controls) == {*(control.id for control in CONTROLS), "panrb-59-2020:i22"}
    manual = controls["bssn-4-2021:p27-a1-a"]
    assert (manual["status"], manual["compliance"], manual["coverage"]) == ("manual", None, None)
    judged = controls["bssn-4-2021:p27-a8-c"]
    assert judged["confidence"] == "verified"
    assert judged["strength"] == "direct"
    assert judged["requirements"] == ["tls.protocol_versions"]
    assert controls["panrb-59-2020:i22"]["revoked"] is True


def test_shares_are_numbers_from_0_to_1(document: dict[str, Any]) -> None:
    for one in [document["score"], *(service["score"] for service in document["services"])]:
        for key in ("compliance", "coverage"):
            assert one[key] is None or 0 <= one[key] <= 1
    silent = next(one for one in document["services"] if one["id"] == "arsip")
    assert silent["score"]["compliance"] is None
    assert silent["score"]["coverage"] == 0


def test_times_carry_the_offset_of_the_report(document: dict[str, Any]) -> None:
    times = [document["run"]["started"], document["engagement"]["valid"]["from"]]
    times += [finding["observed_at"] for finding in document["findings"]]
    for time in times:
        assert datetime.fromisoformat(time).utcoffset() == timedelta(hours=7)
    assert document["run"]["started"] == "2026-11-20T10:15:30+07:00"


def test_codes_are_the_same_in_both_languages(tmp_path: Path, document: dict[str, Any]) -> None:
    folder = written(tmp_path, ordinary(), language="en", formats=["json"])
    english = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    assert english.pop("language") == "en"
    translated = {"title", "citation"}

    def codes(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: codes(item) for key, item in value.items() if key not in translated}
        return [codes(item) for item in value] if isinstance(value, list) else value

    indonesian = {key: value for key, value in document.items() if key != "language"}
    assert codes(english) == codes(indonesian)
    assert english["findings"][0]["title"] != document["findings"][0]["title"]


def test_hostile_values_come_back_as_they_were(tmp_path: Path) -> None:
    raw = (written(tmp_path, hostile(), formats=["json"]) / "audit.json").read_bytes()
    assert raw.isascii()
    assert not set(raw) & (set(range(32)) - {10})
    document = json.loads(raw, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    facts = document["findings"][0]["facts"]
    assert facts["shown"][0] == HOSTILE
    assert len(facts["shown"][1]) == 100_000
    assert facts["total"] == "nan"
    assert document["services"][0]["name"] == HOSTILE


def test_an_empty_assessment_has_empty_lists(tmp_path: Path) -> None:
    folder = written(tmp_path, assess([], engagement=None, finished=False), formats=["json"])
    text = (folder / "audit.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert document["findings"] == document["services"] == document["agencies"] == []
    assert document["engagement"] is None
    assert document["run"]["finished"] is None
    assert text == json.dumps(document, indent=2) + "\n"
