"""audit.xlsx: what a spreadsheet makes of it, and that nothing in it is a formula."""

from __future__ import annotations

import os
import stat
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl
import pytest
from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from spbe_audit.check import Verdict
from spbe_audit.errors import ReportError
from spbe_audit.finding import ControlStatus, ManualAnswer
from spbe_audit.report import xlsx_document
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import load_labels
from spbe_audit.report.xlsx_document import LONGEST_CELL, cell_text, write_xlsx
from tests.assessments import (
    EVIDENCE,
    HOSTILE,
    STARTED,
    catalogue,
    finding,
    hostile,
    many,
    ordinary,
    service,
)
from tests.assessments import assess as assessed
from tests.report_pages import written

FORMULA_STARTS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "{=1}")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
INDONESIAN = load_labels("id", "Asia/Jakarta")


def opened(folder: Path) -> Workbook:
    """The workbook as another program reads it."""
    return openpyxl.load_workbook(folder / "audit.xlsx")


def records(sheet: Worksheet) -> list[dict[str, object]]:
    """The rows of a sheet by their headers."""
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def cells(book: Workbook) -> Iterator[Cell]:
    """Every cell that holds something."""
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None:
                    assert isinstance(cell, Cell)
                    yield cell


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary workbook in Indonesian."""
    return written(tmp_path_factory.mktemp("xlsx"), ordinary(), formats=["xlsx"])


@pytest.fixture(scope="module")
def book(folder: Path) -> Workbook:
    """It, read back."""
    return opened(folder)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook on hostile values."""
    return written(tmp_path_factory.mktemp("evil"), hostile(), formats=["xlsx"])


# --- what stands in it


def test_the_sheets_are_named_in_the_language_of_the_report(book: Workbook, tmp_path: Path) -> None:
    assert book.sheetnames == [
        "Ringkasan",
        "Daftar Temuan",
        "Kertas Kerja",
        "Layanan",
        "Keterbatasan",
    ]
    english = opened(written(tmp_path, ordinary(), language="en", formats=["xlsx"]))
    assert english.sheetnames == [
        "Summary",
        "Findings",
        "Working Papers",
        "Services",
        "Limitations",
    ]


def test_every_finding_and_every_open_question_is_a_row(book: Workbook) -> None:
    rows = records(book["Daftar Temuan"])
    wanted = [
        one.id for one in ordinary().findings if one.verdict in {Verdict.FAIL, Verdict.UNKNOWN}
    ]
    assert [row["Nomor temuan"] for row in rows] == wanted
    assert len(wanted) < len(ordinary().findings)


def test_a_row_says_what_the_page_says(book: Workbook) -> None:
    row = next(
        one
        for one in records(book["Daftar Temuan"])
        if one["Kode pemeriksaan"] == "tls.protocol_versions"
    )
    assert row["Instansi"] == "Dinas Komunikasi dan Informatika"
    assert row["Layanan"] == "Layanan portal"
    assert row["URL"] == "https://portal.babelprov.go.id/"
    assert row["Tingkat keparahan"] == "tinggi"
    assert row["Status"] == "tidak sesuai"
    assert str(row["Kriteria"]).splitlines() == [
        "Peraturan BSSN 4/2021 Pasal 27 (a8-a) (sekunder)",
        "Peraturan BSSN 4/2021 Pasal 27 (a8-c) (terverifikasi)",
        "PermenPANRB 59/2020 Indikator 22 (sekunder, dicabut)",
    ]
    assert row["Kondisi"] == "Masih diterima: TLS 1.0 dan TLS 1.1."
    assert row["Rekomendasi"] == "Terima hanya TLS 1.2 dan TLS 1.3."
    assert row["Waktu pengamatan (Asia/Jakarta)"] == datetime(2026, 11, 20, 10, 17, 5)  # noqa: DTZ001 - a cell has no zone; its header names it
    assert row["Bukti (SHA-256)"] == f"{'cd' * 32}\n{EVIDENCE}"
    assert str(row["Ulangi pengamatan"]).startswith("openssl s_client -connect ")


