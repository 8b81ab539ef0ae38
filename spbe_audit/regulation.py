"""Regulations as catalogues of controls, each line with how sure we are of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from spbe_audit.bilingual import Bilingual
from spbe_audit.errors import Mistake, PolicyError
from spbe_audit.resource_file import read_resource
from spbe_audit.text_file import nearest, shown
from spbe_audit.yaml_file import Positions, load_yaml

_BUILT_IN = "spbe_audit.policies"


class Confidence(StrEnum):
    """How a citation was established; printed beside every citation."""

    VERIFIED = "verified"
    SECONDARY = "secondary"
    UNVERIFIED = "unverified"


class Strength(StrEnum):
    """What an observation from outside is worth for a control."""

    DIRECT = "direct"
    PARTIAL = "partial"
    WEAK = "weak"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Control:
    """One clause or indicator.

    ``citation`` is how it is cited ("Pasal 27 ayat (8) huruf a"), ``title`` our paraphrase, never
    the legal text.
    """

    id: str
    regulation: str
    citation: Bilingual
    title: Bilingual
    confidence: Confidence
    strength: Strength
    sources: tuple[str, ...] = ()
    note: Bilingual | None = None


@dataclass(frozen=True, slots=True)
class Regulation:
    """A legal instrument and those of its controls that are catalogued.

    ``status`` is "in_force" or "revoked"; ``status_note`` says by what.
    """

    id: str
    title: Bilingual
    short_title: Bilingual
    status: str
    status_note: Bilingual | None
    confidence: Confidence
    controls: tuple[Control, ...]


class _ControlDocument(BaseModel):
    """A control as its file has it; ``sources`` are keys of the file's list of sources."""

    model_config = ConfigDict(extra="forbid")

    id: str
    citation: Bilingual
    title: Bilingual
    confidence: Confidence
    strength: Strength
    sources: tuple[str, ...] = ()
    note: Bilingual | None = None


class _RegulationDocument(BaseModel):
    """A regulation as its file has it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: Bilingual
    short_title: Bilingual
    status: Literal["in_force", "revoked"]
    status_note: Bilingual | None = None
    confidence: Confidence
    sources: Mapping[str, str] = Field(default_factory=dict)
    controls: tuple[_ControlDocument, ...]


@cache
def built_in_regulations() -> tuple[Regulation, ...]:
    """The regulations that ship with us, sorted by id."""
    return regulations_in(files(_BUILT_IN) / "regulations")


def regulations_in(folder: Path | Traversable) -> tuple[Regulation, ...]:
    """The regulation of each YAML file in a folder, by file name; none where there is no folder.

    Raises PolicyError.
    """
    if not folder.is_dir():
        return ()
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return tuple(load_regulation(folder / name) for name in names)


def load_regulation(file: Path | Traversable) -> Regulation:
    """The regulation in a YAML file. Raises PolicyError with every mistake in it."""
    document = load_yaml(
        read_resource(file, error=PolicyError),
        source=str(file),
        model=_RegulationDocument,
        error=PolicyError,
        inspect=_inspect,
    )
    controls = tuple(_control(control, document) for control in document.controls)
    return Regulation(
        id=document.id,
        title=document.title,
        short_title=document.short_title,
        status=document.status,
        status_note=document.status_note,
        confidence=document.confidence,
        controls=controls,
    )


def _control(control: _ControlDocument, document: _RegulationDocument) -> Control:
    return Control(
        id=control.id,
        regulation=document.id,
        citation=control.citation,
        title=control.title,
        confidence=control.confidence,
        strength=control.strength,
        sources=tuple(document.sources[key] for key in control.sources),
        note=control.note,
    )


def _inspect(data: Any, positions: Positions) -> list[Mistake]:
    """What the form alone cannot tell: ids that repeat or stray, sources that are not listed."""
    controls = data.get("controls") if isinstance(data, dict) else None
    if not isinstance(controls, list):
        return []
    numbered = [
        (number, control) for number, control in enumerate(controls) if isinstance(control, dict)
    ]
    return [
        *_stray_ids(numbered, str(data.get("id")), positions),
        *_unknown_sources(numbered, data.get("sources"), positions),
    ]


def _stray_ids(
    controls: list[tuple[int, dict[str, Any]]], regulation: str, positions: Positions
) -> Iterator[Mistake]:
    times = Counter(str(control.get("id")) for _, control in controls)
    for number, control in controls:
        place = ("controls", number, "id")
        control_id = control.get("id")
        if not isinstance(control_id, str):
            continue
        if not control_id.startswith(f"{regulation}:"):
            expected = f"an id that begins with {shown(f'{regulation}:')}"
            yield positions.mistake(
                place, "a control of another regulation", found=shown(control_id), expected=expected
            )
        if times[control_id] > 1:
            yield positions.mistake(place, "two controls have one id", found=shown(control_id))


def _unknown_sources(
    controls: list[tuple[int, dict[str, Any]]], sources: Any, positions: Positions
) -> Iterator[Mistake]:
    known = [str(key) for key in sources] if isinstance(sources, dict) else []
    for number, control in controls:
        cited = control.get("sources")
        cited = cited if isinstance(cited, list) else []
        for index, key in enumerate(cited):
            if str(key) not in known:
                yield positions.mistake(
                    ("controls", number, "sources", index),
                    "this source is not listed under 'sources'",
                    found=shown(key),
                    suggestion=nearest(str(key), known),
                )
        if not cited and control.get("confidence") in ("verified", "secondary"):
            yield positions.key_mistake(
                ("controls", number, "confidence"), "a source is needed for this confidence"
            )


__all__ = [
    "Bilingual",
    "Confidence",
    "Control",
    "Regulation",
    "Strength",
    "built_in_regulations",
    "load_regulation",
    "regulations_in",
]
