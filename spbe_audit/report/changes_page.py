"""The page of what changed since the last scan, with the trends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spbe_audit.over_time import Change, Comparison, State, Trend
from spbe_audit.report.change_groups import ChangeGroup, cause_text, groups_of, parts_text
from spbe_audit.report.labels import Labels
from spbe_audit.report.page import Page
from spbe_audit.report.page_parts import LEVELS
from spbe_audit.report.site import Site
from spbe_audit.report.trend_view import trend_values
from spbe_audit.severity import Severity

CHANGES = "changes.html"

_DETAILED = (State.NEW, State.REGRESSED, State.NOT_RETESTABLE, State.RESOLVED, State.GONE)
_MOST_GROUPS = 40
_MOST_SERVICES = 10
_OLDEST = 20
_SERVICES_NAMED = 10


@dataclass(frozen=True, slots=True)
class StateRow:
    """A state with how many findings are in it, of each severity."""

    state: State
    count: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A service that something changed in: its page, '' for none, its name and its parts."""

    page: str
    name: str
    parts: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Changes alike in words; ``page`` is that of the finding, '' where it has none."""

    severity: Severity
    title: str
    page: str
    why: tuple[str, ...]
    count: int
    places: tuple[Place, ...]
    more: int


@dataclass(frozen=True, slots=True)
class StateSection:
    """The changes in one state; ``kinds`` is how many rows there would be in all."""

    state: State
    rows: tuple[GroupRow, ...]
    kinds: int

    @property
    def still(self) -> bool:
        """Whether they stand."""
        return self.state not in {State.RESOLVED, State.GONE}


@dataclass(frozen=True, slots=True)
class OldRow:
    """A finding that has been open for long."""

    change: Change
    title: str
    page: str
    place: Place


def changes_page(site: Site, comparison: Comparison, trend: Trend | None) -> Page:
    """The page; every list on it is bounded, and audit.json holds all of them."""
    values: dict[str, object] = {
        "comparison": comparison,
        "pair": pair_text(comparison, site.labels),
        "facts": list(_facts(comparison, site)),
        "states": [_state_row(comparison, state) for state in State],
        "levels": LEVELS,
        "sections": [
            section for state in _DETAILED if (section := _section(site, comparison, state)).rows
        ],
        "oldest": [_old_row(site, change) for change in _oldest(comparison)],
        "trend": trend_values(site, trend) if trend else None,
    }
    return site.page(CHANGES, "changes.html.j2", values)


def pair_text(comparison: Comparison, labels: Labels) -> str:
    """Which two runs, in a sentence."""
    return labels(
        "changes_pair",
        after=comparison.after.id,
        after_at=labels.moment(comparison.after.at),
        before=comparison.before.id,
        before_at=labels.moment(comparison.before.at),
        policy=comparison.policy,
    )


def brief_text(comparison: Comparison, labels: Labels) -> str:
    """What changed in one sentence, for the first page."""
    counts = comparison.counts()
    named = (State.NEW, State.REGRESSED, State.RESOLVED, State.NOT_RETESTABLE)
    return labels(
        "changes_brief",
        before=labels.day(comparison.before.at.astimezone(labels.zone).date()),
        **{state.value: counts[state] for state in named},
    )


def _facts(comparison: Comparison, site: Site) -> Iterable[str]:
    """What else differs between the runs: the rules, and the list of services."""
    for part in comparison.rules_changed:
        yield site.labels(f"changes_rule_{part.value}")
    for key, services in (("changes_joined", comparison.joined), ("changes_left", comparison.left)):
        if services:
            shown = ", ".join(services[:_SERVICES_NAMED])
            more = len(services) - _SERVICES_NAMED
            rest = f" {site.labels('and_more', n=more)}" if more > 0 else ""
            yield site.labels(key, services=shown + rest)


def _state_row(comparison: Comparison, state: State) -> StateRow:
    levels = Counter(change.severity for change in comparison.in_state(state))
    return StateRow(state, sum(levels.values()), tuple(levels[level] for level in LEVELS))


def _section(site: Site, comparison: Comparison, state: State) -> StateSection:
    groups = groups_of(comparison.in_state(state))
    rows = tuple(_group_row(site, group) for group in groups[:_MOST_GROUPS])
    return StateSection(state, rows, len(groups))


def _group_row(site: Site, group: ChangeGroup) -> GroupRow:
    shown = group.services[:_MOST_SERVICES]
    return GroupRow(
        severity=group.severity,
        title=site.narrator.title(group.check),
        page=site.finding_pages.get(group.requirement, ""),
        why=tuple(cause_text(group, site.narrator)),
        count=group.count,
        places=tuple(_place(site, one.agency, one.service, one.subjects) for one in shown),
        more=len(group.services) - len(shown),
    )


def _place(site: Site, agency: str, service: str, subjects: Sequence[str]) -> Place:
    key = agency, service
    return Place(
        page=site.service_pages.get(key, ""),
        name=site.service_names.get(key, service),
        parts=parts_text(tuple(subjects), site.labels),
    )


def _oldest(comparison: Comparison) -> list[Change]:
    """What has been open for longest among what is not told of otherwise."""
    lasting = (State.PERSISTING, State.WAIVED)
    found = [change for change in comparison.changes if change.state in lasting]
    return sorted(found, key=lambda one: (-one.age_days, one.severity.rank))[:_OLDEST]


def _old_row(site: Site, change: Change) -> OldRow:
    identity = change.identity
    subjects = (identity.subject,) if identity.subject else ()
    return OldRow(
        change=change,
        title=site.narrator.title(change.check),
        page=site.finding_pages.get(identity.requirement, ""),
        place=_place(site, change.agency, identity.service, subjects),
    )
