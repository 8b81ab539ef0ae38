"""The scan engine: endpoints shared, failures confirmed, kills survived, scope held."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from spbe_audit import questions
from spbe_audit.errors import ScopeError, StoreError
from spbe_audit.evidence import (
    Attempt,
    DnsEvidence,
    Endpoint,
    Evidence,
    Failure,
    FailureKind,
    NameKind,
    Probe,
    Tool,
)
from spbe_audit.network import Deadlines
from spbe_audit.recorded_run import ServiceEvidence
from spbe_audit.scan_options import ScanOptions
from spbe_audit.scanner import Progress, scan, scan_async
from spbe_audit.store import Store
from spbe_audit.targets import Agency, Service, TargetList

NOW = datetime(2026, 1, 15, tzinfo=UTC)
GOOD = DnsEvidence(host="a", collected_at=NOW, kind=NameKind.ADDRESS, addresses=("127.0.0.1",))
SILENCE = Failure(FailureKind.TIMEOUT, "no answer")
ASKED = {Probe.DNS, Probe.TLS, Probe.HTTP, Probe.ADDRESSES, Probe.PORTS, Probe.UPTIME}
OPTIONS = ScanOptions(confirm_after=0.0, services_at_once=4)


class Fakes:
    """Stands in for the probes: counts what is asked, answers what it is told to."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.answers: dict[str, list[Evidence | Failure]] = {}
        self.pause = 0.0

    async def answer(self, probe: Probe, name: str) -> Attempt:
        """The next answer that was set for a probe and a name; good evidence without."""
        key = f"{probe} {name}"
        self.asked[key] += 1
        await asyncio.sleep(self.pause)
        results = self.answers.get(key, [GOOD])
        result = results[min(self.asked[key], len(results)) - 1]
        return Attempt(probe, Endpoint(key=key, host=name), NOW, 0.1, Tool("fake", "1"), result)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the fakes in the place of the probes."""

        async def by_host(probe: Probe, host: str) -> Attempt:
            return await self.answer(probe, host)

        def with_service(probe: Probe) -> Callable[..., object]:
            return lambda service, **_: self.answer(probe, service.url)

        def with_host(probe: Probe) -> Callable[..., object]:
            return lambda **settings: by_host(probe, settings["host"])

        monkeypatch.setattr(questions, "probe_http", with_service(Probe.HTTP))
        monkeypatch.setattr(questions, "probe_uptime", with_service(Probe.UPTIME))
        monkeypatch.setattr(questions, "probe_addresses", with_service(Probe.ADDRESSES))
        monkeypatch.setattr(questions, "probe_tls", with_host(Probe.TLS))
        monkeypatch.setattr(questions, "probe_ports", with_host(Probe.PORTS))
        monkeypatch.setattr(questions, "probe_dns", with_host(Probe.DNS))


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    fakes = Fakes()
    fakes.install(monkeypatch)
    return fakes


def _targets(*urls: str) -> TargetList:
    services = tuple(
        Service(id=f"s{number}", name=url, url=url, display_url=url, agency="a")
        for number, url in enumerate(urls)
    )
    return TargetList(agencies=(Agency(id="a", name="A", services=services),))


def test_an_endpoint_shared_by_services_is_asked_once(fakes: Fakes) -> None:
    run = scan(
        _targets("https://127.0.0.1/one", "https://127.0.0.1/two", "https://127.0.0.2/"),
        options=OPTIONS,
    )
    assert fakes.asked["tls 127.0.0.1"] == 1
    assert fakes.asked["ports 127.0.0.1"] == 1
    assert fakes.asked["dns 127.0.0.1"] == 1
    assert fakes.asked["http https://127.0.0.1/one"] == 1
    one, two, other = run.evidence.evidence()
    assert one.attempts[Probe.TLS] == two.attempts[Probe.TLS]
    assert one.attempts[Probe.TLS] != other.attempts[Probe.TLS]
    assert set(one.attempts) == ASKED


def test_a_failed_probe_is_asked_again_and_both_attempts_are_kept(fakes: Fakes) -> None:
    fakes.answers["tls 127.0.0.1"] = [SILENCE, GOOD]
    run = scan(_targets("https://127.0.0.1/"), options=OPTIONS)
    (service,) = run.evidence.evidence()
    first, second = (recorded.attempt for recorded in service.attempts[Probe.TLS])
    assert (first.number, first.result) == (1, SILENCE)
    assert (second.number, second.result) == (2, GOOD)
    assert fakes.asked["http https://127.0.0.1/"] == 1


def test_a_failure_that_lasts_is_not_asked_again(fakes: Fakes) -> None:
    fakes.answers["ports 127.0.0.1"] = [Failure(FailureKind.TOOL_MISSING, "no nmap")]
    scan(_targets("https://127.0.0.1/"), options=OPTIONS)
    assert fakes.asked["ports 127.0.0.1"] == 1


def test_only_the_wanted_families_are_asked(fakes: Fakes) -> None:
    options = ScanOptions(confirm_after=0.0, families=("certificate", "cookie"))
    scan(_targets("https://127.0.0.1/"), options=options)
    assert {key.partition(" ")[0] for key in fakes.asked} == {"tls", "http", "dns"}


def test_a_probe_that_never_ends_is_ended_with_its_service(fakes: Fakes) -> None:
    fakes.pause = 60.0
    options = ScanOptions(confirm_after=0.0, deadlines=Deadlines(service=0.2))
    run = scan(_targets("https://127.0.0.1/"), options=options)
    (service,) = run.evidence.evidence()
    for recorded in service.attempts.values():
        failure = recorded[-1].attempt.failure
        assert failure is not None
        assert failure.kind is FailureKind.TIMEOUT


def test_a_defect_in_a_probe_is_recorded_and_the_scan_goes_on(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(**_: object) -> Attempt:
        raise ZeroDivisionError

    monkeypatch.setattr(questions, "probe_tls", broken)
    run = scan(_targets("https://127.0.0.1/"), options=OPTIONS)
    (service,) = run.evidence.evidence()
    failure = service.attempts[Probe.TLS][-1].attempt.failure
    assert failure == Failure(FailureKind.TOOL_FAILED, "defect in the tls probe: ZeroDivisionError")
    assert fakes.asked["http https://127.0.0.1/"] == 1


def test_a_service_out_of_scope_stops_the_run_before_the_first_packet(fakes: Fakes) -> None:
    with pytest.raises(ScopeError) as caught:
        scan(_targets("https://127.0.0.1/", "https://10.0.0.1/"), options=OPTIONS)
    assert "s1 (10.0.0.1)" in str(caught.value)
    assert not fakes.asked


@pytest.mark.parametrize(
    ("host", "refused"), [("nowhere.example.go.id", True), ("nowhere.invalid", False)]
)
def test_without_an_engagement_a_name_must_lead_to_loopback(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch, *, host: str, refused: bool
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    if refused:
        with pytest.raises(ScopeError, match="no engagement"):
            scan(_targets(f"https://{host}/"), options=OPTIONS)
        assert not fakes.asked
    else:
        scan(_targets(f"https://{host}/"), options=OPTIONS)
        assert fakes.asked[f"dns {host}"] == 1


def test_services_out_of_scope_can_be_left_out(fakes: Fakes) -> None:
    run = scan(
        _targets("https://127.0.0.1/", "https://10.0.0.1/"),
        options=OPTIONS,
        skip_out_of_scope=True,
    )
    assert [refusal.subject for refusal in run.left_out] == ["s1 (10.0.0.1)"]
    assert [service.id for service in run.evidence.agencies[0].services] == ["s0"]
    assert not any("10.0.0.1" in key for key in fakes.asked)


async def _cut_short(targets: TargetList, store: Store, after: int) -> None:
    """Scan, and cancel as soon as so many services are done."""
    reached = asyncio.Event()

    def watch(progress: Progress) -> None:
        if progress.done >= after:
            reached.set()

    options = ScanOptions(confirm_after=0.0, services_at_once=1)
    task = asyncio.ensure_future(
        scan_async(targets, store=store, options=options, on_progress=watch)
    )
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_run_that_was_cut_short_is_resumed_and_nothing_is_asked_twice(
    fakes: Fakes, tmp_path: Path
) -> None:
    targets = _targets(*(f"https://127.0.0.{n}/" for n in range(1, 11)))
    path = tmp_path / "evidence.db"
    fakes.pause = 0.001
    with Store.open(path) as store:
        asyncio.run(_cut_short(targets, store, after=4))
        asked_before = Counter(fakes.asked)
    with Store.open(path) as store:
        recorded = {key for run in [store.run()] for key in _endpoint_keys(run.evidence())}
        run = scan(targets, store=store, options=OPTIONS, resume=True).evidence
        assert store.verify() == ()
        assert len(store.runs()) == 1
        assert all(set(service.attempts) == ASKED for service in run.evidence())
    assert recorded
    for key in recorded:
        assert fakes.asked[key] == asked_before[key] == 1


def _endpoint_keys(evidence: Iterable[ServiceEvidence]) -> set[str]:
    found = set()
    for service in evidence:
        for probe, recorded in service.attempts.items():
            if recorded and probe in {Probe.TLS, Probe.PORTS, Probe.DNS}:
                found.add(f"{probe} {service.service.host}")
    return found


def test_resuming_with_other_targets_is_refused(fakes: Fakes, tmp_path: Path) -> None:
    targets = _targets(*(f"https://127.0.0.{n}/" for n in range(1, 4)))
    fakes.pause = 0.001
    with Store.open(tmp_path / "evidence.db") as store:
        asyncio.run(_cut_short(targets, store, after=1))
        with pytest.raises(StoreError, match="begun with other targets"):
            scan(_targets("https://127.0.0.9/"), store=store, options=OPTIONS, resume=True)


def test_resuming_when_nothing_was_cut_short_starts_a_run(fakes: Fakes, tmp_path: Path) -> None:
    with Store.open(tmp_path / "evidence.db") as store:
        scan(_targets("https://127.0.0.1/"), store=store, options=OPTIONS, resume=True)
        scan(_targets("https://127.0.0.1/"), store=store, options=OPTIONS, resume=True)
        assert len(store.runs()) == 2
    assert fakes.asked["tls 127.0.0.1"] == 2


def test_progress_counts_every_service(fakes: Fakes) -> None:
    fakes.answers["tls 127.0.0.2"] = [SILENCE]
    seen: list[Progress] = []
    scan(
        _targets("https://127.0.0.1/", "https://127.0.0.2/"),
        options=OPTIONS,
        on_progress=seen.append,
    )
    scanned = [(one.done, one.total) for one in seen if one.phase == "scan"]
    assert scanned == [(1, 2), (2, 2)]
    assert [one.service for one in seen if one.phase == "confirm"] == ["s1"]
    assert seen[-1].unanswered == 2
