"""audit.pdf: whole, tagged, searchable, the same twice, and made without fetching anything."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import weasyprint  # type: ignore[import-untyped]  # it has no types and no stubs
import yaml

from spbe_audit.check import Verdict
from spbe_audit.errors import ReportError
from spbe_audit.finding import ControlStatus, ManualAnswer
from spbe_audit.report import print_view
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.glossary import glossary
from spbe_audit.report.labels import LANGUAGES, TEMPLATES, load_labels
from spbe_audit.report.pdf_document import DEBIAN_LIBRARIES, load_weasyprint, only_data, write_pdf
from spbe_audit.report.print_view import print_values
from spbe_audit.report.site import build_site
from tests.assessments import (
    EVIDENCE,
    RUN_DIGEST,
    assess,
    catalogue,
    finding,
    hostile,
    many,
    ordinary,
    service,
)
from tests.report_pages import written

ROOT = Path(__file__).parent.parent
INDONESIAN = load_labels("id", "Asia/Jakarta")


def told_by(program: str, *arguments: str | Path) -> str:
    """What a program of poppler-utils says."""
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, check=True, timeout=60
    )
    assert not done.stderr, done.stderr
    return done.stdout.decode()


def text_of(folder: Path) -> str:
    """The text of the document as a search finds it, on one line."""
    return " ".join(told_by("pdftotext", folder / "audit.pdf", "-").split())


def facts_of(folder: Path) -> dict[str, str]:
    """What the document says of itself."""
    lines = told_by("pdfinfo", "-isodates", folder / "audit.pdf").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def objects_of(folder: Path) -> bytes:
    """The document with all that is compressed in it laid open."""
    raw = (folder / "audit.pdf").read_bytes()
    parts = [raw]
    for found in re.finditer(rb"\nstream\n(.*?)\nendstream", raw, re.DOTALL):
        with suppress(zlib.error):
            parts.append(zlib.decompress(found[1]))
    assert len(parts) > 10
    return b"\n".join(parts)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary document in Indonesian."""
    return written(tmp_path_factory.mktemp("pdf"), ordinary(), formats=["pdf"])


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary document in English."""
    return written(tmp_path_factory.mktemp("en"), ordinary(), formats=["pdf"], language="en")


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A document on hostile values."""
    return written(tmp_path_factory.mktemp("evil"), hostile(), formats=["pdf"])


# --- what stands in it


def test_it_says_what_the_pages_say(report: Path) -> None:
    text = text_of(report)
    for words in (
        "ST-012/ITDA/2026",
        "Inspektur Daerah",
        "2 dari 5 layanan memiliki indikasi ketidaksesuaian",
        "Tidak terpenuhi: Versi protokol TLS usang ditolak",
        "Peraturan BSSN 4/2021 Pasal 27 (a8-c) terverifikasi",
        "PermenPANRB 59/2020 Indikator 22 sekunder dicabut",
        "Masih diterima: TLS 1.0 dan TLS 1.1 .",
        "Terima hanya TLS 1.2 dan TLS 1.3.",
        "ssl_protocols TLSv1.2 TLSv1.3;",
        "20 November 2026 pukul 10.17.05 WIB, 2 kunjungan.",
        f"SHA-256 {EVIDENCE}",
        "nmap -Pn -sT -p 6379 103.10.0.9",
        "diisi auditor",
        "Tidak ada jawaban dalam batas waktu.",
        f"Digest pemindaian {RUN_DIGEST}",
    ):
        assert words in text, words


def test_the_contents_name_the_page_of_each_section(report: Path) -> None:
    pages = told_by("pdftotext", "-layout", report / "audit.pdf", "-").split("\f")
    contents = next(page for page in pages if "Daftar isi" in page)
    listed = re.findall(r"^ *(\S[^\n]*?)(?: \.| {2})[ .]* (\d+)$", contents, re.MULTILINE)
    assert len(listed) == 11
    for title, number in listed:
        lines = [line.strip() for line in pages[int(number) - 1].splitlines()]
        assert title.rstrip(" .") in lines, (title, number)


def test_sections_and_findings_are_bookmarks(report: Path) -> None:
    outline = told_by("pdftohtml", "-xml", "-i", "-stdout", report / "audit.pdf")
    marks = re.findall(r"<item page=\"\d+\">([^<]*)</item>", outline)
    for wanted in ("Ringkasan eksekutif", "Layanan portal", "Keterbatasan", "Glosarium"):
        assert wanted in marks
    assert any("Basis data tidak terjangkau dari luar" in mark for mark in marks)


def test_each_page_has_the_letter_and_its_number(report: Path) -> None:
    pages = told_by("pdftotext", "-layout", report / "audit.pdf", "-").split("\f")[:-1]
    count = int(facts_of(report)["Pages"])
    assert len(pages) == count
    for number, page in enumerate(pages, start=1):
        assert f"Halaman {number} dari {count}" in page
        assert "ST-012/ITDA/2026" in page


