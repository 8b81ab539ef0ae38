"""The languages of a report: the first at its root, each other one in a folder of its name."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.errors import ReportError

LANGUAGES = ("id", "en")
NAMES = {"id": "Bahasa Indonesia", "en": "English"}
"""Each language by its own name, as those who read it look for it."""


@dataclass(frozen=True, slots=True)
class Twin:
    """The same page in another language; ``href`` is relative to the page."""

    language: str
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways from a page: up to the report's folder, and across to its twins."""

    home: str
    twins: tuple[Twin, ...]


def languages_of(wish: str) -> tuple[str, ...]:
    """The languages in "id", "en", "id,en" or "en,id", the main one first.

    Raises ReportError for anything else.
    """
    wanted = tuple(word.strip() for word in wish.split(","))
    advice = f"Choose one of: {', '.join(LANGUAGES)}; or both, the main one first: id,en."
    for word in wanted:
        if word not in LANGUAGES:
            raise ReportError(f"there is no report language {word!r}", advice)
        if wanted.count(word) > 1:
            raise ReportError(f"the report language {word!r} is named twice", advice)
    return wanted


def folder_of(language: str, languages: tuple[str, ...]) -> str:
    """The folder of a language's pages with a slash at its end; "" for the main language."""
    return "" if language == languages[0] else f"{language}/"


def ways_from(path: str, across: str, language: str, languages: tuple[str, ...]) -> Ways:
    """The ways from the page at ``path``, which is relative to the folder of its language.

    The twins are at ``across``: for a further page of a list its first one, because a list may be
    cut elsewhere in the other language.
    """
    own = folder_of(language, languages)
    home = "../" * (path.count("/") + own.count("/"))
    return Ways(
        home=home,
        twins=tuple(
            Twin(other, NAMES[other], f"{home}{folder_of(other, languages)}{across}")
            for other in languages
            if other != language
        ),
    )
