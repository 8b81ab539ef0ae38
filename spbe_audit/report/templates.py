"""The files that a report is made of: ours, and those of a user's folder in their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from spbe_audit.report.branding import NO_BRANDING, Branding

TEMPLATES = "spbe_audit.report_templates"
OURS = "default/"
"""Before the name of a file: ours, although the user's folder has one of that name."""
WORDS = ("labels.yaml", "reasons.yaml", "glossary.yaml")

_SUFFIXES = (".j2", ".css", ".js")


@dataclass(frozen=True, eq=False)
class Templates:
    """The files of reports. ``own`` holds the texts of a user's files, ``words`` their entries.

    An entry of ``words`` takes the place of ours of the same key; any other file that of the
    whole file.
    """

    folder: Path | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    branding: Branding = NO_BRANDING

    def text(self, name: str) -> str:
        """A template, a style sheet or the script."""
        if name in self.own:
            return self.own[name]
        return our_text(name.removeprefix(OURS))

    def place(self, name: str) -> str:
        """The file that a text comes from, as a message names it."""
        if name in self.own and self.folder:
            return str(self.folder / name)
        return f"report_templates/{name.removeprefix(OURS)}"

    def entries(self, name: str) -> Mapping[str, Any]:
        """The entries of a file of words, the user's over ours."""
        merged = dict(our_entries(name))
        for key, entry in self.words.get(name, {}).items():
            merged[key] = {**merged.get(key, {}), **entry}
        return merged


BUILT_IN = Templates()
"""Our own files, with nothing in their place."""


def our_text(name: str) -> str:
    """One of our own files."""
    return (files(TEMPLATES) / name).read_text(encoding="utf-8")


@cache
def our_entries(name: str) -> Mapping[str, Any]:
    """The entries of one of our own files of words; a file that is not installed has none."""
    file = files(TEMPLATES) / name
    if not file.is_file():
        return {}
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}


def replaceable() -> tuple[str, ...]:
    """The names of the files that a user's folder may hold, in alphabetical order."""
    ours = [file.name for file in files(TEMPLATES).iterdir() if file.name.endswith(_SUFFIXES)]
    return tuple(sorted((*ours, *WORDS)))
