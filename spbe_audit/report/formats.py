"""The files that a report can have beside its pages, and what writes each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from spbe_audit.finding import Assessment
from spbe_audit.report.csv_document import csv_chunks
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.json_document import json_chunks
from spbe_audit.report.jsonl_document import jsonl_chunks
from spbe_audit.report.junit_document import junit_chunks
from spbe_audit.report.oscal_document import oscal_chunks
from spbe_audit.report.pdf_document import write_pdf
from spbe_audit.report.sarif_document import sarif_chunks
from spbe_audit.report.xlsx_document import write_xlsx

_MOST_AT_A_TIME = 1 << 16
"""Characters that are gathered before they are written."""


@dataclass(frozen=True, slots=True)
class DocumentFormat:
    """One file of a report. ``write`` fills a path, which is moved to the name when it is whole."""

    file_name: str
    write: Callable[[Assessment, Narrator, Path], None]


def _text(
    file_name: str, chunks: Callable[[Assessment, Narrator], Iterable[str]]
) -> DocumentFormat:
    """A format that is text, made piece by piece so that it is never in memory as a whole."""

    def write(assessment: Assessment, narrator: Narrator, path: Path) -> None:
        write_text(path, chunks(assessment, narrator))

    return DocumentFormat(file_name, write)


def write_text(path: Path, chunks: Iterable[str]) -> None:
    """Fill a file with UTF-8 text, line ends as they are in the chunks."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for block in _blocks(chunks):
            file.write(block)


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


DOCUMENTS: Mapping[str, DocumentFormat] = {
    "json": _text("audit.json", json_chunks),
    "jsonl": _text("findings.jsonl", jsonl_chunks),
    "csv": _text("findings.csv", csv_chunks),
    "sarif": _text("audit.sarif", sarif_chunks),
    "junit": _text("junit.xml", junit_chunks),
    "oscal": _text("oscal.json", oscal_chunks),
    "xlsx": DocumentFormat("audit.xlsx", write_xlsx),
    "pdf": DocumentFormat("audit.pdf", write_pdf),
}
"""The formats by the word that asks for them; the pages ("html") are always written."""

FORMATS = ("html", *DOCUMENTS)