def test_the_header_of_a_long_table_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(print_view, "MOST_SERVICES_DETAILED", 1)
    folder = written(tmp_path, many(70, 1), formats=["pdf"])
    pages = told_by("pdftotext", "-layout", folder / "audit.pdf", "-").split("\f")
    with_rows = [page for page in pages if page.count("Dinas Nomor ") > 5 and "Instansi" in page]
    assert len(with_rows) >= 3


def test_one_agency_is_compared_with_nobody(tmp_path: Path) -> None:
    folder = written(tmp_path, many(1, 2), formats=["pdf"])
    assert "Perbandingan instansi" not in text_of(folder)


def test_an_answer_of_the_auditor_is_printed(tmp_path: Path) -> None:
    plain = ordinary()
    first = plain.controls[0]
    answer = ManualAnswer(
        control=first.control.id,
        status=ControlStatus.CONFORMING,
        by="Siti",
        date=date(2026, 11, 21),
        reference="SOP 7/2026",
    )
    controls = (replace(first, answer=answer), *plain.controls[1:])
    text = text_of(written(tmp_path, replace(plain, controls=controls), formats=["pdf"]))
    assert "oleh Siti, 21 November 2026, berdasarkan: SOP 7/2026." in text


def test_a_run_that_was_cut_short_says_so(tmp_path: Path) -> None:
    cut = ordinary(finished=False, engagement=None)
    text = text_of(written(tmp_path, cut, formats=["pdf"]))
    assert "terhenti sebelum selesai" in text
    assert "Tanpa surat tugas: hanya loopback" in text


def test_english_is_english_throughout(english: Path) -> None:
    text = text_of(english)
    for words in ("Executive summary", "Still accepted: TLS 1.0 and TLS 1.1", "Page 2 of"):
        assert words in text
    labels = yaml.safe_load((files(TEMPLATES) / "labels.yaml").read_text(encoding="utf-8"))
    for both in labels.values():
        indonesian = both["id"]
        if isinstance(indonesian, str) and len(indonesian) > 12 and "{" not in indonesian:
            assert " ".join(indonesian.split()) not in text, indonesian


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_glossary_is_whole_and_sorted(language: str) -> None:
    terms = [term for term, _ in glossary(language)]
    assert len(terms) == len(set(terms)) > 15
    assert terms == sorted(terms, key=str.casefold)
    assert all(meaning.endswith(".") for _, meaning in glossary(language))


# --- the file


def test_it_is_tagged_and_dated_by_the_run(report: Path) -> None:
    facts = facts_of(report)
    assert facts["Tagged"] == "yes"
    assert facts["JavaScript"] == "no"
    assert facts["Title"] == "Laporan hasil pemindaian keamanan SPBE · ST-012/ITDA/2026"
    assert facts["Page size"].endswith("(A4)")
    assert facts["CreationDate"] == facts["ModDate"] == "2026-11-20T03:19:30Z"
    inner = objects_of(report)
    assert b"/Lang (id)" in inner
    assert b"/DisplayDocTitle true" in inner
    metadata = told_by("pdfinfo", "-meta", report / "audit.pdf")
    assert re.search(r"pdfuaid:part(=\"|>)1", metadata)


def test_a_reader_is_told_headings_tables_and_links(report: Path) -> None:
    structure = told_by("pdfinfo", "-struct", report / "audit.pdf")
    for tag in ("H1", "H2", "H3", "Table", "TH", "TD", "L", "Link"):
        assert re.search(rf"^\s*{tag}\b", structure, re.MULTILINE), tag


@pytest.mark.parametrize("which", ["report", "evil"])
def test_every_font_is_embedded(which: str, request: pytest.FixtureRequest) -> None:
    table = told_by("pdffonts", request.getfixturevalue(which) / "audit.pdf").splitlines()[2:]
    assert table
    for line in table:
        embedded, subset, unicode = line.split()[-5:-2]
        assert (embedded, subset, unicode) == ("yes", "yes", "yes"), line


def test_the_same_assessment_gives_the_same_bytes(tmp_path: Path, report: Path) -> None:
    script = (
        "from pathlib import Path; from tests.assessments import ordinary;"
        "from tests.report_pages import written;"
        "import sys; written(Path(sys.argv[1]), ordinary(), formats=['pdf'])"
    )
    elsewhere = {"PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland", "PATH": os.environ["PATH"]}
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, env=elsewhere, check=True
    )
    assert (tmp_path / "audit.pdf").read_bytes() == (report / "audit.pdf").read_bytes()


def test_another_language_is_another_document(report: Path, english: Path) -> None:
    def identifier(folder: Path) -> bytes:
        found = re.search(rb"/ID ?\[[<(]([0-9a-f]{32})", objects_of(folder))
        assert found
        return found[1]

    assert identifier(report) != identifier(english)


