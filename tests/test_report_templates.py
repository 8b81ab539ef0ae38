"""A user's own templates, words and branding: taken file by file, and refused with a place."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes
from jinja2.meta import find_undeclared_variables

from spbe_audit.cli.commands import run
from spbe_audit.errors import TemplateError
from spbe_audit.report import environment, site
from spbe_audit.report.branding import LARGEST_LOGO
from spbe_audit.report.colours import ENOUGH_FOR_TEXT, contrast, variables_of
from spbe_audit.report.environment import print_style
from spbe_audit.report.finding_view import narrator_for
from spbe_audit.report.glossary import glossary
from spbe_audit.report.labels import load_labels
from spbe_audit.report.languages import languages_of, ways_from
from spbe_audit.report.print_view import print_values
from spbe_audit.report.site import build_site
from spbe_audit.report.template_folder import load_templates
from spbe_audit.report.templates import BUILT_IN, our_text, replaceable
from spbe_audit.report.write import write_report
from tests.assessments import catalogue, hostile, ordinary
from tests.report_pages import pages_of, parsed, visible_text, with_class

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1"/></svg>'
)
BOTH_NAMES = "office: {id: Inspektorat Daerah, en: Regional Inspectorate}\n"
DOCUMENTATION = Path(__file__).parents[1] / "docs" / "templates.md"


def png(width: int = 2, height: int = 2) -> bytes:
    """A black PNG picture; only its header need be right about a large one."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\x00" + b"\x00" * min(width, 8)) * min(height, 8)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


@dataclass
class Folder:
    """A user's folder, filled file by file."""

    path: Path

    def __call__(self, **contents: str | bytes) -> Folder:
        """Write files; a double underscore in a name stands for a dot."""
        for name, content in contents.items():
            data = content.encode() if isinstance(content, str) else content
            (self.path / name.replace("__", ".")).write_bytes(data)
        return self

    def mistakes(self) -> str:
        """What is said of the folder, without the folder's own name."""
        with pytest.raises(TemplateError) as caught:
            load_templates(self.path)
        return str(caught.value).replace(f"{self.path}/", "")

    def report(self, language: str = "id") -> Path:
        """A report made with the folder."""
        output = self.path / ".report"
        write_report(
            ordinary(),
            output=output,
            formats=["html"],
            language=language,
            catalogue=catalogue(),
            time_zone="Asia/Jakarta",
            templates=load_templates(self.path),
        )
        return output


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "looks"
    path.mkdir()
    return Folder(path)


# --- files in the place of ours


def test_without_a_folder_the_files_are_ours() -> None:
    assert load_templates(None) is BUILT_IN


def test_a_template_takes_the_place_of_ours_and_the_others_stay(folder: Folder) -> None:
    folder(
        base__html__j2='{% extends "default/base.html.j2" %}\n'
        "{% block footer %}<p>Kaki halaman kami, {{ run.id }}</p>{% endblock %}"
    )
    for page in pages_of(folder.report()):
        (footer,) = parsed(page).iter("footer")
        assert "".join(footer.itertext()).strip() == "Kaki halaman kami, 20261120T031530Z-7f3a"


def test_a_style_sheet_and_the_script_can_be_ones_own(folder: Folder) -> None:
    folder(report__css="/* ours */ body { color: #010203; }", report__js='"use strict";')
    report = folder.report()
    assert (report / "report.js").read_text() == '"use strict";'
    (style,) = parsed(report / "index.html").iter("style")
    assert style.text == "body { color: #010203; }"


