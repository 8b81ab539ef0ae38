"""Tables as a workbook has them: columns, rows, and what people may write where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from spbe_audit.severity import Severity

Cell = str | int | float | datetime | date | Severity | None
"""A text, a count, a share from 0 to 1, a time with its zone, a day, a severity, or nothing."""
Row = Sequence[Cell]


class Input(StrEnum):
    """What a person writes into a column."""

    TEXT = "text"
    DATE = "date"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its header, its width in characters, and what a person is to write there."""

    header: str
    width: int
    input: Input | None = None
    choices: tuple[str, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet. ``fixed`` columns stay in view; ``pages_wide`` is for print on A4.

    Of one that is ``protected`` only the cells for people can be changed; there is no password.
    """

    name: str
    columns: tuple[Column, ...]
    rows: Callable[[], Iterable[Row]]
    fixed: int = 0
    pages_wide: int = 1
    protected: bool = False
    hidden: bool = False
