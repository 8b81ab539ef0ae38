"""Reads back what agencies answered: row by row, every mistake with the address of its cell."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from spbe_audit.errors import FileError, FollowUpError, Mistake
from spbe_audit.finding import FollowUp
from spbe_audit.report.follow_up_form import (
    ANSWERS,
    FIXED,
    MARK,
    ORIGIN_SHEET,
    Origin,
    marks_of,
    read_origin,
)
from spbe_audit.report.follow_up_values import read_date, read_status, read_text, usable
from spbe_audit.report.labels import Labels
from spbe_audit.report.returned_workbook import (
    ReturnedCell,
    ReturnedSheet,
    open_sheets,
    read_file,
    sheet_named,
)
from spbe_audit.text_file import UnfitError, nearest, shown, whole_file_error

LONGEST_TERM = timedelta(days=3653)
"""A deadline later than ten years after the scan is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What the evidence file knows of the run that a workbook is about.

    ``findings`` are the ids of its findings, ``day`` is when it began.
    """

    findings: Collection[str]
    day: date


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a returned workbook is held against.

    ``key`` is that of the evidence file; ``run`` finds a run by its id, None where there is none
    such; ``words`` are those of a language; ``answers`` are known already, by the finding's id.
    """

    key: bytes
    run: Callable[[str], KnownRun | None]
    words: Callable[[str], Labels]
    answers: Mapping[str, FollowUp]


@dataclass(frozen=True, slots=True)
class Returned:
    """What a workbook brought: the answers that are new or changed, by the finding's id."""

    path: Path
    digest: str
    origin: Origin
    answers: Mapping[str, FollowUp]


def read_returned(
    paths: Sequence[Path], expected: Expectations, *, at: datetime, by: str
) -> tuple[Returned, ...]:
    """What some workbooks brought. ``at`` and ``by`` say when and by whom it is entered.

    Raises FollowUpError with every mistake in all of them; ReportError where openpyxl is missing.
    """
    mistakes: list[Mistake] = []
    found: list[Returned] = []
    answered: dict[str, str] = {}
    advice = ""
    for path in paths:
        try:
            content = read_file(path)
            blank = _blank(at, by, hashlib.sha256(content).hexdigest())
            reading = _Reading(path, content, expected, blank, answered)
            found.append(reading.returned())
            mistakes += reading.mistakes
        except FollowUpError as error:
            mistakes += error.mistakes
            advice = error.advice
    if mistakes:
        failure = FollowUpError(mistakes)
        failure.advice = advice or "Correct these cells, or have them corrected; nothing was taken."
        raise failure
    return tuple(found)


def _blank(at: datetime, by: str, digest: str) -> FollowUp:
    return FollowUp("", "", "", None, None, at, by, digest)


