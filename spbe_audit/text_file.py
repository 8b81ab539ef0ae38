"""What every reader of a file shares: careful reading, and one way to show and refuse values."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from spbe_audit.errors import FileError, Mistake

LARGEST_FILE = 2 * 1024 * 1024
"""Bytes of YAML. A list of ten thousand services takes about 1.5 MiB."""

_LONGEST_SHOWN = 60
_NAMES_LOOKED_AT = 1000
_BYTE_ORDER_MARKS_16 = (b"\xff\xfe", b"\xfe\xff")


class UnfitError(ValueError):
    """A value that cannot be used: ``problem`` without its place, which the reader adds.

    ``found`` is shown instead of the value where the value is better not shown. It is a ValueError,
    so that a pydantic validator may raise it too.
    """

    def __init__(
        self, problem: str, *, expected: str = "", suggestion: str = "", found: str = ""
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.suggestion = suggestion
        self.found = found


def read_text(path: Path, *, error: type[FileError], largest: int = LARGEST_FILE) -> str:
    """The text of a UTF-8 file, without a byte order mark; raises ``error`` with advice."""
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except (OSError, ValueError) as problem:
        raise _unreadable(path, problem, error) from problem
    if len(content) > largest:
        raise whole_file_error(
            path,
            f"the file is larger than {largest / 2**20:g} MiB",
            error=error,
            advice="Divide it into several files, and give them one by one.",
        )
    return _decoded(path, content, error)


def whole_file_error(
    path: Path | str, problem: str, *, error: type[FileError], advice: str, suggestion: str = ""
) -> FileError:
    """An error about a file as a whole, with what to do next."""
    mistake = Mistake(str(path), 0, 0, problem, suggestion=suggestion)
    failure = error([mistake])
    failure.advice = advice
    return failure


def shown(value: object) -> str:
    """A value of a file as a message may show it: short, on one line, nothing unprintable."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    if not isinstance(value, str):
        return json.dumps(value, default=str)
    cut = value if len(value) <= _LONGEST_SHOWN else value[: _LONGEST_SHOWN - 3] + "..."
    safe = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
    return f'"{"".join(safe)}"'


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, as a message shows it; '' when none is near."""
    lower = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(word[:_LONGEST_SHOWN].lower(), lower, n=1, cutoff=0.6)
    return shown(lower[matches[0]]) if matches else ""


def _decoded(path: Path, content: bytes, error: type[FileError]) -> str:
    advice = "Save the file as UTF-8 in your editor, then try again."
    if content.startswith(_BYTE_ORDER_MARKS_16):
        problem = "the file is written in UTF-16; expected UTF-8"
        raise whole_file_error(path, problem, error=error, advice=advice)
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as wrong:
        before = content[: wrong.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        found = f"the byte 0x{content[wrong.start]:02x}"
        mistake = Mistake(str(path), line, column, "this is not UTF-8", found=found)
        failure = error([mistake])
        failure.advice = advice
        raise failure from wrong


def _unreadable(path: Path, problem: Exception, error: type[FileError]) -> FileError:
    if isinstance(problem, FileNotFoundError):
        return whole_file_error(
            path,
            "there is no such file",
            error=error,
            advice="Check the path. `spbe-audit init` writes an example to start from.",
            suggestion=nearest(path.name, _names_beside(path)),
        )
    if isinstance(problem, IsADirectoryError):
        advice = "Name the file inside it, such as targets.yaml."
        return whole_file_error(path, "this is a folder, not a file", error=error, advice=advice)
    if isinstance(problem, PermissionError):
        advice = "Let the user who runs spbe-audit read it, with chmod or chown."
        return whole_file_error(path, "the file may not be read", error=error, advice=advice)
    reason = getattr(problem, "strerror", None) or str(problem)
    advice = "Check the path and the disk."
    return whole_file_error(path, f"cannot be read: {reason}", error=error, advice=advice)


def _names_beside(path: Path) -> list[str]:
    try:
        with os.scandir(path.parent) as entries:
            return [entry.name for entry in islice(entries, _NAMES_LOOKED_AT)]
    except (OSError, ValueError):
        return []
