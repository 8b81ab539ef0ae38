"""What the package of evidence imports when asked is what its stub says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from spbe_audit import evidence

STUB = Path(evidence.__file__ or "").with_suffix(".pyi")


def test_the_stub_names_what_there_is() -> None:
    tree = ast.parse(STUB.read_text("utf-8"))
    stated = {
        alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes: dict[str, str] = vars(evidence)["_HOME"]
    assert stated == {name: f"spbe_audit.evidence.{home}" for name, home in homes.items()}
    for name in stated:
        assert getattr(evidence, name) is not None


def test_a_look_at_tls_loads_no_parser_of_pages() -> None:
    code = "import sys, spbe_audit.cli.tls_command; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"pydantic", "httpx", "yaml", "jinja2", "sslyze", "cryptography.x509", "rich"}
    assert heavy.isdisjoint(loaded.stdout.split())


def test_no_name_is_that_of_a_module() -> None:
    """Importing the module would put it in the name's place."""
    modules = {path.stem for path in STUB.parent.glob("*.py")}
    assert modules.isdisjoint(vars(evidence)["_HOME"])
