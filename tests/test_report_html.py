"""The HTML report: valid, inert, complete, the same twice, and pleasant in a real browser."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from playwright.sync_api import Browser, Page, Request, sync_playwright

from spbe_audit.check import Verdict
from spbe_audit.errors import ReportError
from spbe_audit.finding import ControlStatus
from spbe_audit.regulation import Confidence, Strength
from spbe_audit.report.charts import Part, share_bar, stacked_bar
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.formats import DOCUMENTS, DocumentFormat
from spbe_audit.report.hostile_text import MOST_ITEMS, spelt_out
from spbe_audit.report.labels import TEMPLATES, load_labels
from spbe_audit.report.wording import (
    command_line,
    fact_text,
    joined,
    sentence,
    server_software,
)
from spbe_audit.report.write import write_report
from spbe_audit.severity import Severity
from spbe_audit.targets import Agency, Intensity
from tests.assessments import (
    EVIDENCE,
    RUN_DIGEST,
    assess,
    catalogue,
    finding,
    hostile,
    mixed_findings,
    ordinary,
    service,
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
CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary report in Indonesian."""
    return written(tmp_path_factory.mktemp("ordinary"), ordinary())


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ordinary report in English."""
    return written(tmp_path_factory.mktemp("english"), ordinary(), language="en")


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on hostile values."""
    return written(tmp_path_factory.mktemp("evil"), hostile())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


# --- the pages as documents


@pytest.mark.parametrize("which", ["report", "english", "evil"])
def test_every_page_is_valid_html(which: str, request: pytest.FixtureRequest) -> None:
    pages = pages_of(request.getfixturevalue(which))
    assert pages
    for page in pages:
        parsed(page)


def test_there_is_a_page_for_each_agency_each_service_and_each_finding(report: Path) -> None:
    names = {str(page.relative_to(report)) for page in pages_of(report)}
    assert names == {
        "index.html",
        "agencies.html",
        "clauses.html",
        "controls.html",
        "findings.html",
        "heat-map.html",
        "limitations.html",
        "method.html",
        "findings/ports.database_exposed.html",
        "findings/tls.protocol_versions.html",
        "findings/http.version_disclosure.html",
        "findings/dns.government_domain.html",
        "agency/diskominfo.html",
        "agency/dinkes.html",
        "agency/bapenda.html",
        "service/diskominfo-portal.html",
        "service/diskominfo-arsip.html",
        "service/diskominfo-ppid.html",
        "service/dinkes-sehat.html",
        "service/dinkes-antrean.html",
    }


@pytest.mark.parametrize("which", ["report", "evil"])
def test_every_link_leads_somewhere(which: str, request: pytest.FixtureRequest) -> None:
    for page in pages_of(request.getfixturevalue(which)):
        ids = {element.get("id") for element in parsed(page).iter()}
        for element in parsed(page).iter("a"):
            target = urlsplit(element.get("href", ""))
            assert target.scheme in {"", "https"}, element.get("href")
            if target.scheme:
                assert element.get("rel") == "noreferrer noopener"
            elif target.path:
                linked = page.parent / target.path
                assert linked.is_file(), target
                if target.fragment:
                    tree = parsed(linked)
                    assert target.fragment in {one.get("id") for one in tree.iter()}
            else:
                assert target.fragment in ids


def test_no_id_stands_twice_on_a_page(report: Path, evil: Path) -> None:
    for page in [*pages_of(report), *pages_of(evil)]:
        ids = [element.get("id") for element in parsed(page).iter() if element.get("id")]
        assert len(ids) == len(set(ids)), page


def test_a_page_has_what_a_screen_reader_needs(report: Path) -> None:
    for page in pages_of(report):
        tree = parsed(page)
        assert tree.get("lang") == "id"
        assert all(len(list(tree.iter(tag))) == 1 for tag in ("main", "header", "footer", "h1"))
        skip = with_class(tree, "skip")[0]
        assert skip.get("href") == "#main"
        for cell in tree.iter("th"):
            assert cell.get("scope") in {"col", "row", "colgroup"}
        for drawing in tree.iter("{http://www.w3.org/2000/svg}svg"):
            assert drawing.get("aria-label")
        levels = [int(one.tag[1]) for one in tree.iter() if re.fullmatch("h[1-6]", str(one.tag))]
        assert all(after <= before + 1 for before, after in pairwise(levels))


# --- nothing active, nothing from elsewhere


