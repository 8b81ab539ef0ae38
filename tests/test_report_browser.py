"""The report in a real browser, from disk: what a reader does with it, and what it never does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from spbe_audit.report.write import write_report
from tests.assessments import BROKEN, HOSTILE, catalogue, hostile, many, ordinary
from tests.report_pages import pages_of

CHROMIUM = "/usr/bin/chromium"
LARGEST_SCRIPT = 20_000
AXE = "4.14.1"
_NPM_SECONDS = 120

pytestmark = pytest.mark.xdist_group("report_browser")  # one browser serves them all


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Reports in both languages: an ordinary one, one of many services, a hostile one."""
    made = {}
    assessments = {
        "ordinary": ordinary(),
        "many": many(3, 4),
        "hostile": hostile(HOSTILE + BROKEN),
    }
    for name, assessment in assessments.items():
        made[name] = tmp_path_factory.mktemp(name)
        write_report(
            assessment,
            output=made[name],
            formats=["html", "json"],
            language="id,en",
            catalogue=catalogue(),
            time_zone="Asia/Jakarta",
        )
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Reader:
    """A page that somebody reads, and all that it did which a page must not."""

    tab: Page
    noise: list[str] = field(default_factory=list)

    def open(self, page: Path, fragment: str = "") -> Page:
        """Open a page from disk."""
        self.tab.goto("about:blank")
        self.tab.goto(page.as_uri() + fragment)
        return self.tab

    def shown(self, table: str = "table[data-sortable]") -> list[str]:
        """The first cells of the rows that are seen, in their order."""
        rows = self.tab.locator(f"{table} tbody tr:visible")
        return [text.split("\n")[0] for text in rows.locator("th").all_inner_texts()]

    def pick(self, label: str, choice: str) -> None:
        """Choose in one of the controls."""
        self.tab.get_by_label(label, exact=True).first.select_option(label=choice)

    @property
    def tally(self) -> str:
        """The line that counts."""
        return self.tab.locator(".tally").first.inner_text()


@pytest.fixture
def read(browser: Browser) -> Iterator[Any]:
    """Makes readers; afterwards none of their pages may have been noisy or asked for anything."""
    readers: list[Reader] = []

    def make(**options: Any) -> Reader:
        context = browser.new_context(**options)
        reader = Reader(context.new_page())
        context.route("**/*", lambda route: _only_files(route, reader.noise))
        reader.tab.on("console", lambda message: reader.noise.append(message.text))
        reader.tab.on("pageerror", lambda error: reader.noise.append(str(error)))
        reader.tab.on("dialog", lambda dialog: reader.noise.append(f"dialog {dialog.message}"))
        readers.append(reader)
        return reader

    yield make
    for reader in readers:
        assert reader.noise == []
        reader.tab.context.close()


def _only_files(route: Route, noise: list[str]) -> None:
    if route.request.url.startswith(("file:", "data:", "about:")):
        route.continue_()
    else:
        noise.append(f"request {route.request.url}")
        route.abort()


def _found_at(report: Path) -> Path:
    """The page of one finding that many services share."""
    return next(iter(sorted((report / "findings").glob("*protocol*.html"))))


# --- filter, sort, search


def test_a_search_shows_what_fits_and_counts_it(reports: dict[str, Path], read: Any) -> None:
    reader = read()
    tab = reader.open(_found_at(reports["many"]))
    assert reader.tally == "12 baris"
    tab.get_by_label("Cari").fill("LAYANAN-0001 0003")
    assert reader.shown() == ["Layanan layanan-0001-0003"]
    assert reader.tally == "1 dari 12 baris ditampilkan: “LAYANAN-0001 0003”"
    assert tab.locator(".tally").get_attribute("role") == "status"
    tab.get_by_label("Cari").fill("tidak ada yang begini")
    assert reader.shown() == []
    assert tab.get_by_text("Tidak ada baris yang cocok").is_visible()
    tab.get_by_role("button", name="Hapus saringan").click()
    assert len(reader.shown()) == 12
    assert tab.evaluate("document.activeElement.type") == "search"


def test_filters_add_up_and_survive_in_the_address(reports: dict[str, Path], read: Any) -> None:
    reader = read()
    tab = reader.open(_found_at(reports["many"]))
    agencies = tab.get_by_label("Instansi", exact=True).locator("option").all_inner_texts()
    assert len(agencies) == 4
    reader.pick("Instansi", agencies[2])
    tab.get_by_label("Cari").fill("0002")
    assert reader.shown() == ["Layanan layanan-0001-0002"]
    fragment = tab.evaluate("location.hash")
    again = read()
    again.open(_found_at(reports["many"]), fragment)
    assert again.shown() == ["Layanan layanan-0001-0002"]
    assert (
        again.tab.get_by_label("Instansi", exact=True).locator(":checked").inner_text()
        == agencies[2]
    )


