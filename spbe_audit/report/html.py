"""The HTML report: which pages it has, and in which order they are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spbe_audit.report.agency_pages import agency_pages, compared_pages
from spbe_audit.report.appendix_pages import (
    clause_pages,
    control_pages,
    limitation_pages,
    method_page,
)
from spbe_audit.report.changes_page import changes_page
from spbe_audit.report.entered_pages import entered_pages
from spbe_audit.report.finding_pages import finding_pages, list_pages
from spbe_audit.report.front_page import front_page
from spbe_audit.report.heat_map import build_heat_map, heat_map_pages
from spbe_audit.report.page import Page
from spbe_audit.report.service_page import service_page
from spbe_audit.report.site import Site


def html_pages(site: Site, *, other_files: Sequence[str]) -> Iterator[Page]:
    """Every page, the index last: a report that has an index is whole.

    One page is made at a time. Raises ReportError for a page that cannot be kept small.
    """
    for agency in site.assessment.agencies:
        for service in agency.services:
            yield service_page(site, agency, service)
    heat_map = build_heat_map(site)
    yield from heat_map_pages(site, heat_map)
    yield from agency_pages(site, heat_map.places)
    del heat_map
    yield from compared_pages(site)
    yield from finding_pages(site)
    yield from list_pages(site)
    yield from control_pages(site)
    yield from clause_pages(site)
    yield from limitation_pages(site)
    yield from entered_pages(site)
    yield method_page(site, other_files)
    if site.assessment.comparison:
        yield changes_page(site, site.assessment.comparison, site.assessment.trend)
    yield front_page(site, other_files)
