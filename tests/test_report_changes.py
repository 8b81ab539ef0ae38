"""The page of what changed: every state, both languages, hostile text, no size too large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spbe_audit.over_time import State
from spbe_audit.report.page import MOST_BYTES
from tests.assessments import HOSTILE, ordinary
from tests.compared import change, compared, comparison, trend
from tests.report_pages import pages_of, parsed, visible_text, written


def text_of(folder: Path, language: str = "id") -> str:
    """What a reader of the page sees."""
    written(folder, compared(), language=language, formats=["html"])
    return visible_text(parsed(folder / "changes.html"))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "id",
            [
                "Perubahan sejak pemindaian lalu",
                "Kebijakan penilaian berubah di antara keduanya.",
                "Layanan yang keluar dari daftar: lama, uji.",
                "muncul kembali",
                "tidak dapat dibedakan",
                "Median hari sampai teratasi",
                "Kecenderungan per instansi",
            ],
        ),
        (
            "en",
            [
                "Changes since the last scan",
                "The policy changed in between.",
                "Services that left the list: lama, uji.",
                "regressed",
                "cannot be told apart",
                "Median days to resolve",
                "Trend by agency",
            ],
        ),
    ],
)
def test_it_says_what_changed(language: str, words: list[str], tmp_path: Path) -> None:
    text = text_of(tmp_path, language)
    for word in words:
        assert word in text


def test_every_state_has_its_row(tmp_path: Path) -> None:
    written(tmp_path, compared(), formats=["html"])
    (table,) = (
        one
        for one in parsed(tmp_path / "changes.html").iter("table")
        if one.get("class") == "states"
    )
    counts = [row.findtext("td") for row in table.iter("tr") if row.find("td") is not None]
    assert counts == ["1"] * len(State)


def test_each_chart_has_words(tmp_path: Path) -> None:
    written(tmp_path, compared(), formats=["html"], language="en")
    page = parsed(tmp_path / "changes.html")
    labels = [str(one.get("aria-label")) for one in page.iter() if str(one.tag).endswith("}svg")]
    assert any(
        "Compliance: from 50% on 2 October 2026 to 85% on 20 November 2026; "
        "lowest 50%, highest 85%." in label
        for label in labels
    )
    assert any("ICT audit: infrastructure, Compliance: no figures yet." in one for one in labels)
    assert all(labels)


def test_the_first_page_leads_there(tmp_path: Path) -> None:
    written(tmp_path, compared(), formats=["html"], language="en")
    page = parsed(tmp_path / "index.html")
    assert "changes.html" in {link.get("href") for link in page.iter("a")}
    assert "Since 13 November 2026: 1 new, 1 regressed, 1 resolved" in visible_text(page)


def test_without_an_earlier_run_there_is_no_such_page(tmp_path: Path) -> None:
    written(tmp_path, ordinary(), formats=["html"])
    assert not (tmp_path / "changes.html").exists()
    links = {link.get("href") for link in parsed(tmp_path / "index.html").iter("a")}
    assert "changes.html" not in links


def test_links_lead_somewhere(tmp_path: Path) -> None:
    written(tmp_path, compared(), formats=["html"])
    for link in parsed(tmp_path / "changes.html").iter("a"):
        target = str(link.get("href")).partition("#")[0]
        assert not target or (tmp_path / target).is_file(), target


def test_hostile_parts_stay_text(tmp_path: Path) -> None:
    nasty = [change(state, "gone-service", HOSTILE) for state in State]
    written(tmp_path, compared(nasty), formats=["html", "json", "jsonl"])
    raw = (tmp_path / "changes.html").read_text(encoding="utf-8")
    assert "<script>alert" not in raw
    assert "\u202e" not in raw
    assert "[U+202E]" in raw
    parsed(tmp_path / "changes.html")


def test_it_stays_small_however_much_changed(tmp_path: Path) -> None:
    many = [
        change(state, f"layanan-{number}", f"{'x' * 100}{part}")
        for state in State
        for number in range(300)
        for part in range(3)
    ]
    whole = replace(ordinary(), comparison=comparison(many), trend=trend(400))
    written(tmp_path, whole, formats=["html"])
    assert all(page.stat().st_size < MOST_BYTES for page in pages_of(tmp_path))
    assert (tmp_path / "changes.html").stat().st_size < 200_000


def test_one_scan_is_no_trend(tmp_path: Path) -> None:
    written(tmp_path, replace(compared(), trend=trend(1)), formats=["html"], language="en")
    assert "only one comparable scan" in visible_text(parsed(tmp_path / "changes.html"))
