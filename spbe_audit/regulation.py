"""Regulations as catalogues of controls, each line with how sure we are of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
class Bilingual:
    """One text in both languages."""

    id: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in "id" or "en"."""
        return self.id if language == "id" else self.en


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
