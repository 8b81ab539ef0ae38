"""Target lists in CSV (RFC 4180), as spreadsheets save them: comma, semicolon or tab."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from spbe_audit.errors import Mistake, TargetError
from spbe_audit.target_files.agencies import (
    ONLY_AGENCY,
    agencies_of,
    plain_http_port,
    repeated_id,
)
from spbe_audit.target_files.service_url import port_number, service_url
from spbe_audit.target_files.values import identifier, line_of_text, slug
from spbe_audit.targets import Expectation, Kind, Service, TargetList
from spbe_audit.text_file import UnfitError, nearest, shown
from spbe_audit.yaml_file import in_file_order

COLUMNS = (
    "agency",
    "agency_name",
    "id",
    "name",
    "url",
    "kind",
    "expected_ports",
    "http_port",
    "expect_status",
    "keyword",
    "sla",
)

T = TypeVar("T")

NO_PORT = "none"
"""The word for a service that has no plain http port; an empty cell leaves it to the rule."""

_DELIMITERS = ",;\t"
_STATUSES = range(100, 600)
_DEFAULT_PORTS = (80, 443)
_PERCENT = re.compile(r"[0-9]{1,3}([.,][0-9]{1,6})?%?")
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    line: int
    column: int


_Row = dict[str, _Cell]


def read_csv_list(text: str, *, source: str) -> TargetList:
    """A target list in CSV; raises TargetError with every mistake."""
    reader = _Reader(source)
    services = reader.services(text)
    if not services and not reader.mistakes:
        reader.mistakes.append(Mistake(source, 1, 1, "the file lists no service"))
    if reader.mistakes:
        raise TargetError(in_file_order(reader.mistakes))
    return TargetList(agencies=agencies_of(services, reader.agency_names), source=source)


@dataclass(slots=True)
class _Reader:
    """Reads one file and remembers its mistakes, its ids and the names of its agencies."""

    source: str
    mistakes: list[Mistake] = field(default_factory=list)
    agency_names: dict[str, str] = field(default_factory=dict)
    _spellings: dict[str, str] = field(default_factory=dict)
    _service_lines: dict[str, int] = field(default_factory=dict)

    def services(self, text: str) -> list[Service]:
        """The services of the file; those with mistakes are left out."""
        rows = (row for row in self._rows(text) if _holds_something(row))
        header = next(rows, None)
        if header is None:
            return []
        columns = self._columns(header)
        if "url" not in columns:
            self._tell(header[0], 'the column "url" is missing', expected=", ".join(COLUMNS))
            return []
        services = [self._service(row, columns) for row in rows]
        return [service for service in services if service is not None]

    def _rows(self, text: str) -> Iterator[list[_Cell]]:
        try:
            yield from _parsed_rows(text, _delimiter(text))
        except _OpenQuoteError as problem:
            self._tell(problem.cell, "a quotation mark is opened and not closed", expected="'\"'")

    def _columns(self, header: Sequence[_Cell]) -> list[str]:
        names: list[str] = []
        for cell in header:
            name = cell.text.lower()
            if name in names:
                self._tell(cell, f"the column {shown(name)} is repeated")
            elif name not in COLUMNS:
                near = nearest(name, COLUMNS)
                expected = ", ".join(COLUMNS)
                self._tell(cell, f"unknown column {shown(name)}", "", expected, near)
            names.append(name)
        return names

    def _service(self, cells: Sequence[_Cell], columns: Sequence[str]) -> Service | None:
        for extra in cells[len(columns) :]:
            if extra.text:
                self._tell(extra, "there is no column for this", shown(extra.text))
        row = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.text}
        url_cell = row.get("url")
        if url_cell is None:
            self._tell(cells[0], "the service has no url")
            return None
        agency = self._agency(row)
        url = self._value(row, "url", service_url)
        service_id = self._value(row, "id", identifier) or ""
        self._refuse_repeated(row, service_id)
        kind = self._value(row, "kind", _kind) or Kind.PUBLIC_SERVICE
        name = self._value(row, "name", line_of_text) or ""
        ports = self._value(row, "expected_ports", _ports)
        expectation = Expectation(
            statuses=self._value(row, "expect_status", _statuses) or (),
            keyword=self._value(row, "keyword", line_of_text) or "",
        )
        sla = self._value(row, "sla", _percent)
        stated, http_port = "http_port" in row, self._value(row, "http_port", _http_port)
        if url is None:
            return None
        return Service(
            id=service_id,
            name=name,
            url=url,
            display_url=url_cell.text,
            agency=agency,
            kind=kind.value,
            expected_ports=_DEFAULT_PORTS if ports is None else ports,
            http_port=http_port if stated else plain_http_port(url),
            expectation=expectation,
            sla=sla,
        )

    def _agency(self, row: _Row) -> str:
        name = self._value(row, "agency_name", line_of_text) or ""
        written = self._value(row, "agency", identifier) or slug(name) or ONLY_AGENCY
        agency = self._spellings.setdefault(written.casefold(), written)
        known = self.agency_names.setdefault(agency, name) if name else name
        if name != known:
            problem = f"the agency {shown(agency)} has another name above"
            self._tell(row["agency_name"], problem, shown(name), shown(known))
        return agency

    def _refuse_repeated(self, row: _Row, service_id: str) -> None:
        if not service_id:
            return
        cell = row["id"]
        first = self._service_lines.get(service_id.casefold())
        if first is None:
            self._service_lines[service_id.casefold()] = cell.line
        else:
            self._tell(cell, *repeated_id("service", service_id, first))

    def _value(self, row: _Row, column: str, parse: Callable[[str], T]) -> T | None:
        """The value of a cell; None when it is empty, or a mistake that is written down here."""
        cell = row.get(column)
        if cell is None:
            return None
        try:
            return parse(cell.text)
        except UnfitError as wrong:
            found = wrong.found or shown(cell.text)
            self._tell(cell, wrong.problem, found, wrong.expected, wrong.suggestion)
            return None

    def _tell(
        self,
        cell: _Cell,
        problem: str,
        found: str = "",
        expected: str = "",
        suggestion: str = "",
    ) -> None:
        place = (self.source, cell.line, cell.column)
        self.mistakes.append(Mistake(*place, problem, found, expected, suggestion))


class _OpenQuoteError(Exception):
    """A quoted cell does not end."""

    def __init__(self, cell: _Cell) -> None:
        self.cell = cell
        super().__init__(cell)


def _holds_something(row: Sequence[_Cell]) -> bool:
    return any(cell.text for cell in row) and not row[0].text.startswith("#")


def _delimiter(text: str) -> str:
    """The delimiter that the first line holds most of; spreadsheets differ by country."""
    lines = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    header = next(lines, "")
    return max(_DELIMITERS, key=header.count)


def _parsed_rows(text: str, delimiter: str) -> Iterator[list[_Cell]]:
    unquoted = re.compile(f"[^\r\n{delimiter}]*")
    row: list[_Cell] = []
    index, line, line_start = 0, 1, 0
    while index < len(text):
        place = (line, index - line_start + 1)
        value = ""
        if text[index] == '"':
            end = _closing_quote(text, index)
            if end is None:
                raise _OpenQuoteError(_Cell("", *place))
            value = text[index + 1 : end].replace('""', '"')
            line += text.count("\n", index, end)
            line_start = max(line_start, text.rfind("\n", index, end) + 1)
            index = end + 1
        rest = unquoted.match(text, index)
        value += rest.group() if rest else ""
        index += len(rest.group()) if rest else 0
        row.append(_cell(value, *place))
        if text.startswith(delimiter, index):
            index += 1
            continue
        index += 2 if text.startswith("\r\n", index) else 1
        line, line_start = line + 1, index
        yield row
        row = []
    if row:
        yield row


def _closing_quote(text: str, opening: int) -> int | None:
    index = text.find('"', opening + 1)
    while index != -1 and text.startswith('""', index):
        index = text.find('"', index + 2)
    return None if index == -1 else index


def _cell(value: str, line: int, column: int) -> _Cell:
    blanks = len(value) - len(value.lstrip())
    return _Cell(value.strip(), line, column + blanks)


def _kind(text: str) -> Kind:
    try:
        return Kind(text)
    except ValueError:
        raise UnfitError(
            'wrong value for "kind"',
            expected="one of " + ", ".join(Kind),
            suggestion=nearest(text, Kind),
        ) from None


def _numbers(text: str) -> list[str]:
    return text.replace(";", " ").split()


def _ports(text: str) -> tuple[int, ...]:
    return tuple(port_number(number) for number in _numbers(text))


def _http_port(text: str) -> int | None:
    return None if text.lower() == NO_PORT else port_number(text)


def _statuses(text: str) -> tuple[int, ...]:
    return tuple(_status(number) for number in _numbers(text))


def _status(text: str) -> int:
    if text.isascii() and text.isdecimal() and len(text) <= len("599") and int(text) in _STATUSES:
        return int(text)
    raise UnfitError(f"{shown(text)} is not an HTTP status", expected="numbers from 100 to 599")


def _percent(text: str) -> float:
    """A share in percent, with a decimal point or the comma of Indonesian spreadsheets."""
    if _PERCENT.fullmatch(text):
        percent = float(text.removesuffix("%").replace(",", "."))
        if 0 < percent <= _WHOLE:
            return percent
    raise UnfitError("this is not a share of time", expected="a percentage such as 99.5")
