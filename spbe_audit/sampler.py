"""Takes one sample of every service, for cron every few minutes.

All samples of one invocation are kept together or not at all. What could not be seen has no sample:
a service that was not reached in time, a name that no name server would tell, and everything when
the sampler itself is cut off. Such a gap is told, and never counts as up or as down.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from spbe_audit.errors import Refusal, ScopeError
from spbe_audit.evidence import Attempt, AvailabilitySample, Failure, FailureKind, UptimeEvidence
from spbe_audit.network import (
    RESOLVER_THREADS,
    Door,
    NameNotFoundError,
    NameServerFailedError,
    OutOfScopeError,
)
from spbe_audit.probes.uptime import probe_uptime
from spbe_audit.scan_options import ScanOptions
from spbe_audit.scanner import find_refusals, open_door, without_services
from spbe_audit.store import SampleLedger, Store
from spbe_audit.target_files import load_targets
from spbe_audit.targets import Service, TargetList

LOG = logging.getLogger(__name__)

DEADLINE = 55.0
"""Seconds for the whole of it, so that an invocation each minute would not overlap."""
IN_FLIGHT = 256
SPACING = 0.005
"""Seconds between the beginnings of two samples, where there is time for it.

In a burst it would mostly be our own processor that is timed.
"""

NOT_REACHED = "deadline"
CUT_OFF = "cut_off"

_NAMES_SHARE = 0.4
_SAMPLES_SHARE = 0.95
_UNSEEN = frozenset(
    {
        FailureKind.NAME_SERVER_FAILED,
        FailureKind.OUT_OF_SCOPE,
        FailureKind.TOOL_FAILED,
        FailureKind.TOOL_MISSING,
    }
)
"""Failures after which nothing is known about the service."""

Targets = TargetList | Sequence[str] | str | Path


@dataclass(frozen=True, slots=True)
class SampleResult:
    """What one invocation took.

    ``missing`` are the services without a sample, by id, and why: NOT_REACHED, CUT_OFF or the value
    of a FailureKind. ``ledger`` is the ledger with this batch; None when nothing was sampled.
    """

    at: datetime
    up: int
    down: int
    missing: Mapping[str, str]
    left_out: tuple[Refusal, ...]
    ledger: SampleLedger | None


def sample(
    targets: Targets,
    *,
    store: Store,
    deadline: float = DEADLINE,
    interval: float | None = None,
    skip_out_of_scope: bool = False,
) -> SampleResult:
    """Take one sample of every service and keep them in ``store``, within ``deadline`` seconds.

    ``interval`` is how many seconds apart this is called, where that is known. Raises TargetError
    for a target list with mistakes, ScopeError before the first packet when a service lies outside
    the engagement, StoreError when the samples cannot be kept.
    """
    return asyncio.run(
        sample_async(
            targets,
            store=store,
            deadline=deadline,
            interval=interval,
            skip_out_of_scope=skip_out_of_scope,
        )
    )


async def sample_async(
    targets: Targets,
    *,
    store: Store,
    deadline: float = DEADLINE,
    interval: float | None = None,
    skip_out_of_scope: bool = False,
) -> SampleResult:
    """The same as sample(), inside a running event loop."""
    begun = asyncio.get_running_loop().time()
    listed = targets if isinstance(targets, TargetList) else load_targets(targets)
    door = open_door(listed, ScanOptions())
    at = door.clock()
    seconds = await _look_up(listed.services, door, begun + _NAMES_SHARE * deadline)
    nameless = {one.id: NOT_REACHED for one in listed.services if one.host not in seconds}
    known = without_services(listed, nameless)
    refusals = await find_refusals(known, door)
    if refusals and not skip_out_of_scope:
        raise ScopeError(list(refusals.values()))
    services = without_services(known, refusals).services
    asked = _Round(door, seconds)
    await asked.take(_turned(services, store.sample_ledger()), begun + _SAMPLES_SHARE * deadline)
    taken = asked.taken
    up = sum(one.up for one in taken.values())
    return SampleResult(
        at=at,
        up=up,
        down=len(taken) - up,
        missing={**nameless, **asked.missing},
        left_out=tuple(refusals.values()),
        ledger=store.add_samples(taken, at=at, interval=interval) if taken else None,
    )


async def _look_up(services: Iterable[Service], door: Door, end: float) -> dict[str, float]:
    """How many seconds each name took, whether or not it was found; later ones are not there.

    The door keeps the answers. No more names are asked at once than have a thread of their own, so
    that none is timed while it waits for another.
    """
    loop, places = asyncio.get_running_loop(), asyncio.Semaphore(RESOLVER_THREADS)
    seconds: dict[str, float] = {}

    async def look_up(host: str) -> None:
        async with places:
            begun = loop.time()
            with suppress(OutOfScopeError, NameNotFoundError, NameServerFailedError):
                await door.addresses_in_scope(host)
            seconds[host] = loop.time() - begun

    with suppress(TimeoutError):
        async with asyncio.timeout_at(end), asyncio.TaskGroup() as group:
            for host in dict.fromkeys(service.host for service in services):
                group.create_task(look_up(host))
    return seconds


def _turned(services: Sequence[Service], ledger: SampleLedger | None) -> Sequence[Service]:
    """The services, begun with another third of the list each time.

    Where time runs out again and again, it is not always the same ones that go without.
    """
    if not services:
        return services
    first = (ledger.batches if ledger else 0) * (len(services) // 3 + 1) % len(services)
    return (*services[first:], *services[:first])


@dataclass(slots=True)
class _Round:
    """One sample of each service: those taken so far, and why others are missing."""

    door: Door
    name_seconds: Mapping[str, float]
    taken: dict[str, AvailabilitySample] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    async def take(self, services: Sequence[Service], end: float) -> None:
        """Sample the services until ``end`` by the loop's clock; who is asked then has none."""
        places = asyncio.Semaphore(IN_FLIGHT)
        left = max(0.0, end - asyncio.get_running_loop().time())
        spacing = min(SPACING, left / 2 / max(1, len(services)))

        async def take_one(service: Service) -> None:
            try:
                await self._take_one(service)
            finally:
                places.release()

        with suppress(TimeoutError):
            async with asyncio.timeout_at(end), asyncio.TaskGroup() as group:
                for service in services:
                    await places.acquire()
                    group.create_task(take_one(service))
                    await asyncio.sleep(spacing)
        for service in services:
            if service.id not in self.taken:
                self.missing.setdefault(service.id, NOT_REACHED)
        if all(one.reason == FailureKind.UNREACHABLE for one in self.taken.values()):
            self.missing.update(dict.fromkeys(self.taken, CUT_OFF))
            self.taken.clear()

    async def _take_one(self, service: Service) -> None:
        try:
            attempt = await probe_uptime(service, door=self.door, count=1)
        except Exception:
            LOG.exception("defect in the sample of %s", service.url)
            self.missing[service.id] = FailureKind.TOOL_FAILED.value
            return
        failure = attempt.failure
        if failure and failure.kind in _UNSEEN:
            self.missing[service.id] = failure.kind.value
        else:
            name = self.name_seconds[service.host]
            self.taken[service.id] = replace(_sample_of(attempt), name=name)


def _sample_of(attempt: Attempt) -> AvailabilitySample:
    """The one sample of an attempt; an attempt that found nobody is a sample that was down."""
    if isinstance(attempt.result, Failure):
        return AvailabilitySample(attempt.started, up=False, reason=attempt.result.kind.value)
    if not isinstance(attempt.result, UptimeEvidence):
        raise TypeError(f"the uptime probe brought {type(attempt.result).__name__}")
    (one,) = attempt.result.samples
    return AvailabilitySample(
        at=one.at,
        up=one.up,
        status=one.status,
        reason=one.reason,
        connect=one.timings.connect,
        tls=one.timings.tls,
        first_byte=one.timings.first_byte,
    )