def test_a_list_of_findings_is_filtered_by_severity_and_family(
    reports: dict[str, Path], read: Any
) -> None:
    reader = read()
    reader.open(reports["ordinary"] / "findings.html")
    everything = reader.shown()
    reader.pick("Tingkat keparahan", "kritis")
    assert reader.shown() == [one for one in everything if "Basis data" in one]
    reader.pick("Tingkat keparahan", "semua")
    assert reader.shown() == everything


def test_sorting_turns_three_ways_and_is_told(reports: dict[str, Path], read: Any) -> None:
    reader = read()
    tab = reader.open(_found_at(reports["many"]))
    as_reported = reader.shown()
    head = tab.locator("table[data-sortable] thead th").first
    button = head.get_by_role("button")
    button.click()
    assert (head.get_attribute("aria-sort"), reader.shown()) == ("ascending", sorted(as_reported))
    button.click()
    assert head.get_attribute("aria-sort") == "descending"
    assert reader.shown() == sorted(as_reported, reverse=True)
    assert "menurun" in tab.locator(".unseen[role=status]").inner_text()
    button.click()
    assert (head.get_attribute("aria-sort"), reader.shown()) == ("none", as_reported)


def test_numbers_are_sorted_as_numbers(reports: dict[str, Path], read: Any) -> None:
    reader = read()
    tab = reader.open(reports["ordinary"] / "agencies.html")
    tab.get_by_role("button", name="Kesesuaian", exact=True).click()
    ascending = reader.shown()
    shares = [
        float(cell)
        for cell in tab.locator("td[data-label=Kesesuaian]").evaluate_all(
            "cells => cells.map(cell => cell.dataset.sort)"
        )
    ]
    assert shares == sorted(shares)
    tab.get_by_role("button", name="Kesesuaian", exact=True).click()
    assert reader.shown() != ascending


def test_the_order_and_the_filter_go_together_in_the_address(
    reports: dict[str, Path], read: Any
) -> None:
    reader = read()
    name = _found_at(reports["many"])
    tab = reader.open(name)
    tab.locator("table[data-sortable] thead button").first.click()
    tab.get_by_label("Cari").fill("0001-")
    fragment = tab.evaluate("location.hash")
    assert re.fullmatch(r"#\w+\.sort=0\.up&\w+\.q=0001-", fragment)
    again = read()
    again.open(name, fragment)
    assert again.shown() == reader.shown()


@pytest.mark.parametrize("fragment", ["#x=1&=&%", "#services.sort=99.up", "#services.severity=x"])
def test_a_fragment_that_means_nothing_harms_nothing(
    reports: dict[str, Path], read: Any, fragment: str
) -> None:
    reader = read()
    reader.open(_found_at(reports["many"]), fragment)
    assert len(reader.shown()) == 12


# --- languages


def test_one_click_changes_the_language_and_keeps_the_place(
    reports: dict[str, Path], read: Any
) -> None:
    reader = read()
    tab = reader.open(_found_at(reports["many"]))
    tab.get_by_label("Cari").fill("0001-0003")
    tab.get_by_role("link", name="English").click()
    tab.wait_for_url("**/en/findings/**")
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.get_by_label("Search").input_value() == "0001-0003"
    assert len(reader.shown()) == 1
    tab.get_by_role("link", name="Bahasa Indonesia").click()
    tab.wait_for_url(lambda url: "/en/" not in url)
    assert tab.evaluate("document.documentElement.lang") == "id"


def test_every_page_has_a_twin_that_leads_back(reports: dict[str, Path]) -> None:
    for report in reports.values():
        for page in pages_of(report):
            found = re.search(r'<a href="([^"]+)" hreflang="(\w+)" lang', page.read_text("utf-8"))
            assert found
            twin = (page.parent / found[1]).resolve()
            assert twin.is_file(), page
            english = "en" in page.relative_to(report).parts
            assert found[2] == ("id" if english else "en")


# --- without a mouse, without scripts


