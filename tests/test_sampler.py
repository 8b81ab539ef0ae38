"""The sampler: one connection for each service, in time, and whole batches beside a scan."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spbe_audit import sampler
from spbe_audit.catalogue import Catalogue, load_check
from spbe_audit.check import Verdict
from spbe_audit.cli.commands import run
from spbe_audit.errors import ScopeError
from spbe_audit.evaluation import evaluate
from spbe_audit.evidence import (
    Attempt,
    AvailabilityEvidence,
    AvailabilitySample,
    Endpoint,
    Failure,
    FailureKind,
    Probe,
    Tool,
)
from spbe_audit.network import Door
from spbe_audit.policy import load_policy
from spbe_audit.probes.uptime import probe_uptime
from spbe_audit.run_lock import SAMPLE_LOCK, hold_lock
from spbe_audit.sampler import CUT_OFF, NOT_REACHED, SampleResult, sample
from spbe_audit.scan_options import ScanOptions
from spbe_audit.scanner import scan
from spbe_audit.store import RunPlan, Store
from spbe_audit.targets import Agency, Expectation, Intensity, Service, TargetList
from tests.servers.certificates import make_leaf
from tests.servers.raw import RawServer, answers, dead_port, page, raw_server, stays_silent

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FAMILY = ("availability", "coverage", "longest_outage", "response_time", "error_rate")


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(Path("spbe-audit.db")) as store:
        yield store


def service(name: str, url: str, keyword: str = "") -> Service:
    expectation = Expectation(keyword=keyword)
    return Service(
        id=name, name=name, url=url, display_url=url, agency="a", expectation=expectation
    )


def listed(*services: Service) -> TargetList:
    return TargetList(agencies=(Agency(id="a", name="A", services=services),))


def taken(store: Store, *services: Service) -> dict[str, tuple[AvailabilitySample, ...]]:
    """What a run that begins now looks back on, by service."""
    moment = datetime.now(UTC) + timedelta(seconds=1)
    plan = RunPlan(f"{moment}", moment, listed(*services), "spbe", Intensity.LIGHT, (), "0")
    store.begin(plan)
    found = {}
    for collected in store.run(plan.id).evidence():
        history = collected.derived.get(Probe.AVAILABILITY)
        if isinstance(history, AvailabilityEvidence):
            found[collected.service.id] = history.samples
    return found


# --- what is asked, and what is kept


def test_each_service_gets_one_connection_and_one_sample(store: Store) -> None:
    bad = page(status="503 Service Unavailable")
    with (
        raw_server(answers(page(b"Selamat datang"))) as good,
        raw_server(answers(bad)) as failing,
        dead_port() as dead,
    ):
        services = (
            *(service(f"good-{n}", f"http://127.0.0.1:{good.port}/{n}") for n in range(20)),
            service("failing", f"http://127.0.0.1:{failing.port}/"),
            service("word", f"http://127.0.0.1:{good.port}/word", keyword="Perizinan"),
            service("dead", f"http://127.0.0.1:{dead}/"),
        )
        result = sample(listed(*services), store=store)
        assert (good.connections, failing.connections) == (21, 1)
        paths = Counter(request.split(b" ")[1] for request in good.requests)
        assert set(paths.values()) == {1}
    assert (result.up, result.down, dict(result.missing)) == (20, 3, {})
    found = {name: samples[0] for name, samples in taken(store, *services).items()}
    assert len(found) == 23
    told = {name: (one.up, one.status, one.reason) for name, one in found.items()}
    assert told["good-7"] == (True, 200, "")
    assert told["failing"] == (False, 503, "status")
    assert told["word"] == (False, 200, "keyword")
    assert told["dead"] == (False, None, "refused")
    assert store.verify() == ()


def test_phases_are_kept(store: Store, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_leaf(None).write(tmp_path))
    with raw_server(answers(page()), tls=context) as server:
        one = service("portal", f"https://localhost:{server.port}/")
        sample(listed(one), store=store)
        assert server.connections == 1
        (found,) = taken(store, one)["portal"]
    for phase in (found.name, found.connect, found.tls, found.first_byte):
        assert phase is not None
        assert 0 < phase < 5
    assert found.name is not None
    assert found.name > 5e-5, "the name was really looked up, once, and that was timed"


def test_samples_add_up_to_a_history(store: Store) -> None:
    """A service that flaps, sampled for real several times."""
    bad = page(status="500 X")
    with raw_server(answers(page(), bad, page(), bad, page())) as server:
        one = service("portal", f"http://127.0.0.1:{server.port}/")
        for _ in range(5):
            sample(listed(one), store=store)
        found = taken(store, one)["portal"]
        assert server.connections == 5
    assert [one.up for one in found] == [True, False, True, False, True]
    assert [one.at for one in found] == sorted(one.at for one in found)


# --- in time


def test_what_the_deadline_cuts_off_has_no_sample(store: Store) -> None:
    with raw_server(stays_silent()) as silent, raw_server(answers(page())) as good:
        services = (
            service("silent", f"http://127.0.0.1:{silent.port}/"),
            service("good", f"http://127.0.0.1:{good.port}/"),
        )
        begun = time.monotonic()
        result = sample(listed(*services), store=store, deadline=1.0)
        assert time.monotonic() - begun < 3
    assert (result.up, result.down) == (1, 0)
    assert dict(result.missing) == {"silent": NOT_REACHED}
    assert set(taken(store, *services)) == {"good"}


def test_a_name_that_hangs_holds_nobody_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = Door.resolve

    async def hangs(self: Door, host: str) -> tuple[str, ...]:
        if host == "hangs.example":
            await asyncio.sleep(3600)
        return await resolve(self, host)

    monkeypatch.setattr(Door, "resolve", hangs)
    with raw_server(answers(page())) as good:
        services = (
            service("hangs", "http://hangs.example/"),
            service("good", f"http://127.0.0.1:{good.port}/"),
        )
        result = sample(listed(*services), store=store, deadline=1.5)
    assert (result.up, dict(result.missing)) == (1, {"hangs": NOT_REACHED})


def test_it_is_not_always_the_same_ones_that_go_without() -> None:
    services = [service(str(number), f"http://127.0.0.1/{number}") for number in range(100)]
    firsts = []
    with Store.in_memory() as store:
        for _ in range(3):
            turned = sampler._turned(services, store.sample_ledger())  # noqa: SLF001 - its rule
            assert sorted(turned, key=lambda one: int(one.id)) == services
            firsts.append(int(turned[0].id))
            store.add_samples({"0": AvailabilitySample(NOW, up=True)}, at=NOW)
    assert firsts == [0, 34, 68]


# --- what could not be seen


@pytest.mark.parametrize(
    ("kind", "alone", "missing"),
    [
        (FailureKind.NAME_SERVER_FAILED, False, "name_server_failed"),
        (FailureKind.OUT_OF_SCOPE, False, "out_of_scope"),
        (FailureKind.UNREACHABLE, False, None),
        (FailureKind.UNREACHABLE, True, CUT_OFF),
        (FailureKind.NAME_NOT_FOUND, True, None),
        (FailureKind.TIMEOUT, True, None),
    ],
)
def test_blindness_of_the_sampler_is_no_outage(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    kind: FailureKind,
    missing: str | None,
    *,
    alone: bool,
) -> None:
    async def probe(one: Service, **_: object) -> Attempt:
        failed = one.id == "far" or alone
        result = Failure(kind if failed else FailureKind.REFUSED, "")
        endpoint = Endpoint(key=one.url, host=one.host)
        return Attempt(Probe.UPTIME, endpoint, NOW, 0.1, Tool("fake", "1"), result)

    monkeypatch.setattr(sampler, "probe_uptime", probe)
    services = (service("far", "http://127.0.0.1/"), service("near", "http://127.0.0.2/"))
    result = sample(listed(*services), store=store)
    everybody = dict.fromkeys(("far", "near") if alone else ("far",), missing)
    assert dict(result.missing) == (everybody if missing else {})
    assert result.down == 2 - len(result.missing)
    assert (result.ledger is None) is (missing == CUT_OFF)


def test_a_defect_costs_one_sample(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(one: Service, *, door: Door, count: int) -> Attempt:
        if one.id == "odd":
            raise ZeroDivisionError
        return await probe_uptime(one, door=door, count=count)

    monkeypatch.setattr(sampler, "probe_uptime", broken)
    with raw_server(answers(page())) as good:
        url = f"http://127.0.0.1:{good.port}/"
        result = sample(listed(service("odd", url), service("even", url)), store=store)
    assert (result.up, dict(result.missing)) == (1, {"odd": "tool_failed"})


# --- scope


def test_a_service_out_of_scope_stops_it_before_the_first_packet(store: Store) -> None:
    with raw_server(answers(page())) as good:
        near = service("near", f"http://127.0.0.1:{good.port}/")
        far = service("far", "http://192.0.2.1/")
        with pytest.raises(ScopeError, match=r"far \(192\.0\.2\.1\)"):
            sample(listed(near, far), store=store)
        assert good.connections == 0
        assert store.sample_ledger() is None
        result = sample(listed(near, far), store=store, skip_out_of_scope=True)
        assert (result.up, len(result.left_out)) == (1, 1)


ENGAGEMENT = """\
engagement:
  letter: ST-1
  issued_by: Inspektur
  valid: {{from: {begin}-01-01, until: {end}-12-31}}
  scope: ["{scope}"]
  contact: csirt@example.go.id
