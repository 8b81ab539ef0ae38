"""Who may import what, beyond what import-linter can see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINE = ROOT / "spbe_audit"
LONGEST_FILE = 450

ALLOWED_HOMES = {
    "sqlite3": ("store.py", "store/", "doctor.py"),
    "click": ("cli/",),
    "rich": ("cli/",),
    "jinja2": ("report/",),
    "apprise": ("delivery.py",),
    "weasyprint": ("report/",),
    "xlsxwriter": ("report/",),
    "openpyxl": ("report/",),
    "sslyze": ("probes/tls/deep/",),
    "nassl": ("probes/tls/deep/",),
    "nmap": ("probes/ports/",),
    "httpx": ("probes/",),
    "httpcore": ("probes/",),
    "dns": ("probes/",),
    "subprocess": ("probes/", "demo.py", "doctor.py"),
}
"""Libraries with one home; whoever else wants one goes through that home."""


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno


def _engine_files() -> list[Path]:
    return sorted(ENGINE.rglob("*.py"))


def _check_files() -> list[Path]:
    return sorted(path for path in (ROOT / "checks").rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", _engine_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_library_stays_in_its_home(path: Path) -> None:
    where = path.relative_to(ENGINE).as_posix()
    for module, line in _imports(path):
        homes = ALLOWED_HOMES.get(module.partition(".")[0])
        if homes:
            assert where.startswith(homes), f"{where}:{line} imports {module}"


@pytest.mark.parametrize("path", _check_files(), ids=lambda path: path.stem)
def test_a_check_knows_only_evidence(path: Path) -> None:
    forbidden = {"socket", "ssl", "asyncio", "subprocess", "os", "time", "random", "pathlib"}
    for module, line in _imports(path):
        top = module.partition(".")[0]
        assert top not in forbidden, f"{path}:{line} imports {module}"
        if top == "spbe_audit":
            assert module in {"spbe_audit.check", "spbe_audit.evidence"}, f"{path}:{line}"


@pytest.mark.parametrize(
    "path", [*_engine_files(), *_check_files()], ids=lambda path: str(path.relative_to(ROOT))
)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE


def test_the_engine_names_no_regulation() -> None:
    for path in _engine_files():
        text = path.read_text("utf-8")
        assert "p27-a" not in text, path
        assert "4/2021" not in text, path
