"""The words beside a check: what it asks, what its answers mean, and what to do about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spbe_audit.bilingual import Bilingual
from spbe_audit.check import Fact
from spbe_audit.errors import CheckTextError, Mistake
from spbe_audit.resource_file import read_resource
from spbe_audit.targets import Intensity
from spbe_audit.text_file import nearest, shown
from spbe_audit.yaml_file import Positions, load_yaml

REPRODUCE_PLACEHOLDERS = ("url", "host", "port", "address", "address_port")


class Remedy(BaseModel):
    """What to do; ``snippets`` maps a server software to the lines to write there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Bilingual
    snippets: Mapping[str, str] = Field(default_factory=dict)


class CheckTexts(BaseModel):
    """All words of one check.

    ``passed``, ``failed`` and the texts in ``reasons`` are templates: ``{name}`` stands for a fact
    of the outcome. In ``reproduce`` it stands for one of REPRODUCE_PLACEHOLDERS. ``headers`` are
    the response header fields that the question is about, so that a report can point at them.
    ``intensity`` is the lowest at which the question is asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Bilingual
    question: Bilingual
    why: Bilingual
    remedy: Remedy
    params: Mapping[str, Bilingual] = Field(default_factory=dict)
    reproduce: str = ""
    passed: Bilingual
    failed: Bilingual
    reasons: Mapping[str, Bilingual] = Field(default_factory=dict)
    headers: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    intensity: Intensity = Intensity.LIGHT
    since: str = ""
    lifecycle: Literal["experimental", "stable", "deprecated"] = "stable"


def read_check_texts(
    file: Path | Traversable, *, parameters: Sequence[str], source: str = ""
) -> CheckTexts:
    """The words in a YAML file. ``parameters`` are the names that the check's Params has.

    Raises CheckTextError with every mistake: a language is missing or empty, a parameter has no
    words or has words but does not exist, a placeholder cannot be read.
    """

    def inspect(data: Any, positions: Positions) -> list[Mistake]:
        if not isinstance(data, dict):
            return []
        return [
            *_empty_texts(data, (), positions),
            *_bad_braces(data, positions),
            *_bad_parameters(data, parameters, positions),
        ]

    return load_yaml(
        read_resource(file, error=CheckTextError),
        source=source or str(file),
        model=CheckTexts,
        error=CheckTextError,
        inspect=inspect,
    )


def placeholders(template: str) -> tuple[str, ...]:
    """The names in braces, in order. Raises ValueError for anything but plain names."""
    names = []
    for _, name, specification, conversion in Formatter().parse(template):
        if name is None:
            continue
        if specification or conversion or not name.isidentifier():
            raise ValueError(f"only a plain name may stand in braces, not {{{name}}}")
        names.append(name)
    return tuple(names)


def fill(
    template: str, facts: Mapping[str, Fact], show: Callable[[Fact], str] | None = None
) -> str:
    """The sentence with each placeholder replaced by its fact, as ``show`` writes it.

    Facts may be hostile text: they are put in, never read as part of the template. Raises KeyError
    with the name of a fact that is missing.
    """
    write = show or plain_text
    parts = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(literal)
        if name is not None:
            parts.append(write(facts[name]))
    return "".join(parts)


def plain_text(fact: Fact) -> str:
    """A fact as a person would read it: lists with commas, nothing as a hyphen."""
    if fact is None or fact in ((), ""):
        return "-"
    if isinstance(fact, bool):
        return "true" if fact else "false"
    if isinstance(fact, Mapping):
        return "; ".join(f"{key}: {plain_text(value)}" for key, value in fact.items())
    if isinstance(fact, tuple | list):
        return ", ".join(plain_text(value) for value in fact)
    return str(fact)


def _empty_texts(data: Any, path: tuple[str | int, ...], positions: Positions) -> Iterator[Mistake]:
    """Every text that is there but says nothing, at any depth."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _empty_texts(value, (*path, key), positions)
    elif isinstance(data, str) and not data.strip():
        yield positions.mistake(path, "the text is empty")


def _bad_braces(data: dict[str, Any], positions: Positions) -> Iterator[Mistake]:
    for path, template in _templates(data):
        try:
            names = placeholders(template)
        except ValueError as error:
            yield positions.mistake(
                path,
                f"the braces cannot be read: {error}",
                found=shown(template),
                expected="{name} for a fact, {{ and }} for braces themselves",
            )
            continue
        for name in names if path == ("reproduce",) else ():
            if name not in REPRODUCE_PLACEHOLDERS:
                yield positions.mistake(
                    path,
                    "there is no such placeholder",
                    found=shown(name),
                    expected="one of " + ", ".join(REPRODUCE_PLACEHOLDERS),
                    suggestion=nearest(name, REPRODUCE_PLACEHOLDERS),
                )


def _templates(data: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of the file that may hold placeholders, with its path."""
    if isinstance(data.get("reproduce"), str):
        yield ("reproduce",), data["reproduce"]
    reasons = data.get("reasons")
    sentences: list[tuple[str, ...]] = [("passed",), ("failed",)]
    sentences += [("reasons", code) for code in reasons] if isinstance(reasons, dict) else []
    for path in sentences:
        both: Any = data
        for step in path:
            both = both.get(step)
        for language in ("id", "en"):
            if isinstance(both, dict) and isinstance(both.get(language), str):
                yield (*path, language), both[language]


def _bad_parameters(
    data: dict[str, Any], parameters: Sequence[str], positions: Positions
) -> Iterator[Mistake]:
    described = data.get("params")
    described = described if isinstance(described, dict) else {}
    for name in described:
        if name not in parameters:
            yield positions.key_mistake(
                ("params", name),
                "the check has no such parameter",
                found=shown(name),
                suggestion=nearest(name, parameters),
            )
    for name in parameters:
        if name not in described:
            path = ("params",) if described else ()
            yield positions.key_mistake(path, f"params: the parameter {name!r} has no words")


__all__ = ["CheckTexts", "Remedy", "fill", "placeholders", "plain_text", "read_check_texts"]
