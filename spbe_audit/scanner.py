"""Scans a target list: shares endpoints, confirms failures, keeps every attempt."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from spbe_audit.errors import Refusal, ScopeError, StoreError
from spbe_audit.evidence import (
    LASTING_FAILURES,
    AddressesEvidence,
    Attempt,
    Failure,
    FailureKind,
    HttpEvidence,
    NameKind,
    PortsEvidence,
    Probe,
    TlsEvidence,
    Tool,
    UptimeEvidence,
    WalkEnd,
)
from spbe_audit.network import Door, NameNotFoundError, NameServerFailedError, OutOfScopeError
from spbe_audit.probes.name_kind import name_kind
from spbe_audit.questions import (
    Interview,
    Question,
    address_questions,
    declared_ports,
    follow_up_questions,
    tls_port_of,
    web_questions,
)
from spbe_audit.scan_options import ScanOptions
from spbe_audit.store import RunPlan, RunWriter, Store, StoredRun
from spbe_audit.target_files import load_targets
from spbe_audit.targets import Agency, Service, TargetList
from spbe_audit.time_limit import TimeLimit, time_limit
from spbe_audit.version import VERSION

LOG = logging.getLogger(__name__)

SERVER_TROUBLE = frozenset({429, *range(500, 600)})
"""Status codes that may be gone a minute later, so they are asked for again."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is: services done and in all, and what has just been finished.

    ``phase`` is "scan" or "confirm"; ``unanswered`` counts attempts that collected nothing.
    """

    phase: str
    done: int
    total: int
    service: str
    unanswered: int


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan brought: the stored run, and the services that were left out.

    ``not_reached`` are those for which the time budget did not suffice: the run is not finished
    then, and resuming it goes on with them.
    """

    evidence: StoredRun
    left_out: tuple[Refusal, ...] = ()
    not_reached: tuple[str, ...] = ()


Targets = TargetList | Sequence[str] | str | Path