def test_words_are_laid_over_ours_key_by_key(folder: Folder) -> None:
    folder(
        labels__yaml="report_title: {id: Laporan kami}\nservices_n: {en: '{n} sites'}\n",
        reasons__yaml="timeout: {id: Terlalu lama., en: Too slow.}\n",
        glossary__yaml="zona: {term: {id: Zona, en: Zone}, meaning: {id: Wilayah., en: Area.}}\n",
    )
    templates = load_templates(folder.path)
    indonesian = load_labels("id", "Asia/Jakarta", templates)
    english = load_labels("en", "Asia/Jakarta", templates)
    assert indonesian("report_title") == "Laporan kami"
    assert english("report_title") == "SPBE security scan report"
    assert english("services_n", n=1) == "1 sites"
    assert indonesian("summary") == "Ringkasan"
    assert indonesian.reasons["timeout"] == "Terlalu lama."
    assert ("Zona", "Wilayah.") in glossary("id", templates)
    assert ("CAA", glossary("id")[0][1]) in glossary("id", templates)
    assert "Laporan kami" in visible_text(parsed(folder.report() / "index.html"))


def test_the_printed_report_takes_them_too(folder: Folder) -> None:
    folder(
        print__html__j2="<p>{{ t('report_title') }} {{ branding.office }} {{ letter }}</p>",
        print__css="p { color: #123456; }",
        branding__yaml=BOTH_NAMES + 'colours: {accent: "#0a3a2a"}\n',
    )
    labels = load_labels("en", "Asia/Jakarta", load_templates(folder.path))
    built = build_site(ordinary(), narrator_for(ordinary(), catalogue(), labels))
    page = built.render("print.html.j2", print_values(built), path="")
    assert page == "<p>SPBE security scan report Regional Inspectorate ST-012/ITDA/2026</p>\n"
    style = print_style(labels.templates)
    assert style.startswith("p { color: #123456; }")
    assert ":root { --link: #0a3a2a; }" in style


