"""One text in Indonesian and English."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bilingual:
    """One text in both languages."""

    id: str
    en: str

    def in_language(self, language: str) -> str:
        """The text in "id" or "en"."""
        return self.id if language == "id" else self.en