@dataclass
class _Reading:
    """One workbook that is being read; ``answered`` are the findings of all, with their cells."""

    path: Path
    content: bytes
    expected: Expectations
    blank: FollowUp
    answered: dict[str, str]
    mistakes: list[Mistake] = field(default_factory=list)

    def returned(self) -> Returned:
        """What the workbook brought; what is wrong in it is in ``mistakes`` then."""
        sheets = open_sheets(self.path, self.content)
        origin = self._origin(sheets)
        labels = self.expected.words(origin.language)
        run = self.expected.run(origin.run)
        if run is None:
            raise self._refused(
                f"the evidence file holds no run {origin.run} any more",
                "Name the evidence file that it was exported from with --store.",
            )
        sheet = sheet_named(self.path, sheets, labels("sheet_follow_up"))
        columns = self._columns(sheet, labels)
        answers: dict[str, FollowUp] = {}
        if columns is not None:
            table = _Table(sheet, columns, origin, run, labels)
            self._merged(sheet)
            for row in range(2, sheet.rows + 1):
                self._row(table, row, answers)
        return Returned(self.path, self.blank.file_digest, origin, answers)

    def _origin(self, sheets: dict[str, ReturnedSheet]) -> Origin:
        hidden = sheets.get(ORIGIN_SHEET)
        stated = hidden.cell(2, 1).value if hidden else None
        origin = read_origin(self.expected.key, stated) if isinstance(stated, str) else None
        if origin is None:
            raise self._refused(
                "this workbook was not exported from this evidence file",
                "Name the evidence file that it was exported from with --store, or export anew.",
            )
        return origin

    def _columns(self, sheet: ReturnedSheet, labels: Labels) -> dict[str, int] | None:
        """Where each column stands, by its label; None where one is missing or there twice."""
        headers: dict[str, list[int]] = {}
        for column in range(1, sheet.columns + 1):
            value = sheet.cell(1, column).value
            headers.setdefault(str(value or "").strip().casefold(), []).append(column)
        columns = {}
        for place, name in enumerate((*FIXED, *ANSWERS, MARK), start=1):
            there = headers.get(labels(name).casefold(), [])
            if len(there) == 1:
                columns[name] = there[0]
                continue
            header = shown(labels(name))
            problem = f"two columns have the header {header}" if there else "a column is missing"
            address = sheet.address(1, there[1] if there else place)
            self._mistake(address, problem, expected="" if there else header)
        return None if self.mistakes else columns

    def _merged(self, sheet: ReturnedSheet) -> None:
        for address in sheet.merged():
            self._mistake(address, "cells are merged", expected="one row for each finding")

    def _row(self, table: _Table, row: int, answers: dict[str, FollowUp]) -> None:
        """One row: its mistakes, or its answer where that is new."""
        if table.is_empty(row):
            return
        before = len(self.mistakes)
        finding = self._finding(table, row)
        answer = self._answer(table, row, finding)
        if len(self.mistakes) > before:
            return
        known = self.expected.answers.get(finding)
        if _said(answer) != _said(known or self.blank):
            answers[finding] = answer

    def _finding(self, table: _Table, row: int) -> str:
        """The number of the finding that a row is about, with all that is fixed unchanged."""
        texts = [self._fixed(table, row, name) for name in FIXED]
        finding, place = texts[0], table.at(row, FIXED[0])
        if finding not in table.run.findings:
            self._mistake(
                place.address,
                "no finding of the run has this number",
                found=shown(place.value),
                suggestion=nearest(finding, table.run.findings),
            )
            return finding
        first = self.answered.setdefault(finding, f"{self.path}: {place.address}")
        if first != f"{self.path}: {place.address}":
            self._mistake(place.address, "this finding is there twice", found=f"first at {first}")
        self._unchanged(table, row, texts)
        return finding

    def _unchanged(self, table: _Table, row: int, texts: Sequence[str]) -> None:
        mark = table.at(row, MARK)
        given = str(mark.value or "").split("-")
        wanted = marks_of(self.expected.key, table.origin, texts)
        if len(given) != len(wanted):
            self._mistake(mark.address, "the mark of authenticity is missing or damaged")
            return
        changed = [
            name
            for name, one, other in zip(FIXED, given, wanted, strict=True)
            if not hmac.compare_digest(one.encode(), other.encode())
        ]
        if FIXED[0] in changed:
            place = table.at(row, FIXED[0])
            self._mistake(place.address, "this number stood in another row when it was sent out")
            return
        for name in changed:
            place = table.at(row, name)
            self._mistake(
                place.address,
                "this cell may not be changed",
                found=shown(place.value),
                expected="what was exported",
            )

    def _fixed(self, table: _Table, row: int, name: str) -> str:
        cell = table.at(row, name)
        if cell.formula:
            self._mistake(cell.address, "a formula stands here", found=shown(str(cell.value)))
        return "" if cell.value is None else str(cell.value)

    def _answer(self, table: _Table, row: int, finding: str) -> FollowUp:
        """What the auditee wrote in a row; what cannot be used is left out and told."""
        return replace(
            self.blank,
            response=self._used(table, row, "auditee_response", read_text) or "",
            action_plan=self._used(table, row, "action_plan", read_text) or "",
            person_in_charge=self._used(table, row, "person_in_charge", read_text) or "",
            deadline=self._used(table, row, "deadline", self._deadline(table, finding)),
            status=self._used(table, row, "follow_up_status", read_status(table.labels)),
        )

    def _deadline(self, table: _Table, finding: str) -> Callable[[Any], date | None]:
        """Reads a deadline; one that is known already may lie before the scan."""
        known = self.expected.answers.get(finding)

        def read(value: Any) -> date | None:
            day = read_date(value)
            if day is None or (known and day == known.deadline):
                return day
            last = table.run.day + LONGEST_TERM
            if not table.run.day <= day <= last:
                early = day < table.run.day
                raise UnfitError(
                    "a deadline before the scan" if early else "a deadline so far away",
                    expected=f"a date from {table.run.day} to {last}",
                )
            return day

        return read

    def _used(self, table: _Table, row: int, name: str, read: Callable[[Any], Any]) -> Any:
        cell = table.at(row, name)
        try:
            return read(usable(cell))
        except UnfitError as problem:
            self._mistake(
                cell.address,
                problem.problem,
                found=shown(cell.value if isinstance(cell.value, str) else str(cell.value)),
                expected=problem.expected,
                suggestion=problem.suggestion,
            )
            return None

    def _mistake(self, address: str, problem: str, **told: str) -> None:
        self.mistakes.append(Mistake(f"{self.path}: {address}", 0, 0, problem, **told))

    def _refused(self, problem: str, advice: str) -> FileError:
        return whole_file_error(self.path, problem, error=FollowUpError, advice=advice)


@dataclass(frozen=True, slots=True)
class _Table:
    """The sheet with the answers: where its columns stand, and what it is about."""

    sheet: ReturnedSheet
    columns: Mapping[str, int]
    origin: Origin
    run: KnownRun
    labels: Labels

    def at(self, row: int, name: str) -> ReturnedCell:
        """A cell by its row and the label of its column."""
        return self.sheet.cell(row, self.columns[name])

    def is_empty(self, row: int) -> bool:
        """Whether nothing stands in a row."""
        cells = (self.sheet.cell(row, column).value for column in self.columns.values())
        return all(value is None or not str(value).strip() for value in cells)


def _said(answer: FollowUp) -> tuple[object, ...]:
    """What an auditee said, without who entered it when."""
    return (
        answer.response,
        answer.action_plan,
        answer.person_in_charge,
        answer.deadline,
        answer.status,
    )


__all__ = ["Expectations", "KnownRun", "Returned", "read_returned"]