# --- mistakes, each with its place


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({"indeks__html__j2": ""}, 'indeks.html.j2: a report has no file .*"index.html.j2"?'),
        ({"branding__yml": ""}, 'branding.yml: a report has no .*mean "branding.yaml"?'),
        ({"qqqqqq": ""}, "qqqqqq: a report has no file of this name; expected "),
        ({"audit__schema__json": "{}"}, "audit.schema.json: this file is a promise"),
        (
            {"index__html__j2": '{% extends "default/index.html.j2" %}\n{% if x %}'},
            r"index.html.j2:2:1: Unexpected end of template.*'endif'",
        ),
        (
            {"index__html__j2": "{{ run.id }}\n  {{ polcy_title }}"},
            'index.html.j2:2:6: nothing sets "polcy_title" in .*mean "policy_title"?',
        ),
        ({"index__html__j2": "{{ run.id | shrot }}"}, "index.html.j2:1:1: No filter named 'shrot'"),
        (
            {"index__html__j2": '\n{% extends "index.html.j2" %}'},
            'index.html.j2:2:13: this file refers to itself .*"default/index.html.j2"?',
        ),
        (
            {"index__html__j2": '{% include "basis.html.j2" %}'},
            'index.html.j2:1:13: there is no template "basis.html.j2"; .*"base.html.j2"?',
        ),
        ({"macros__html__j2": ""}, 'macros.html.j2: the macro "severity" is missing'),
        ({"base__html__j2": "{{ t.language }}"}, 'base.html.j2: the block "main" is missing'),
        ({"report__css": "a{}\n</style>"}, "report.css:2:1: a style sheet holds no tags"),
        ({"print__html__j2": b"\xff"}, "print.html.j2:1:1: this is not UTF-8"),
        (
            {"labels__yaml": "sumary: {id: x, en: y}"},
            'labels.yaml:1:1: no text has the key "sumary"; did you mean "summary"?',
        ),
        (
            {"labels__yaml": "services_n:\n  id: '{m} layanan'"},
            r"labels.yaml:2:7: nothing fills \{m\} in this text; expected \{n\}",
        ),
        ({"labels__yaml": "summary: {id: '{0'}"}, "labels.yaml:1:15: braces that do not pair"),
        (
            {"labels__yaml": "services_n: {id: '{n.__class__}'}"},
            r"labels.yaml:1:18: nothing fills \{n.__class__\}",
        ),
        ({"labels__yaml": "summary: {id: 3}"}, "labels.yaml:1:15: wrong value for .*expected text"),
        ({"reasons__yaml": "timeout: {id: x}"}, 'reasons.yaml:1:1: the key "en" is missing'),
        ({"branding__yaml": "office: {id: A}"}, 'branding.yaml:1:1: the key "en" is missing'),
        (
            {"branding__yaml": "ofice: {}"},
            'branding.yaml:1:1: unknown key .*did you mean "office"?',
        ),
        (
            {"branding__yaml": "colours:\n  accent: red"},
            'branding.yaml:2:11: this is no colour; found "red"; expected six digits',
        ),
        (
            {"branding__yaml": 'colours:\n  accent: "#ffcc00"'},
            'branding.yaml:2:11: .* "#ffcc00", a contrast of 1.39; expected at least 4.5 .*darker',
        ),
        (
            {"branding__yaml": 'colours: {accent_dark: "#003366"}'},
            "branding.yaml:1:24: links .* on the dark ground; .*lighter",
        ),
        ({"branding__yaml": "logo: logo.png", "logo__pn": b""}, "branding.yaml:1:7: there is no"),
        (
            {"branding__yaml": "logo: ../logo.png"},
            "branding.yaml:1:7: the logo is not a file beside branding.yaml",
        ),
        (
            {"branding__yaml": "logo: x.png", "x__png": b"GIF89a"},
            "the logo is neither a PNG nor an SVG picture",
        ),
        ({"branding__yaml": "logo: x.png", "x__png": png(9000, 2)}, "found 9000 by 2 pixels"),
        (
            {"branding__yaml": "logo: x.png", "x__png": b"\x89PNG\r\n\x1a\n"},
            "the logo is a damaged PNG picture",
        ),
        (
            {"branding__yaml": "logo: x.svg", "x__svg": SVG + b" " * LARGEST_LOGO},
            "the logo is larger than 256 KiB",
        ),
        (
            {"branding__yaml": "logo: x.svg", "x__svg": b'<!DOCTYPE x [<!ENTITY a "b">]>' + SVG},
            "the logo holds a document type",
        ),
        (
            {"branding__yaml": "logo: x.svg", "x__svg": SVG.replace(b"rect", b"script")},
            "the logo holds <script>",
        ),
        ({"branding__yaml": "logo: x.svg", "x__svg": b"<html/>"}, "XML, but no SVG picture"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    folder: Folder, contents: Mapping[str, Any], said: str
) -> None:
    assert re.search(said.replace('"?', '"[?]'), folder(**contents).mistakes())


def test_all_mistakes_are_told_at_once(folder: Folder) -> None:
    told = folder(
        indeks__html__j2="",
        labels__yaml="sumary: {id: x}",
        report__css="</",
        service__html__j2="{% if %}",
        branding__yaml="office: 1",
    ).mistakes()
    assert len(told.splitlines()) == 5


def test_what_only_shows_when_a_page_is_made_is_told_with_its_place(folder: Folder) -> None:
    folder(
        base__html__j2='{% extends "default/base.html.j2" %}\n\n'
        "{% block footer %} {{ run.nmae }}{% endblock %}"
    )
    with pytest.raises(TemplateError, match=r"base.html.j2:3:27: .* has no attribute 'nmae'") as it:
        folder.report()
    assert "spbe-audit report --templates" in it.value.advice


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__'"),
        ("{{ t.__init__.__globals__ }}", "__init__"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ run.tools.clear() }}", "clear"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls itself without end"),
    ],
)
def test_a_template_is_a_look_and_no_program(folder: Folder, code: str, said: str) -> None:
    folder(
        base__html__j2='{% extends "default/base.html.j2" %}\n'
        "{% block footer %}" + code + "{% endblock %}"
    )
    with pytest.raises(TemplateError, match=said):
        folder.report()


