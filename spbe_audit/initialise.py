"""Writes the annotated files that a first audit starts from, and never over a file of the user."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from spbe_audit.errors import SpbeAuditError

STARTER_FILES = (
    "targets.yaml",
    "manual-answers.yaml",
    "waivers.yaml",
    "crontab.example",
    "spbe-audit.service",
    "spbe-audit.timer",
)


def write_starter_files(directory: Path) -> tuple[Path, ...]:
    """Write all starter files into a folder, which is made if needed; returns their paths.

    Raises SpbeAuditError, and writes nothing, when one of them is there already.
    """
    paths = tuple(directory / name for name in STARTER_FILES)
    present = [path for path in paths if path.exists() or path.is_symlink()]
    if present:
        raise _refusal(
            f"{' and '.join(str(path) for path in present)}: there already, nothing was written",
            "Give another folder, or move the files away first.",
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in paths:
            _write_new(path)
    except OSError as problem:
        subject = problem.filename or directory
        raise _refusal(
            f"{subject}: cannot be written: {problem.strerror}",
            "Give a folder that you may write to: spbe-audit init FOLDER",
        ) from problem
    return paths


def _write_new(path: Path) -> None:
    content = files("spbe_audit.starter_files").joinpath(path.name).read_bytes()
    with path.open("xb") as file:
        file.write(content)


def _refusal(message: str, advice: str) -> SpbeAuditError:
    error = SpbeAuditError(message)
    error.advice = advice
    return error