def test_only_its_owner_reads_it(report: Path) -> None:
    assert stat.S_IMODE((report / "audit.pdf").stat().st_mode) == 0o600
    assert not [path for path in report.iterdir() if path.name.startswith(".")]


# --- nothing is fetched, and nothing hostile works


def test_nothing_is_asked_for_while_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def remember(_self: object, url: str, *_: Any, **__: Any) -> None:
        asked.append(url)
        raise ValueError

    monkeypatch.setattr(weasyprint.urls.URLFetcher, "fetch", remember)
    written(tmp_path, hostile(), formats=["pdf"])
    assert asked == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/x"]
)
def test_the_fetcher_refuses_all_but_data(url: str) -> None:
    fetcher = only_data(load_weasyprint())
    with pytest.raises(ValueError, match="disallowed"):
        fetcher.fetch(url)
    assert fetcher.fetch("data:text/plain,good").read() == b"good"


def test_a_reference_in_the_document_is_not_followed() -> None:
    """Even if a value came through unescaped, nothing would be read for it."""
    page = '<img src="file:///etc/hostname"><link rel="stylesheet" href="http://127.0.0.1:9/x">'
    document = weasyprint.HTML(string=page, url_fetcher=only_data(weasyprint))
    raw = document.write_pdf()
    assert raw is not None
    assert b"/Image" not in raw


def test_hostile_values_are_text(evil: Path) -> None:
    text = text_of(evil)
    assert "<script>alert(1)</script>" in text
    assert "[U+202E]" in text
    assert "\u202e" not in text
    assert "A" * 500 not in text.replace(" ", "")
    inner = objects_of(evil)
    assert b"/Dest" in inner
    for active in (b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile", b"/OpenAction", b"/URI"):
        assert active not in inner
    assert len(facts_of(evil)["Title"]) < 150


def test_a_text_in_any_script_is_printed(tmp_path: Path) -> None:
    one = service("portal", "dinas", name="Pelayanan publik 中文 \U0001f600 العربية")
    agency = replace(ordinary().agencies[0].agency, id="dinas", services=(one,))
    fault = finding(one, "cookie.secure", Verdict.FAIL, facts={"shown": "x" * 5_000})
    text = text_of(written(tmp_path, assess([(agency, {one.id: [fault]})]), formats=["pdf"]))
    assert "Pelayanan publik" in text
    assert "panjang seluruhnya" in text


# --- bounded


def test_a_large_assessment_is_cut_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(print_view, "MOST_AGENCIES", 2)
    monkeypatch.setattr(print_view, "MOST_SERVICES_LISTED", 5)
    monkeypatch.setattr(print_view, "MOST_SERVICES_DETAILED", 3)
    monkeypatch.setattr(print_view, "MOST_FINDINGS_OF_SERVICE", 1)
    large = many(4, 300)
    write_pdf(large, narrator_for(large, catalogue(), INDONESIAN), tmp_path / "audit.pdf")
    text = text_of(tmp_path)
    assert "2 dari 4 instansi" in text
    assert "5 dari 1.200 layanan" in text
    assert "merinci 3 dari 1.200 layanan" in text
    assert "2 temuan lain pada layanan ini ada di laporan HTML." in text
    assert int(facts_of(tmp_path)["Pages"]) < 15
    assert (tmp_path / "audit.pdf").stat().st_size < 1_000_000


def test_what_is_detailed_is_the_gravest() -> None:
    assessment = many(1, 90)
    site = build_site(assessment, narrator_for(assessment, catalogue(), INDONESIAN))
    values = print_values(site)
    details = list(values["details"])  # type: ignore[call-overload]  # an iterator among objects
    assert len(details) == print_view.MOST_SERVICES_DETAILED
    mixed = ordinary()
    site = build_site(mixed, narrator_for(mixed, catalogue(), INDONESIAN))
    listed = [row.name for row, _ in print_values(site)["services"]]  # type: ignore[attr-defined]  # as above
    assert listed[:2] == ["Layanan portal", "Layanan sehat"]
    assert len(listed) == 5


# --- what is missing


def test_without_the_library_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(ReportError) as raised:
        written(tmp_path, ordinary(), formats=["pdf"])
    assert "spbe-audit[pdf]" in raised.value.advice
    assert not (tmp_path / "audit.pdf").exists()


def test_without_pango_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_name: str) -> None:
        raise OSError("cannot load library 'libpango-1.0-0': not found\nand much more")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(ReportError, match=r"libpango-1\.0-0': not found") as raised:
        load_weasyprint()
    assert "much more" not in str(raised.value)
    for library in DEBIAN_LIBRARIES:
        assert library in raised.value.advice


def test_the_makefile_installs_the_same_libraries() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8")
    for package in (*DEBIAN_LIBRARIES, "poppler-utils"):
        assert package in recipe