def scan(
    targets: Targets,
    *,
    store: Store | None = None,
    options: ScanOptions | None = None,
    resume: bool = False,
    skip_out_of_scope: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> ScanResult:
    """Scan targets and keep the evidence in ``store`` (in memory when there is none).

    Raises TargetError for a target list with mistakes, ScopeError before the first packet when a
    service lies outside the engagement, StoreError when the evidence cannot be kept.
    """
    return asyncio.run(
        scan_async(
            targets,
            store=store,
            options=options,
            resume=resume,
            skip_out_of_scope=skip_out_of_scope,
            on_progress=on_progress,
        )
    )


async def scan_async(
    targets: Targets,
    *,
    store: Store | None = None,
    options: ScanOptions | None = None,
    resume: bool = False,
    skip_out_of_scope: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> ScanResult:
    """The same as scan(), inside a running event loop."""
    listed = targets if isinstance(targets, TargetList) else load_targets(targets)
    options = options or ScanOptions()
    limit = time_limit(options)
    store = store or Store.in_memory()
    door = open_door(listed, options)
    refusals = await find_refusals(listed, door)
    if refusals and not skip_out_of_scope:
        raise ScopeError(list(refusals.values()))
    listed = without_services(listed, refusals)
    writer = _resumed(store, listed, options) if resume else None
    writer = writer or store.begin(_plan(listed, options, door))
    interview = Interview(
        targets=listed,
        options=options,
        door=door,
        secret=secrets.token_bytes(32),
        declared_ports=await declared_ports(listed.services, door),
    )
    await _Scan(interview, writer, on_progress or _silent, limit).run()
    not_reached = _close(writer, listed, door)
    return ScanResult(store.run(writer.plan.id), tuple(refusals.values()), not_reached)


def _close(writer: RunWriter, listed: TargetList, door: Door) -> tuple[str, ...]:
    """Record the end of the run, or else which services were not reached."""
    done = writer.completed_services()
    not_reached = tuple(one.id for one in listed.services if one.id not in done)
    if not_reached:
        writer.cut_short(door.clock(), not_reached)
    else:
        writer.finish(door.clock())
    return not_reached


def open_door(targets: TargetList, options: ScanOptions) -> Door:
    """The door of a run: the engagement's scope and a name for the logs of the other side."""
    contact = f" (+{targets.engagement.contact})" if targets.engagement else ""
    return Door(
        engagement=targets.engagement,
        budget=options.budget,
        deadlines=options.patience,
        user_agent=f"spbe-audit/{VERSION}{contact}",
    )


async def find_refusals(targets: TargetList, door: Door) -> dict[str, Refusal]:
    """The services that may not be scanned, by id. Names are resolved; no target is contacted.

    A name that does not resolve is not refused: it is tried, and reported as it is then.
    """
    places = asyncio.Semaphore(64)

    async def refusal_of(service: Service) -> Refusal | None:
        async with places:
            try:
                await door.addresses_in_scope(service.host)
            except OutOfScopeError as error:
                return replace(error.refusal, subject=f"{service.id} ({error.refusal.subject})")
            except (NameNotFoundError, NameServerFailedError):
                return None if door.engagement else _refuse_unknown_name(service)
            return None

    services = targets.services
    answers = await asyncio.gather(*(refusal_of(service) for service in services))
    return {
        service.id: refusal
        for service, refusal in zip(services, answers, strict=True)
        if refusal is not None
    }


def _refuse_unknown_name(service: Service) -> Refusal | None:
    """Without an engagement only what is known to be loopback may be tried.

    A name of special use (RFC 6761) leads nowhere on the public network, so it may be missing.
    """
    if name_kind(service.host) is NameKind.SPECIAL_USE:
        return None
    return Refusal(
        subject=f"{service.id} ({service.host})",
        reason="there is no engagement, and the name does not lead to loopback",
        advice="Add an engagement section with the assignment letter and its scope",
    )


def without_services(targets: TargetList, left_out: Iterable[str]) -> TargetList:
    """The target list without some services; agencies that lose all of theirs go too."""
    gone = frozenset(left_out)
    if not gone:
        return targets
    agencies = (
        Agency(
            id=agency.id,
            name=agency.name,
            services=tuple(service for service in agency.services if service.id not in gone),
        )
        for agency in targets.agencies
    )
    return replace(targets, agencies=tuple(agency for agency in agencies if agency.services))


def _plan(targets: TargetList, options: ScanOptions, door: Door) -> RunPlan:
    started = door.clock()
    return RunPlan(
        id=f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        started=started,
        targets=targets,
        policy=targets.policy,
        intensity=options.intensity,
        families=options.families,
        scanner=VERSION,
        options={
            "connections_at_once_per_address": float(options.budget.at_once),
            "new_connections_per_second_per_address": options.budget.per_second,
        },
        retest_of=options.retest_of,
    )


def _resumed(store: Store, targets: TargetList, options: ScanOptions) -> RunWriter | None:
    writer = store.resume()
    if writer is None:
        return None
    plan = writer.plan
    if (plan.targets.agencies, plan.intensity, frozenset(plan.families), plan.retest_of) != (
        targets.agencies,
        options.intensity,
        frozenset(options.families),
        options.retest_of,
    ):
        problem = StoreError(f"run {plan.id} was begun with other targets or options")
        problem.advice = "Repeat its targets and options to go on, or leave --resume out"
        raise problem
    return writer


def _silent(_progress: Progress) -> None:
    pass


Collected = dict[Probe, tuple[tuple[int, Attempt], ...]]


class _Scan:
    """One scan under way: which endpoints are being asked, and what is left to confirm."""

    def __init__(
        self,
        interview: Interview,
        writer: RunWriter,
        on_progress: Callable[[Progress], None],
        limit: TimeLimit,
    ) -> None:
        self._interview = interview
        self._limit = limit
        self._options = interview.options
        self._clock = interview.door.clock
        self._writer = writer
        self._on_progress = on_progress
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._unanswered = 0

    async def run(self) -> None:
        """Visit every service, then those again that something did not answer for.

        What is cut when the time is over leaves no record: it was not the other side that failed.
        """
        async with self._limit.enforced():
            await self._visit_all()

    async def _visit_all(self) -> None:
        done = self._writer.completed_services()
        services = [s for s in self._interview.targets.services if s.id not in done]
        unconfirmed: list[Service] = []

        async def first_visit(service: Service) -> None:
            if not await self._visit(service, attempts_wanted=1):
                unconfirmed.append(service)

        async def second_visit(service: Service) -> None:
            await self._visit(service, attempts_wanted=2)

        await self._side_by_side("scan", services, first_visit)
        if unconfirmed and not self._limit.is_near:
            await asyncio.sleep(self._options.confirm_after)
            await self._side_by_side("confirm", unconfirmed, second_visit)

    async def _side_by_side(
        self, phase: str, services: Sequence[Service], visit: Callable[[Service], Awaitable[None]]
    ) -> None:
        queue = iter(services)
        done = 0

        async def work() -> None:
            nonlocal done
            for service in queue:
                if self._limit.is_near:
                    return
                await visit(service)
                done += 1
                self._on_progress(
                    Progress(phase, done, len(services), service.id, self._unanswered)
                )

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._options.services_at_once, len(services))):
                group.create_task(work())

    async def _visit(self, service: Service, *, attempts_wanted: int) -> bool:
        """Ask everything about one service; False when something must be confirmed later."""
        ends = asyncio.get_running_loop().time() + self._options.patience.service
        collected: Collected = {}

        async def ask(question: Question) -> None:
            if question.probe in self._options.probes:
                collected[question.probe] = await self._attempts(
                    question, attempts_wanted=attempts_wanted, ends=ends
                )

        web = web_questions(service, self._interview)
        if service.scheme == "http":  # only its answer tells where its TLS is
            await asyncio.gather(*(ask(q) for q in web if q.probe is Probe.HTTP))
        http = collected.get(Probe.HTTP, ())
        tls_port = tls_port_of(service, http[-1][1] if http else None)
        async with asyncio.TaskGroup() as group:
            for question in web:
                if question.probe not in collected:
                    group.create_task(ask(question))
            if self._options.probes & {Probe.TLS, Probe.PORTS}:
                for question in await address_questions(service, self._interview, tls_port):
                    group.create_task(ask(question))
        answered = {probe: _best(attempts) for probe, attempts in collected.items()}
        async with asyncio.TaskGroup() as group:
            for question in follow_up_questions(service, self._interview, answered):
                group.create_task(ask(question))
        last = [attempts[-1][1] for attempts in collected.values()]
        if attempts_wanted == 1 and any(worth_confirming(attempt) for attempt in last):
            return False
        self._writer.add_service(
            service.id, {probe: [seq for seq, _ in collected[probe]] for probe in collected}
        )
        return True

    async def _attempts(
        self, question: Question, *, attempts_wanted: int, ends: float
    ) -> tuple[tuple[int, Attempt], ...]:
        """The attempts on an endpoint, making one more when that is wanted and not made yet.

        Services that share the endpoint wait here for whoever asks first.
        """
        key = question.endpoint.key
        async with self._exclusive(key):
            known = self._writer.attempts(key)
            if known and (len(known) >= attempts_wanted or not worth_confirming(known[-1][1])):
                return known
            attempt = await self._attempt(question, number=len(known) + 1, ends=ends)
            attempt = self._compared(attempt)
            seq = self._writer.add_attempt(attempt)
        if attempt.failure:
            self._unanswered += 1
        return (*known, (seq, attempt))

    def _compared(self, attempt: Attempt) -> Attempt:
        """Open ports with those of the run before beside them; any other attempt as it is."""
        result = attempt.result
        if not isinstance(result, PortsEvidence):
            return attempt
        earlier = self._writer.earlier_evidence(attempt.endpoint.key)
        if not isinstance(earlier, PortsEvidence):
            return attempt
        were_open = tuple(one.port for one in earlier.open)
        compared = replace(result, previous_open=were_open, previous_asked=earlier.asked)
        return replace(attempt, result=compared)

    async def _attempt(self, question: Question, *, number: int, ends: float) -> Attempt:
        probe, endpoint, started = question.probe, question.endpoint, self._clock()
        try:
            async with asyncio.timeout_at(ends):
                attempt = await question.ask()
        except TimeoutError:
            failure = Failure(FailureKind.TIMEOUT, "the time for the whole service was used up")
        except Exception as error:
            LOG.exception("defect in the %s probe on %s", probe, endpoint.key)
            failure = Failure(
                FailureKind.TOOL_FAILED, f"defect in the {probe} probe: {type(error).__name__}"
            )
        else:
            named = replace(attempt.endpoint, key=endpoint.key)
            return replace(attempt, number=number, endpoint=named)
        duration = (self._clock() - started).total_seconds()
        own = Tool("spbe-audit", VERSION)
        return Attempt(probe, endpoint, started, duration, own, failure, number)

    @asynccontextmanager
    async def _exclusive(self, key: str) -> AsyncIterator[None]:
        """Hold an endpoint; the lock is dropped with the last who waits, so memory stays flat."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._locks[key]


def _best(attempts: Sequence[tuple[int, Attempt]]) -> Attempt:
    """The newest attempt that brought evidence, or else the newest."""
    made = [attempt for _, attempt in attempts]
    return next((one for one in reversed(made) if not one.failure), made[-1])


def worth_confirming(attempt: Attempt) -> bool:
    """Whether a second visit might see something else than this one did."""
    result = attempt.result
    if isinstance(result, Failure):
        return result.kind not in LASTING_FAILURES
    if isinstance(result, HttpEvidence):
        page = result.entry.page
        troubled = page is not None and page.status in SERVER_TROUBLE
        return troubled or result.entry.end is WalkEnd.FAILED
    if isinstance(result, UptimeEvidence):
        return not all(sample.up for sample in result.samples)
    if isinstance(result, AddressesEvidence):
        # A family of addresses that has no route from here will have none a moment later.
        lasting = {None, FailureKind.UNREACHABLE.value}
        return any(answer.failure not in lasting for answer in result.answers)
    return isinstance(result, TlsEvidence) and bool(result.unknown)
