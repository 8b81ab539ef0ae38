"""findings.jsonl: the records of audit.json, one to a line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from spbe_audit.finding import Assessment
from spbe_audit.report.json_document import json_schema
from tests.assessments import BROKEN, assess, hostile, ordinary
from tests.report_pages import compare_with_golden, written

SCHEMA: dict[str, Any] = json.loads(json_schema())
LINE = Draft202012Validator({**SCHEMA["$defs"]["line"], "$defs": SCHEMA["$defs"]})
LISTS = {
    "aspects": "aspect",
    "agencies": "agency",
    "services": "service",
    "controls": "control",
    "findings": "finding",
    "waivers": "waiver",
    "changes": "change",
}


def lines(folder: Path, assessment: Assessment, language: str = "id") -> list[dict[str, Any]]:
    """The records of an assessment, read as a program would that reads line by line."""
    written(folder, assessment, language=language, formats=["jsonl", "json"])
    raw = (folder / "findings.jsonl").read_bytes()
    assert raw.isascii()
    assert raw.endswith(b"\n")
    return [json.loads(one) for one in raw[:-1].split(b"\n")]


def test_it_is_the_golden_file(tmp_path: Path) -> None:
    folder = written(tmp_path, ordinary(), formats=["jsonl"])
    compare_with_golden("findings.jsonl", (folder / "findings.jsonl").read_bytes().decode())


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
def test_every_line_fits_the_schema(
    make: Callable[[], Assessment], language: str, tmp_path: Path
) -> None:
    for line in lines(tmp_path, make(), language):
        assert list(LINE.iter_errors(line)) == []


def test_the_lines_are_the_records_of_audit_json(tmp_path: Path) -> None:
    head, *records = lines(tmp_path, ordinary())
    whole = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert head.pop("type") == "run"
    assert head == {key: value for key, value in whole.items() if key not in LISTS}
    expected = [{"type": kind, **one} for key, kind in LISTS.items() for one in whole[key]]
    assert records == expected


def test_a_line_of_another_kind_is_refused(tmp_path: Path) -> None:
    head, *_, finding = lines(tmp_path, ordinary())
    assert not LINE.is_valid({**finding, "type": "service"})
    assert not LINE.is_valid({**finding, "type": "page"})
    assert not LINE.is_valid({**finding, "surplus": 1})
    assert not LINE.is_valid({key: value for key, value in finding.items() if key != "type"})
    assert not LINE.is_valid(
        {key: value for key, value in head.items() if key != "digest"} | {"run": {}}
    )
