"""The values that people write into cells: what each is taken for, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from spbe_audit.finding import FollowUpStatus
from spbe_audit.report.follow_up_view import follow_up_words
from spbe_audit.report.labels import Labels
from spbe_audit.report.returned_workbook import ReturnedCell
from spbe_audit.text_file import UnfitError, nearest

LONGEST_ANSWER = 32_767
"""Characters that a cell may hold."""

_DATE_EXPECTED = "a date such as 31/12/2026, or an empty cell"
_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_EXACT = 10**15
"""From here on a spreadsheet keeps no longer every digit of a number."""


def usable(cell: ReturnedCell) -> Any:
    """The value of a cell. Raises UnfitError where a formula or an error stands there."""
    if cell.formula:
        raise UnfitError("a formula stands here", expected="what it gives, as a value")
    if cell.error:
        raise UnfitError("an error of the spreadsheet stands here")
    return cell.value


def read_text(value: Any) -> str:
    """What stands in a cell for text. A date or a number was typed as one: its words are meant."""
    if isinstance(value, str):
        if len(value) > LONGEST_ANSWER:
            raise UnfitError("the text is too long", expected=f"{LONGEST_ANSWER} characters")
        return "\n".join(line.rstrip() for line in value.splitlines()).strip()
    if isinstance(value, datetime | date):
        return f"{value:%d/%m/%Y}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) >= _EXACT:
            raise UnfitError(
                "a spreadsheet keeps only 15 digits of a number",
                expected="the cell formatted as text, and the number typed again",
            )
        return str(int(value)) if value == int(value) else str(value)
    if value is None:
        return ""
    raise UnfitError("this is no text", expected="text")


def read_date(value: Any) -> date | None:
    """A day: a cell that is a date, or a text such as 31/12/2026 or 2026-12-31."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or value is None:
        return value
    if not isinstance(value, str):
        raise UnfitError("this is no date", expected=_DATE_EXPECTED)
    text = value.strip()
    parts = _DAY_FIRST.fullmatch(text)
    numbers = parts.groups()[::-1] if parts else None
    parts = _YEAR_FIRST.fullmatch(text)
    numbers = parts.groups() if parts else numbers
    if not text:
        return None
    try:
        year, month, day = map(int, numbers or ())
        return date(year, month, day)
    except ValueError as error:
        raise UnfitError("this is no date", expected=_DATE_EXPECTED) from error


def read_status(labels: Labels) -> Callable[[Any], FollowUpStatus | None]:
    """Reads a choice of the list, in the words of a language."""
    words = follow_up_words(labels)
    by_word = {word.casefold(): status for word, status in zip(words, FollowUpStatus, strict=True)}

    def read(value: Any) -> FollowUpStatus | None:
        text = str(value if value is not None else "").strip()
        if not text:
            return None
        if text.casefold() not in by_word:
            raise UnfitError(
                "this is none of the states",
                expected=f"one of {', '.join(words)}",
                suggestion=nearest(text, words),
            )
        return by_word[text.casefold()]

    return read


__all__ = ["read_date", "read_status", "read_text", "usable"]
