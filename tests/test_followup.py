"""Follow-up: a workbook goes out, is filled in as an agency would, and comes back whole or not."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from spbe_audit.cli.commands import run
from spbe_audit.errors import FollowUpError, StoreError
from spbe_audit.finding import Assessment, FollowUp, FollowUpStatus
from spbe_audit.follow_up import with_follow_ups
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.follow_up_form import FIXED, ORIGIN_SHEET, write_follow_up
from spbe_audit.report.follow_up_return import Expectations, KnownRun, Returned, read_returned
from spbe_audit.report.follow_up_view import agency_follow_ups
from spbe_audit.report.labels import load_labels
from spbe_audit.store import FollowUpImport, Store
from tests.assessments import BROKEN, HOSTILE, STARTED, catalogue, hostile, ordinary
from tests.report_pages import pages_of, parsed, visible_text, written

pytestmark = pytest.mark.xdist_group("followup")  # its servers start once

KEY = b"k" * 32
SHEET = {"id": "Tindak Lanjut", "en": "Follow-up"}
AT = datetime(2026, 12, 1, 4, 0, tzinfo=UTC)
FINDINGS = tuple(
    f"diskominfo/portal/{check}"
    for check in ("ports.database_exposed", "tls.protocol_versions", "http.version_disclosure")
)
RESPONSE, PLAN, PERSON, DEADLINE, STATUS = "L", "M", "N", "O", "P"
MARK = "Q"


def sent(
    path: Path,
    *,
    assessment: Assessment | None = None,
    language: str = "id",
    key: bytes = KEY,
    answers: Mapping[str, FollowUp] | None = None,
) -> Path:
    """The workbook of the first agency."""
    whole = with_follow_ups(assessment or ordinary(), answers or {}, on=date(2026, 11, 20))
    narrator = narrator_for(whole, catalogue(), load_labels(language, "Asia/Jakarta"))
    seen = {FINDINGS[0]: datetime(2026, 10, 1, tzinfo=UTC)}
    write_follow_up(whole, whole.agencies[0], narrator, path, key=key, first_seen=seen)
    return path


def expectations(
    answers: Mapping[str, FollowUp] | None = None, *, key: bytes = KEY, run_id: str = ""
) -> Expectations:
    """What the evidence file of the ordinary assessment expects."""
    whole = ordinary()
    known = KnownRun([one.id for one in whole.findings], STARTED.date())
    return Expectations(
        key=key,
        run=lambda wanted: known if wanted == (run_id or whole.run.id) else None,
        words=lambda language: load_labels(language, "Asia/Jakarta"),
        answers=answers or {},
    )


def read(*paths: Path, expected: Expectations | None = None) -> tuple[Returned, ...]:
    return read_returned(paths, expected or expectations(), at=AT, by="siti")


def filled(path: Path, fill: Callable[[Worksheet, Workbook], object]) -> Path:
    """The workbook after somebody worked in it and saved it."""
    book = openpyxl.load_workbook(path)
    sheet = next(one for one in book.worksheets if one.title in SHEET.values())
    fill(sheet, book)
    book.save(path)
    return path


def answer(**changes: object) -> FollowUp:
    plain = FollowUp("", "", "", None, None, AT, "siti", "0" * 64)
    return replace(plain, **changes)  # type: ignore[arg-type]  # the tests name fields as they are


def refused(path: Path, **told: object) -> list[str]:
    """The mistakes of a workbook, without its path."""
    with pytest.raises(FollowUpError) as caught:
        read(path, **told)  # type: ignore[arg-type]  # passed on as it is
    assert caught.value.advice
    return [str(one).removeprefix(f"{path}: ") for one in caught.value.mistakes]


# --- what goes out


def test_the_workbook_holds_what_is_open_and_room_to_answer(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(sent(tmp_path / "a.xlsx"))
    assert book.sheetnames == ["Tindak Lanjut", "Petunjuk", ORIGIN_SHEET]
    assert book[ORIGIN_SHEET].sheet_state == "hidden"
    header, *rows = book["Tindak Lanjut"].iter_rows(values_only=True)
    assert list(header) == [
        "Nomor temuan",
        "Instansi",
        "Layanan",
        "Id layanan",
        "Pemeriksaan",
        "Kode pemeriksaan",
        "Tingkat keparahan",
        "Kriteria",
        "Kondisi",
        "Rekomendasi",
        "Pertama kali teramati",
        "Tanggapan auditi",
        "Rencana aksi",
        "Penanggung jawab",
        "Tenggat",
        "Status tindak lanjut",
        "Tanda keaslian",
    ]
    assert [row[0] for row in rows] == list(FINDINGS)
    assert rows[0][10] == "1 Oktober 2026"
    assert all(row[11:16] == (None,) * 5 for row in rows)
    assert len({row[16] for row in rows}) == len(rows)


def test_only_the_cells_for_answers_can_be_changed(tmp_path: Path) -> None:
    sheet = openpyxl.load_workbook(sent(tmp_path / "a.xlsx"))["Tindak Lanjut"]
    assert sheet.protection.sheet
    locked = [cell.protection.locked for cell in sheet[2]]
    assert locked == [True] * len(FIXED) + [False] * 5 + [True]
    assert sheet.column_dimensions[MARK].hidden
    assert {rule.type for rule in sheet.data_validations.dataValidation} == {"date", "list"}


def test_what_is_waived_or_only_observed_is_not_followed_up(tmp_path: Path) -> None:
    whole = ordinary()
    agency = whole.agencies[0]
    assert any(one.severity == "info" for one in agency.services[0].findings)
    book = openpyxl.load_workbook(sent(tmp_path / "a.xlsx"))
    assert "dns.government_domain" not in str([*book["Tindak Lanjut"].values])


def test_the_same_findings_give_the_same_bytes(tmp_path: Path) -> None:
    assert sent(tmp_path / "a.xlsx").read_bytes() == sent(tmp_path / "b.xlsx").read_bytes()


def test_an_earlier_answer_stands_in_its_cells(tmp_path: Path) -> None:
    known = {
        FINDINGS[1]: answer(
            response="Benar.",
            deadline=date(2026, 10, 1),
            status=FollowUpStatus.GOING_ON,
        )
    }
    path = sent(tmp_path / "a.xlsx", answers=known)
    row = [cell.value for cell in openpyxl.load_workbook(path)["Tindak Lanjut"][3]]
    assert row[11:16] == ["Benar.", None, None, datetime(2026, 10, 1), "dalam proses"]  # noqa: DTZ001 - a cell has no zone
    (back,) = read(path, expected=expectations(known))
    assert back.answers == {}


# --- what comes back


def as_an_agency(sheet: Worksheet, _book: Workbook) -> None:
    """Two findings are answered, one is not."""
    sheet[f"{RESPONSE}2"] = "Sudah kami tutup.\r\nTerima kasih. "
    sheet[f"{PLAN}2"] = "Port ditutup di firewall"
    sheet[f"{PERSON}2"] = 198001012005011003 // 1000
    sheet[f"{DEADLINE}2"] = datetime(2026, 12, 31)  # noqa: DTZ001 - a cell has no zone
    sheet[f"{STATUS}2"] = "selesai menurut auditi"
    sheet[f"{PERSON}3"] = "Budi"
    sheet[f"{DEADLINE}3"] = "05/01/2027"
    sheet[f"{STATUS}3"] = "Dalam proses"


def test_a_filled_in_workbook_is_read(tmp_path: Path) -> None:
    path = filled(sent(tmp_path / "a.xlsx"), as_an_agency)
    (back,) = read(path)
    assert (back.origin.agency, back.origin.run) == ("diskominfo", ordinary().run.id)
    assert back.answers == {
        FINDINGS[0]: answer(
            response="Sudah kami tutup.\nTerima kasih.",
            action_plan="Port ditutup di firewall",
            person_in_charge="198001012005011",
            deadline=date(2026, 12, 31),
            status=FollowUpStatus.DONE,
            file_digest=back.digest,
        ),
        FINDINGS[1]: answer(
            person_in_charge="Budi",
            deadline=date(2027, 1, 5),
            status=FollowUpStatus.GOING_ON,
            file_digest=back.digest,
        ),
    }


def test_an_untouched_workbook_brings_nothing(tmp_path: Path) -> None:
    (back,) = read(filled(sent(tmp_path / "a.xlsx"), lambda *_: None))
    assert back.answers == {}


def test_the_english_workbook_is_read_in_english(tmp_path: Path) -> None:
    path = sent(tmp_path / "a.xlsx", language="en")
    filled(path, lambda sheet, _: sheet.__setitem__(f"{STATUS}2", "disputed"))
    (back,) = read(path)
    assert back.answers[FINDINGS[0]].status is FollowUpStatus.DISPUTED


@pytest.mark.parametrize(
    "value",
    ["31/12/2026", "31-12-2026", "31.12.2026", "2026-12-31", " 31/12/2026 ", date(2026, 12, 31)],
)
def test_a_date_may_be_typed_in_the_ways_people_do(value: Any, tmp_path: Path) -> None:
    path = sent(tmp_path / "a.xlsx")
    filled(path, lambda sheet, _: sheet.__setitem__(f"{DEADLINE}2", value))
    (back,) = read(path)
    assert back.answers[FINDINGS[0]].deadline == date(2026, 12, 31)


def test_rows_may_be_sorted_left_out_and_columns_added_or_moved(tmp_path: Path) -> None:
    def work(sheet: Worksheet, _book: Workbook) -> None:
        as_an_agency(sheet, _book)
        second, third = ([cell.value for cell in sheet[row]] for row in (2, 3))
        for column, (one, other) in enumerate(zip(third, second, strict=True), 1):
            sheet.cell(2, column).value, sheet.cell(3, column).value = one, other
        sheet.delete_rows(4)
        sheet["R1"], sheet["R2"] = "Catatan kami", "=1+1"
        sheet.insert_cols(1)

    (back,) = read(filled(sent(tmp_path / "a.xlsx"), work))
    assert {key: one.status for key, one in back.answers.items()} == {
        FINDINGS[0]: FollowUpStatus.DONE,
        FINDINGS[1]: FollowUpStatus.GOING_ON,
    }


def test_an_answer_can_be_taken_back(tmp_path: Path) -> None:
    known = {FINDINGS[0]: answer(response="Benar.", deadline=date(2026, 12, 1))}
    path = sent(tmp_path / "a.xlsx", answers=known)

    def clear(sheet: Worksheet, _book: Workbook) -> None:
        sheet[f"{RESPONSE}2"], sheet[f"{DEADLINE}2"] = None, None

    (back,) = read(filled(path, clear), expected=expectations(known))
    assert back.answers == {FINDINGS[0]: answer(file_digest=back.digest)}


@pytest.mark.parametrize("text", [HOSTILE, BROKEN, "_x000D_", "=1+1"])
def test_whatever_was_observed_comes_back_unchanged(text: str, tmp_path: Path) -> None:
    evil = hostile(text)
    path = filled(sent(tmp_path / "a.xlsx", assessment=evil), lambda *_: None)
    known = KnownRun([one.id for one in evil.findings], STARTED.date())
    expected = replace(expectations(), run=lambda _: known)
    (back,) = read(path, expected=expected)
    assert back.answers == {}


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_libreoffice_saves_what_can_be_read_again(tmp_path: Path) -> None:
    path = filled(sent(tmp_path / "a.xlsx"), as_an_agency)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "ods", "--outdir", "ods", path.name],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=180,
    )
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", "back", "ods/a.ods"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=180,
    )
    (direct,), (back,) = read(path), read(tmp_path / "back" / "a.xlsx")
    same = {key: replace(one, file_digest="") for key, one in direct.answers.items()}
    assert {key: replace(one, file_digest="") for key, one in back.answers.items()} == same
    assert len(same) == 2


# --- what is refused, cell by cell


def cell(address: str, value: Any, form: str = "") -> Callable[[Worksheet, Workbook], None]:
    """Writes one value into one cell, whose number format may be changed."""

    def write(sheet: Worksheet, _book: Workbook) -> None:
        sheet[address] = value
        sheet[address].number_format = form or sheet[address].number_format

    return write


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cell("A3", "nobody/knows/it"), ["!A3: no finding of the run has this number"]),
        (cell("A3", FINDINGS[0]), ["!A3: this finding is there twice", "!A3: this number stood"]),
        (cell("I3", "Semua baik."), ["!I3: this cell may not be changed"]),
        (cell("G2", "rendah"), ["!G2: this cell may not be changed"]),
        (cell("K2", None), ["!K2: this cell may not be changed"]),
        (cell("E2", "=A2"), ["!E2: a formula stands here", "!E2: this cell may not be changed"]),
        (cell(f"{MARK}2", None), [f"!{MARK}2: the mark of authenticity is missing"]),
        (cell(f"{MARK}2", "0"), [f"!{MARK}2: the mark of authenticity is missing"]),
        (cell(f"{DEADLINE}2", "akhir tahun"), ["!O2: this is no date; found"]),
        (cell(f"{DEADLINE}2", "31/02/2027"), ["!O2: this is no date; found"]),
        (cell(f"{DEADLINE}2", 46387, "General"), ["!O2: this is no date; found"]),
        (cell(f"{DEADLINE}2", bool(1), "General"), ["!O2: this is no date; found"]),
        (cell(f"{DEADLINE}2", "=TODAY()"), ["!O2: a formula stands here"]),
        (cell(f"{DEADLINE}2", "#REF!"), ["!O2: an error of the spreadsheet"]),
        (cell(f"{DEADLINE}2", "19/11/2026"), ["!O2: a deadline before the scan"]),
        (cell(f"{DEADLINE}2", "31/12/2206"), ["!O2: a deadline so far away"]),
        (cell(f"{RESPONSE}2", "=HYPERLINK(1)"), ["!L2: a formula stands here"]),
        (cell(f"{PERSON}2", 1.98001012005011e17), ["!N2: a spreadsheet keeps only 15 digits"]),
        (cell(f"{STATUS}2", "dalam prosess"), ["!P2: this is none of the states"]),
        (cell("R1", "Tenggat"), ["!R1: two columns have the header"]),
        (lambda sheet, _: sheet.delete_cols(15), ["!O1: a column is missing; expected"]),
        (lambda sheet, _: sheet.delete_cols(17), ["!Q1: a column is missing; expected"]),
        (cell("A5", None), []),
        (cell(f"{RESPONSE}9", "Tanpa nomor"), ["!A9: no finding of the run has this number"]),
    ],
)
def test_a_damaged_cell_is_refused_by_its_address(
    damage: Callable[[Worksheet, Workbook], None], told: list[str], tmp_path: Path
) -> None:
    path = filled(sent(tmp_path / "a.xlsx"), damage)
    if not told:
        assert read(path)
        return
    mistakes = refused(path)
    assert len(mistakes) == len(told)
    for mistake, wanted in zip(mistakes, told, strict=True):
        assert mistake.startswith(f"'Tindak Lanjut'{wanted}")


def test_merged_cells_are_refused(tmp_path: Path) -> None:
    path = filled(sent(tmp_path / "a.xlsx"), lambda sheet, _: sheet.merge_cells("L2:L3"))
    assert refused(path)[0].startswith("'Tindak Lanjut'!L2:L3: cells are merged")


def test_a_near_word_is_offered(tmp_path: Path) -> None:
    path = filled(sent(tmp_path / "a.xlsx"), cell(f"{STATUS}2", "dalam prosess"))
    assert refused(path)[0].endswith('did you mean "dalam proses"?')


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    def spoil(sheet: Worksheet, _book: Workbook) -> None:
        sheet["I3"], sheet[f"{DEADLINE}2"], sheet[f"{STATUS}4"] = "x", "besok", "ya"

    first = filled(sent(tmp_path / "a.xlsx"), spoil)
    second = tmp_path / "b.xlsx"
    second.write_text("no workbook")
    with pytest.raises(FollowUpError) as caught:
        read(first, second)
    places = [str(one).split(": ")[1] for one in caught.value.mistakes]
    assert places[:3] == ["'Tindak Lanjut'!O2", "'Tindak Lanjut'!I3", "'Tindak Lanjut'!P4"]
    assert "no workbook in the format xlsx" in str(caught.value.mistakes[3])


def test_two_files_may_not_answer_for_one_finding(tmp_path: Path) -> None:
    first, second = sent(tmp_path / "a.xlsx"), sent(tmp_path / "b.xlsx")
    filled(second, lambda *_: None)
    with pytest.raises(FollowUpError, match="this finding is there twice; found first at") as told:
        read(first, second)
    assert {str(one).split(": ")[0] for one in told.value.mistakes} == {str(second)}


def test_the_workbook_of_another_evidence_file_is_refused(tmp_path: Path) -> None:
    path = sent(tmp_path / "a.xlsx")
    told = refused(path, expected=expectations(key=b"another"))
    assert told == ["this workbook was not exported from this evidence file"]
    gone = refused(path, expected=expectations(run_id="20270101T000000Z-000000"))
    assert "holds no run" in gone[0]


def test_the_origin_cannot_be_changed(tmp_path: Path) -> None:
    def forge(_sheet: Worksheet, book: Workbook) -> None:
        origin = json.loads(str(book[ORIGIN_SHEET]["A2"].value))
        book[ORIGIN_SHEET]["A2"] = json.dumps(origin | {"run": "another"})

    path = filled(sent(tmp_path / "a.xlsx"), forge)
    assert "not exported from this evidence file" in refused(path)[0]
    copied = filled(sent(tmp_path / "b.xlsx"), lambda _, book: book.remove(book[ORIGIN_SHEET]))
    assert "not exported from this evidence file" in refused(copied)[0]


def test_a_row_of_another_export_is_refused(tmp_path: Path) -> None:
    """Marks are of one run, agency and language: rows cannot be carried from file to file."""
    whole = ordinary()
    later = replace(whole, run=replace(whole.run, id="20261127T031530Z-0000"))
    other = openpyxl.load_workbook(sent(tmp_path / "b.xlsx", assessment=later))["Tindak Lanjut"]
    row = [one.value for one in other[2]]

    def carry(sheet: Worksheet, _book: Workbook) -> None:
        for column, value in enumerate(row, 1):
            sheet.cell(2, column).value = value

    path = filled(sent(tmp_path / "a.xlsx"), carry)
    assert refused(path)[0].startswith("'Tindak Lanjut'!A2: this number stood in another row")


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    assert "cannot be read" in refused(path)[0]
    for content in (b"", b"PK\x03\x04", b"id;tanggapan\n", b"\xd0\xcf\x11\xe0" * 200):
        path.write_bytes(content)
        assert refused(path) == ["this is no workbook in the format xlsx"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert refused(path) == ["this is no workbook in the format xlsx"]


def rewritten(path: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """The workbook with one of its parts changed."""
    held = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part.filename, change(content) if part.filename == name else content)
    path.write_bytes(held.getvalue())
    return path


def test_a_workbook_that_would_do_harm_is_refused(tmp_path: Path) -> None:
    laughs = b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>'
    path = sent(tmp_path / "a.xlsx")
    rewritten(
        path, "xl/workbook.xml", lambda text: text.replace(b"<workbook", laughs + b"<workbook")
    )
    assert "document type declaration" in refused(path)[0]
    large = rewritten(sent(tmp_path / "b.xlsx"), "xl/styles.xml", lambda _: b" " * (257 * 2**20))
    assert "unpacks to more than a workbook would" in refused(large)[0]


@pytest.mark.parametrize("number", range(12))
def test_a_file_cut_or_bent_anywhere_is_an_error_of_the_file(number: int, tmp_path: Path) -> None:
    path = sent(tmp_path / "a.xlsx")
    content = bytearray(path.read_bytes())
    place = len(content) * (number % 6 + 1) // 7
    path.write_bytes(
        content[:place] if number < 6 else content[:place] + b"\xff" + content[place + 1 :]
    )
    try:
        read(path)
    except FollowUpError as error:
        assert error.mistakes  # noqa: PT017 - a bent byte may as well be harmless


# --- the report


def followed(folder: Path, **changes: object) -> Path:
    """A report of a run in which one finding is overdue."""
    answers = {
        FINDINGS[0]: answer(response="Kami perbaiki.", deadline=date(2026, 11, 10), **changes),
        "diskominfo/portal/certificate.validity_period": answer(response="Sudah."),
    }
    whole = with_follow_ups(ordinary(), answers, on=date(2026, 11, 20))
    return written(folder, whole, formats=["json", "xlsx", "csv", "oscal"])


def test_the_report_shows_answers_and_what_is_overdue(tmp_path: Path) -> None:
    folder = followed(tmp_path, person_in_charge="Budi", status=FollowUpStatus.DONE)
    for page in pages_of(folder):
        parsed(page)
    front = visible_text(parsed(folder / "index.html"))
    assert "1 temuan melewati tenggat" in front
    assert "1 temuan terbuka sudah ditanggapi" in front
    listed = visible_text(parsed(folder / "follow-up.html"))
    for words in (
        "terlambat 10 hari",
        "Dinyatakan selesai oleh auditi, tetapi masih teramati.",
        "Tanggapan auditi: Kami perbaiki.",
        "Penanggung jawab: Budi. Tenggat: 10 November 2026.",
        "Dicatat 1 Desember 2026 pukul 11.00.00 WIB oleh siti",
    ):
        assert words in listed
    assert "Kami perbaiki." in visible_text(parsed(folder / "service" / "diskominfo-portal.html"))
    document = json.loads((folder / "audit.json").read_text())
    said = [one["follow_up"] for one in document["findings"] if one["follow_up"]]
    assert [one["overdue_days"] for one in said] == [10, 0]
    rows = openpyxl.load_workbook(folder / "audit.xlsx")["Daftar Temuan"].iter_rows(2)
    assert "Kami perbaiki." in [one.value for row in rows for one in row]


def test_without_an_answer_no_page_speaks_of_follow_up(tmp_path: Path) -> None:
    folder = written(tmp_path, ordinary(), formats=[])
    assert not (folder / "follow-up.html").exists()
    assert "Tindak lanjut" not in visible_text(parsed(folder / "index.html"))


@pytest.mark.parametrize(
    ("day", "overdue"),
    [(date(2026, 11, 9), 0), (date(2026, 11, 10), 0), (date(2026, 11, 11), 1)],
)
def test_a_deadline_is_over_on_the_day_after(day: date, overdue: int) -> None:
    answers = {FINDINGS[0]: answer(deadline=date(2026, 11, 10))}
    whole = with_follow_ups(ordinary(), answers, on=day)
    (first, *_) = agency_follow_ups(whole)
    told = first.findings[0].follow_up
    assert told is not None
    assert told.overdue == overdue
    assert first.counts.overdue == bool(overdue)


@pytest.mark.parametrize("text", [HOSTILE, BROKEN], ids=["hostile", "broken"])
def test_words_of_an_auditee_harm_no_report(text: str, tmp_path: Path) -> None:
    said = answer(response=text, action_plan=text, person_in_charge=text, entered_by=text)
    evil = hostile()
    whole = with_follow_ups(evil, {one.id: said for one in evil.findings}, on=date(2026, 11, 20))
    folder = written(tmp_path, whole, formats=["json", "csv", "oscal", "xlsx"])
    for page in pages_of(folder):
        assert "<img" not in page.read_text(encoding="utf-8")
        parsed(page)


# --- the store


def test_the_newest_answer_counts_and_the_older_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path) as store:
        assert store.follow_ups() == {}
        for number, words in enumerate(("pertama", "kedua")):
            store.add_follow_ups(
                [imported({"f1": answer(response=words)}, digest=str(number) * 64)]
            )
        kept = store.follow_ups()["f1"]
        assert (kept.response, kept.entered_at, kept.entered_by) == ("kedua", AT, "siti")
        assert kept.file_digest == "1" * 64
        assert store.follow_ups_imported("0" * 64) == AT
        assert store.follow_ups_imported("9" * 64) is None
        assert store.verify() == ()


def imported(answers: Mapping[str, FollowUp], *, digest: str = "0" * 64) -> FollowUpImport:
    return FollowUpImport("a.xlsx", digest, "run", AT, "siti", answers)


def test_an_import_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        bad = imported({None: answer()})  # type: ignore[dict-item]  # what the table refuses
        with pytest.raises(StoreError):
            store.add_follow_ups([imported({"f1": answer()}), bad])
        assert store.follow_ups() == {}
        assert store.follow_ups_imported("0" * 64) is None


def test_the_key_of_a_file_stays(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as one, Store.open(tmp_path / "b.db") as other:
        key = one.follow_up_key()
        assert len(key) == 32
        assert one.follow_up_key() == key != other.follow_up_key()


# --- the command line, on a run of a real service


class _Plain(BaseHTTPRequestHandler):
    """A page over plain http: much is amiss."""

    server_version, sys_version = "Apache/2.2.0", ""

    def do_GET(self) -> None:
        """Answer with a page."""
        body = b"<!doctype html><title>Portal</title><p>Selamat datang"
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the name that the class wants

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a target list and the evidence of one run of it."""
    folder = tmp_path_factory.mktemp("scanned")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Plain)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    port = server.server_address[1]
    (folder / "targets.yaml").write_text(
        "agencies:\n"
        "  - id: diskominfo\n    name: Dinas Kominfo\n    services:\n"
        f"      - {{id: portal, name: Portal, url: 'http://127.0.0.1:{port}/'}}\n"
        "  - id: dinkes\n    name: Dinas Kesehatan\n    services:\n"
        f"      - {{id: sehat, name: Sehat, url: 'http://127.0.0.1:{port}/sehat'}}\n"
        "  - id: bapenda\n    name: Bapenda\n    services:\n"
        "      - {id: mati, name: Mati, url: 'http://127.0.0.1:9/'}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["scan", "targets.yaml", "--only", "http", "--quiet", "--format", "json"]) == 1
    yield folder
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def audit(scanned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it as the present folder."""
    shutil.copytree(scanned, tmp_path / "audit")
    monkeypatch.chdir(tmp_path / "audit")
    return tmp_path / "audit"


def exported() -> Path:
    assert run(["followup", "export", "--output", "out", "--agency", "diskominfo"]) == 0
    return Path("out/tindak-lanjut-diskominfo.xlsx")


def test_each_agency_with_open_findings_gets_a_workbook(
    audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["followup", "export", "--output", "out"]) == 0
    names = sorted(path.name for path in (audit / "out").iterdir())
    assert names == ["tindak-lanjut-dinkes.xlsx", "tindak-lanjut-diskominfo.xlsx"]
    assert all((audit / "out" / name).stat().st_mode & 0o777 == 0o600 for name in names)
    assert "open findings" in capsys.readouterr().out
    assert run(["followup", "export", "--output", "out"]) == 2
    assert "It may hold answers" in capsys.readouterr().err
    assert run(["followup", "export", "--output", "x", "--agency", "dinkess"]) == 2
    assert 'did you mean "dinkes"?' in capsys.readouterr().err


@pytest.mark.usefixtures("audit")
def test_what_an_agency_answers_stands_in_the_next_report(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = filled(exported(), cell(f"{RESPONSE}2", "Kami perbaiki."))
    filled(path, cell(f"{DEADLINE}2", datetime.now(UTC).date()))
    assert run(["followup", "import", str(path), "--by", "Siti"]) == 0
    assert "1 new or changed answers" in capsys.readouterr().out
    assert run(["followup", "import", str(path), "--by", "Siti"]) == 0
    assert "0 new or changed answers (imported before)" in capsys.readouterr().out
    assert run(["followup", "list"]) == 0
    listed = capsys.readouterr().out
    assert "open, 1 answered, 0 overdue" in listed
    assert "no answer yet" in listed
    assert run(["report", "--output", "again", "--format", "json", "--quiet"]) == 0
    document = json.loads(Path("again/audit.json").read_text())
    (said,) = (one["follow_up"] for one in document["findings"] if one["follow_up"])
    assert (said["response"], said["entered_by"]) == ("Kami perbaiki.", "Siti")
    assert "Kami perbaiki." in visible_text(parsed(Path("again/follow-up.html")))
    assert run(["verify"]) == 0


@pytest.mark.usefixtures("audit")
def test_one_bad_cell_leaves_the_store_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    path = filled(exported(), cell(f"{RESPONSE}2", "Kami perbaiki."))
    filled(path, cell(f"{DEADLINE}3", "segera"))
    capsys.readouterr()
    assert run(["followup", "import", str(path)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"{path}: 'Tindak Lanjut'!O3: this is no date; found \"segera\"")
    assert "nothing was taken" in told[-1]
    with Store.open_existing(Path("spbe-audit.db")) as store:
        assert store.follow_ups() == {}


@pytest.mark.usefixtures("audit")
def test_open_findings_alone_are_tested_again(capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open_existing(Path("spbe-audit.db")) as store:
        first = store.run().id
    arguments = ["scan", "targets.yaml", "--open-findings", "--output", "out", "--format", "json"]
    assert run(arguments) == 1
    assert f"Tested again: only what was open since {first}" in capsys.readouterr().out
    document = json.loads(Path("out/audit.json").read_text())
    assert document["run"]["retest_of"] == first
    assert document["run"]["families"] == ["http"]
    assert [one["id"] for one in document["services"]] == ["portal", "sehat"]
    states = {one["state"] for one in document["changes"]}
    assert states == {"persisting"}
    assert "Uji ulang temuan terbuka" in visible_text(parsed(Path("out/method.html")))


def waive(check: str, granted: str, expires: str, service: str = "*") -> None:
    Path("waivers.yaml").write_text(
        f"waivers:\n  - {{service: '{service}', check: '{check}', reason: R,"
        " compensating_control: C, owner: O, approver: A, reference: ND-1,"
        f" granted: {granted}, expires: {expires}}}\n"
    )


@pytest.mark.usefixtures("audit")
def test_what_is_waived_is_not_tested_again(capsys: pytest.CaptureFixture[str]) -> None:
    today = datetime.now(UTC).date()
    granted, expires = today.replace(day=1), today.replace(year=today.year + 1, day=1)
    waive("http.*", str(granted), str(expires))
    assert run(["evaluate", "--fail-on", "low"]) == 3
    shown = capsys.readouterr().out
    assert "after waivers" in shown
    assert "Findings: none, and" in shown
    assert run(["scan", "targets.yaml", "--open-findings", "--only", "http"]) == 0
    assert "Nothing is open since run" in capsys.readouterr().out


@pytest.mark.usefixtures("audit")
def test_an_expired_waiver_fails_loudly(capsys: pytest.CaptureFixture[str]) -> None:
    waive("http.*", "2025-11-01", "2025-12-01", service="portal")
    assert run(["evaluate", "--fail-on", "critical"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("Expired waiver 1 (ND-1; portal, http.*), until 2025-12-01: ")
    assert "active again (portal)" in first
    assert run(["evaluate", "--fail-on", "critical", "--quiet"]) == 1
    assert "Expired waiver 1" in capsys.readouterr().err
    assert run(["report", "--output", "out", "--quiet"]) == 0
    assert "Expired waiver 1" in capsys.readouterr().err
    front = visible_text(parsed(Path("out/index.html")))
    assert front.index("1 pengecualian sudah berakhir") < front.index("Ringkasan eksekutif")


def test_there_must_be_a_run_to_test_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["scan", "http://127.0.0.1:9/", "--open-findings"]) == 2
    assert "without --open-findings" in capsys.readouterr().err
