"""What an audit says of findings over several runs: plain data, made by comparison and trends.

A finding is the same one in every run as long as its service, its requirement and its subject are:
the cookie, port, header or path that is at fault, '' where the requirement has no such parts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from spbe_audit.severity import Severity


class Identity(NamedTuple):
    """Which finding it is: ids of the service and the requirement, and the subject at fault."""

    service: str
    requirement: str
    subject: str = ""

    @property
    def id(self) -> str:
        """Sixteen hex digits; without a subject the same as the finding's own id."""
        return identity_id(*self)


def identity_id(service: str, requirement: str, subject: str = "") -> str:
    """The id of a finding, from what makes it the same one in every run."""
    parts = (service, requirement, subject) if subject else (service, requirement)
    return hashlib.sha256("|".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


class State(StrEnum):
    """What became of a finding since the earlier run, the most urgent first.

    NEW was not open then and never before; REGRESSED had been resolved. NOT_RETESTABLE is open, but
    the later run gives no answer. RESOLVED was looked at again and is good; GONE left with its
    service or its requirement. WAIVED is open and accepted by somebody in writing.
    """

    NEW = "new"
    REGRESSED = "regressed"
    NOT_RETESTABLE = "not_retestable"
    PERSISTING = "persisting"
    WAIVED = "waived"
    RESOLVED = "resolved"
    GONE = "gone"


class Cause(StrEnum):
    """Whether the service or the way it is judged changed; UNCLEAR where it cannot be told."""

    SYSTEM = "system"
    RULE = "rule"
    UNCLEAR = "unclear"


class RulePart(StrEnum):
    """What may differ between the judging of two runs."""

    POLICY = "policy"
    CHECKS = "checks"
    SCANNER = "scanner"


class RunMark(NamedTuple):
    """A run by its id, and when it began."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A finding at the later run, seen from the earlier one.

    ``first_seen`` is the first run that ever saw it, ``open_since`` the one that began the present
    spell, ``last_seen`` the last one that saw it at fault. ``age_days`` are whole days since
    ``open_since``, until the later run or until it was resolved. ``evidence`` is the digest of what
    the state rests on, ``reason`` the code of an answer that is no judgement.
    """

    identity: Identity
    agency: str
    check: str
    severity: Severity
    state: State
    cause: Cause | None
    first_seen: RunMark
    open_since: RunMark
    last_seen: RunMark
    age_days: int
    reason: str | None = None
    evidence: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still stands."""
        return self.state not in {State.RESOLVED, State.GONE}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side: every finding that is open at one of them at least.

    Observations of severity info are left out. ``changes`` are in the order of State, the gravest
    first in each. ``rules_changed`` says what judged the later run otherwise than the earlier;
    ``joined`` and ``left`` are services that are on one list alone.
    """

    before: RunMark
    after: RunMark
    policy: str
    changes: tuple[Change, ...]
    rules_changed: tuple[RulePart, ...] = ()
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def in_state(self, state: State) -> Iterator[Change]:
        """The changes in one state, gravest first."""
        return (change for change in self.changes if change.state is state)

    def counts(self) -> Mapping[State, int]:
        """How many there are in each state, none left out."""
        found = Counter(change.state for change in self.changes)
        return {state: found[state] for state in State}


@dataclass(frozen=True, slots=True)
class Shares:
    """Compliance and coverage from 0 to 1, None where nothing counts."""

    compliance: float | None
    coverage: float | None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One run of a trend.

    ``open`` counts findings that stand, by severity, seen again or not; ``open_of`` all of an
    agency. ``median_days`` is how long those took that were resolved in the 90 days before, None
    where none was. ``rules_changed`` says that the run before was judged by other rules.
    """

    run: RunMark
    shares: Shares
    open: Mapping[Severity, int]
    median_days: float | None
    agencies: Mapping[str, Shares]
    open_of: Mapping[str, int]
    aspects: Mapping[str, Shares]
    rules_changed: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """All runs up to the present one, oldest first.

    ``median_days`` is how long it took an agency to resolve what it ever resolved, '' being all.
    """

    points: tuple[TrendPoint, ...]
    median_days: Mapping[str, float]
