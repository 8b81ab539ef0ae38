"""The comparisons with other tools are documented as their data has them (they run by hand)."""

from __future__ import annotations

from pathlib import Path

from spbe_audit.catalogue import load_catalogue
from tests.oracles.observatory_sites import SAME_QUESTION, SITES
from tests.oracles.tls import KNOWN

TEXT = (Path(__file__).parent.parent / "docs" / "oracles.md").read_text("utf-8")


def _headings_under(section: str) -> set[str]:
    own = TEXT.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return {line.removeprefix("### ") for line in own.splitlines() if line.startswith("### ")}


def test_each_difference_from_the_observatory_has_its_page_and_no_page_is_idle() -> None:
    told = {heading for site in SITES for heading in site.differs.values()}
    assert told == _headings_under("MDN HTTP Observatory")


def test_the_sites_have_names_of_their_own_and_differ_in_tests_that_are_compared() -> None:
    names = [site.name for site in SITES]
    assert len(set(names)) == len(names)
    assert {test for site in SITES for test in site.differs} <= set(SAME_QUESTION)


def test_what_is_compared_with_the_observatory_are_checks_of_ours() -> None:
    ids = set(load_catalogue().ids)
    assert {check for checks in SAME_QUESTION.values() for check in checks} <= ids


def test_each_difference_from_the_tls_scanners_has_its_page_and_no_page_is_idle() -> None:
    assert set(KNOWN.values()) == _headings_under("TLS scanners")
