"""A package of somebody else adds a check, its words, a policy and a regulation: by both roads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from spbe_audit.catalogue import load_catalogue
from spbe_audit.errors import PolicyError
from spbe_audit.policy import load_policy, policy_names
from spbe_audit.testing.cases import Case, check_case, load_cases

PLUGIN = Path(__file__).parent / "plugin_example"
PACKAGE = PLUGIN / "spbe_audit_example"
CASES = load_cases(PLUGIN / "cases" / "http" / "page_language.yaml").cases

TELL = """
import json
from spbe_audit.catalogue import load_catalogue
from spbe_audit.policy import load_policy
catalogue = load_catalogue()
entry = catalogue.get("http.page_language")
policy = load_policy("example-city", catalogue=catalogue)
print(json.dumps({
    "origin": entry.origin,
    "title": entry.texts.title.id,
    "built_in": catalogue.get("tls.offered").origin,
    "checks": [one.check for one in policy.requirements],
    "controls": [control.id for control in policy.controls],
}))
"""


def _install(site: Path) -> None:
    """Put the package where an installer would, with the metadata that it would write."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    shutil.copytree(PACKAGE, site / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    metadata = site / f"spbe_audit_example-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, points in project["entry-points"].items():
        lines.append(f"[{group}]")
        lines += [f"{name} = {value}" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")


def test_an_installed_plugin_is_found_by_its_entry_point(tmp_path: Path) -> None:
    _install(tmp_path)
    told = subprocess.run(
        [sys.executable, "-c", TELL],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(told.stdout)
    assert found["origin"] == "spbe-audit-example 1.2.0"
    assert found["built_in"] == "built-in"
    assert found["title"] == "Bahasa halaman dinyatakan"
    assert "http.page_language" in found["checks"]
    assert "example-city-2026:p3" in found["controls"]


def test_a_broken_installed_plugin_is_named(tmp_path: Path) -> None:
    _install(tmp_path)
    (tmp_path / PACKAGE.name / "http" / "page_language.py").write_text("import no_such_module\n")
    told = subprocess.run(
        [sys.executable, "-c", TELL],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert (
        "spbe-audit-example 1.2.0: spbe_audit_example.http.page_language cannot be" in told.stderr
    )


def test_the_same_files_serve_as_a_folder() -> None:
    catalogue = load_catalogue(folders=[PACKAGE])
    assert catalogue.get("http.page_language").origin == str(PACKAGE)
    assert "example-city" in policy_names(catalogue)
    policy = load_policy("example-city", catalogue=catalogue)
    by_check = {one.check: one for one in policy.requirements}
    assert by_check["http.page_language"].controls == ("example-city-2026:p3",)
    assert by_check["http.page_language"].params.model_dump() == {"welcome": ("id",)}
    assert by_check["tls.modern_version"].severity.value == "medium"


def test_without_the_folder_its_policy_is_not_known() -> None:
    with pytest.raises(PolicyError, match="no policy of this name"):
        load_policy("example-city", catalogue=load_catalogue())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_its_cases_run_with_our_runner(case: Case) -> None:
    check_case(load_catalogue(folders=[PACKAGE]).get("http.page_language"), case)


def test_the_runner_shows_what_differs() -> None:
    entry = load_catalogue(folders=[PACKAGE]).get("http.page_language")
    wrong = Case(name="wrong", verdict="fail", reason="x", facts={"language": "fr", "no": 1})
    with pytest.raises(AssertionError) as error:
        check_case(entry, wrong)
    for line in (
        "http.page_language: wrong",
        "verdict: expected fail, got pass",
        "reason: expected x, got None",
        "fact language: expected 'fr', got 'id'",
        "fact no: expected 1, got no such fact",
    ):
        assert line in str(error.value)
