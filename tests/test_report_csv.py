"""findings.csv: what a spreadsheet makes of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from spbe_audit.report.csv_document import COLUMNS
from spbe_audit.report.hostile_text import spelt_out, spreadsheet_safe
from tests.assessments import EVIDENCE, hostile, ordinary
from tests.report_pages import compare_with_golden, written


def rows(folder: Path) -> list[dict[str, str]]:
    """The lines of the file by column."""
    text = (folder / "findings.csv").read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file in Indonesian."""
    return written(tmp_path_factory.mktemp("csv"), ordinary(), formats=["csv"])


def test_it_is_the_golden_file(folder: Path) -> None:
    compare_with_golden("findings.csv", (folder / "findings.csv").read_bytes().decode())


def test_the_form_is_what_excel_and_rfc_4180_want(folder: Path) -> None:
    raw = (folder / "findings.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf" + COLUMNS[0].encode())
    assert raw.endswith(b"\r\n")
    assert raw.count(b"\n") == raw.count(b"\r\n") == 1 + len(ordinary().findings)


def test_every_finding_is_a_line(folder: Path) -> None:
    lines = rows(folder)
    assert [(line["agency"], line["service"], line["check"]) for line in lines] == [
        (one.agency, one.service, one.check) for one in ordinary().findings
    ]


def test_a_line_says_what_the_page_says(folder: Path) -> None:
    line = next(one for one in rows(folder) if one["check"] == "tls.protocol_versions")
    assert line["agency_name"] == "Dinas Komunikasi dan Informatika"
    assert line["verdict"] == "fail"
    assert line["status"] == "tidak sesuai"
    assert line["severity"] == "tinggi"
    assert line["condition"] == "Masih diterima: TLS 1.0 dan TLS 1.1."
    assert line["criteria"].startswith("Peraturan BSSN 4/2021 Pasal 27 (a8-a) (sekunder); ")
    assert "PermenPANRB 59/2020 Indikator 22 (sekunder, dicabut)" in line["criteria"]
    assert line["observed_at"] == "20 November 2026 pukul 10.17.05 WIB"
    assert line["evidence"] == f"{'cd' * 32} {EVIDENCE}"


def test_the_english_file_is_english(tmp_path: Path) -> None:
    line = rows(written(tmp_path, ordinary(), language="en", formats=["csv"]))[1]
    assert line["status"] == "not conforming"
    assert line["condition"] == "Still accepted: TLS 1.0 and TLS 1.1."


@pytest.mark.parametrize(
    "value", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1"]
)
def test_no_cell_begins_as_a_formula(value: str) -> None:
    assert spreadsheet_safe(value).startswith("'")
    assert spreadsheet_safe("a" + value).startswith("a")


def test_hostile_values_are_inert(tmp_path: Path) -> None:
    lines = rows(written(tmp_path, hostile(), formats=["csv"]))
    assert len(lines) == len(hostile().findings)
    assert lines[0]["agency_name"].startswith("'=HYPERLINK(1)")
    for line in lines:
        assert None not in line
        for cell in line.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
            assert spelt_out(cell) == cell
            assert len(cell) < 32_768
