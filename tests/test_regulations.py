"""The catalogues of clauses say what was established, as surely as it was established."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from spbe_audit.errors import PolicyError
from spbe_audit.regulation import (
    Confidence,
    Control,
    built_in_regulations,
    load_regulation,
    regulations_in,
)

GOLDEN = Path(__file__).parent / "golden" / "control_ids.yaml"

# How many letters each paragraph of article 27 has.
LETTERS = {1: 7, 2: 7, 3: 4, 4: 8, 5: 4, 6: 7, 7: 7, 8: 4, 9: 5, 10: 5, 11: 5, 12: 7, 13: 5}


def _controls() -> dict[str, Control]:
    every = (control for one in built_in_regulations() for control in one.controls)
    return {control.id: control for control in every}


def test_confidence_and_strength_are_as_established() -> None:
    established = yaml.safe_load(GOLDEN.read_text("utf-8"))
    loaded = {
        control.id: [control.confidence.value, control.strength.value]
        for control in _controls().values()
    }
    assert loaded == established


def test_all_clauses_of_article_27_are_there() -> None:
    wanted = {
        f"bssn-4-2021:p27-a{paragraph}-{letter}"
        for paragraph, count in LETTERS.items()
        for letter in "abcdefgh"[:count]
    }
    assert len(wanted) == 75
    found = {control for control in _controls() if control.startswith("bssn-4-2021:p27-")}
    assert found == wanted


def test_a_citation_says_what_its_id_says() -> None:
    for control in _controls().values():
        clause = re.fullmatch(r"p(\d+)(?:-a(\d+))?(?:-([a-z]))?", control.id.partition(":")[2])
        if not clause:
            continue
        article, paragraph, letter = clause.groups()
        wanted = f"Pasal {article}"
        wanted += f" ayat ({paragraph})" if paragraph else ""
        wanted += f" huruf {letter}" if letter else ""
        assert control.citation.id == wanted
        assert control.citation.en.startswith(f"Article {article}")


def test_what_is_revoked_says_so() -> None:
    by_id = {one.id: one for one in built_in_regulations()}
    assert by_id["panrb-59-2020"].status == "revoked"
    note = by_id["panrb-59-2020"].status_note
    assert note
    assert "8/2026" in note.id
    assert {one.status for key, one in by_id.items() if key != "panrb-59-2020"} == {"in_force"}


def test_what_is_sure_has_a_source_and_what_is_not_has_none() -> None:
    for control in _controls().values():
        assert bool(control.sources) is (control.confidence is not Confidence.UNVERIFIED), (
            control.id
        )


def test_titles_are_paraphrases_for_readers() -> None:
    for control in _controls().values():
        for text in (control.title, control.note):
            if text:
                assert text.id
                assert text.en
                assert not re.search(r"\b(SPBE-SCAN|Juknis|terpotong|cut off)\b", text.id + text.en)


def test_their_indonesian_is_standard() -> None:
    wrong = re.compile(r"\b(error|resiko|analisa|perlindungan|aktifitas|ijin)\b", re.IGNORECASE)
    for control in _controls().values():
        for text in (control.title, control.note, control.citation):
            assert not (text and wrong.search(text.id)), control.id


WHOLE = """\
id: kota-1-2026
title: {id: Judul, en: Title}
short_title: {id: Kota, en: City}
status: in_force
confidence: secondary
sources: {jdih: JDIH Kota}
controls:
  - id: kota-1-2026:p1
    citation: {id: Pasal 1, en: Article 1}
    title: {id: Isi, en: Content}
    confidence: secondary
    strength: direct
    sources: [jdih]
"""


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "kota.yaml").write_text(WHOLE)
    (regulation,) = regulations_in(tmp_path)
    assert regulation.controls[0].sources == ("JDIH Kota",)
    assert regulations_in(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id: kota-1-2026:p1", "id: kota-2-2026:p1", "9:9: a control of another regulation"),
        ("[jdih]", "[jdhi]", "14:15: this source is not listed under 'sources'; found \"jdhi\""),
        ("    sources: [jdih]\n", "", "12:5: a source is needed for this confidence"),
        ("strength: direct", "strength: strong", '13:15: wrong value for "strength"'),
        ("status: in_force", "status: valid", "4:9"),
        (", en: Content", "", "11:"),
    ],
)
def test_mistakes_have_their_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    file = tmp_path / "kota.yaml"
    file.write_text(WHOLE.replace(old, new))
    with pytest.raises(PolicyError) as error:
        load_regulation(file)
    assert str(error.value).startswith(f"{file}:")
    assert expected.partition(":")[2] in str(error.value)


def test_an_id_twice_is_told_twice(tmp_path: Path) -> None:
    file = tmp_path / "kota.yaml"
    file.write_text(WHOLE + WHOLE[WHOLE.index("  - id") :])
    with pytest.raises(PolicyError) as error:
        load_regulation(file)
    assert len(error.value.mistakes) == 2