def test_the_columns_for_people_are_empty(book: Workbook) -> None:
    blank = ("Sebab", "Tanggapan auditi", "Rencana aksi", "Penanggung jawab", "Tenggat")
    for row in records(book["Daftar Temuan"]):
        assert all(row[name] is None for name in (*blank, "Status tindak lanjut"))
    assert all(row["Catatan auditor"] is None for row in records(book["Kertas Kerja"]))


def test_the_deadline_is_a_date_and_the_state_one_of_four(book: Workbook) -> None:
    sheet = book["Daftar Temuan"]
    rows = sheet.max_row
    rules = {rule.type: rule for rule in sheet.data_validations.dataValidation}
    assert set(rules) == {"date", "list"}
    assert str(rules["date"].sqref) == f"T2:T{rows}"
    assert rules["date"].operator == "greaterThanOrEqual"
    days_since = date(2026, 11, 20) - date(1899, 12, 30)
    assert rules["date"].formula1 == str(days_since.days)
    assert str(rules["list"].sqref) == f"U2:U{rows}"
    states = "belum ditindaklanjuti,dalam proses,selesai menurut auditi,tidak disetujui"
    assert rules["list"].formula1 == f'"{states}"'
    assert sheet["T1"].value == "Tenggat"
    assert sheet["U1"].value == "Status tindak lanjut"


def test_a_control_stands_once_for_all_and_once_for_each_agency_observed(book: Workbook) -> None:
    rows = records(book["Kertas Kerja"])
    of_all = [row for row in rows if row["Instansi"] == "semua instansi"]
    assert [row["Kode klausul"] for row in of_all] == [
        result.control.id for result in ordinary().controls
    ]
    first = [row["Instansi"] for row in rows if row["Kode klausul"] == "bssn-4-2021:p27-a8-a"]
    assert first == [
        "semua instansi",
        "Dinas Komunikasi dan Informatika",
        "Dinas Kesehatan",
    ]
    manual = [row for row in rows if row["Kode klausul"] == "bssn-4-2021:p27-a1-a"]
    assert [row["Status pengamatan"] for row in manual] == ["perlu pemeriksaan manual"]
    assert {row["Keyakinan kutipan"] for row in rows} == {"sekunder", "terverifikasi"}


def test_an_answer_of_the_auditor_stands_in_the_paper(tmp_path: Path) -> None:
    plain = ordinary()
    answer = ManualAnswer(
        control=plain.controls[4].control.id,
        status=ControlStatus.CONFORMING,
        by="=Siti",
        date=date(2026, 11, 21),
        reference="SOP 7/2026",
    )
    controls = list(plain.controls)
    controls[4] = replace(controls[4], answer=answer, status=answer.status)
    book = opened(written(tmp_path, replace(plain, controls=tuple(controls)), formats=["xlsx"]))
    row = next(
        one for one in records(book["Kertas Kerja"]) if one["Kode klausul"] == answer.control
    )
    assert row["Jawaban auditor"] == (
        "sesuai, oleh =Siti, 21 November 2026, berdasarkan: SOP 7/2026."
    )


def test_the_summary_counts_what_the_pages_count(book: Workbook) -> None:
    rows = {str(row["Hal"]): row["Keterangan"] for row in records(book["Ringkasan"])}
    assert rows["Surat tugas"] == "ST-012/ITDA/2026"
    assert rows["Layanan diperiksa"] == 5
    assert rows["Layanan dengan indikasi kritis atau tinggi"] == 2
    assert rows["Tidak sesuai"] == ordinary().score.failed
    assert rows["Temuan: kritis"] == 1
    assert rows["Audit TIK: infrastruktur: Kesesuaian"] == "belum ada"
    assert rows["Digest pemindaian"] == "ab" * 32


