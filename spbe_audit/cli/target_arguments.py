"""Reads what stands for TARGETS on the command line: one file, or URLs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from spbe_audit.target_files import load_targets
from spbe_audit.targets import TargetList

_FILE_SUFFIXES = {".yaml", ".yml", ".csv", ".txt", ".list"}


def load_target_arguments(arguments: Sequence[str]) -> TargetList:
    """A target list from one file, or from one or more URLs or host names."""
    files = [argument for argument in arguments if _is_file(argument)]
    if not files:
        return load_targets(list(arguments))
    if len(arguments) > 1:
        raise click.UsageError(
            f"Give one target list, or URLs, but not both: {files[0]} is a file."
        )
    return load_targets(Path(files[0]))


def _is_file(argument: str) -> bool:
    if "://" in argument:
        return False
    path = Path(argument)
    return path.exists() or path.suffix.lower() in _FILE_SUFFIXES
