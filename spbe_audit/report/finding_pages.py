"""The list of findings, and the pages of each: one fix and every service that needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from spbe_audit.finding import Finding
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import Citation, Snippet
from spbe_audit.report.front_page import responsible
from spbe_audit.report.page import Page, Place, packed, paths_of
from spbe_audit.report.requirement_groups import RequirementGroup
from spbe_audit.report.site import Site
from spbe_audit.report.summaries import ServiceKey, service_key
from spbe_audit.report.wording import Piece, server_software
from spbe_audit.severity import Severity
from spbe_audit.targets import Service

FINDINGS = "findings.html"


@dataclass(frozen=True, slots=True)
class ListedFinding:
    """One line of the list of findings."""

    requirement: str
    page: str
    severity: Severity
    is_observation: bool
    family: str
    title: str
    services: int
    agencies: int
    who: str
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class FoundAt:
    """One service that needs a fix: where it is told of, and what was seen there."""

    finding: Finding
    page: str
    service: str
    agency: str
    condition: tuple[Piece, ...]
    command: str


@dataclass(frozen=True, slots=True)
class SeenSnippet:
    """Lines to write for a server software, and at how many of the services it was seen."""

    snippet: Snippet
    services: int


def list_pages(site: Site) -> Iterator[Page]:
    """The list of findings: gravest first, then those that concern most services."""
    row = site.macro("rows.html.j2", "list_row")
    portions = [*packed(row("", _listed(site, group)) for group in site.groups)]
    paths = paths_of(FINDINGS, len(portions))
    faults = sum(not group.is_observation for group in site.groups)
    for number, portion in enumerate(portions, 1):
        values: dict[str, object] = {
            "rows": Markup().join(portion),
            "faults": faults,
            "observations": len(site.groups) - faults,
            "place": Place(number, paths),
        }
        yield site.page(paths[number - 1], "findings.html.j2", values)


def finding_pages(site: Site) -> Iterator[Page]:
    """The pages of each requirement that is not met somewhere."""
    names = FileNames()
    for group in site.groups:
        names.name_for(group.requirement)
    services = {
        (one.service.agency, one.service.id): one.service for one in site.assessment.services
    }
    software = {
        (one.service.agency, one.service.id): server_software(one.findings)
        for one in site.assessment.services
    }
    row = site.macro("rows.html.j2", "finding_row")
    for group in site.groups:
        commands = _commands(site, group, services)
        same = len(set(commands)) <= 1
        found = zip(group.findings, commands, strict=True)
        rows = (row("../", _found_at(site, one, "" if same else told)) for one, told in found)
        portions = [*packed(rows)]
        first = site.finding_pages[group.requirement]
        more = (names.name_for(group.requirement, str(n)) for n in range(2, len(portions) + 1))
        paths = (first, *(f"findings/{name}.html" for name in more))
        parts = _formal_parts(site, group, software)
        parts |= {"command": commands[0], "one_command": same}
        for number, portion in enumerate(portions, 1):
            values = {"rows": Markup().join(portion), "place": Place(number, paths)} | parts
            yield site.page(paths[number - 1], "finding.html.j2", values)


def _listed(site: Site, group: RequirementGroup) -> ListedFinding:
    return ListedFinding(
        requirement=group.requirement,
        page=site.finding_pages[group.requirement],
        severity=group.severity,
        is_observation=group.is_observation,
        family=group.check.partition(".")[0],
        title=site.narrator.title(group.check),
        services=group.services,
        agencies=group.agencies,
        who=responsible(group.check, site.labels),
        citations=tuple(map(site.narrator.citation, group.controls)),
    )


def _commands(
    site: Site, group: RequirementGroup, services: Mapping[ServiceKey, Service]
) -> list[str]:
    """The command that repeats each observation."""
    return [site.narrator.command(one, services[service_key(one)]) for one in group.findings]


def _found_at(site: Site, finding: Finding, command: str) -> FoundAt:
    key = service_key(finding)
    return FoundAt(
        finding=finding,
        page=f"{site.service_pages[key]}#{site.anchors[finding.requirement]}",
        service=site.service_names[key],
        agency=site.agency_names[finding.agency],
        condition=site.narrator.condition_pieces(finding),
        command=command,
    )


def _formal_parts(
    site: Site, group: RequirementGroup, software: Mapping[ServiceKey, str | None]
) -> dict[str, object]:
    """What all findings of a requirement share: criteria, consequence, recommendation."""
    narrator = site.narrator
    seen = Counter(software[service_key(finding)] for finding in group.findings)
    snippets = dict(narrator.snippets(group.check))
    shown = [
        SeenSnippet(snippets.pop(name), seen[name])
        for name in sorted((one for one in seen if one), key=lambda one: (-seen[one], one))
        if name in snippets
    ]
    return {
        "group": group,
        "title": narrator.title(group.check),
        "who": responsible(group.check, site.labels),
        "citations": [narrator.citation(control) for control in group.controls],
        "consequence": narrator.consequence(group.check),
        "remedy": narrator.remedy(group.check),
        "seen_snippets": shown,
        "other_snippets": tuple(snippets.values()),
        "references": narrator.references(group.check),
    }
