"""What is open since the last run, so that it alone can be tested again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from spbe_audit.cli.judging import Rules, assess, historian_of
from spbe_audit.errors import StoreError
from spbe_audit.follow_up import is_open
from spbe_audit.over_time import State
from spbe_audit.scan_options import FAMILIES, ScanOptions
from spbe_audit.scanner import without_services
from spbe_audit.store import Store, StoredRun
from spbe_audit.targets import TargetList
from spbe_audit.waivers import is_waived


@dataclass(frozen=True, slots=True)
class Retest:
    """What is to be scanned: services with open findings, and the families that found them."""

    targets: TargetList
    options: ScanOptions


def find_retest(
    targets: TargetList, options: ScanOptions, store: Store, rules: Rules, *, now: datetime
) -> Retest:
    """The part of a target list that has open findings; its options note of which run.

    Open is what some run saw and none since saw mended, also where the last one could not tell,
    unless it is waived ``now``. Raises StoreError where there is no finished run.
    """
    last = _last_run(store)
    today = now.astimezone(ZoneInfo(targets.time_zone)).date()
    found = {
        (service, check)
        for service, check in _open(store, last, rules)
        if _family(check) in options.families or _family(check) not in FAMILIES
        if not is_waived(rules.waivers, service=service, check=check, on=today)
    }
    services = {service for service, _ in found}
    families = {_family(check) for _, check in found}
    known = tuple(family for family in options.families if family in families)
    return Retest(
        targets=without_services(
            targets, [one.id for one in targets.services if one.id not in services]
        ),
        options=replace(
            options,
            # Nobody but a check of the user's own knows which family's probes it needs.
            families=known if families <= set(FAMILIES) else options.families,
            retest_of=last.id,
        ),
    )


def _last_run(store: Store) -> StoredRun:
    finished = [info.id for info in store.runs() if info.finished]
    if not finished:
        problem = StoreError(f"{store.path}: there is no finished run yet")
        problem.advice = "Scan everything first, without --open-findings"
        raise problem
    return store.run(finished[-1])


def _open(store: Store, run: StoredRun, rules: Rules) -> Iterator[tuple[str, str]]:
    """Service and check of every finding that is open after a run."""
    assessment = assess(store, run, rules)
    seen = historian_of(store, rules, quiet=True).over_time(assessment)
    if seen is None:
        yield from ((one.service, one.check) for one in assessment.findings if is_open(one))
        return
    for change in seen.comparison.changes:
        if change.is_open and change.state is not State.WAIVED:
            yield change.identity.service, change.check


def _family(check: str) -> str:
    return check.partition(".")[0]


__all__ = ["Retest", "find_retest"]