def test_the_keyboard_reaches_and_works_everything(reports: dict[str, Path], read: Any) -> None:
    reader = read()
    tab = reader.open(_found_at(reports["many"]))
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    seen = set()
    for _ in range(60):
        tab.keyboard.press("Tab")
        active = "document.activeElement"
        seen.add(tab.evaluate(f"{active}.type || {active}.tagName"))
        if tab.evaluate(f"!!{active}.closest('th button')"):
            break
        outline = tab.evaluate(f"getComputedStyle({active}).outlineStyle")
        assert outline != "none", tab.evaluate(f"{active}.outerHTML.slice(0, 200)")
    assert {"search", "select-one"} <= seen
    tab.keyboard.press("Space")
    assert tab.locator("[aria-sort=ascending]").count() == 1
    tab.keyboard.press("Enter")
    assert tab.locator("[aria-sort=descending]").count() == 1


def test_without_scripts_the_page_is_complete(reports: dict[str, Path], read: Any) -> None:
    reader, scripted = read(java_script_enabled=False), read()
    page = _found_at(reports["many"])
    tab = reader.open(page)
    assert len(reader.shown()) == 12
    assert tab.locator("input, select, button").count() == 0
    assert tab.get_by_role("link", name="English").is_visible()
    scripted.open(page)
    assert set(reader.shown()) == set(scripted.shown())


def test_what_is_folded_unfolds_at_once_or_by_a_link_to_it(
    reports: dict[str, Path], read: Any
) -> None:
    reader = read()
    tab = reader.open(reports["many"] / "controls.html")
    assert tab.locator("main details").count() > 1
    tab.get_by_role("button", name="Buka semua bagian").click()
    assert tab.locator("main details:not([open])").count() == 0
    tab.get_by_role("button", name="Lipat semua bagian").click()
    assert tab.locator("main details[open]").count() == 0
    inside = tab.evaluate("(document.querySelector('main details > :not(summary)').id = 'inside')")
    tab.evaluate(f"location.hash = '{inside}'")
    tab.wait_for_function("document.getElementById('inside').parentElement.open")


# --- paper, phones, light and dark


def test_paper_shows_what_the_screen_shows_and_says_so(reports: dict[str, Path], read: Any) -> None:
    reader = read()
    tab = reader.open(_found_at(reports["many"]))
    tab.get_by_label("Cari").fill("0001-")
    tab.emulate_media(media="print")
    assert tab.locator(".tools").first.is_hidden()
    assert tab.locator(".tally").first.is_visible()
    assert reader.tally == "4 dari 12 baris ditampilkan: “0001-”"
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("details:not([open])").count() == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator("details[open]").count() == 0


def _kinds_of_page(report: Path) -> list[Path]:
    """One page of each kind."""
    first = {
        page.name if page.parent == report else page.parent.name: page for page in pages_of(report)
    }
    return sorted(
        page for page in first.values() if "en" not in page.relative_to(report).parts[:-1]
    )


@pytest.mark.parametrize("which", ["ordinary", "hostile"])
def test_no_page_is_wider_than_a_phone(reports: dict[str, Path], read: Any, which: str) -> None:
    reader = read(viewport={"width": 360, "height": 760})
    wide = []
    for page in _kinds_of_page(reports[which]):
        tab = reader.open(page)
        if tab.evaluate("document.documentElement.scrollWidth") > 360:
            wide.append(page.name)
        for region in tab.locator(".wide").all():
            assert region.get_attribute("tabindex") == "0"
    assert wide == []


def test_nothing_is_cut_off_on_paper(reports: dict[str, Path], read: Any) -> None:
    """A4 less its margins is 178 mm wide: 673 CSS pixels."""
    reader = read(viewport={"width": 673, "height": 900})
    cut = []
    for page in _kinds_of_page(reports["ordinary"]):
        tab = reader.open(page)
        tab.emulate_media(media="print")
        if tab.evaluate("document.documentElement.scrollWidth") > 673:
            cut.append(page.name)
        heads = "[...document.querySelectorAll('thead')].map(e => getComputedStyle(e).display)"
        assert set(tab.evaluate(heads)) <= {"table-header-group"}, page.name
    assert cut == []