def test_the_command_line_explains_and_shows_no_traceback(
    folder: Folder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder(branding__yaml="ofice: {}")
    arguments = ["--templates", str(folder.path), "--output", str(tmp_path / "out")]
    assert run(["scan", "http://127.0.0.1:1", "--store", str(tmp_path / "s.db"), *arguments]) == 2
    told = capsys.readouterr()
    assert "branding.yaml:1:1: unknown key" in told.err
    assert "Traceback" not in told.err
    assert not (tmp_path / "s.db").exists()  # told before anything was sent


def test_a_folder_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--templates", "/nonexistent/looks"]) == 2
    assert "does not exist" in capsys.readouterr().err


# --- branding


@pytest.mark.parametrize(
    ("name", "content", "kind"), [("l.png", png(), "png"), ("l.svg", SVG, "svg+xml")]
)
def test_an_office_puts_its_name_logo_and_footer_on_the_report(
    folder: Folder, name: str, content: bytes, kind: str
) -> None:
    folder(
        branding__yaml=f"{BOTH_NAMES}logo: {name}\n"
        "footer: {id: Rahasia., en: Confidential.}\n"
        'colours: {accent: "#0a3a2a", accent_dark: "#9ad0b0"}\n'
    )
    folder(**{name.replace(".", "__"): content})
    report = folder.report("id,en")
    for page in pages_of(report):
        tree = parsed(page)
        english = "en" in page.relative_to(report).parts
        (office,) = with_class(tree, "office")
        assert office.text == ("Regional Inspectorate" if english else "Inspektorat Daerah")
        (footer,) = tree.iter("footer")
        assert ("Confidential." if english else "Rahasia.") in "".join(footer.itertext())
        (style,) = tree.iter("style")
        assert "--link: #0a3a2a" in (style.text or "")
        assert "--link: #9ad0b0" in (style.text or "")
        pictures = list(tree.iter("img"))
        assert bool(pictures) is (page.name == "index.html"), "once in each language: it is large"
        for picture in pictures:
            assert picture.get("src", "").startswith(f"data:image/{kind};base64,")
            assert picture.get("alt") == "", "the name stands beside it"


def test_hostile_names_in_a_branding_are_text(folder: Folder) -> None:
    folder(branding__yaml="office: {id: '<script>x</script>\u202e', en: y}\n")
    tree = parsed(folder.report() / "index.html")
    assert with_class(tree, "office")[0].text == "<script>x</script>[U+202E]"


# --- languages


def test_a_page_leads_to_its_twin_and_back() -> None:
    both = ("id", "en")
    there = ways_from("agency/a.html", "agency/a.html", "id", both)
    assert (there.home, [twin.href for twin in there.twins]) == ("../", ["../en/agency/a.html"])
    back = ways_from("agency/a.html", "agency/a.html", "en", both)
    assert (back.home, [twin.href for twin in back.twins]) == ("../../", ["../../agency/a.html"])
    assert ways_from("index.html", "index.html", "id", ("id",)).twins == ()


def test_languages_are_named_once_each() -> None:
    assert languages_of("en, id") == ("en", "id")


# --- colours


TEXTS = ("ink", "soft", "link", "good", "bad", "part", "open")
GROUNDS = ("page", "panel")
BARS = ("good", "bad", "open", "cover")
LEAST_FOR_SHAPES = 3.0
"""WCAG 2.2, 1.4.11."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_pair_of_colours_has_enough_contrast(scheme: str) -> None:
    colours = variables_of(our_text("report.css"))[scheme]
    levels = ("critical", "high", "medium", "low", "info")
    pairs = [
        *product(TEXTS, GROUNDS),
        ("ink", "fact"),
        *((f"{level}-ink", level) for level in levels),
    ]
    poor = {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pair in pairs
        if contrast(colours[pair[0]], colours[pair[1]]) < ENOUGH_FOR_TEXT
    }
    assert poor == {}
    shapes = [*product(BARS, GROUNDS), ("edge", "page"), ("edge", "panel")]
    faint = {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pair in shapes
        if contrast(colours[pair[0]], colours[pair[1]]) < LEAST_FOR_SHAPES
    }
    assert faint == {}


def test_the_colours_of_both_grounds_have_the_same_names() -> None:
    both = variables_of(our_text("report.css"))
    assert len(both["light"]) > 20
    assert set(both["light"]) == set(both["dark"])


def test_the_contrast_of_known_pairs_is_right() -> None:
    assert round(contrast("#000000", "#ffffff"), 6) == 21
    assert contrast("#777777", "#777777") == 1
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def test_text_on_paper_has_enough_contrast() -> None:
    """Each text colour of print.css on the ground of its own rule, or on white."""
    style = re.sub(r"var\(--link\)", "#0b558c", our_text("print.css"))
    poor = []
    for rule in re.findall(r"\{([^{}]*)\}", style):
        colour = re.search(r"(?<![-\w])color:\s*(#[0-9a-f]{3,6})", rule)
        ground = re.search(r"background:\s*(#[0-9a-f]{3,6})", rule)
        if colour:
            pair = [_six(one[1]) if one else "#ffffff" for one in (colour, ground)]
            if contrast(*pair) < ENOUGH_FOR_TEXT:
                poor.append(rule.strip())
    assert poor == []


def _six(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(digit * 2 for digit in colour[1:])


# --- the documentation of what templates are given


def _documented() -> dict[str, set[str]]:
    """The names in the table of each template's section."""
    sections = re.split(r"^##+ ", DOCUMENTATION.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        name: set(re.findall(r"^\| `([\w.]+)", text, re.MULTILINE))
        for name, _, text in (section.partition("\n") for section in sections)
    }


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, set[str]]:
    """The names that each template is really given, while a whole report is made."""
    told: dict[str, set[str]] = {}

    def recording(env: Any, templates: Any, name: str, values: Mapping[str, object]) -> str:
        told.setdefault(name, set()).update(values)
        return environment.rendered(env, templates, name, values)

    monkeypatch.setattr(site, "rendered", recording)
    for assessment in (ordinary(), hostile()):
        write_report(
            assessment,
            output=tmp_path,
            formats=["html", "pdf"],
            language="id,en",
            catalogue=catalogue(),
            time_zone="Asia/Jakarta",
        )
    return told