def test_a_share_is_whole_only_where_it_is(tmp_path: Path) -> None:
    plain = ordinary()
    score = replace(plain.score, passed=99_999, failed=1, unknown=0)
    book = opened(written(tmp_path, replace(plain, score=score), formats=["xlsx"]))
    rows = {str(row["Hal"]): row["Keterangan"] for row in records(book["Ringkasan"])}
    assert rows["Kesesuaian"] == 0.999
    assert rows["Keterujian"] == 1


def test_services_and_limitations_are_counted(book: Workbook) -> None:
    services = {row["Layanan"]: row for row in records(book["Layanan"])}
    assert services["Layanan portal"]["Kritis"] == 1
    assert services["Layanan arsip"]["Kesesuaian"] is None
    assert services["Layanan arsip"]["Tidak dapat diuji"] == 3
    limits = {row["Kode alasan"]: row for row in records(book["Keterbatasan"])}
    assert limits["timeout"]["Banyaknya jawaban"] == 3
    assert limits["timeout"]["Layanan yang terkena"] == "Layanan arsip"


def test_a_sheet_reads_and_prints_well(book: Workbook) -> None:
    for sheet in book:
        assert sheet.freeze_panes
        assert sheet.auto_filter.ref == sheet.dimensions
        assert sheet.print_title_rows == "$1:$1"
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.paperSize == 9
        assert sheet.sheet_properties.pageSetUpPr is not None
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.oddFooter
        assert "ST-012/ITDA/2026" in str(sheet.oddFooter.left.text)
        for number, cell in enumerate(sheet[1], start=1):
            assert cell.font.bold
            assert sheet.column_dimensions[get_column_letter(number)].width >= 11
        for cell in next(sheet.iter_rows(min_row=2, max_row=2)):
            if cell.data_type == "s":
                assert cell.alignment.wrap_text


# --- hostile values


@pytest.mark.parametrize("value", FORMULA_STARTS)
def test_no_value_is_a_formula(tmp_path: Path, value: str) -> None:
    one = service("portal", "dinas", name=value, url=f"https://x.example/{value}")
    agency = replace(ordinary().agencies[0].agency, id="dinas", name=value, services=(one,))
    fault = finding(one, "http.version_disclosure", Verdict.FAIL, facts={"shown": value})
    book = opened(written(tmp_path, assessed([(agency, {one.id: [fault]})]), formats=["xlsx"]))
    row = book["Daftar Temuan"][2]
    assert row[1].value == row[2].value == spelt_out(value)
    for cell in row:
        assert cell.data_type in {"s", "n", "d"}
        if cell.data_type == "s":
            assert cell.quotePrefix, "a click into the cell must not make a formula of it"