@pytest.mark.parametrize("which", ["report", "evil"])
def test_a_page_holds_nothing_active(which: str, request: pytest.FixtureRequest) -> None:
    forbidden = {"iframe", "object", "embed", "img", "form", "input", "base", "audio"}
    folder = request.getfixturevalue(which)
    for page in pages_of(folder):
        for element in parsed(page).iter():
            assert element.tag not in forbidden
            if element.tag == "script":
                home = "../" * len(page.relative_to(folder).parents[:-1])
                assert element.attrib == {"src": f"{home}report.js", "defer": ""}
                assert not element.text
                continue
            for name, value in element.attrib.items():
                assert not name.lower().startswith("on"), (name, value)
                assert name not in {"style", "src", "srcset", "background"}
                if name in {"href", "xlink:href"}:
                    assert not value.lower().startswith(("javascript", "vbscript", "data:text"))
            if element.tag == "link":
                assert element.get("href") == "data:,"


def test_the_policy_of_a_page_allows_its_own_style_and_nothing_else(report: Path) -> None:
    for page in pages_of(report):
        tree = parsed(page)
        (style,) = tree.iter("style")
        digest = base64.b64encode(hashlib.sha256((style.text or "").encode()).digest()).decode()
        (meta,) = (one for one in tree.iter("meta") if one.get("http-equiv"))
        rules = dict(rule.strip().split(" ", 1) for rule in meta.get("content", "").split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["style-src"] == f"'sha256-{digest}'"
        assert rules["img-src"] == "data:"
        assert rules["script-src"] == "'self'"


def test_the_style_sheet_asks_for_nothing() -> None:
    style = (files(TEMPLATES) / "report.css").read_text(encoding="utf-8")
    for word in ("url(", "@import", "expression(", "image-set(", "src(", "</", "http:", "https:"):
        assert word not in style


def test_hostile_text_is_shown_as_text(evil: Path) -> None:
    (page,) = (evil / "service").iterdir()
    text = " ".join(text_nodes(parsed(page)))
    assert "<script>alert(1)</script>" in text
    assert "[U+202E]gnp.exe[U+2066][U+200B][U+001B][31m[U+0000]" in text
    assert "{{7*7}}" in text
    assert "100.000 karakter" in text
    assert "A" * 501 not in text
    assert page.stat().st_size < 200_000


def test_no_invisible_character_reaches_a_page(evil: Path) -> None:
    for page in pages_of(evil):
        content = page.read_text(encoding="utf-8").replace("\n", "")
        assert spelt_out(content) == content


def test_pages_of_hostile_ids_stay_in_the_folder(evil: Path) -> None:
    names = [str(page.relative_to(evil)) for page in pages_of(evil)]
    assert all(
        re.fullmatch(r"(agency/|service/|findings/)?[a-z0-9._-]+\.html", name) for name in names
    )
    assert not any(".." in name or name.startswith("agency/con.") for name in names)


def test_names_of_pages_are_never_shared() -> None:
    names = FileNames()
    pairs = [("a-b", "c"), ("a", "b-c"), ("A-b", "c"), ("é", ""), ("è", ""), ("", ""), ("x" * 300,)]
    given = [names.name_for(*pair) for pair in pairs]
    assert given[0] == "a-b-c"
    assert len({name.lower() for name in given}) == len(pairs)
    assert all(re.fullmatch(r"[a-z0-9._-]{1,100}", name) for name in given)


# --- what the pages say


def test_the_index_reads_as_the_golden_file(report: Path) -> None:
    compare_with_golden("index.txt", visible_text(parsed(report / "index.html")))


def test_a_service_reads_as_the_golden_file(report: Path, english: Path) -> None:
    page = Path("service") / "diskominfo-portal.html"
    compare_with_golden("service.id.txt", visible_text(parsed(report / page)))
    compare_with_golden("service.en.txt", visible_text(parsed(english / page)))


def test_a_finding_has_all_formal_parts(report: Path) -> None:
    tree = parsed(report / "service" / "diskominfo-portal.html")
    article = next(one for one in tree.iter("article") if one.get("id") == "tls.protocol_versions")
    parts = {
        " ".join(text_nodes(block[0])): " ".join(text_nodes(block[1]))
        for block in with_class(article, "parts")[0]
    }
    assert list(parts) == [
        "Kriteria",
        "Kondisi",
        "Sebab",
        "Akibat",
        "Rekomendasi",
        "Bukti",
        "Ulangi pengamatan",
        "Rujukan",
    ]
    assert "Peraturan BSSN 4/2021 Pasal 27 (a8-a) sekunder" in parts["Kriteria"]
    assert "Pasal 27 (a8-c) terverifikasi" in parts["Kriteria"]
    assert "PermenPANRB 59/2020 Indikator 22 sekunder dicabut" in parts["Kriteria"]
    assert "Masih diterima: TLS 1.0 dan TLS 1.1" in parts["Kondisi"]
    assert "20 November 2026 pukul 10.17.05 WIB" in parts["Kondisi"]
    assert "https://portal.babelprov.go.id/, setelah 2 kunjungan" in parts["Kondisi"]
    assert parts["Sebab"] == "diisi auditor"
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in parts["Rekomendasi"]
    assert "nginx, yang terlihat pada layanan ini" in parts["Rekomendasi"]
    assert EVIDENCE in parts["Bukti"]
    assert "cd" * 32 in parts["Bukti"]
    assert "openssl s_client -connect" in parts["Ulangi pengamatan"]


def test_every_citation_carries_its_confidence(report: Path) -> None:
    words = {INDONESIAN(f"confidence_{word}") for word in ("verified", "secondary", "unverified")}
    seen = 0
    for page in pages_of(report):
        tree = parsed(page)
        for clause in [*with_class(tree, "clause"), *with_class(tree, "criteria")]:
            parents = [one for one in tree.iter() if clause in list(one)]
            for item in list(clause) if clause.tag == "ul" else parents:
                seen += 1
                assert words & {" ".join(text_nodes(tag)) for tag in with_class(item, "tag")}
    assert seen > 20


def test_a_good_practice_has_no_clause(report: Path) -> None:
    text = visible_text(parsed(report / "service" / "diskominfo-portal.html"))
    assert "praktik baik, tanpa klausul" in text


def test_manual_clauses_are_listed(report: Path) -> None:
    text = visible_text(parsed(report / "controls.html"))
    assert "perlu pemeriksaan manual 3 klausul" in text
    assert "Uraian butir a1-a perlu pemeriksaan manual" in text
    assert "3 klausul tidak terlihat dari luar" in visible_text(parsed(report / "index.html"))


def test_what_could_not_be_tested_is_grouped_by_reason(report: Path) -> None:
    text = visible_text(parsed(report / "limitations.html"))
    assert "Tidak ada jawaban dalam batas waktu. 3 Layanan arsip" in text
    assert "Hanya … percobaan yang dilakukan. 2 Layanan portal" in text


def test_the_report_never_grades(report: Path, english: Path) -> None:
    for page in [*pages_of(report), *pages_of(english)]:
        text = visible_text(parsed(page)).lower()
        for word in ("memadai", "adequate", "lhak", "pelanggaran", "violation"):
            assert word not in text


def test_without_engagement_the_cover_says_so(tmp_path: Path) -> None:
    folder = written(tmp_path, ordinary(engagement=None, finished=False), formats=["html"])
    text = visible_text(parsed(folder / "index.html"))
    assert "Tanpa surat tugas: hanya loopback" in text
    assert "terhenti sebelum selesai" in text


def test_an_empty_assessment_is_a_report_too(tmp_path: Path) -> None:
    folder = written(tmp_path, assess([]))
    text = visible_text(parsed(folder / "index.html"))
    assert "Tidak ada layanan dalam pemindaian ini." in text
    assert RUN_DIGEST in text


def test_times_are_in_the_zone_of_the_report(tmp_path: Path) -> None:
    folder = written(tmp_path / "a", ordinary(), formats=["html"], time_zone="Asia/Jayapura")
    assert "12.15.30\u201312.19.30 WIT" in visible_text(parsed(folder / "index.html"))
    folder = written(tmp_path / "b", ordinary(), language="en", time_zone="Asia/Kolkata")
    assert "20 November 2026, 08:45:30\u201308:49:30 UTC+05:30" in visible_text(
        parsed(folder / "index.html")
    )


# --- sentences and values


def test_a_missing_fact_shows_its_name() -> None:
    pieces = sentence("Ada {count} di {place}.", {"count": 2}, INDONESIAN)
    assert joined(pieces) == "Ada 2 di [place]."


def test_facts_are_not_read_as_templates() -> None:
    pieces = sentence("Nilai {{x}}: {value}.", {"value": "{value!r:>9} {{", "x": 1}, INDONESIAN)
    assert joined(pieces) == "Nilai {x}: {value!r:>9} {{."
    assert joined(sentence("Rusak {", {}, INDONESIAN)) == "Rusak {"


@pytest.mark.parametrize(
    ("fact", "indonesian", "english"),
    [
        (("TLS 1.0", "TLS 1.1"), "TLS 1.0 dan TLS 1.1", "TLS 1.0 and TLS 1.1"),
        (({"port": 6379, "service": "redis"},), "port 6379 (redis)", "port 6379 (redis)"),
        ({"name": "sid", "lacks": ("Secure",)}, "sid (Secure)", "sid (Secure)"),
        ({"Server": "nginx", "Via": "x"}, "Server: nginx; Via: x", "Server: nginx; Via: x"),
        ((), "tidak ada", "none"),
        (None, "tidak ada", "none"),
        (True, "ya", "yes"),
        (31536000, "31536000", "31536000"),
        (0.1234567, "0,123", "0.123"),
        (
            "2026-11-20T03:00:00Z",
            "20 November 2026 pukul 10.00.00 WIB",
            "20 November 2026, 10:00:00 WIB",
        ),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("x" * 501, "x" * 500 + "… [dipersingkat; panjang seluruhnya 501 karakter]", None),
        (((((("deep",),),),),), "…", "…"),
    ],
)
def test_facts_read_as_text(fact: Any, indonesian: str, english: str | None) -> None:
    assert fact_text(fact, INDONESIAN) == indonesian
    if english is not None:
        assert fact_text(fact, ENGLISH) == english


def test_a_long_list_is_counted() -> None:
    text = fact_text(tuple(str(number) for number in range(1000)), ENGLISH)
    assert text.endswith(f"39, and {1000 - MOST_ITEMS} more")


def test_commands_are_quoted_for_the_shell() -> None:
    evil = service("x", "a", url="https://h/'; rm -rf ~; echo $(id) '")
    one = finding(evil, "tls.offered", Verdict.FAIL, facts={"address": "1.2.3.4; reboot"})
    words = shlex.split(command_line("curl -o /dev/null {url} {address_port} {x}", one, evil))
    assert words == ["curl", "-o", "/dev/null", evil.url, "h:443", "[x]"]


def test_an_ipv6_address_stands_in_brackets() -> None:
    one = service("x", "a", url="https://portal.example/")
    told = finding(one, "tls.offered", Verdict.FAIL, facts={"address": "2001:db8::1"})
    assert shlex.split(command_line("x {address} {address_port}", told, one)) == [
        "x",
        "2001:db8::1",
        "[2001:db8::1]:443",
    ]
    literal = service("x", "a", url="https://[::1]:8443/")
    plain = finding(literal, "tls.offered", Verdict.FAIL)
    assert shlex.split(command_line("x {host} {address_port}", plain, literal)) == [
        "x",
        "::1",
        "[::1]:8443",
    ]


@pytest.mark.parametrize(
    ("facts", "software"),
    [
        ({"server": "nginx/1.18.0"}, "nginx"),
        ({"shown": ("Server: Apache/2.4.57 (Debian)",)}, "apache"),
        ({"headers": {"Server": "Microsoft-IIS/10.0"}}, "iis"),
        ({"server": "Apache-Coyote/1.1"}, "tomcat"),
        ({"title": "nginx"}, None),
        ({}, None),
    ],
)
def test_the_server_software_is_seen_in_the_facts(facts: Any, software: str | None) -> None:
    one = service("x", "a")
    assert server_software([finding(one, "a.b", Verdict.PASS, facts=facts)]) == software


def test_a_share_is_never_rounded_to_all_or_nothing() -> None:
    assert [INDONESIAN.percent(share) for share in (0.999, 0.001, 1, 0)] == [
        "99%",
        "1%",
        "100%",
        "0%",
    ]
    assert INDONESIAN.percent(None) == "belum ada"


def test_the_smallest_part_of_a_bar_is_still_seen() -> None:
    bar = stacked_bar([Part("good", 100_000), Part("bad", 1), Part("open", 0)], label='"<x>')
    widths = [int(width) for width in re.findall(r'<rect[^>]* width="(\d+)"', bar)]
    assert len(widths) == 2
    assert min(widths) > 0
    assert "&#34;&lt;x&gt;" in bar
    assert "line" in share_bar(None, kind="good", label="x")


# --- languages


def test_every_label_has_both_languages_and_is_used() -> None:
    labels = yaml.safe_load((files(TEMPLATES) / "labels.yaml").read_text(encoding="utf-8"))
    sources = [
        path.read_text(encoding="utf-8")
        for folder, suffix in (
            ("report_templates", "j2"),
            ("spbe_audit/report", "py"),
            ("spbe_audit/cli", "py"),
        )
        for path in sorted((Path(__file__).parents[1] / folder).glob(f"*.{suffix}"))
    ]
    words = set(re.findall(r'"([a-z0-9_]+)"', "\n".join(sources)))
    built = (
        *("severity_", "verdict_", "status_", "confidence_", "strength_", "intensity_", "who_"),
        *("script_", "follow_up_", "waiver_state_", "waiver_why_", "instruction_"),
        *("change_", "changes_", "message_"),
    )
    for key, both in labels.items():
        assert set(both) == {"id", "en"}, key
        assert all(both.values()), key
        assert key in words or key.startswith((*built, "footprint_")), f"{key} is never used"


def test_every_code_has_a_label() -> None:
    codes: list[tuple[str, Any]] = [
        ("verdict", Verdict),
        ("severity", Severity),
        ("status", ControlStatus),
        ("confidence", Confidence),
        ("strength", Strength),
        ("intensity", Intensity),
    ]
    for prefix, kind in codes:
        for code in kind:
            assert INDONESIAN(f"{prefix}_{code}")
            assert ENGLISH(f"{prefix}_{code}")


def test_no_indonesian_label_stands_on_an_english_page(english: Path) -> None:
    labels = yaml.safe_load((files(TEMPLATES) / "labels.yaml").read_text(encoding="utf-8"))
    same = {"url", "port", "evidence_digest", "bar_text"}
    indonesian = {
        " ".join(both["id"].split())
        for key, both in labels.items()
        if key not in same and isinstance(both["en"], str) and both["id"] != both["en"]
    }
    for page in pages_of(english):
        tree = parsed(page)
        assert tree.get("lang") == "en"
        shown = set(text_nodes(tree)) | {one.get("aria-label", "") for one in tree.iter()}
        assert shown & indonesian == set()
        everything = " ".join(shown)
        for word in (" adalah ", " yang ", "layanan", "Judul ", "Apakah", "Peraturan BSSN"):
            assert word not in everything.replace("Layanan ", ""), word


# --- files


def test_the_same_assessment_gives_the_same_bytes(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.report_pages import written;"
        "from tests.assessments import ordinary; written(Path(sys.argv[1]), ordinary())"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}"},
            cwd=Path(__file__).parents[1],
            check=True,
            timeout=120,
        )
    names = [path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*")]
    assert len(names) > 10
    for name in names:
        first, second = tmp_path / "1" / name, tmp_path / "2" / name
        assert first.is_dir() == second.is_dir()
        if first.is_file():
            assert first.read_bytes() == second.read_bytes(), name
            assert str(tmp_path) not in first.read_text(encoding="utf-8")


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = written(tmp_path / "new" / "report", ordinary())
    made = [tmp_path / "new", folder, *folder.rglob("*")]
    for path in made:
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_a_failed_report_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = written(tmp_path, ordinary(), formats=["json"])
    before = (folder / "audit.json").read_bytes()

    def broken(_assessment: object, _narrator: object, path: Path) -> None:
        path.write_text("{", encoding="utf-8")
        raise KeyboardInterrupt

    monkeypatch.setitem(DOCUMENTS, "json", DocumentFormat("audit.json", broken))
    with pytest.raises(KeyboardInterrupt):
        written(folder, ordinary(), formats=["json"])
    assert (folder / "audit.json").read_bytes() == before
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_the_pages_are_written_whatever_the_formats(tmp_path: Path) -> None:
    made = write_report(
        ordinary(),
        output=tmp_path,
        formats=["csv"],
        language="id",
        catalogue=catalogue(),
        time_zone="Asia/Jakarta",
    )
    assert made == (tmp_path / "index.html", tmp_path / "findings.csv")
    text = visible_text(parsed(tmp_path / "index.html"))
    assert "findings.csv" in text
    assert "audit.json" not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formats": ["html", "docx"]}, "no report format 'docx'"),
        ({"language": "jv"}, "no report language 'jv'"),
        ({"time_zone": "Asia/Bangka"}, "no time zone 'Asia/Bangka'"),
        ({"time_zone": "../../etc/passwd"}, "no time zone"),
    ],
)
def test_wrong_wishes_are_refused_with_advice(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ReportError, match=message) as caught:
        written(tmp_path, ordinary(), **changes)
    assert caught.value.advice
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ReportError, match="cannot be written"):
        written(tmp_path / "out", ordinary())
    assert (tmp_path / "out").read_text() == "mine"


