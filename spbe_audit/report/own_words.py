"""A user's own words: files of the same form as ours, which hold only what is to be different."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

from pydantic import BaseModel, ConfigDict, RootModel

from spbe_audit.errors import Mistake, TemplateError
from spbe_audit.report.languages import LANGUAGES
from spbe_audit.report.templates import our_entries
from spbe_audit.text_file import UnfitError, nearest, shown
from spbe_audit.yaml_file import Place, Positions, load_yaml

_OPEN_FILES = ("reasons.yaml", "glossary.yaml")
"""Files that may hold entries that ours do not: reasons of plugins, and more terms."""


class _Counted(BaseModel):
    """A text that is chosen by a number."""

    model_config = ConfigDict(strict=True, extra="forbid")

    one: str
    other: str


class _Label(BaseModel):
    """A text in one language or both; the language left out stays as ours."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: str | _Counted | None = None
    en: str | _Counted | None = None


class _Text(BaseModel):
    """A text in both languages."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: str
    en: str


class _Term(BaseModel):
    """A word of the glossary."""

    model_config = ConfigDict(strict=True, extra="forbid")

    term: _Text
    meaning: _Text


class _Labels(RootModel[dict[str, _Label]]):
    """labels.yaml."""


class _Reasons(RootModel[dict[str, _Text]]):
    """reasons.yaml."""


class _Glossary(RootModel[dict[str, _Term]]):
    """glossary.yaml."""


_MODELS: Mapping[str, type[RootModel[Any]]] = {
    "labels.yaml": _Labels,
    "reasons.yaml": _Reasons,
    "glossary.yaml": _Glossary,
}


def read_words(name: str, text: str, source: str) -> Mapping[str, Any]:
    """The entries of a user's file of words, to be laid over ours.

    Raises TemplateError with every mistake: unknown keys, and places in a text that nothing fills.
    """

    def inspect(data: Any, positions: Positions) -> list[Mistake]:
        return list(_mistakes(name, data, positions))

    told = load_yaml(text, source=source, model=_MODELS[name], error=TemplateError, inspect=inspect)
    entries: Mapping[str, Any] = told.model_dump(exclude_none=True)
    return entries


def _mistakes(name: str, data: Any, positions: Positions) -> Iterator[Mistake]:
    ours = our_entries(name)
    for key, entry in data.items() if isinstance(data, dict) else ():
        if key not in ours and name not in _OPEN_FILES:
            yield positions.key_mistake(
                (key,), f"no text has the key {shown(key)}", suggestion=nearest(key, ours)
            )
        elif name == "labels.yaml" and isinstance(entry, dict):
            for language in LANGUAGES:
                yield from _misplaced((key, language), entry, ours[key], positions)


def _misplaced(
    place: Place, entry: Mapping[str, Any], ours: Mapping[str, Any], positions: Positions
) -> Iterator[Mistake]:
    """Places such as {n} that ours does not have: nothing would fill them."""
    language = str(place[-1])
    known = {name for text in _texts(ours[language]) for name in _names(text)}
    given = entry.get(language)
    for key, text in given.items() if isinstance(given, dict) else [("", given)]:
        if not isinstance(text, str):
            continue
        where = (*place, key) if key else place
        try:
            unknown = sorted(set(_names(text)) - known)
        except ValueError as error:
            problem = UnfitError(
                f"braces that do not pair: {error}", expected="{{ and }} for braces"
            )
            yield positions.unfit(where, problem)
            continue
        for name in unknown:
            yield positions.mistake(
                where,
                f"nothing fills {{{name}}} in this text",
                expected=", ".join(f"{{{one}}}" for one in sorted(known))
                or "a text without braces",
                suggestion=nearest(name, known),
            )


def _texts(text: str | Mapping[str, str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text.values())


def _names(text: str) -> list[str]:
    """The places of a text: {n} is "n". Raises ValueError where braces do not pair."""
    names = []
    for _, name, form, conversion in Formatter().parse(text):
        if name is not None:
            names.append(
                name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            )
    return names
