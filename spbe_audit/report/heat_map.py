"""The heat map: every service against every clause that checks touch, a sign and a colour each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from spbe_audit.finding import AgencyAssessment, ControlResult, ControlStatus, ServiceAssessment
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import Citation
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import Labels
from spbe_audit.report.page import Page, Place, packed, paths_of
from spbe_audit.report.site import Site
from spbe_audit.report.wording import shortened

HEAT_MAP = "heat-map.html"
MOST_CLAUSES = 100
"""Columns of a map; a policy that touches more clauses shows the first ones."""

_MOST_TOGETHER = 100
"""Services of one agency that stand together before its name is told again."""
_ROOM_TOGETHER = 200_000
_LETTERS = 26
_WORD = re.compile(r"[^\W\d]{2,}\.?\s*")

SIGNS = {
    ControlStatus.CONFORMING: "✓",
    ControlStatus.PARTLY_CONFORMING: "±",
    ControlStatus.NOT_CONFORMING: "✕",
    ControlStatus.NOT_TESTABLE: "?",
    ControlStatus.NOT_APPLICABLE: "–",  # noqa: RUF001 - the dash of an empty cell
}
"""What stands in a cell; whatever else a clause may be leaves its cell empty."""


@dataclass(frozen=True, slots=True)
class Column:
    """One clause. ``short`` is its number as it fits over a narrow column."""

    control: str
    citation: Citation
    short: str


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """The clauses of one regulation; ``mark`` is the letter that stands over them."""

    mark: str
    instrument: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The map cut into pages. ``places`` has the address of each agency's services on it."""

    groups: tuple[ColumnGroup, ...]
    left_out: int
    portions: tuple[tuple[Markup, ...], ...]
    paths: tuple[str, ...]
    places: Mapping[str, str]


def build_heat_map(site: Site) -> HeatMap:
    """The rows of the map, and which page each agency stands on."""
    columns, left_out = _columns(site)
    drawn = _Drawing(site, columns)
    bodies = [*_bodies(site, drawn)]
    portions = (*packed((body for _, body in bodies)),)
    paths = paths_of(HEAT_MAP, len(portions))
    agencies = iter(bodies)
    places: dict[str, str] = {}
    for path, portion in zip(paths, portions, strict=True):
        for _ in portion:
            agency, _ = next(agencies)
            places.setdefault(agency, f"{path}#{drawn.anchors[agency]}")
    return HeatMap((*_groups(columns),), left_out, portions, paths, places)


def heat_map_pages(site: Site, heat_map: HeatMap) -> Iterator[Page]:
    """The pages of the map."""
    for number, portion in enumerate(heat_map.portions, 1):
        values: dict[str, object] = {
            "groups": heat_map.groups,
            "left_out": heat_map.left_out,
            "bodies": Markup().join(portion),
            "signs": list(SIGNS.items()),
            "place": Place(number, heat_map.paths),
        }
        yield site.page(heat_map.paths[number - 1], "heat-map.html.j2", values)


class _Drawing:
    """Draws rows; a cell that was drawn once is kept, since few of them differ."""

    def __init__(self, site: Site, columns: Sequence[Column]) -> None:
        self._site = site
        self._columns = columns
        self._cells: dict[tuple[object, ...], Markup] = {}
        names = FileNames()
        agencies = site.assessment.agencies
        self.anchors = {one.agency.id: names.name_for("agency", one.agency.id) for one in agencies}

    def head(self, agency: AgencyAssessment, *, first: bool) -> Markup:
        """The row of an agency over those of its services."""
        anchor = Markup(' id="{}"').format(self.anchors[agency.agency.id]) if first else Markup()
        row = Markup('<tr class="agency"{}><th scope="row"><a href="{}">{}</a></th>{}</tr>\n')
        return row.format(
            anchor,
            self._site.agency_pages[agency.agency.id],
            self._name(agency.agency.name),
            self._row(agency.controls),
        )

    def row(self, service: ServiceAssessment) -> Markup:
        """The row of a service."""
        key = service.service.agency, service.service.id
        return Markup('<tr><th scope="row"><a href="{}">{}</a></th>{}</tr>\n').format(
            self._site.service_pages[key],
            self._name(service.service.name),
            self._row(service.controls),
        )

    def _name(self, name: str) -> str:
        return spelt_out(shortened(name, self._site.labels))

    def _row(self, results: Iterable[ControlResult]) -> Markup:
        by_control = {result.control.id: result for result in results}
        return Markup().join(
            self._cell(index, by_control.get(column.control))
            for index, column in enumerate(self._columns)
        )

    def _cell(self, index: int, result: ControlResult | None) -> Markup:
        key = index, result and (result.status, result.score)
        if key not in self._cells:
            self._cells[key] = _cell(self._columns[index], result, self._site.labels)
        return self._cells[key]


def _bodies(site: Site, drawn: _Drawing) -> Iterator[tuple[str, Markup]]:
    """The agencies one after another; a large one is several bodies, each with its name."""
    for agency in site.assessment.agencies:
        rows = packed(map(drawn.row, agency.services), most=_MOST_TOGETHER, room=_ROOM_TOGETHER)
        for number, portion in enumerate(rows):
            head = drawn.head(agency, first=number == 0)
            body = Markup("<tbody>\n{}{}</tbody>\n").format(head, Markup().join(portion))
            yield agency.agency.id, body


def _columns(site: Site) -> tuple[list[Column], int]:
    """The clauses that were observed anywhere, and how many of them are left out."""
    observed = [
        result.control
        for result in site.assessment.controls
        if result.score.passed
        or result.score.failed
        or result.score.unknown
        or result.score.not_applicable
    ]
    columns = []
    for control in observed[:MOST_CLAUSES]:
        citation = site.narrator.citation_of(control)
        short = _WORD.sub("", citation.clause).strip() or citation.clause
        columns.append(Column(control.id, citation, short))
    return columns, max(0, len(observed) - MOST_CLAUSES)


def _groups(columns: Sequence[Column]) -> Iterator[ColumnGroup]:
    """The columns by regulation: A, B, ... and numbers after Z."""
    grouped = groupby(columns, key=lambda column: column.citation.instrument)
    for number, (instrument, members) in enumerate(grouped, 1):
        mark = chr(ord("A") + number - 1) if number <= _LETTERS else str(number)
        yield ColumnGroup(mark, instrument, tuple(members))


def _cell(column: Column, result: ControlResult | None, labels: Labels) -> Markup:
    sign = SIGNS.get(result.status) if result else None
    if result is None or sign is None:
        return Markup("<td></td>")
    score = result.score
    told = [labels(f"status_{result.status}")]
    if score.passed + score.failed:
        judged = score.passed + score.failed
        told.append(labels("of_answers", passed=score.passed, judged=judged))
    if score.unknown:
        told.append(labels("count_unknown", n=score.unknown))
    title = f"{column.citation.clause}: {', '.join(told)}"
    return Markup('<td class="h-{}" title="{}">{}</td>').format(result.status, title, sign)
