"""audit.xlsx: the workbook that an auditee answers in and an auditor keeps working papers in.

Rows go to the file as they are made. Every text is written as a text, whatever it begins with, so
that no value from the network can be a formula, a link or a number. ECMA-376 part 1, 18.3.
"""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import Labels
from spbe_audit.report.xlsx_sheets import earliest_deadline, sheets_of
from spbe_audit.report.xlsx_table import Cell, Column, Input, Row, Sheet
from spbe_audit.severity import Severity

LONGEST_CELL = 32_767
"""UTF-16 code units that a cell may hold."""
MOST_ROWS = 1 << 20
"""Rows of a sheet, its header among them."""

_A4 = 9
_LONGEST_FOOTER = 200
_LINE = 15.0
_TALLEST = 405.0
"""Points; Excel refuses a row above 409."""
_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_LINES = {"valign": "top", "border": 1, "border_color": "#D3DAE1"}
_TEXT = _LINES | {"text_wrap": True, "quote_prefix": True}
_FILLS = {
    Severity.CRITICAL: ("#7A1029", "#FFFFFF"),
    Severity.HIGH: ("#B3321B", "#FFFFFF"),
    Severity.MEDIUM: ("#FFE2AD", "#543200"),
    Severity.LOW: ("#D9E8F5", "#12395B"),
    Severity.INFO: ("#E6EAEE", "#37424D"),
}


def write_xlsx(assessment: Assessment, narrator: Narrator, path: Path) -> None:
    """Fill a path with the workbook. Raises ReportError where the library is not installed."""
    title = narrator.labels("report_title")
    write_sheets(sheets_of(assessment, narrator), assessment, narrator.labels, path, title=title)