def test_a_check_without_words_is_named_by_its_id() -> None:
    one = service("x", "a")
    narrator = narrator_for(ordinary(), catalogue(), INDONESIAN)
    view = narrator.view(finding(one, "plugin.gone", Verdict.FAIL), one, None)
    assert (view.title, view.condition_text) == (
        "plugin.gone",
        "Kata-kata pemeriksaan ini tidak terpasang.",
    )
    odd = finding(one, "plugin.gone", Verdict.UNKNOWN, reason="new_reason")
    assert narrator.view(odd, one, None).condition_text == "Kode alasan: new_reason"


def test_the_problem_codes_of_a_failure_are_put_into_words() -> None:
    one = service("x", "a")
    narrator = narrator_for(ordinary(), catalogue(), INDONESIAN)
    facts = {"shown": "nginx/1.2", "problem": "shown"}
    view = narrator.view(
        finding(one, "http.version_disclosure", Verdict.FAIL, facts=facts), one, None
    )
    assert view.condition_text == "Ada yang kurang: nginx/1.2. Angka versi terlihat."


def test_times_without_observation_are_told(tmp_path: Path) -> None:
    unseen = [
        replace(one, observed_at=None, evidence=()) for one in mixed_findings(service("x", "a"))
    ]
    agency = Agency("a", "Dinas A", (service("x", "a"),))
    folder = written(tmp_path, assess([(agency, {"x": unseen})]))
    text = visible_text(parsed(folder / "service" / "a-x.html"))
    assert "Waktu pengamatan tidak tercatat" in text