@pytest.mark.parametrize("which", ["folder", "evil"])
def test_the_file_holds_no_formula_link_or_macro(
    which: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(which) / "audit.xlsx"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert not [name for name in names if "vba" in name or "externalLink" in name]
        for name in names:
            content = archive.read(name)
            tree = ET.fromstring(content)  # noqa: S314 - what we have just written
            assert "TargetMode" not in content.decode()
            if name.startswith("xl/worksheets/sheet"):
                assert not list(tree.iter(f"{MAIN}f"))
                assert not list(tree.iter(f"{MAIN}hyperlink"))


def test_hostile_values_are_inert_and_whole(evil: Path) -> None:
    book = opened(evil)
    for cell in cells(book):
        assert cell.data_type in {"s", "n", "d"}, cell.coordinate
        if isinstance(cell.value, str):
            assert len(cell.value) <= LONGEST_CELL
            assert all(spelt_out(line) == line for line in cell.value.split("\n"))
    agency = book["Daftar Temuan"]["B2"].value
    assert isinstance(agency, str)
    assert agency.startswith("=HYPERLINK(1)")
    assert "[U+202E]" in agency


def test_a_footer_has_no_code_of_others(tmp_path: Path) -> None:
    plain = ordinary()
    assert plain.engagement
    letter = replace(plain.engagement, letter="ST&P&D" + "x" * 400)
    written(tmp_path, replace(plain, engagement=letter), formats=["xlsx"])
    with zipfile.ZipFile(tmp_path / "audit.xlsx") as archive:
        sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own
    footer = next(sheet.iter(f"{MAIN}oddFooter")).text or ""
    assert footer.startswith("&L&8ST&&P&&D")
    assert len(footer) <= 255


def test_what_looks_like_an_escape_is_read_as_it_stands() -> None:
    assert cell_text("a_x000D_b", INDONESIAN) == "a_x005F_x000D_b"
    assert cell_text("_x00", INDONESIAN) == "_x00"


@pytest.mark.parametrize("letter", ["a", "\U0001f600", "\x00"])
def test_a_cell_holds_no_more_than_it_may(letter: str) -> None:
    shown = cell_text(letter * 40_000, INDONESIAN)
    units = len(shown.encode("utf-16-le")) // 2
    assert LONGEST_CELL - 1 <= units <= LONGEST_CELL
    assert shown.endswith("… [dipotong: batas satu sel adalah 32.767 karakter]")
    assert cell_text("a" * LONGEST_CELL, INDONESIAN) == "a" * LONGEST_CELL


def test_invisible_characters_are_spelt_out_and_lines_stay() -> None:
    assert cell_text("a\nb\x00\x1b\ud800\u202e", INDONESIAN) == (
        "a\nb[U+0000][U+001B][U+D800][U+202E]"
    )
    assert cell_text(HOSTILE, INDONESIAN) == spelt_out(HOSTILE)


# --- the file


def test_the_same_assessment_gives_the_same_bytes(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (folder / "audit.xlsx").read_bytes()
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        again = written(tmp_path, ordinary(), formats=["xlsx"])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (again / "audit.xlsx").read_bytes() == before


def test_its_dates_are_those_of_the_run(folder: Path, book: Workbook) -> None:
    finished = ordinary().run.finished
    assert finished
    assert book.properties.created == finished.replace(tzinfo=None)
    assert book.properties.modified == finished.replace(tzinfo=None)
    with zipfile.ZipFile(folder / "audit.xlsx") as archive:
        assert {one.date_time[0] for one in archive.infolist()} == {1980}


def test_a_run_that_was_cut_short_has_a_workbook_too(tmp_path: Path) -> None:
    book = opened(written(tmp_path, ordinary(finished=False), formats=["xlsx"]))
    assert book.properties.created == STARTED.astimezone(UTC).replace(tzinfo=None)
    said = [row["Keterangan"] for row in records(book["Ringkasan"])]
    assert any("terhenti sebelum selesai" in str(text) for text in said)


def test_nothing_but_the_workbook_is_left_and_only_its_owner_reads_it(folder: Path) -> None:
    files = {path.name for path in folder.iterdir() if path.is_file()}
    assert {name for name in files if not name.endswith((".html", ".js"))} == {"audit.xlsx"}
    assert stat.S_IMODE(os.stat(folder / "audit.xlsx").st_mode) == 0o600  # noqa: PTH116 - the mode as the system has it


def test_a_full_sheet_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_document, "MOST_ROWS", 6)
    sheet = opened(written(tmp_path, many(1, 8), formats=["xlsx"]))["Layanan"]
    assert sheet.max_row == 6
    assert str(sheet["A6"].value).startswith("Lembar ini penuh")


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ReportError) as raised:
        written(tmp_path, ordinary(), formats=["xlsx"])
    assert "spbe-audit[xlsx]" in raised.value.advice
    assert not (tmp_path / "audit.xlsx").exists()


def test_two_thousand_services_take_seconds(tmp_path: Path) -> None:
    large, path = many(40, 50), tmp_path / "audit.xlsx"
    started = time.perf_counter()
    write_xlsx(large, narrator_for(large, catalogue(), INDONESIAN), path)
    assert time.perf_counter() - started < 60
    assert path.stat().st_size < 8_000_000
    sheet = openpyxl.load_workbook(path, read_only=True)["Daftar Temuan"]
    assert sheet.max_row == 1 + 2_000 * 5
