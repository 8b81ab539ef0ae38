"""Reads a text file that is either a user's or part of an installed package."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path

from spbe_audit.errors import FileError
from spbe_audit.text_file import read_text


def read_resource(file: Path | Traversable, *, error: type[FileError]) -> str:
    """The text of a UTF-8 file; raises ``error`` with advice where a user's cannot be read."""
    if isinstance(file, Path):
        return read_text(file, error=error)
    return file.read_text(encoding="utf-8")  # inside a zip file that was installed whole


__all__ = ["read_resource"]
