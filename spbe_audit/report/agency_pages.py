"""All agencies compared, and the pages of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from markupsafe import Markup

from spbe_audit.finding import AgencyAssessment, Finding, ServiceAssessment
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.page import Page, Place, packed, paths_of
from spbe_audit.report.page_parts import (
    LEVELS,
    agency_row,
    fixes_of,
    instruments_of,
    open_reasons_of,
    service_row,
    summary_of,
)
from spbe_audit.report.site import Site
from spbe_audit.report.summaries import is_counted, worst_agencies

AGENCIES = "agencies.html"


def compared_pages(site: Site) -> Iterator[Page]:
    """Every agency in a table that compares them, those that need attention most first."""
    row = site.macro("rows.html.j2", "agency_row")
    compared = worst_agencies(site.assessment.agencies)
    portions = [*packed(row("", agency_row(site, agency)) for agency in compared)]
    paths = paths_of(AGENCIES, len(portions))
    for number, portion in enumerate(portions, 1):
        values: dict[str, object] = {
            "rows": Markup().join(portion),
            "levels": LEVELS,
            "place": Place(number, paths),
        }
        yield site.page(paths[number - 1], "agencies.html.j2", values)


def agency_pages(site: Site, heat_maps: Mapping[str, str]) -> Iterator[Page]:
    """The pages of each agency. ``heat_maps`` has the place of its services on the heat map."""
    names = FileNames()
    for agency in site.assessment.agencies:
        names.name_for(agency.agency.id)
    row = site.macro("rows.html.j2", "service_row")
    for agency in site.assessment.agencies:
        portions = [*packed(row("../", service_row(site, one)) for one in agency.services)]
        first = site.agency_pages[agency.agency.id]
        more = (names.name_for(agency.agency.id, str(n)) for n in range(2, len(portions) + 1))
        paths = (first, *(f"agency/{name}.html" for name in more))
        for number, portion in enumerate(portions, 1):
            values: dict[str, object] = {
                "agency": agency.agency,
                "rows": Markup().join(portion),
                "levels": LEVELS,
                "place": Place(number, paths),
                "heat_map": heat_maps.get(agency.agency.id, ""),
            }
            path = paths[number - 1]
            if number == 1:
                values |= _summary(site, agency)
            yield site.page(path, "agency.html.j2", values)


def _summary(site: Site, agency: AgencyAssessment) -> dict[str, object]:
    """What stands on the first page of an agency only."""
    return {
        "summary": summary_of(agency.services, agency.score, site.labels),
        "score": agency.score,
        "aspects": agency.aspects,
        "groups": fixes_of(site, _findings(agency.services)),
        "instruments": instruments_of(site, agency.controls),
        "reasons": open_reasons_of(site, filter(is_counted, _findings(agency.services))),
    }


def _findings(services: Iterable[ServiceAssessment]) -> Iterator[Finding]:
    for service in services:
        yield from service.findings
