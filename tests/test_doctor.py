"""What doctor says of what a report may need besides."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from spbe_audit.doctor import Examination, examine


def of(subject: str, folder: Path) -> Examination:
    """What was found of one thing."""
    return next(one for one in examine(folder) if one.subject == subject)


def test_what_is_installed_is_named_with_its_version(tmp_path: Path) -> None:
    for subject in ("XlsxWriter", "WeasyPrint"):
        one = of(subject, tmp_path)
        assert one.good
        assert one.found[0].isdigit()
        assert not one.advice


def test_a_missing_weasyprint_costs_one_format_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    one = of("WeasyPrint", tmp_path)
    assert (one.good, one.needed) == (False, False)
    assert "spbe-audit[pdf]" in one.advice
    assert "libpango-1.0-0" in one.advice


def test_a_missing_xlsxwriter_costs_one_format_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "xlsxwriter" else find_spec(name),
    )
    one = of("XlsxWriter", tmp_path)
    assert (one.good, one.needed) == (False, False)
    assert one.advice == "pip install 'spbe-audit[xlsx]'"
