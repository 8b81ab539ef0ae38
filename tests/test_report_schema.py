"""The published schema of audit.json: it fits what is written, and refuses what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from spbe_audit.cli.report_command import command
from spbe_audit.finding import Assessment, ControlStatus, ManualAnswer
from spbe_audit.report.json_document import SCHEMA_VERSION, json_schema
from tests.assessments import BROKEN, assess, hostile, ordinary
from tests.compared import comparison
from tests.report_pages import written

SCHEMA: dict[str, Any] = json.loads(json_schema())
DOCUMENT = Draft202012Validator(SCHEMA)
Path_ = tuple[str | int, ...]

FREE = ("facts", "tools", "footprint")
"""Objects whose names are not ours to fix."""


def audit(folder: Path, assessment: Assessment, language: str = "id") -> dict[str, Any]:
    """The document of an assessment."""
    written(folder, assessment, language=language, formats=["json"])
    loaded: dict[str, Any] = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
    return loaded


def answered() -> Assessment:
    """An assessment with an auditor's answer for a control."""
    whole = ordinary()
    answer = ManualAnswer(
        control=whole.controls[4].control.id,
        status=ControlStatus.PARTLY_CONFORMING,
        by="Siti Rahma",
        date=date(2026, 11, 20),
        reference="SOP 7/2026",
    )
    controls = list(whole.controls)
    controls[4] = replace(controls[4], status=answer.status, answer=answer)
    return replace(whole, controls=tuple(controls), comparison=comparison())


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A document in which every object of the schema occurs."""
    return audit(tmp_path_factory.mktemp("schema"), answered())


def objects(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, dict[str, Any]]]:
    """Every object with names of ours, one of each kind."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            if key not in FREE:
                yield from objects(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from objects(item, (*path, index))


def at(value: Any, path: Path_) -> Any:
    """What stands at a path."""
    for step in path:
        value = value[step]
    return value


def kinds(document: dict[str, Any]) -> dict[tuple[str, ...], Path_]:
    """A path to each kind of object; what differs in its place in a list only is one kind."""
    found: dict[tuple[str, ...], Path_] = {}
    for path, value in objects(document):
        shape = (*(str(step) for step in path if isinstance(step, str)), *sorted(value))
        found.setdefault(shape, path)
    return found


def test_the_schema_is_one_of_its_version() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].endswith(f":{SCHEMA_VERSION}")
    assert SCHEMA["$defs"]["head"]["properties"]["schema_version"] == {
        "const": SCHEMA_VERSION,
        "description": SCHEMA["$defs"]["head"]["properties"]["schema_version"]["description"],
    }


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize(
    "make",
    [
        ordinary,
        answered,
        hostile,
        lambda: hostile(BROKEN),
        lambda: assess([], engagement=None, finished=False),
    ],
    ids=["ordinary", "answered", "hostile", "broken", "empty"],
)
def test_what_is_written_fits(
    make: Callable[[], Assessment], language: str, tmp_path: Path
) -> None:
    assert list(DOCUMENT.iter_errors(audit(tmp_path, make(), language))) == []


def test_each_key_is_demanded_and_no_other_is_allowed(document: dict[str, Any]) -> None:
    tried = 0
    for path in kinds(document).values():
        surplus = deepcopy(document)
        at(surplus, path)["surplus"] = 1
        assert not DOCUMENT.is_valid(surplus), path
        for key in at(document, path):
            less = deepcopy(document)
            del at(less, path)[key]
            assert DOCUMENT.is_valid(less) is (key == "evidence_all"), (*path, key)
            tried += 1
    assert tried > 90


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema_version",), "2.0"),
        (("language",), "jv"),
        (("engagement",), {}),
        (("engagement", "valid", "from"), "2026-11-20"),
        (("run", "started"), "2026-11-20T10:15:30"),
        (("run", "started"), None),
        (("run", "digest"), "AB" * 32),
        (("run", "intensity"), "heavy"),
        (("run", "footprint", "connections"), -1),
        (("score", "compliance"), 1.5),
        (("score", "passed"), "8"),
        (("aspects", 0, "score", "coverage"), -0.1),
        (("agencies",), {}),
        (("services", 0, "score"), None),
        (("controls", 0, "status"), "memadai"),
        (("controls", 0, "confidence"), "sekunder"),
        (("controls", 4, "manual_answer", "date"), "20-11-2026"),
        (("findings", 0, "verdict"), "tidak sesuai"),
        (("findings", 0, "severity"), "High"),
        (("findings", 0, "facts"), []),
        (("findings", 0, "evidence"), "0123"),
        (("findings", 0, "attempts"), 1.5),
        (("findings", 4, "reason"), None),
        (("findings", 1, "evidence_all"), ["cd" * 32]),
    ],
)
def test_a_wrong_value_is_refused(document: dict[str, Any], path: Path_, value: Any) -> None:
    wrong = deepcopy(document)
    at(wrong, path[:-1])[path[-1]] = value
    assert not DOCUMENT.is_valid(wrong)


def test_the_command_prints_it_without_a_store(tmp_path: Path) -> None:
    printed = CliRunner().invoke(command, ["--schema", "--store", str(tmp_path / "none.db")])
    assert printed.exit_code == 0
    assert printed.output == json_schema()
    assert not list(tmp_path.iterdir())
