"""The pages of what people entered: waivers, and the answers of auditees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from spbe_audit.finding import Assessment, Finding
from spbe_audit.report.follow_up_view import agency_follow_ups, follow_up_lines, follow_up_notes
from spbe_audit.report.labels import Labels
from spbe_audit.report.page import Page, Place, packed, paths_of
from spbe_audit.report.site import MOST_SERVICES, Site
from spbe_audit.report.summaries import service_key
from spbe_audit.report.waiver_view import waiver_alarms, waiver_rows

WAIVERS = "waivers.html"
FOLLOW_UP = "follow-up.html"


@dataclass(frozen=True, slots=True)
class Entered:
    """What the first page says of what people entered; empty where they entered nothing."""

    alarms: tuple[str, ...]
    has_waivers: bool
    waived: int
    before: float | None
    after: float | None
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """A finding with its answer and where it is told of."""

    finding: Finding
    page: str
    title: str
    service: str
    agency: str
    notes: tuple[str, ...]


def entered(assessment: Assessment, labels: Labels) -> Entered:
    """What a reader has to know of waivers and answers before anything else."""
    score = assessment.score
    return Entered(
        alarms=waiver_alarms(assessment, labels),
        has_waivers=bool(assessment.waivers),
        waived=score.waived,
        before=score.compliance,
        after=score.compliance_after_waivers,
        lines=follow_up_lines(assessment, labels),
    )


def entered_pages(site: Site) -> Iterator[Page]:
    """The pages of waivers and of follow-up, where there is something to show."""
    yield from _waiver_pages(site)
    yield from _follow_up_pages(site)


def _waiver_pages(site: Site) -> Iterator[Page]:
    assessment, labels = site.assessment, site.labels
    if not assessment.waivers:
        return
    row = site.macro("entered.html.j2", "waiver_row")
    portions = [*packed(row("", values) for values in _waiver_values(site))]
    paths = paths_of(WAIVERS, len(portions))
    shared: dict[str, object] = {
        "alarms": waiver_alarms(assessment, labels),
        "score": assessment.score,
    }
    for number, portion in enumerate(portions, 1):
        values = shared | {"rows": Markup().join(portion), "place": Place(number, paths)}
        yield site.page(paths[number - 1], "waivers.html.j2", values)


def _waiver_values(site: Site) -> Iterator[dict[str, object]]:
    for row in waiver_rows(site.assessment, site.labels):
        yield {
            "use": row.use,
            "state": row.state,
            "notes": row.notes,
            "links": [
                (_place(site, one), site.service_names[service_key(one)], _title(site, one))
                for one in row.findings[:MOST_SERVICES]
            ],
            "more": max(0, len(row.findings) - MOST_SERVICES),
        }


def _follow_up_pages(site: Site) -> Iterator[Page]:
    lines = follow_up_lines(site.assessment, site.labels)
    if not any(finding.follow_up for finding in site.assessment.findings):
        return
    row = site.macro("entered.html.j2", "follow_up_row")
    portions = [*packed(row("", one) for one in _followed_up(site))]
    paths = paths_of(FOLLOW_UP, len(portions))
    for number, portion in enumerate(portions, 1):
        values: dict[str, object] = {
            "lines": lines,
            "rows": Markup().join(portion),
            "place": Place(number, paths),
        }
        yield site.page(paths[number - 1], "follow-up.html.j2", values)


def _followed_up(site: Site) -> Iterator[FollowedUp]:
    for agency in agency_follow_ups(site.assessment):
        for finding in agency.findings:
            yield FollowedUp(
                finding=finding,
                page=_place(site, finding),
                title=_title(site, finding),
                service=site.service_names[service_key(finding)],
                agency=agency.agency.agency.name,
                notes=notes_beside(finding, site.labels),
            )


def notes_beside(finding: Finding, labels: Labels) -> tuple[str, ...]:
    """What stands out about an answer besides its being overdue, which the page says itself."""
    late = 1 if finding.follow_up and finding.follow_up.overdue else 0
    return follow_up_notes(finding, labels)[late:]


def _place(site: Site, finding: Finding) -> str:
    return f"{site.service_pages[service_key(finding)]}#{site.anchors[finding.requirement]}"


def _title(site: Site, finding: Finding) -> str:
    return site.narrator.title(finding.check)


__all__ = ["Entered", "entered", "entered_pages", "notes_beside"]