# --- in a real browser


def _open(browser: Browser, page: Path, **options: Any) -> tuple[Page, list[str]]:
    context = browser.new_context(**options)
    tab = context.new_page()
    noise: list[str] = []
    tab.on("console", lambda message: noise.append(message.text))
    tab.on("pageerror", lambda error: noise.append(str(error)))

    def note(request: Request) -> None:
        if not request.url.startswith(("file:", "data:")):
            noise.append(f"request {request.url}")

    tab.on("request", note)
    tab.goto(page.as_uri())
    return tab, noise


@pytest.mark.parametrize("which", ["report", "evil"])
@pytest.mark.parametrize("width", [360, 1280])
def test_pages_open_quietly_and_fit(
    browser: Browser, which: str, width: int, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(which)
    pages = [*sorted(folder.glob("*.html")), *sorted((folder / "service").iterdir())[:3]]
    some = (sorted((folder / kind).iterdir())[:1] for kind in ("agency", "findings"))
    for page in [*pages, *(one for kind in some for one in kind)]:
        tab, noise = _open(browser, page, viewport={"width": width, "height": 800})
        assert noise == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, page
        assert tab.evaluate("getComputedStyle(document.body).maxWidth") == "1088px"
        tab.context.close()


CONTRAST = r"""
() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const channels = colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return channels(getComputedStyle(document.documentElement).colorScheme.includes('dark')
      ? 'black' : 'white');
  };
  const poor = new Set();
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim()) continue;
    seen += 1;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(channels(style.color)), luminance(background(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`${element.className} ${style.color} ${ratio.toFixed(2)}`);
  }
  return [seen, [...poor]];
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(browser: Browser, report: Path, scheme: str) -> None:
    for name in (
        "index.html",
        "service/diskominfo-portal.html",
        "findings.html",
        "findings/tls.protocol_versions.html",
        "heat-map.html",
        "controls.html",
    ):
        tab, _ = _open(browser, report / name, color_scheme=scheme)
        seen, poor = tab.evaluate(CONTRAST)
        assert seen > 30, name
        assert poor == [], name
        tab.context.close()


def test_dark_is_dark_and_paper_is_light(browser: Browser, report: Path) -> None:
    tab, _ = _open(browser, report / "index.html", color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    assert tab.evaluate(colour) == "rgb(20, 24, 29)"
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate(colour) == "rgb(255, 255, 255)"
    tab.context.close()


def test_paper_shows_what_the_screen_folds_away(browser: Browser, report: Path) -> None:
    tab, _ = _open(browser, report / "findings" / "tls.protocol_versions.html")
    visible = "document.querySelector('.found-at details pre').checkVisibility()"
    assert not tab.evaluate(visible)
    tab.emulate_media(media="print")
    assert tab.evaluate(visible)
    assert tab.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    tab.context.close()
