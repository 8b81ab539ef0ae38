"""Checks are found with their words, and whatever is wrong with one is told with what to do."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from spbe_audit import catalogue as catalogue_module
from spbe_audit.catalogue import Catalogue, load_catalogue, load_check
from spbe_audit.check import Fact
from spbe_audit.check_texts import fill, placeholders, read_check_texts
from spbe_audit.errors import CatalogueError, CheckTextError

CHECK = '''
"""A question."""
from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence

@check("{check_id}", needs=TlsEvidence, params=NoParams)
def question(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Answer."""
    return Outcome.passed(port=tls.port)
'''
WORDS = """
title: {id: Judul, en: Title}
question: {id: Apakah?, en: Is it?}
why: {id: Akibat, en: Consequence}
remedy: {text: {id: Lakukan, en: Do}}
passed: {id: "Porta {port}", en: "Port {port}"}
failed: {id: Tidak, en: No}
"""


def _write(folder: Path, check_id: str, *, code: str = CHECK, words: str | None = WORDS) -> Path:
    family, name = check_id.split(".")
    (folder / family).mkdir(parents=True, exist_ok=True)
    (folder / family / f"{name}.py").write_text(code.replace("{check_id}", check_id))
    if words is not None:
        (folder / family / f"{name}.yaml").write_text(words)
    return folder


def test_built_in_checks_come_sorted_with_words_and_origin() -> None:
    catalogue = load_catalogue()
    assert list(catalogue.ids) == sorted(catalogue.ids)
    assert {entry.origin for entry in catalogue if entry.check.family == "tls"} == {"built-in"}
    entry = catalogue.get("tls.modern_version")
    assert entry.check.family == "tls"
    assert entry.texts.title.en
    assert "tls.modern_version" in catalogue
    assert len(catalogue) == len(catalogue.checks)


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(CatalogueError) as error:
        load_catalogue().get("tls.modern_versions")
    assert "did you mean tls.modern_version?" in str(error.value)
    assert "checks list" in error.value.diagnostics()


def test_a_folder_adds_checks_and_leaves_the_search_path_alone(tmp_path: Path) -> None:
    before = list(sys.path)
    _write(tmp_path, "tls.of_ours")
    _write(tmp_path, "agency.question")
    (tmp_path / "agency" / "numbers.py").write_text("ANSWER = 42\n")
    code = CHECK.replace("    return", "    from .numbers import ANSWER\n    return", 1)
    _write(tmp_path, "agency.beside", code=code)
    catalogue = load_catalogue(folders=[tmp_path])
    assert catalogue.get("tls.of_ours").origin == str(tmp_path)
    assert {"agency.question", "agency.beside", "tls.offered"} <= set(catalogue.ids)
    assert "agency.numbers" not in catalogue
    assert sys.path == before
    assert "agency" not in sys.modules


def test_the_same_id_twice_names_both_origins(tmp_path: Path) -> None:
    _write(tmp_path, "tls.offered")
    with pytest.raises(CatalogueError, match=r"tls\.offered: one from built-in, one from .*") as e:
        load_catalogue(folders=[tmp_path])
    assert str(tmp_path) in str(e.value)


@pytest.mark.parametrize(
    ("code", "words", "expected"),
    [
        ("import nothing_of_this_name", WORDS, "cannot be imported: ModuleNotFoundError"),
        ("def broken(:", WORDS, "cannot be imported: SyntaxError"),
        ("raise RuntimeError('later')", WORDS, "cannot be imported: RuntimeError: later"),
        (CHECK.replace("{check_id}", "tls.other"), WORDS, "defines the check 'tls.other'"),
        (CHECK, None, "has no words"),
        (CHECK, WORDS.replace("en: Title", "fr: Titre"), "unknown key"),
        (CHECK, "title: [", "words of the check tls.broken"),
    ],
)
def test_a_broken_check_is_told_with_its_origin(
    tmp_path: Path, code: str, words: str | None, expected: str
) -> None:
    _write(tmp_path, "tls.broken", code=code, words=words)
    with pytest.raises(CatalogueError) as error:
        load_catalogue(folders=[tmp_path])
    assert expected in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert error.value.advice


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such folder") as error:
        load_catalogue(folders=[tmp_path / "none"])
    assert "<family>/<name>.py" in error.value.advice


def test_without_the_built_in_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_module, "entry_points", lambda **_: ())
    with pytest.raises(CatalogueError, match="not properly installed") as error:
        load_catalogue()
    assert "pip install" in error.value.advice


@pytest.mark.parametrize(
    ("value", "expected"),
    [("json.decoder", "is a module and not a package"), ("no_such_thing", "cannot be imported")],
)
def test_a_plugin_that_cannot_be_walked(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: str
) -> None:
    points = [
        EntryPoint("built_in", "spbe_audit.checks", "spbe_audit.checks"),
        EntryPoint("other", value, "spbe_audit.checks"),
    ]
    monkeypatch.setattr(catalogue_module, "entry_points", lambda **_: points)
    with pytest.raises(CatalogueError) as error:
        load_catalogue()
    assert expected in str(error.value)
    assert value in str(error.value)


def test_one_check_alone() -> None:
    assert load_check("tls.offered").check.id == "tls.offered"
    with pytest.raises(CatalogueError, match="no built-in check"):
        load_check("tls.nothing")


def _mistakes(tmp_path: Path, words: str, parameters: tuple[str, ...] = ()) -> list[str]:
    file = tmp_path / "words.yaml"
    file.write_text(words)
    with pytest.raises(CheckTextError) as error:
        read_check_texts(file, parameters=parameters, source="words.yaml")
    return [str(mistake) for mistake in error.value.mistakes]


def test_every_mistake_in_the_words_is_told_at_its_place(tmp_path: Path) -> None:
    words = """\
title: {id: Judul, en: ""}
question: {id: Apakah?}
why: {id: Akibat, en: Consequence}
remedy: {text: {id: Lakukan, en: Do}, snipets: {nginx: x}}
params: {wantd: {id: a, en: b}}
reproduce: curl {adress}
passed: {id: "{a", en: "{b.c}"}
failed: {id: "{d!r}", en: "{0}"}
lifecycle: old
"""
    found = _mistakes(tmp_path, words, parameters=("wanted",))
    lines = {mistake.split(":")[1] for mistake in found}
    assert lines == {"1", "2", "4", "5", "6", "7", "8", "9"}
    text = "\n".join(found)
    assert 'did you mean "wanted"?' in text
    assert "the parameter 'wanted' has no words" in text
    assert 'did you mean "address"?' in text
    assert 'did you mean "snippets"?' in text
    assert text.count("the braces cannot be read") == 4


def test_placeholders_are_plain_names() -> None:
    assert placeholders("{{literal}} {port} of {host}") == ("port", "host")
    for hostile in ("{a.__class__}", "{a[0]}", "{a!r}", "{a:>99999999}", "{}", "{0}", "{"):
        with pytest.raises(ValueError, match=r"."):
            placeholders(hostile)


def test_facts_are_put_in_and_never_read() -> None:
    facts: dict[str, Fact] = {"a": "{b} {0.__class__}", "b": ("x", "y"), "c": (), "d": {"k": 1}}
    assert fill("{a}|{b}|{c}|{d}|{{}}", facts) == "{b} {0.__class__}|x, y|-|k: 1|{}"
    with pytest.raises(KeyError, match="e"):
        fill("{e}", facts)
    assert fill("{b}", facts, show=lambda fact: f"<{fact}>") == "<('x', 'y')>"


def test_an_empty_catalogue_is_a_catalogue() -> None:
    with pytest.raises(CatalogueError, match=r"no check 'a\.b'"):
        Catalogue(()).get("a.b")
