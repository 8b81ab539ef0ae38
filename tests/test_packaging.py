"""What is packaged is what is in the tree."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHIPPED = {
    "spbe_audit": "spbe_audit",
    "checks": "spbe_audit.checks",
    "policies": "spbe_audit.policies",
    "report_templates": "spbe_audit.report_templates",
    "tests/cases": "spbe_audit.check_cases",
}


def _settings() -> dict[str, object]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    settings: dict[str, object] = project["tool"]["setuptools"]
    return settings


def _folders_with_code() -> set[str]:
    found = set()
    for folder, package in SHIPPED.items():
        for init in (ROOT / folder).rglob("__init__.py"):
            inner = init.parent.relative_to(ROOT / folder).parts
            found.add(".".join((package, *inner)))
    return found


def test_every_folder_is_packaged() -> None:
    assert set(_settings()["packages"]) == _folders_with_code()  # type: ignore[call-overload] # TOML data


def test_every_folder_is_a_package() -> None:
    for folder in SHIPPED:
        for path in (ROOT / folder).rglob("*"):
            if path.is_dir() and path.name != "__pycache__":
                assert (path / "__init__.py").exists(), path


def test_data_is_found_through_importlib() -> None:
    assert files("spbe_audit.check_cases").joinpath("tls", "offered.yaml").is_file()
    assert files("spbe_audit.policies").joinpath("spbe.yaml").is_file()
    assert files("spbe_audit.checks.tls").joinpath("offered.yaml").is_file()
    assert files("spbe_audit.report_templates").joinpath("labels.yaml").is_file()