def test_header_rows_stand_on_every_sheet(
    reports: dict[str, Path], read: Any, tmp_path: Path
) -> None:
    tab = read().open(_found_at(reports["many"]))
    sheets = tmp_path / "sheets.pdf"
    tab.pdf(path=str(sheets), prefer_css_page_size=True)
    command = ["pdftotext", "-layout", str(sheets), "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    pages = [page for page in told.stdout.split("\f") if "Masih diterima" in page]
    assert len(pages) > 1
    assert all(re.search(r"^\s*Layanan\s+Kondisi\s*$", page, re.MULTILINE) for page in pages)


def test_motion_stops_where_it_is_not_wanted(reports: dict[str, Path], read: Any) -> None:
    reader = read(reduced_motion="reduce")
    tab = reader.open(reports["ordinary"] / "index.html")
    moving = """[...document.querySelectorAll('*')].filter(one => {
        const style = getComputedStyle(one);
        return parseFloat(style.transitionDuration) > 0.01 || style.animationName !== 'none';
    }).length + (getComputedStyle(document.documentElement).scrollBehavior === 'smooth' ? 1 : 0)"""
    assert tab.evaluate(moving) == 0


# --- nothing active but our own script


def test_hostile_values_stay_text_while_the_script_works(
    reports: dict[str, Path], read: Any
) -> None:
    reader = read()
    for page in _kinds_of_page(reports["hostile"]):
        tab = reader.open(page)
        for control in tab.locator("input[type=search]:visible").all():
            control.fill("<img src=x onerror=alert(1)>")
        for button in tab.locator("th button:visible").all():
            button.click()
        assert tab.evaluate("document.scripts.length") == 1
        assert tab.locator("img, iframe, object, embed, form").count() == 0
        handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
        assert not [one for one in tab.evaluate(handlers) if one.startswith("on")]


def test_a_page_runs_no_other_script(reports: dict[str, Path], browser: Browser) -> None:
    """The policy of the page itself stops what would get into it."""
    tab = browser.new_page()
    tab.goto((reports["ordinary"] / "index.html").as_uri())
    tab.evaluate(
        """() => {
          const inline = document.createElement('div');
          document.body.append(inline);
          inline.setAttribute('onclick', 'document.title = "broken"');
          inline.click();
          const script = document.createElement('script');
          script.textContent = 'document.title = "broken"';
          document.body.append(script);
          const link = document.createElement('a');
          link.href = 'javascript:document.title="broken"';
          document.body.append(link);
          link.click();
          const other = document.createElement('script');
          other.src = 'https://127.0.0.1:1/x.js';
          document.body.append(other);
        }"""
    )
    tab.wait_for_timeout(100)
    assert tab.title() != "broken"
    tab.close()


def test_the_script_is_small_and_plain(reports: dict[str, Path]) -> None:
    script = (reports["ordinary"] / "report.js").read_text("utf-8")
    assert len(script.encode()) < LARGEST_SCRIPT
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "eval(",
        "Function(",
        "fetch(",
        "XMLHttp",
        "import(",
        "document.write",
        "localStorage",
        "cookie",
        "http",
    ):
        assert word not in script, word


def test_every_word_of_the_script_is_a_label(reports: dict[str, Path]) -> None:
    script = (reports["ordinary"] / "report.js").read_text("utf-8")
    labels = (Path(__file__).parents[1] / "report_templates" / "labels.yaml").read_text("utf-8")
    written = {f"script_{word}" for word in re.findall(r"\bwords\.(\w+)", script)}
    by_field = {
        f"script_by_{word}"
        for word in re.findall(r'"(\w+)"', script.split("FIELDS = ")[1].split(";")[0])
    }
    given = set(re.findall(r"^(script_\w+):", labels, re.MULTILINE))
    assert given == written | by_field


# --- axe-core


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, from npm into a cache folder; without npm the test is left out."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    cache = Path(base).expanduser() / "spbe-audit" / f"axe-core-{AXE}"
    source = cache / "node_modules" / "axe-core" / "axe.min.js"
    if not source.is_file():
        if not shutil.which("npm"):
            pytest.skip("ACCESSIBILITY IS NOT TESTED: npm is not installed (apt install npm)")
        cache.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]
        done = subprocess.run(
            [*command, str(cache), f"axe-core@{AXE}"],
            check=False,
            capture_output=True,
            text=True,
            timeout=_NPM_SECONDS,
        )
        if done.returncode:
            pytest.skip(f"ACCESSIBILITY IS NOT TESTED: npm gives no axe-core: {done.stderr[-300:]}")
    return source.read_text("utf-8")


RULES = """async () => {
  const found = await axe.run(document, {resultTypes: ['violations'], runOnly: {type: 'tag',
    values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}});
  return found.violations.map(one => `${one.id}: ${one.help}: ` +
    one.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' | '));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    reports: dict[str, Path], browser: Browser, axe: str, scheme: Any
) -> None:
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    tab = context.new_page()
    found = {}
    for page in [*_kinds_of_page(reports["ordinary"]), reports["ordinary"] / "en" / "index.html"]:
        tab.goto(page.as_uri())
        tab.evaluate(axe)
        told = tab.evaluate(RULES)
        if told:
            found[page.name] = told
    context.close()
    assert found == {}