def write_sheets(
    sheets: Iterable[Sheet], assessment: Assessment, labels: Labels, path: Path, *, title: str
) -> None:
    """Fill a path with a workbook of some sheets. Raises ReportError as write_xlsx does."""
    run = assessment.run
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        workbook = _library().Workbook(
            str(path),
            {
                "constant_memory": True,
                "tmpdir": folder,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        workbook.set_properties(
            {
                "title": title,
                "author": "spbe-audit",
                "comments": labels("footer", run=run.id, digest=run.digest),
                "created": (run.finished or run.started).astimezone(UTC),
            }
        )
        writer = _Writer(workbook, assessment, labels)
        for sheet in sheets:
            writer.write(sheet)
        workbook.close()


def cell_text(text: str, labels: Labels) -> str:
    """A text as a cell holds it: nothing invisible but line breaks, not longer than a cell.

    "_x000D_" would be read as a control character (ECMA-376 part 1, 22.9.2.19): it is escaped.
    """
    shown = _ESCAPE.sub("_x005F_", "\n".join(spelt_out(line) for line in text.split("\n")))
    units = shown.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_CELL:
        return shown
    mark = labels("cell_cut")
    return units[: 2 * (LONGEST_CELL - len(mark))].decode("utf-16-le", "ignore") + mark


def _library() -> Any:
    try:
        return importlib.import_module("xlsxwriter")
    except ImportError as error:
        raise ReportError(
            "the format xlsx needs XlsxWriter, which is not installed",
            "Install it with: pip install 'spbe-audit[xlsx]'. Or leave --format xlsx out.",
        ) from error


@dataclass
class _Writer:
    """A workbook that is being written, sheet by sheet and row by row, and its cell formats."""

    workbook: Any
    assessment: Assessment
    labels: Labels
    formats: dict[str, Any] = field(default_factory=dict)

    def write(self, sheet: Sheet) -> None:
        """Write one sheet whole."""
        target = self.workbook.add_worksheet(sheet.name)
        self._prepare(target, sheet)
        last = 0
        for last, row in enumerate(sheet.rows(), start=1):
            if last == MOST_ROWS - 1:
                self._cell(target, last, 0, self.labels("rows_cut"))
                break
            target.set_row(last, _height(row, sheet.columns))
            for number, (cell, column) in enumerate(zip(row, sheet.columns, strict=True)):
                if column.input:
                    self._input(target, last, number, cell, column.input)
                else:
                    self._cell(target, last, number, cell)
        target.autofilter(0, 0, last, len(sheet.columns) - 1)
        for number, column in enumerate(sheet.columns):
            if column.input and last:
                self._validate(target, number, column, last)
        if sheet.protected:
            target.protect("", _ALLOWED)
        if sheet.hidden:
            target.hide()

    def _prepare(self, target: Any, sheet: Sheet) -> None:
        """Header, widths, and how the sheet prints."""
        target.set_landscape()
        target.set_paper(_A4)
        target.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        target.fit_to_pages(sheet.pages_wide, 0)
        target.repeat_rows(0)
        if sheet.pages_wide > 1 and sheet.fixed:
            target.print_across()
            target.repeat_columns(0, sheet.fixed - 1)
        target.freeze_panes(1, sheet.fixed)
        target.set_row(0, _height([column.header for column in sheet.columns], sheet.columns))
        target.set_footer(
            f"&L&8{self._footer()}&R&8{_no_codes(sheet.name)}, &P / &N", {"scale_with_doc": False}
        )
        for number, column in enumerate(sheet.columns):
            target.set_column(number, number, column.width, None, {"hidden": column.hidden})
            name = "header_input" if column.input else "header"
            header = _capital(cell_text(column.header, self.labels))
            target.write_string(0, number, header, self._format(name, _HEADERS[name]))

    def _footer(self) -> str:
        engagement = self.assessment.engagement
        letter = engagement.letter if engagement else self.labels("no_engagement")
        return _no_codes(spelt_out(f"{letter}, {self.assessment.run.id}")[:_LONGEST_FOOTER])

    def _cell(self, target: Any, row: int, column: int, cell: Cell) -> None:
        """One cell. A severity is a text in its colour; a time is local to the report."""
        if cell is None or cell == "":
            target.write_blank(row, column, None, self._format("text", _TEXT))
        elif isinstance(cell, Severity):
            fill, ink = _FILLS[cell]
            look = self._format(cell.value, _TEXT | {"bg_color": fill, "font_color": ink})
            target.write_string(row, column, self.labels(f"severity_{cell.value}"), look)
        elif isinstance(cell, str):
            shown = cell_text(cell, self.labels)
            target.write_string(row, column, shown, self._format("text", _TEXT))
        elif isinstance(cell, datetime):
            local = cell.astimezone(self.labels.zone).replace(tzinfo=None, microsecond=0)
            target.write_datetime(row, column, local, self._format("time", _NUMBERS["time"]))
        elif isinstance(cell, float):
            share = self._format("share", _NUMBERS["share"])
            target.write_number(row, column, _shown_share(cell), share)
        else:
            target.write_number(row, column, cell, self._format("count", _NUMBERS["count"]))

    def _input(self, target: Any, row: int, column: int, cell: Cell, kind: Input) -> None:
        """A cell for people, with what one of them wrote before."""
        look = self._input_format(kind)
        if isinstance(cell, date):
            target.write_datetime(row, column, datetime.combine(cell, time.min), look)
        elif isinstance(cell, str) and cell:
            target.write_string(row, column, cell_text(cell, self.labels), look)
        else:
            target.write_blank(row, column, None, look)

    def _input_format(self, kind: Input) -> Any:
        return self._format(f"input_{kind.value}", _INPUTS[kind])

    def _format(self, name: str, properties: Mapping[str, object]) -> Any:
        """A format of the workbook by its name, made when it is first asked for."""
        if name not in self.formats:
            self.formats[name] = self.workbook.add_format(dict(properties))
        return self.formats[name]

    def _validate(self, target: Any, number: int, column: Column, last: int) -> None:
        """What a spreadsheet takes in a column for people."""
        if column.input is Input.DATE:
            rule: dict[str, object] = {
                "validate": "date",
                "criteria": ">=",
                "value": earliest_deadline(self.assessment, self.labels),
                "input_message": self.labels("deadline_hint"),
                "error_message": self.labels("deadline_error"),
            }
        elif column.input is Input.CHOICE:
            rule = {
                "validate": "list",
                "source": list(column.choices),
                "error_message": self.labels("follow_up_error"),
            }
        else:
            return
        target.data_validation(1, number, last, number, rule)


_ALLOWED = {
    "autofilter": True,
    "format_cells": True,
    "format_columns": True,
    "format_rows": True,
    "sort": True,
}
"""What a sheet in which only some cells may be changed allows all the same."""
_HEADER = _LINES | {"bold": True, "text_wrap": True, "font_color": "#FFFFFF"}
_HEADERS = {
    "header": _HEADER | {"bg_color": "#0B558C"},
    "header_input": _HEADER | {"bg_color": "#1D6B41"},
}
_NUMBERS = {
    "time": _LINES | {"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left"},
    "share": _LINES | {"num_format": "0.0%", "align": "left"},
    "count": _LINES | {"num_format": "#,##0", "align": "left"},
}
_INPUT = _LINES | {"bg_color": "#FFFDF0", "locked": False}
_INPUTS = {
    Input.TEXT: _INPUT | {"text_wrap": True, "num_format": "@"},
    Input.DATE: _INPUT | {"num_format": "dd/mm/yyyy", "align": "left"},
    Input.CHOICE: _INPUT | {"text_wrap": True},
}


def _height(row: Row, columns: Sequence[Column]) -> float:
    """The height of a row in points, by an estimate of its longest cell's lines.

    Without one, LibreOffice shows the first line only.
    """
    texts = ((cell, column) for cell, column in zip(row, columns, strict=True) if cell)
    lines = (
        sum(len(line) // column.width + 1 for line in text.split("\n"))
        for text, column in texts
        if isinstance(text, str)
    )
    return min(max(lines, default=1) * _LINE, _TALLEST)


def _shown_share(share: float) -> float:
    """A share to a tenth of a percent, never rounded up to 100 nor down to 0."""
    return min(max(round(share, 3), 0.001), 0.999) if 0 < share < 1 else share


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _no_codes(text: str) -> str:
    """A text for header or footer, in which "&" begins a code."""
    return text.replace("&", "&&")