def test_the_documentation_names_what_each_template_is_given(given: dict[str, set[str]]) -> None:
    documented = _documented()
    for name, values in given.items():
        assert documented[name] == values - documented["Every page"], name


def test_the_documentation_names_what_our_templates_ask_for() -> None:
    """The pages that only some runs have are not made above."""
    documented = _documented()
    made = environment.environment_for(load_labels("id", "UTC"))
    known = documented["Everywhere"] | documented["Every page"] | {"m", "p", "e"}
    for name in replaceable():
        if name.endswith(".html.j2"):
            tree = made.parse(our_text(name))
            own = {one.name for one in tree.find_all(nodes.Name) if one.ctx == "store"}
            own |= {one.name for one in tree.find_all(nodes.Macro)}
            asked = find_undeclared_variables(tree) - own - known - {"seen"}
            assert asked <= documented.get(name, set()), name


def test_the_documentation_names_every_file_macro_and_helper() -> None:
    text = DOCUMENTATION.read_text("utf-8")
    for name in replaceable():
        assert name in text, name
    made = environment.environment_for(load_labels("id", "UTC"))
    usual = Environment(autoescape=True)
    assert set(made.globals) - set(usual.globals) == _documented()["Everywhere"]
    for name in (set(made.filters) - set(usual.filters)) | (set(made.tests) - set(usual.tests)):
        assert f"`{name}`" in text or f"`is {name}`" in text, name
    for name in ("macros", "pages", "rows", "entered"):
        for macro in re.findall(r"macro (\w+)\(", our_text(f"{name}.html.j2")):
            assert f"`{macro}`" in text, macro
