"""The ground that all HTML pages stand on: their names, their templates, their style."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from jinja2 import Environment
from markupsafe import Markup

from spbe_audit.errors import ReportError
from spbe_audit.finding import Assessment
from spbe_audit.recorded_run import RecordedRun
from spbe_audit.report.environment import environment_for, macro_of, rendered
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.labels import Labels
from spbe_audit.report.languages import ways_from
from spbe_audit.report.page import MOST_BYTES, Page, Place, size_of
from spbe_audit.report.requirement_groups import RequirementGroup, group_by_requirement
from spbe_audit.report.summaries import ServiceKey

MOST_SERVICES = 10
"""Services that a list names before it says "and n more"."""

_BRIEFER = ((120, 10), (40, 3))
"""Characters of a value and items of a list, for a page that would be too large otherwise."""


@dataclass(frozen=True, slots=True)
class ServiceLink:
    """A service's page, relative to the report's folder, and its name."""

    page: str
    name: str


@dataclass(frozen=True, slots=True)
class ServiceLinks:
    """The first services of a list, and how many more there are."""

    shown: tuple[ServiceLink, ...]
    more: int


@dataclass(frozen=True)
class Site:
    """Everything that pages share. ``service_pages`` and ``agency_pages`` are relative paths.

    ``recorded`` is the run that was judged; its evidence is read one service at a time.
    """

    assessment: Assessment
    narrator: Narrator
    environment: Environment
    agency_pages: Mapping[str, str]
    service_pages: Mapping[ServiceKey, str]
    service_names: Mapping[ServiceKey, str]
    agency_names: Mapping[str, str]
    languages: tuple[str, ...]
    recorded: RecordedRun | None = None

    @property
    def labels(self) -> Labels:
        """The words of the report's language."""
        return self.narrator.labels

    @cached_property
    def groups(self) -> tuple[RequirementGroup, ...]:
        """The requirements that are not met somewhere, gravest first; observations come last."""
        return group_by_requirement(
            finding for service in self.assessment.services for finding in service.findings
        )

    @cached_property
    def finding_pages(self) -> Mapping[str, str]:
        """The page of each requirement that is not met somewhere, by its id."""
        names = FileNames()
        return {
            group.requirement: f"findings/{names.name_for(group.requirement)}.html"
            for group in self.groups
        }

    @cached_property
    def anchors(self) -> Mapping[str, str]:
        """The id that the answer to each requirement has on the page of every service."""
        names = FileNames()
        asked = {
            finding.requirement
            for service in self.assessment.services
            for finding in service.findings
        }
        return {requirement: names.name_for(requirement) for requirement in sorted(asked)}

    @cached_property
    def briefer(self) -> Site | None:
        """The same site showing less of each value; None where it shows the least already."""
        for value, items in _BRIEFER:
            if self.labels.longest_value > value:
                labels = replace(self.labels, longest_value=value, most_items=items)
                narrator = replace(self.narrator, labels=labels)
                return replace(self, narrator=narrator, environment=environment_for(labels))
        return None

    def macro(self, template: str, name: str) -> Callable[..., Markup]:
        """A macro of a template, to be called once for each row of a long list."""
        return macro_of(self.environment, self.labels.templates, template, name)

    def page(
        self,
        path: str,
        template: str,
        values: Mapping[str, object] | Callable[[Site], Mapping[str, object]],
    ) -> Page:
        """The page at ``path``, which is relative to the folder of its language.

        Where it would be too large, less is shown of each value from the network; values that are
        sentences already are made anew for that, where they come from a function of the site.
        Raises ReportError where it stays too large however little is shown.
        """
        trying: Site | None = self
        shared = {"root": "../" * path.count("/"), "run": self.assessment.run}
        while trying:
            shown = values(trying) if callable(values) else values
            text = trying.render(template, shared | dict(shown), path=path)
            if size_of(text) <= MOST_BYTES:
                return Page(path, text)
            trying = trying.briefer
        raise ReportError(
            f"the page {path} would be larger than {MOST_BYTES:,} bytes",
            "Use a policy with fewer requirements, or split the target list.",
        )

    def links(self, services: Sequence[ServiceKey]) -> ServiceLinks:
        """Links to the first few services of a list."""
        shown = tuple(
            ServiceLink(self.service_pages[key], self.service_names[key])
            for key in services[:MOST_SERVICES]
        )
        return ServiceLinks(shown, len(services) - len(shown))

    def render(self, template: str, values: Mapping[str, object], *, path: str) -> str:
        """The page at ``path``, which is relative to the folder of its language."""
        place = values.get("place")
        across = place.paths[0] if isinstance(place, Place) else path
        ways = ways_from(path, across, self.labels.language, self.languages)
        shared = {"home": ways.home, "twins": ways.twins}
        text = rendered(self.environment, self.labels.templates, template, shared | dict(values))
        return text + "\n"


def build_site(
    assessment: Assessment,
    narrator: Narrator,
    *,
    languages: tuple[str, ...] = (),
    recorded: RecordedRun | None = None,
) -> Site:
    """The site of one assessment in one language; ``languages`` are all that it is written in."""
    agency_names, service_names = FileNames(), FileNames()
    agencies = [agency.agency for agency in assessment.agencies]
    services = [service.service for service in assessment.services]
    return Site(
        assessment=assessment,
        narrator=narrator,
        environment=environment_for(narrator.labels),
        agency_pages={
            agency.id: f"agency/{agency_names.name_for(agency.id)}.html" for agency in agencies
        },
        service_pages={
            (one.agency, one.id): f"service/{service_names.name_for(one.agency, one.id)}.html"
            for one in services
        },
        service_names={(one.agency, one.id): one.name for one in services},
        agency_names={agency.id: agency.name for agency in agencies},
        languages=languages or (narrator.labels.language,),
        recorded=recorded,
    )
