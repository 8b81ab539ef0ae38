"""Writes an assessment as files: whole or not at all, and for their owner only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spbe_audit.catalogue import Catalogue
from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment
from spbe_audit.report.csv_document import csv_chunks
from spbe_audit.report.finding_view import Narrator, narrator_for
from spbe_audit.report.html import html_pages
from spbe_audit.report.json_document import json_chunks
from spbe_audit.report.labels import load_labels
from spbe_audit.report.site import build_site

FORMATS = ("html", "json", "csv")
_FILE_OF = {"json": "audit.json", "csv": "findings.csv"}
_MOST_AT_A_TIME = 1 << 16
"""Characters that are gathered before they are written."""


def write_report(
    assessment: Assessment,
    *,
    output: Path,
    formats: Sequence[str],
    language: str,
    catalogue: Catalogue,
    time_zone: str,
) -> tuple[Path, ...]:
    """Write the report into a folder; returns its entry files, one for each format.

    The pages, whose entry is index.html, are written whatever the formats are. Raises ReportError
    when a format, language or time zone does not exist, or the folder cannot be written.
    """
    _refuse_unknown(formats)
    wanted = [name for name in FORMATS if name == "html" or name in formats]
    labels = load_labels(language, time_zone)
    narrator = narrator_for(assessment, catalogue, labels)
    try:
        return tuple(_write_format(name, assessment, narrator, output, wanted) for name in wanted)
    except OSError as error:
        raise ReportError(
            f"the report cannot be written: {error}",
            "Choose another folder with --output, or make this one writable.",
        ) from error


def _refuse_unknown(formats: Iterable[str]) -> None:
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ReportError(
            f"there is no report format {unknown[0]!r}", f"Choose among: {', '.join(FORMATS)}."
        )


def _write_format(
    name: str, assessment: Assessment, narrator: Narrator, output: Path, wanted: Sequence[str]
) -> Path:
    if name == "html":
        return _write_html(assessment, narrator, output, wanted)
    chunks = json_chunks if name == "json" else csv_chunks
    return _write_file(output / _FILE_OF[name], chunks(assessment, narrator))


def _write_html(
    assessment: Assessment, narrator: Narrator, output: Path, wanted: Sequence[str]
) -> Path:
    """The pages one after another; the index comes last."""
    others = [_FILE_OF[name] for name in wanted if name in _FILE_OF]
    written = output
    for page in html_pages(build_site(assessment, narrator), other_files=others):
        written = _write_file(output / page.path, [page.text])
    return written


def _write_file(path: Path, chunks: Iterable[str]) -> Path:
    """Write beside the place and move there; the temporary file is for its owner only."""
    _make_folder(path.parent)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            for block in _blocks(chunks):
                file.write(block)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _blocks(chunks: Iterable[str]) -> Iterator[str]:
    """The chunks gathered into larger pieces."""
    held: list[str] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _MOST_AT_A_TIME:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _make_folder(folder: Path) -> None:
    """The folder and those above it that are missing, each for its owner only."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
