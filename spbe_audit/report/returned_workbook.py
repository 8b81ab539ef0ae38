"""A workbook that came back from outside, opened with care; the only module that knows openpyxl.

It may be damaged or made to do harm: its size is bounded before and after unpacking, and a document
type declaration, without which XML has no entities of its own, is refused.
"""

from __future__ import annotations

import importlib
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from spbe_audit.errors import FileError, FollowUpError, ReportError
from spbe_audit.text_file import nearest, whole_file_error

LARGEST_FILE = 32 * 2**20
LARGEST_UNPACKED = 256 * 2**20
MOST_PARTS = 2000
MOST_ROWS = 50_000

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    EOFError,
)
"""What the standard library raises for an archive that is none, or is encrypted."""
_ADVICE = "Ask the agency to save it again as xlsx, or to fill in a fresh export."


@dataclass(frozen=True, slots=True)
class ReturnedCell:
    """A cell: its address, its value, and whether a formula or an error stands there."""

    address: str
    value: Any
    formula: bool = False
    error: bool = False


class ReturnedSheet:
    """One sheet of a workbook that came back."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self.rows = int(sheet.max_row)
        self.columns = int(sheet.max_column)

    def address(self, row: int, column: int) -> str:
        """The address of a cell, as "'Tindak Lanjut'!C7"; both count from 1."""
        return f"{self._prefix}{self._sheet.cell(row, column).coordinate}"

    def cell(self, row: int, column: int) -> ReturnedCell:
        """One cell; both count from 1."""
        cell = self._sheet.cell(row, column)
        kind = getattr(cell, "data_type", "n")
        return ReturnedCell(
            f"{self._prefix}{cell.coordinate}", cell.value, formula=kind == "f", error=kind == "e"
        )

    def merged(self) -> Iterator[str]:
        """The ranges of cells that were made one."""
        for merged in self._sheet.merged_cells.ranges:
            yield f"{self._prefix}{merged.coord}"

    @property
    def _prefix(self) -> str:
        return "'{}'!".format(self._sheet.title.replace("'", "''"))


def read_file(path: Path) -> bytes:
    """The bytes of a returned file. Raises FollowUpError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
        raise _refusal(path, problem, advice="Check the path.") from error
    if len(content) > LARGEST_FILE:
        raise _refusal(path, f"the file is larger than {LARGEST_FILE / 2**20:g} MiB")
    return content


def open_sheets(path: Path, content: bytes) -> dict[str, ReturnedSheet]:
    """The sheets of a workbook by their names.

    Raises FollowUpError for what is no workbook, ReportError where openpyxl is not installed.
    """
    library = _library()
    _refuse_dangerous(path, content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it leaves out we need nothing
            book = library.load_workbook(BytesIO(content), rich_text=False)
        sheets = {sheet.title: ReturnedSheet(sheet) for sheet in book.worksheets}
    except Exception as error:
        raise _refusal(path, "this is no workbook in the format xlsx") from error
    for name, sheet in sheets.items():
        if sheet.rows > MOST_ROWS:
            raise _refusal(path, f"the sheet {name} has more than {MOST_ROWS} rows")
    return sheets


def sheet_named(path: Path, sheets: dict[str, ReturnedSheet], name: str) -> ReturnedSheet:
    """A sheet by its name. Raises FollowUpError where there is none."""
    if name not in sheets:
        problem = f'the sheet "{name}" is missing'
        raise _refusal(path, problem, suggestion=nearest(name, sheets))
    return sheets[name]


def _refuse_dangerous(path: Path, content: bytes) -> None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > MOST_PARTS or unpacked > LARGEST_UNPACKED:
                raise _refusal(path, "the file unpacks to more than a workbook would")
            for part in parts:
                if b"<!DOCTYPE" in archive.read(part).replace(b"\0", b"").upper():
                    raise _refusal(path, f"{part.filename} holds a document type declaration")
    except _BROKEN as error:
        raise _refusal(path, "this is no workbook in the format xlsx") from error


def _refusal(path: Path, problem: str, *, advice: str = _ADVICE, suggestion: str = "") -> FileError:
    return whole_file_error(
        path, problem, error=FollowUpError, advice=advice, suggestion=suggestion
    )


def _library() -> Any:
    try:
        return importlib.import_module("openpyxl")
    except ImportError as error:
        raise ReportError(
            "a returned workbook is read with openpyxl, which is not installed",
            "Install it with: pip install 'spbe-audit[xlsx]'.",
        ) from error
