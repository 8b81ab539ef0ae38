"""The catalogue pages in docs/ are what the checks say; UPDATE_DOCS=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spbe_audit import load_catalogue, load_policy
from spbe_audit.catalogue_page import catalogue_page

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(("language", "name"), [("en", "checks.md"), ("id", "checks.id.md")])
def test_the_page_is_up_to_date(language: str, name: str) -> None:
    catalogue = load_catalogue()
    page = catalogue_page(catalogue, load_policy("spbe", catalogue=catalogue), language)
    if os.environ.get("UPDATE_DOCS") == "1":
        (DOCS / name).write_text(page, encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == page, "run `make docs`"
