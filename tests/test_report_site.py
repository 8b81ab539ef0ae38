"""The structure of the HTML report: first page, findings, map, and pages that stay small."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import pytest
from markupsafe import Markup

from spbe_audit.catalogue import load_catalogue
from spbe_audit.check import Verdict
from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment, ControlStatus
from spbe_audit.report.agency_pages import agency_pages, compared_pages
from spbe_audit.report.appendix_pages import clause_pages, control_pages, limitation_pages
from spbe_audit.report.finding_pages import finding_pages, list_pages
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.front_page import front_page, lead
from spbe_audit.report.heat_map import SIGNS, build_heat_map, heat_map_pages
from spbe_audit.report.labels import load_labels
from spbe_audit.report.page import MOST_BYTES, MOST_ROWS, Page, Place, packed, paths_of
from spbe_audit.report.run_facts import verify_command
from spbe_audit.report.service_page import service_page
from spbe_audit.report.site import Site, build_site
from spbe_audit.severity import Severity
from spbe_audit.targets import Agency
from tests.assessments import (
    HOSTILE,
    assess,
    catalogue,
    finding,
    good_findings,
    many,
    mixed_findings,
    ordinary,
    service,
    silent_findings,
)
from tests.report_pages import (
    compare_with_golden,
    pages_of,
    parsed,
    text_nodes,
    visible_text,
    with_class,
    written,
)

INDONESIAN = load_labels("id", "Asia/Jakarta")
ENGLISH = load_labels("en", "Asia/Jakarta")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary report in Indonesian."""
    return written(tmp_path_factory.mktemp("ordinary"), ordinary(), formats=["html"])


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary report in English."""
    return written(tmp_path_factory.mktemp("english"), ordinary(), language="en", formats=["html"])


def _site(assessment: Assessment) -> Site:
    return build_site(assessment, narrator_for(assessment, catalogue(), INDONESIAN))


def _words(element: Element) -> str:
    return " ".join(text_nodes(element))


# --- the first page


def _blocks(page: Path) -> dict[str, Element]:
    """The blocks of the summary by their class."""
    (brief,) = with_class(parsed(page / "index.html"), "brief")
    return {block.get("class", ""): block for block in brief}


def test_the_summary_has_three_blocks(report: Path) -> None:
    assert list(_blocks(report)) == ["looked-at", "fix-first", "not-judged"]


def test_the_summary_names_the_gravest_fix_first_and_who_acts(report: Path) -> None:
    items = [_words(item) for item in _blocks(report)["fix-first"].iter("li")]
    assert len(items) == 3
    assert items[0].startswith("kritis Tidak terpenuhi: Basis data tidak terjangkau dari luar")
    assert "satu perbaikan, 1 layanan" in items[0]
    assert "Pengelola jaringan dan server: Perbaiki segera." in items[0]
    assert items[1].startswith("tinggi Tidak terpenuhi: Versi protokol TLS usang ditolak")
    assert "satu perbaikan, 2 layanan" in items[1]
    assert "Versi lama memiliki kelemahan" in items[1]


def test_at_most_five_fixes_are_named_and_the_shared_ones_first(tmp_path: Path) -> None:
    services = [service(f"s{n}", "a") for n in range(7)]
    checks = [f"http.check_{n}" for n in range(6)]
    faults = {
        one.id: [finding(one, check, Verdict.FAIL) for check in checks[: 1 + number]]
        for number, one in enumerate(services)
    }
    agency = Agency("a", "Dinas A", tuple(services))
    folder = written(tmp_path, assess([(agency, faults)]), formats=["html"])
    links = [one.get("href") for one in _blocks(folder)["fix-first"].iter("a")]
    assert links == [*(f"findings/{check}.html" for check in checks[:5]), "findings.html"]
    assert "satu perbaikan, 7 layanan" in _words(_blocks(folder)["fix-first"])


def test_what_could_not_be_judged_stands_on_the_first_page(report: Path) -> None:
    text = _words(_blocks(report)["not-judged"])
    assert "5 hal pada 3 layanan tidak dapat diuji" in text
    assert "1 layanan sama sekali tidak dapat diuji." in text
    assert "3 klausul tidak terlihat dari luar" in text
    assert "Tidak ada jawaban dalam batas waktu: 3 hal" in text


def test_a_run_that_was_cut_short_says_so_on_the_first_page(tmp_path: Path) -> None:
    folder = written(tmp_path, ordinary(finished=False), formats=["html"])
    assert "terhenti sebelum selesai" in _words(_blocks(folder)["not-judged"])


def test_the_auditor_is_left_to_be_filled_in(report: Path) -> None:
    (cover,) = with_class(parsed(report / "index.html"), "engagement")
    assert _words(cover[-1]) == "Auditor diisi auditor"


def test_a_period_tells_a_day_once() -> None:
    run = ordinary().run
    assert run.finished
    same = INDONESIAN.period(run.started, run.finished)
    assert same == "20 November 2026 pukul 10.15.30\u201310.19.30 WIB"
    assert ENGLISH.days(run.started, run.finished) == "20 November 2026, 10:15:30\u201310:19:30 WIB"


def test_observations_count_neither_as_faults_nor_as_open(tmp_path: Path) -> None:
    one = service("x", "a")
    notes = [
        finding(one, "dns.note", Verdict.FAIL, severity=Severity.INFO),
        finding(one, "dns.open", Verdict.UNKNOWN, severity=Severity.INFO, reason="timeout"),
    ]
    agency = Agency("a", "Dinas A", (one,))
    folder = written(tmp_path, assess([(agency, {"x": notes})]), formats=["html"])
    blocks = _blocks(folder)
    assert not list(blocks["fix-first"].iter("li"))
    assert not list(blocks["not-judged"].iter("li"))
    assert "1 catatan pengamatan" in visible_text(parsed(folder / "findings.html"))


def test_a_lead_is_a_whole_sentence_that_says_something() -> None:
    assert lead("Matikan. Lalu mulai ulang server itu supaya berlaku. Selesai.") == (
        "Matikan. Lalu mulai ulang server itu supaya berlaku."
    )
    assert lead("Satu kalimat") == "Satu kalimat"
    for entry in load_catalogue():
        for text in (entry.texts.why, entry.texts.remedy.text):
            for language in ("id", "en"):
                first = lead(" ".join(text.in_language(language).split()))
                assert first.endswith((".", "!", "?")), (entry.check.id, first)
                assert len(first) <= 260, (entry.check.id, len(first), first)
                assert first.count("(") == first.count(")"), (entry.check.id, first)


# --- findings


def test_pages_read_as_the_golden_files(report: Path, english: Path) -> None:
    for folder, language in ((report, "id"), (english, "en")):
        for name in ("findings", "heat-map", "controls", "limitations", "method"):
            text = visible_text(parsed(folder / f"{name}.html"))
            compare_with_golden(f"{name}.{language}.txt", text)
        page = folder / "findings" / "tls.protocol_versions.html"
        compare_with_golden(f"finding.{language}.txt", visible_text(parsed(page)))


def test_a_finding_page_has_the_formal_parts_once(report: Path) -> None:
    tree = parsed(report / "findings" / "tls.protocol_versions.html")
    (parts,) = with_class(tree, "parts")
    told = {_words(block[0]): _words(block[1]) for block in parts}
    assert list(told) == [
        "Kriteria",
        "Kondisi",
        "Sebab",
        "Akibat",
        "Rekomendasi",
        "Yang menindaklanjuti",
        "Ulangi pengamatan",
        "Rujukan",
    ]
    assert "Pasal 27 (a8-c) terverifikasi" in told["Kriteria"]
    assert "PermenPANRB 59/2020 Indikator 22 sekunder dicabut" in told["Kriteria"]
    assert told["Sebab"] == "diisi auditor"
    assert "2 sesuai" in told["Kondisi"]
    assert "2 tidak sesuai" in told["Kondisi"]
    assert "nginx, yang terlihat pada 2 layanan" in told["Rekomendasi"]
    assert told["Rekomendasi"].count("ssl_protocols") == 1


def test_a_finding_page_has_a_row_for_each_service(report: Path) -> None:
    tree = parsed(report / "findings" / "tls.protocol_versions.html")
    rows = [row for row in tree.iter("tr") if row.get("data-severity")]
    assert [row.get("data-agency") for row in rows] == [
        "Dinas Komunikasi dan Informatika",
        "Dinas Kesehatan",
    ]
    assert {row.get("data-severity") for row in rows} == {"high"}
    first = _words(rows[0])
    assert "Masih diterima: TLS 1.0 dan TLS 1.1" in first
    assert "cd" * 32 in first
    assert "openssl s_client -connect portal.babelprov.go.id:443" in first
    (link,) = rows[0].iter("a")
    target = urlsplit(link.get("href", ""))
    page = parsed(report / "findings" / target.path)
    assert target.fragment in {one.get("id") for one in page.iter()}


def test_a_command_that_is_the_same_everywhere_is_told_once(tmp_path: Path) -> None:
    folder = written(tmp_path, ordinary(), formats=["html"])
    one = parsed(folder / "findings" / "ports.database_exposed.html")
    assert len(list(one.iter("pre"))) == 1
    two = parsed(folder / "findings" / "tls.protocol_versions.html")
    openssl = [_words(pre) for pre in two.iter("pre") if "openssl" in _words(pre)]
    assert len(openssl) == 3
    assert len(set(openssl)) == 2


def test_two_requirements_of_one_check_have_pages_of_their_own(tmp_path: Path) -> None:
    one = service("x", "a")
    first = finding(one, "dns.dnssec", Verdict.FAIL, severity=Severity.HIGH)
    second = replace(first, requirement="dns.dnssec_signed", severity=Severity.LOW)
    agency = Agency("a", "Dinas A", (one,))
    folder = written(tmp_path, assess([(agency, {"x": [first, second]})]), formats=["html"])
    names = {page.name for page in (folder / "findings").iterdir()}
    assert names == {"dns.dnssec.html", "dns.dnssec_signed.html"}
    (service_text,) = (parsed(page) for page in (folder / "service").iterdir())
    ids = {element.get("id") for element in service_text.iter()}
    for page in (folder / "findings").iterdir():
        rows = [row for row in parsed(page).iter("tr") if row.get("data-severity")]
        (link,) = rows[0].iter("a")
        assert urlsplit(link.get("href", "")).fragment in ids


def test_the_list_of_findings_has_what_a_script_can_filter_by(report: Path) -> None:
    tree = parsed(report / "findings.html")
    (table,) = with_class(tree, "list-of-findings")
    assert table.get("data-sortable")
    rows = [row for row in table.iter("tr") if row.get("data-severity")]
    assert [(row.get("data-severity"), row.get("data-family")) for row in rows] == [
        ("critical", "ports"),
        ("high", "tls"),
        ("low", "http"),
        ("info", "dns"),
    ]


# --- the map


def test_every_row_of_the_map_has_a_cell_for_every_clause(report: Path) -> None:
    (table,) = with_class(parsed(report / "heat-map.html"), "heat")
    (clauses,) = with_class(table, "clauses")
    columns = len(clauses) - 1
    assert columns == 4
    rows = [row for body in table.iter("tbody") for row in body.iter("tr")]
    assert len(rows) == 3 + 5
    for row in rows:
        assert len(row) == columns + 1
        assert row[0].tag == "th"


def test_a_cell_says_by_sign_and_words_what_its_colour_says(report: Path) -> None:
    (table,) = with_class(parsed(report / "heat-map.html"), "heat")
    cells = [cell for body in table.iter("tbody") for cell in body.iter("td")]
    seen = set()
    for cell in cells:
        kind = cell.get("class", "").removeprefix("h-")
        if not kind:
            assert not cell.text
            assert not cell.get("title")
            continue
        seen.add(kind)
        assert cell.text == SIGNS[ControlStatus(kind)]
        assert INDONESIAN(f"status_{kind}") in cell.get("title", "")
    assert {"conforming", "not_conforming", "partly_conforming", "not_testable"} <= seen


def test_the_map_names_each_clause_with_its_confidence(report: Path) -> None:
    text = visible_text(parsed(report / "heat-map.html"))
    assert "Pasal 27 (a8-c) terverifikasi Uraian butir a8-c" in text
    assert "Indikator 22 sekunder dicabut" in text


def test_an_agency_is_found_on_the_map(report: Path) -> None:
    page = parsed(report / "agency" / "dinkes.html")
    (link,) = (
        one
        for one in page.iter("a")
        if "heat-map" in one.get("href", "") and "#" in one.get("href", "")
    )
    target = urlsplit(link.get("href", ""))
    tree = parsed(report / "agency" / target.path)
    (row,) = (one for one in tree.iter("tr") if one.get("id") == target.fragment)
    assert "Dinas Kesehatan" in _words(row)


# --- limitations, method


def test_services_that_nothing_is_known_of_are_listed(report: Path) -> None:
    (table,) = with_class(parsed(report / "limitations.html"), "silent")
    rows = list(table.iter("tr"))[1:]
    assert len(rows) == 1
    assert "Layanan arsip" in _words(rows[0])
    assert "Tidak ada jawaban dalam batas waktu." in _words(rows[0])


def test_the_verify_command_names_the_evidence_file() -> None:
    assessment = ordinary()
    known = narrator_for(assessment, catalogue(), INDONESIAN, evidence_file="bukti 2026.db")
    assert verify_command(known) == "spbe-audit verify --store 'bukti 2026.db'"
    unknown = narrator_for(assessment, catalogue(), INDONESIAN)
    assert verify_command(unknown) == "spbe-audit verify --store <berkas bukti>"


# --- pages that stay small


def test_rows_are_packed_by_number_and_by_bytes() -> None:
    rows = [Markup("xxxxxxxxxx")] * 7
    assert [len(portion) for portion in packed(rows, most=3)] == [3, 3, 1]
    assert [len(portion) for portion in packed(rows, room=25)] == [2, 2, 2, 1]
    assert [len(portion) for portion in packed(rows, room=5)] == [1] * 7
    assert [*packed([])] == [()]
    wide = [Markup("\u20ac\u20ac\u20ac\u20ac")] * 2
    assert len([*packed(wide, room=13)]) == 2
    assert paths_of("a.html", 3) == ("a.html", "a-2.html", "a-3.html")


def test_a_place_knows_its_neighbours() -> None:
    paths = ("a.html", "a-2.html", "a-3.html")
    assert [(Place(n, paths).previous, Place(n, paths).next) for n in (1, 2, 3)] == [
        ("", "a-2.html"),
        ("a.html", "a-3.html"),
        ("a-2.html", ""),
    ]


def _lists(site: Site) -> Iterator[Page]:
    """Every page but those of services."""
    heat_map = build_heat_map(site)
    yield from chain(
        heat_map_pages(site, heat_map),
        agency_pages(site, heat_map.places),
        compared_pages(site),
        finding_pages(site),
        list_pages(site),
        control_pages(site),
        clause_pages(site),
        limitation_pages(site),
    )
    yield front_page(site, ())


@pytest.mark.parametrize(("agencies", "each"), [(2000, 1), (1, 2000)])
def test_no_page_is_large_with_two_thousand_services(agencies: int, each: int) -> None:
    pages = [*_lists(_site(many(agencies, each)))]
    assert max(page.bytes for page in pages) <= MOST_BYTES
    assert len({page.path for page in pages}) == len(pages)
    findings = [page for page in pages if page.path.startswith("findings/tls.protocol_versions")]
    assert len(findings) == 2000 // MOST_ROWS
    assert sum(page.text.count("<tr data-severity=") for page in findings) == 2000
    first, last = pages[-1], findings[-1]
    assert "satu perbaikan, 2.000 layanan" in first.text
    assert 'href="../findings/tls.protocol_versions-9.html"' in last.text
    assert 'rel="next"' not in last.text


def test_no_page_is_large_with_hostile_names() -> None:
    name = (HOSTILE + "\u202e") * 50
    services = [replace(service(f"s{n}", "a"), name=name) for n in range(300)]
    found = {
        one.id: silent_findings(one) if number % 2 else mixed_findings(one)
        for number, one in enumerate(services)
    }
    agency = Agency("a", name, tuple(services))
    pages = [*_lists(_site(assess([(agency, found)])))]
    assert max(page.bytes for page in pages) <= MOST_BYTES
    assert "agency/a-2.html" in {page.path for page in pages}
    assert "<script>alert" not in "".join(page.text for page in pages)


def test_a_service_whose_values_are_endless_has_a_small_page() -> None:
    one = service("x", "a")
    line = "\u202e" * 5000
    facts = {"shown": tuple((line,) * 40 for _ in range(40))}
    found = [
        replace(
            finding(one, "http.version_disclosure", Verdict.FAIL, facts=facts), requirement=f"r{n}"
        )
        for n in range(30)
    ]
    assessment = assess([(Agency("a", "Dinas A", (one,)), {"x": found})])
    site = _site(assessment)
    (agency,) = assessment.agencies
    (judged,) = agency.services
    page = service_page(site, agency, judged)
    assert page.bytes <= MOST_BYTES
    assert page.text.count("<article") == 30
    assert max(page.bytes for page in _lists(site)) <= MOST_BYTES


def test_a_page_that_cannot_be_kept_small_is_refused() -> None:
    site = _site(ordinary())
    with pytest.raises(ReportError, match=r"the page method\.html would be larger") as caught:
        site.page(
            "method.html",
            "agencies.html.j2",
            {"rows": "x" * MOST_BYTES, "levels": (), "place": Place(1, ("method.html",))},
        )
    assert caught.value.advice


def test_every_page_of_every_list_is_reached_from_the_one_before(tmp_path: Path) -> None:
    services = tuple(service(f"s{n}", "a") for n in range(MOST_ROWS + 5))
    found = {
        one.id: mixed_findings(one) if n % 2 else good_findings(one)
        for n, one in enumerate(services)
    }
    folder = written(
        tmp_path, assess([(Agency("a", "Dinas A", services), found)]), formats=["html"]
    )
    seen, waiting = set(), [folder / "index.html"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        links = re.findall(r'<a [^>]*href="([^"#:]+\.html)["#]', page.read_text(encoding="utf-8"))
        waiting += [(page.parent / link).resolve() for link in links]
    pages = {page.resolve() for page in pages_of(folder)}
    assert pages - {one.resolve() for one in seen} == set()
    assert (folder / "agency" / "a-2.html") in pages
