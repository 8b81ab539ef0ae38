"""YAML as models: what plain words mean, and where each mistake is told to be."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from spbe_audit import yaml_tree
from spbe_audit.errors import CheckTextError, FileError, Mistake, PolicyError
from spbe_audit.text_file import UnfitError, nearest, read_text, shown
from spbe_audit.yaml_file import (
    MOST_MISTAKES,
    Positions,
    load_yaml,
    load_yaml_document,
    parse_yaml,
)


class Gravity(StrEnum):
    """Words to choose from."""

    HIGH = "high"
    LOW = "low"


class Part(BaseModel):
    """One of each kind of field."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    gravity: Gravity
    count: int = Field(default=0, ge=0)
    day: date | None = None
    moment: datetime | None = None
    words: tuple[str, ...] = ()
    mixed: int | list[str] = 0
    until: str = Field(default="", alias="to")

    @field_validator("words")
    @classmethod
    def no_shouting(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse in both ways that a validator may."""
        if any(word.isupper() for word in words):
            raise ValueError("words are shouted")
        if "nein" in words:
            raise UnfitError("not in this language", expected="another", suggestion='"no"')
        return words


class Whole(BaseModel):
    """A list and a mapping of parts."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    parts: tuple[Part, ...]
    named: dict[str, Part] = {}


@dataclasses.dataclass(frozen=True)
class Plain:
    """A model without pydantic."""

    title: str
    sub: Plain | None = None


def told(text: str, model: type[Any] = Whole) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        load_yaml(text, source="p.yaml", model=model, error=PolicyError)
    return [str(mistake).removeprefix("p.yaml:") for mistake in caught.value.mistakes]


def test_a_model_is_filled() -> None:
    text = """
parts:
  - {gravity: high, day: 2026-11-01, moment: 2026-11-01T08:00:00+07:00, words: [a, "2"], to: x}
  - gravity: low
    count: 3
named: {one: {gravity: low, mixed: [a]}}
"""
    whole = load_yaml(text, source="p.yaml", model=Whole, error=PolicyError)
    first, second = whole.parts
    assert first.day == date(2026, 11, 1)
    assert first.moment == datetime.fromisoformat("2026-11-01T08:00:00+07:00")
    assert (first.words, first.until) == (("a", "2"), "x")
    assert (second.gravity, second.count) == (Gravity.LOW, 3)
    assert whole.named["one"].mixed == ["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", "a"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("012", "012"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("8:30", "8:30"),
        ("9" * 19, "9" * 19),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.5e3", 1500.0),
        ("1.0e999", "1.0e999"),
        (".inf", ".inf"),
        ("1.2.3", "1.2.3"),
        ("2026-11-01", "2026-11-01"),
        ('"12"', "12"),
        ("'true'", "true"),
        ("!!str 12", "12"),
        ("=", "="),
    ],
)
def test_plain_words(text: str, value: object) -> None:
    data = parse_yaml(f"x: {text}\n", source="p.yaml", error=PolicyError).data
    assert data == {"x": value}
    assert type(data["x"]) is type(value)


def test_keys_are_text_as_written() -> None:
    text = "404: a\ntrue: b\n1.10: c\n? d\n: e\n"
    data = parse_yaml(text, source="p.yaml", error=PolicyError).data
    assert data == {"404": "a", "true": "b", "1.10": "c", "d": "e"}


def test_aliases_are_expanded_and_stand_at_their_anchor() -> None:
    text = "named:\n  a: &a {gravity: low, count: x}\n  b: *a\nparts: []\n"
    assert told(text) == ['2:31: wrong value for "count"; found "x"; expected a whole number']
    whole = load_yaml(text.replace("x", "1"), source="p.yaml", model=Whole, error=PolicyError)
    assert whole.named["a"] == whole.named["b"]


def test_all_mistakes_come_at_once_in_file_order() -> None:
    text = """\
named:
  q: {gravity: 1, count: 5.5, wrods: [a]}
parts:
- {gravity: hgih, day: 1-11-2026, words: [1]}
- gravity: high
  count: "30"
  count: 4
- count: true
  mixed: 1.5
- gravity: low
  count: -1
  moment: soon
"""
    assert told(text) == [
        '2:16: wrong value for "gravity"; found 1; expected one of high, low',
        '2:26: wrong value for "count"; found 5.5; expected a whole number',
        (
            '2:31: unknown key "wrods"; expected gravity, count, day, moment, words, mixed, to; '
            'did you mean "words"?'
        ),
        (
            '4:13: wrong value for "gravity"; found "hgih"; expected one of high, low; '
            'did you mean "high"?'
        ),
        '4:24: wrong value for "day"; found "1-11-2026"; expected a date such as 2026-11-01',
        (
            '4:43: wrong value for "words", entry 1; found 1; expected text, in quotes; '
            'did you mean "1"?'
        ),
        '6:10: wrong value for "count"; found "30"; expected a whole number',
        '7:3: the key "count" is repeated; found the first on line 6',
        '8:3: the key "gravity" is missing',
        '8:10: wrong value for "count"; found true; expected a whole number',
        '9:10: wrong value for "mixed"; found 1.5; expected a whole number or a list',
        '11:10: wrong value for "count"; found -1; expected at least 0',
        (
            '12:11: wrong value for "moment"; found "soon"; '
            "expected a date and time such as 2026-11-01T08:00:00+07:00"
        ),
    ]


def test_what_validators_say_is_kept() -> None:
    assert told("parts: [{gravity: low, words: [NO]}, {gravity: low, words: [nein]}]\n") == [
        '1:31: "words": words are shouted; found a list',
        '1:60: not in this language; found a list; expected another; did you mean "no"?',
    ]


def test_a_missing_key_points_at_its_parent() -> None:
    assert told("named:\n  a:\n    count: 1\n") == [
        '1:1: the key "parts" is missing',
        '2:3: the key "gravity" is missing',
    ]


def test_dataclasses_and_lists_are_models_too() -> None:
    assert load_yaml("title: a", source="p", model=Plain, error=PolicyError) == Plain("a")
    assert told("{title: a, sub: {}}", Plain) == ['1:12: the key "title" is missing']
    assert told("- {title: a}\n- 3\n", list[Plain]) == [
        "2:3: wrong value for entry 2; found 3; expected keys and values"
    ]


def test_the_error_is_the_one_asked_for() -> None:
    with pytest.raises(CheckTextError):
        load_yaml("a: 1", source="p", model=Whole, error=CheckTextError)


def test_a_caller_adds_mistakes_of_its_own() -> None:
    text = "parts:\n  - {gravity: low, count: 7}\nnamed:\n"

    def inspect(data: Any, positions: Positions) -> Sequence[Mistake]:
        path = ("parts", 0, "count")
        found = shown(data["parts"][0]["count"])
        return [
            positions.mistake(path, "too many", found=found, expected="6", suggestion="six"),
            positions.key_mistake(path, "seven is heaven"),
        ]

    with pytest.raises(PolicyError) as caught:
        load_yaml(text, source="p.yaml", model=Whole, error=PolicyError, inspect=inspect)
    assert [str(mistake) for mistake in caught.value.mistakes] == [
        "p.yaml:2:20: seven is heaven",
        "p.yaml:2:27: too many; found 7; expected 6; did you mean six?",
        'p.yaml:3:1: wrong value for "named"; found nothing; expected keys and values',
    ]


def test_positions() -> None:
    text = "parts:\n  - {gravity: low, count: 7}\n"
    whole, positions = load_yaml_document(text, source="p", model=Whole, error=PolicyError)
    assert whole.parts[0].count == 7
    assert positions.value(("parts", 0, "count")) == (2, 27)
    assert positions.key(("parts", 0, "count")) == (2, 20)
    assert positions.key(("parts", 0)) == positions.value(("parts", 0)) == (2, 5)
    assert positions.value(()) == (1, 1)
    assert positions.value(("parts", 5, "x")) == positions.value(("parts",)) == (2, 3)
    assert positions.data(("parts", 0)) == {"gravity": "low", "count": 7}


def test_a_flood_of_mistakes_is_cut_short() -> None:
    text = "parts:\n" + "".join(f"- {{gravity: low, k{n}: 1}}\n" for n in range(MOST_MISTAKES))
    assert len(told(text)) == MOST_MISTAKES
    lines = told(text + "x: 1\n")
    assert len(lines) == MOST_MISTAKES + 1
    assert lines[-1] == f"{MOST_MISTAKES + 2}:1: there are more mistakes after these"


@pytest.mark.parametrize("depth", [65, 100_000])
@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_depth_is_bounded(opening: str, depth: int) -> None:
    lines = told(opening * depth)
    assert lines[-1].endswith("values are nested more than 64 deep")


def test_expansion_is_bounded_in_values_and_in_text() -> None:
    values = "a: &a [" + "x," * 9 + "x]\n"
    values += "".join(f"{n}: &{n} [{','.join(['*' + p] * 10)}]\n" for p, n in pairwise("abcdefg"))
    text = f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 1000)}]\n"
    for bomb in (values, text):
        assert told(bomb)[-1].endswith("the file grows too large when its aliases are expanded")