agencies:
  - {{id: a, name: A, services: [{{id: portal, name: P, url: "http://127.0.0.1:{port}"}}]}}
"""


@pytest.mark.parametrize(
    ("begin", "end", "scope", "code"),
    [
        (2020, 2099, "127.0.0.0/8", 0),
        (2020, 2099, "10.0.0.0/8", 4),
        (2020, 2020, "127.0.0.0/8", 4),
        (2098, 2099, "127.0.0.0/8", 4),
    ],
)
def test_the_engagement_binds(
    begin: int, end: int, scope: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with raw_server(answers(page())) as server:
        text = ENGAGEMENT.format(begin=begin, end=end, scope=scope, port=server.port)
        Path("targets.yaml").write_text(text)
        assert run(["sample", "targets.yaml"]) == code
        assert server.connections == (code == 0)
    shown = capsys.readouterr()
    assert ("127.0.0.1" in shown.err or "valid from" in shown.err) is (code == 4)


# --- the command


def test_the_help_shows_a_cron_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "--help"]) == 0
    assert "*/5 * * * *" in capsys.readouterr().out


def test_the_command_says_one_line_or_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with raw_server(answers(page())) as server, dead_port() as dead:
        urls = f"http://127.0.0.1:{server.port}/\nhttp://127.0.0.1:{dead}/\n"
        Path("targets.txt").write_text(urls)
        assert run(["sample", "targets.txt"]) == 0
        assert capsys.readouterr() == ("2 of 2 services sampled: 1 up, 1 down\n", "")
        assert run(["sample", "targets.txt", "--quiet", "--interval", "300"]) == 0
        assert capsys.readouterr() == ("", "")


def test_the_deadline_is_told_even_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    with raw_server(stays_silent()) as silent:
        url = f"http://127.0.0.1:{silent.port}/"
        assert run(["sample", url, "--quiet", "--deadline", "1"]) == 3
    shown = capsys.readouterr()
    assert re.fullmatch(r"No sample of 127-0-0-1-\d+: deadline\n", shown.err)
    assert shown.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing-here.yaml"],
        ["http://127.0.0.1", "--deadline", "0"],
        ["http://127.0.0.1", "--interval", "soon"],
        ["http://127.0.0.1", "--store", "no-such-folder/evidence.db"],
    ],
    ids=" ".join,
)
def test_wrong_input_is_explained_with_two(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["sample", *arguments]) == 2
    assert capsys.readouterr().err.strip()


def test_a_second_sampler_is_told_who_is_at_work(capsys: pytest.CaptureFixture[str]) -> None:
    with hold_lock(Path("spbe-audit.db"), since=NOW, suffix=SAMPLE_LOCK):
        assert run(["sample", "http://127.0.0.1:9/"]) == 2
    shown = capsys.readouterr().err
    assert f"in use by process {os.getpid()} since 2026-03-01T00:00:00+00:00" in shown
    assert not Path("spbe-audit.db").exists()


def test_a_scan_does_not_keep_the_sampler_away() -> None:
    with raw_server(answers(page())) as server:
        with hold_lock(Path("spbe-audit.db"), since=NOW):
            assert run(["sample", f"http://127.0.0.1:{server.port}/", "--quiet"]) == 0
        assert server.connections == 1


# --- beside a scan, and after a kill


def test_a_scan_and_the_sampler_share_a_store() -> None:
    path = Path("spbe-audit.db")
    options = ScanOptions(families=("uptime",), uptime_interval=0.02, confirm_after=0.0)
    with raw_server(answers(page())) as server, Store.open(path) as samples:
        urls = [f"http://127.0.0.1:{server.port}/{number}" for number in range(30)]
        services = [service(f"s{number}", url) for number, url in enumerate(urls)]
        sample(listed(*services), store=samples)
        scanning = threading.Thread(target=_scan, args=(listed(*services), path, options))
        scanning.start()
        results: list[SampleResult] = []
        while scanning.is_alive():
            results.append(sample(listed(*services), store=samples))
        scanning.join()
        assert [one.up for one in results] == [30] * len(results)
        assert results
        assert samples.verify() == ()
        (finished,) = samples.runs()
        assert finished.finished
        histories = [one.derived[Probe.AVAILABILITY] for one in samples.run().evidence()]
    for history in histories:
        assert isinstance(history, AvailabilityEvidence)
        assert len(history.samples) == 1, "the scan looks back from where it began"


def _scan(targets: TargetList, path: Path, options: ScanOptions) -> None:
    with Store.open(path) as store:
        scan(targets, store=store, options=options)


@contextmanager
def sampling(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "spbe_audit", "sample", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_sampler_that_is_killed_leaves_no_part_of_a_batch() -> None:
    path = Path("spbe-audit.db")
    with ExitStack() as stack:
        good = stack.enter_context(raw_server(answers(page())))
        silent = stack.enter_context(raw_server(stays_silent()))
        urls = [f"http://127.0.0.1:{good.port}/{number}" for number in range(10)]
        Path("targets.txt").write_text("\n".join([*urls, f"http://127.0.0.1:{silent.port}/"]))
        process = stack.enter_context(sampling("targets.txt"))
        _wait_until(good, silent)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Store.open_existing(path) as store:
        assert store.sample_ledger() is None
        assert store.verify() == ()
    with hold_lock(path, since=NOW, suffix=SAMPLE_LOCK):
        pass  # it died with its holder
    with raw_server(answers(page())) as good:
        assert run(["sample", f"http://127.0.0.1:{good.port}/", "--quiet"]) == 0


def _wait_until(good: RawServer, silent: RawServer) -> None:
    """Until the good ones have answered and the silent one is being waited for."""
    end = time.monotonic() + 20
    while len(good.requests) < 10 or not silent.connections:
        assert time.monotonic() < end
        time.sleep(0.02)


# --- to the verdict


def policy_of_the_family(folder: Path) -> tuple[Catalogue, Path]:
    catalogue = Catalogue(tuple(load_check(f"uptime.{name}") for name in sorted(FAMILY)))
    lines = [f"  - {{check: uptime.{name}, severity: low}}" for name in FAMILY]
    text = "\n".join(["id: kota", "title: {id: Kota, en: City}", "requirements:", *lines])
    path = folder / "kota.yaml"
    path.write_text(text)
    return catalogue, path


def test_a_month_of_samples_is_judged(store: Store, tmp_path: Path) -> None:
    """Simulated time: one service well, one down for a day, one never sampled."""
    begins = NOW - timedelta(days=30)
    for number in range(30 * 24):
        at = begins + timedelta(hours=number)
        well = AvailabilitySample(at, up=True, status=200, connect=0.01, first_byte=0.2)
        down = AvailabilitySample(at, up=False, status=503, reason="status")
        ill = down if 100 <= number < 124 else well
        store.add_samples({"well": well, "ill": ill}, at=at)
    names = ("well", "ill", "new")
    services = [service(name, f"http://127.0.0.1/{name}") for name in names]
    plan = RunPlan("r", NOW, listed(*services), "kota", Intensity.LIGHT, ("uptime",), "0")
    writer = store.begin(plan)
    for name in names:
        endpoint = Endpoint(key=f"uptime {name}", host="127.0.0.1")
        refused = Failure(FailureKind.REFUSED, "refused")
        attempt = Attempt(Probe.UPTIME, endpoint, NOW, 0.1, Tool("fake", "1"), refused)
        writer.add_service(name, {Probe.UPTIME: [writer.add_attempt(attempt)]})
    writer.finish(NOW)
    catalogue, path = policy_of_the_family(tmp_path)
    policy = load_policy(path, catalogue=catalogue)
    assessment = evaluate(store.run(), policy, catalogue=catalogue)
    verdicts = {
        (one.service, one.check.removeprefix("uptime.")): one.verdict for one in assessment.findings
    }
    assert {verdicts["well", name] for name in FAMILY} == {Verdict.PASS}
    assert {name for name in FAMILY if verdicts["ill", name] is Verdict.FAIL} == {
        "availability",
        "longest_outage",
        "error_rate",
    }
    assert not any(name == "new" for name, _ in verdicts), "nothing is said of the one unsampled"
    (outage,) = (
        one
        for one in assessment.findings
        if (one.service, one.check) == ("ill", "uptime.longest_outage")
    )
    assert outage.facts["hours"] == 24.0
    assert outage.facts["begins"] == "2026-02-03T04:00:00Z"
    json.dumps([dict(one.facts) for one in assessment.findings])


def test_a_thousand_services_in_a_fraction_of_the_deadline(store: Store) -> None:
    with dead_port() as dead:
        services = [service(f"s{n}", f"http://127.0.0.1:{dead}/{n}") for n in range(1000)]
        begun = time.monotonic()
        result = sample(listed(*services), store=store)
        took = time.monotonic() - begun
    assert (result.down, dict(result.missing)) == (1000, {})
    assert took < 30


def test_no_socket_stays_open(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        before = len([*Path("/proc/self/fd").iterdir()])
        sample(listed(service("silent", url)), store=store, deadline=1.0)
        assert len([*Path("/proc/self/fd").iterdir()]) <= before