def test_a_text_that_is_too_long_is_not_parsed() -> None:
    with pytest.raises(PolicyError, match=r"p\.yaml: the text is longer than 2 MiB"):
        load_yaml("a" * (2**21 + 1), source="p.yaml", model=Whole, error=PolicyError)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!binary aGk=",
        "a: !!set {x}",
        "!!python/name:os.system",
        "- !own {a: 1}",
        "a: !!int '1'",
    ],
)
def test_tags_construct_nothing(text: str) -> None:
    assert "tags are not read" in told(text)[-1]


SYNTAX_ERRORS = {
    "a: b: c\n": (1, 5),
    "a:\n\t- b\n": (2, 1),
    "a: [1, 2\nb: 3\n": (1, 4),
    "{a: 1\n": (1, 1),
    'a: "x\nb: 1\n': (1, 4),
    "a: *x\n": (1, 4),
    "a: *.x\n": (1, 4),
    "a: @b\n": (1, 4),
    "--- a\n--- b\n": (2, 1),
    "&a [*a]": (1, 5),
    "%YAML 3.0\n--- a": (1, 1),
}


@pytest.mark.parametrize("loader", ["SafeLoader", "CSafeLoader"])
@pytest.mark.parametrize("text", SYNTAX_ERRORS)
def test_both_parsers_tell_the_same(
    text: str, loader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not hasattr(yaml, loader):
        pytest.skip("PyYAML is built without libyaml here")
    monkeypatch.setattr(yaml_tree, "_LOADER", getattr(yaml, loader))
    with pytest.raises(PolicyError) as caught:
        parse_yaml(text, source="p", error=PolicyError)
    assert [(m.line, m.column) for m in caught.value.mistakes] == [SYNTAX_ERRORS[text]]


@settings(deadline=None, max_examples=200)
@given(
    st.text(
        alphabet=st.sampled_from("abc:-[]{},&*!|>'\"#%@`? \n\t0.~<=é\x85\ufeff\ud800"), max_size=60
    )
)
def test_no_text_ends_in_anything_but_the_error_asked_for(text: str) -> None:
    try:
        document = parse_yaml(text, source="p", error=PolicyError)
    except PolicyError as error:
        places = [(mistake.line, mistake.column) for mistake in error.mistakes]
    else:
        places = [document.positions.value(())]
    assert all(line >= 1 and column >= 1 for line, column in places)


def test_values_are_shown_on_one_printable_line() -> None:
    assert shown("a\x1b[2J\n\u202e\x9b") == '"a\\x1b[2J\\n\\u202e\\x9b"'
    assert len(shown("x" * 500)) == 62
    assert [shown(value) for value in (None, True, 1.5, [1], {"a": 1})] == [
        "nothing",
        "true",
        "1.5",
        "a list",
        "keys and values",
    ]


def test_the_nearest_word() -> None:
    assert nearest("Servces", ["services", "name"]) == '"services"'
    assert nearest("x" * 100_000, ["services"]) == ""


def test_read_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\n")
    assert read_text(path, error=PolicyError) == "a: é\r\n"
    path.write_bytes(b"a: \xc3\xa9\n  b\xff")
    with pytest.raises(PolicyError) as caught:
        read_text(path, error=PolicyError)
    assert str(caught.value) == f"{path}:2:4: this is not UTF-8; found the byte 0xff"
    path.with_name("b").write_bytes(b"a" * (2**19 + 1))
    with pytest.raises(FileError, match=r"larger than 0\.5 MiB"):
        read_text(path.with_name("b"), error=FileError, largest=2**19)
