"""The ledger of samples: whole batches, a chain that shows every change, and files of before."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from spbe_audit.cli.commands import run as command_line
from spbe_audit.errors import StoreError
from spbe_audit.evidence import (
    AvailabilityEvidence,
    AvailabilitySample,
    MaintenanceWindow,
    Probe,
)
from spbe_audit.store import RunPlan, SampleLedger, Store, StoredRun
from spbe_audit.store.database import SCHEMA_VERSION
from spbe_audit.targets import Agency, Intensity, Service, TargetList

GOLDEN = Path(__file__).parent / "golden" / "store_v1.db"
GOLDEN_DIGEST = "80b615c63550a6d18e5dcb4114d047a07ce01043dfbd48de4155f023887e5f05"
NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
MINUTES = timedelta(minutes=5)
WINDOW = MaintenanceWindow(NOW - timedelta(hours=2), NOW - timedelta(hours=1), "Pusat data")
PORTAL = Service(
    id="portal",
    name="Portal",
    url="http://127.0.0.1/",
    display_url="http://127.0.0.1/",
    agency="a",
    sla=99.5,
    maintenance=(WINDOW,),
)
UP = AvailabilitySample(
    NOW, up=True, status=200, name=0.001, connect=0.002, tls=None, first_byte=0.25
)
DOWN = AvailabilitySample(NOW, up=False, reason="refused", name=0.001)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evidence.db"


def at(sample: AvailabilitySample, moment: datetime) -> AvailabilitySample:
    return replace(sample, at=moment)


def fill(store: Store, count: int = 3, *, end: datetime = NOW, **settings: Any) -> SampleLedger:
    """Batches five minutes apart, each of a service that is up and one that is down."""
    for number in range(count, 0, -1):
        moment = end - number * MINUTES
        samples = {"portal": at(UP, moment), "izin": at(DOWN, moment)}
        ledger = store.add_samples(samples, at=moment, **settings)
    return ledger


def begin(
    store: Store, *, started: datetime = NOW, families: tuple[str, ...] = ("uptime",)
) -> StoredRun:
    targets = TargetList(agencies=(Agency(id="a", name="A", services=(PORTAL,)),))
    run_id = f"run-{len(store.runs())}"
    plan = RunPlan(run_id, started, targets, "spbe", Intensity.LIGHT, families, "0")
    writer = store.begin(plan)
    writer.add_service("portal", {})
    writer.finish(started)
    return store.run(run_id)


def history(run: StoredRun) -> AvailabilityEvidence | None:
    (service,) = run.evidence()
    found = service.derived.get(Probe.AVAILABILITY)
    assert found is None or isinstance(found, AvailabilityEvidence)
    return found


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def breaches(path: Path) -> str:
    with Store.open_existing(path) as store:
        return "; ".join(str(breach) for breach in store.verify())


# --- what is read back


def test_what_was_sampled_is_read_back(path: Path) -> None:
    with Store.open(path) as store:
        ledger = fill(store)
        found = history(begin(store))
    assert found == AvailabilityEvidence(
        service="portal",
        until=NOW,
        interval=300.0,
        samples=tuple(at(UP, NOW - n * MINUTES) for n in (3, 2, 1)),
        maintenance=(WINDOW,),
        sla=99.5,
        ledger=ledger.chain,
    )


def test_a_run_without_samples_has_no_history(path: Path) -> None:
    with Store.open(path) as store:
        assert store.sample_ledger() is None
        assert history(begin(store)) is None
        store.add_samples({"izin": DOWN}, at=NOW - MINUTES)
        assert history(begin(store)) is None, "those are another service's"


@pytest.mark.parametrize(
    ("families", "asked"),
    [(("uptime",), True), ((), True), (("tls", "uptime"), True), (("tls",), False)],
)
def test_only_a_run_about_availability_looks_back(
    path: Path, families: tuple[str, ...], *, asked: bool
) -> None:
    with Store.open(path) as store:
        fill(store)
        assert (history(begin(store, families=families)) is not None) is asked


def test_a_run_looks_back_a_quarter_and_never_forward(path: Path) -> None:
    old = NOW - timedelta(days=92)
    moments = [old - MINUTES, old, NOW - MINUTES, NOW, NOW + MINUTES]
    with Store.open(path) as store:
        for moment in moments:
            store.add_samples({"portal": at(UP, moment)}, at=moment)
        found = history(begin(store))
    assert found is not None
    assert [sample.at for sample in found.samples] == [old, NOW - MINUTES]


def test_a_batch_that_ends_after_the_run_began_changes_nothing(path: Path) -> None:
    """Its samples were taken before, but they were not there when the run looked."""
    with Store.open(path) as store:
        fill(store)
        run = begin(store)
        before = history(run)
        store.add_samples({"portal": at(DOWN, NOW - timedelta(seconds=1))}, at=NOW)
        assert history(run) == before
        later = history(begin(store, started=NOW + MINUTES))
    assert before is not None
    assert later is not None
    assert len(later.samples) == len(before.samples) + 1


def test_a_stated_interval_goes_before_the_spacing(path: Path) -> None:
    with Store.open(path) as store:
        fill(store, end=NOW - timedelta(hours=1), interval=60.0)
        fill(store, interval=120.0)
        found = history(begin(store))
        assert found is not None
        assert found.interval == 120.0
        store.add_samples({"portal": at(UP, NOW)}, at=NOW)
        found = history(begin(store, started=NOW + MINUTES))
    assert found is not None
    assert found.interval == 300.0


def test_samples_that_cannot_be_read_are_explained(path: Path) -> None:
    with Store.open(path) as store:
        fill(store)
        run = begin(store)
        tamper(path, "UPDATE sample SET phases = 'x' WHERE service = 'portal'")
        with pytest.raises(StoreError) as caught:
            history(run)
    assert "verify" in caught.value.diagnostics()


# --- the chain


def test_a_ledger_as_it_was_written_is_good(path: Path) -> None:
    with Store.open(path) as store:
        ledger = fill(store)
        begin(store)
        assert ledger == store.sample_ledger()
        assert ledger.batches == 3
        assert store.verify() == ()


CHANGES = {
    "a sample is turned up": (
        "UPDATE sample SET up = 1 WHERE service = 'izin' AND batch = 2",
        "samples, batch 2 (2026-03-01T07:50:00+00:00): its samples do not match its digest",
    ),
    "a sample is moved": (
        "UPDATE sample SET at = at + 1 WHERE service = 'izin' AND batch = 2",
        "samples, batch 2 (2026-03-01T07:50:00+00:00): its samples do not match its digest",
    ),
    "a sample is quicker": (
        "UPDATE sample SET phases = '[1,1,null,1]' WHERE service = 'portal' AND batch = 3",
        "samples, batch 3 (2026-03-01T07:55:00+00:00): its samples do not match its digest",
    ),
    "a sample is taken away": (
        "DELETE FROM sample WHERE service = 'izin' AND batch = 1",
        "samples, batch 1 (2026-03-01T07:45:00+00:00): its samples do not match its digest",
    ),
    "a sample is added": (
        "INSERT INTO sample SELECT 'neu', at, batch, 1, 200, '', phases FROM sample LIMIT 1",
        "samples, batch 1 (2026-03-01T07:45:00+00:00): its samples do not match its digest",
    ),
    "a batch is dated otherwise": (
        "UPDATE sample_batch SET at = '2026-01-01T00:00:00+00:00' WHERE seq = 2",
        "samples, batch 2 (2026-01-01T00:00:00+00:00): it does not follow from the batch before it",
    ),
    "an interval is changed": (
        "UPDATE sample_batch SET interval = 3600.0 WHERE seq = 1",
        "samples, batch 1 (2026-03-01T07:45:00+00:00): it does not follow from the batch before it",
    ),
    "a digest is changed": (
        "UPDATE sample_batch SET digest = lower(hex(randomblob(32))) WHERE seq = 3",
        "samples, batch 3 (2026-03-01T07:55:00+00:00): its samples do not match its digest",
    ),
    "samples lose their batch": (
        "DELETE FROM sample_batch WHERE seq = 3",
        "samples, batch 3 (missing): a batch was removed",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_first_broken_batch_is_named(path: Path, change: str) -> None:
    statement, told = CHANGES[change]
    with Store.open(path) as store:
        fill(store)
    tamper(path, statement)
    assert breaches(path) == told


def test_a_batch_that_was_removed_is_missed(path: Path) -> None:
    with Store.open(path) as store:
        fill(store)
    tamper(path, "DELETE FROM sample WHERE batch = 2", "DELETE FROM sample_batch WHERE seq = 2")
    assert breaches(path) == "samples, batch 2 (missing): a batch was removed"


def test_a_run_holds_the_end_of_the_ledger(path: Path) -> None:
    """What comes last could be cut off unseen, were it not for the runs that looked back on it."""
    with Store.open(path) as store:
        fill(store)
        begin(store)
    tamper(path, "DELETE FROM sample WHERE batch = 3", "DELETE FROM sample_batch WHERE seq = 3")
    assert breaches(path) == "run run-0, batch of samples 3 (missing): the run looked back on it"


def test_verify_speaks_of_the_samples(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(path) as store:
        chain = fill(store).chain
    assert command_line(["verify", "--store", str(path)]) == 0
    assert f"good: 3 batches of samples, digest {chain}" in capsys.readouterr().out
    tamper(path, "UPDATE sample SET up = 1")
    assert command_line(["verify", "--store", str(path)]) == 1
    shown = capsys.readouterr()
    assert "broken: samples, batch 1" in shown.err
    assert "good" not in shown.out


# --- all or nothing


def test_a_batch_is_written_whole_or_not_at_all(path: Path) -> None:
    nameless: Any = AvailabilitySample(NOW, up=False, reason=None)  # type: ignore[arg-type] # refused
    with Store.open(path) as store:
        fill(store)
        with pytest.raises(StoreError, match="NOT NULL"):
            store.add_samples({"izin": DOWN, "portal": nameless}, at=NOW)
        assert store.verify() == ()
        assert fill(store, 1).batches == 4


WRITES_FOR_EVER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from spbe_audit.evidence import AvailabilitySample
from spbe_audit.store import Store

moment = datetime(2026, 3, 1, tzinfo=UTC)
with Store.open(Path(sys.argv[1])) as store:
    while True:
        moment += timedelta(minutes=5)
        sample = AvailabilitySample(moment, up=True, status=200)
        store.add_samples({f"s{number}": sample for number in range(200)}, at=moment)
"""


def test_a_writer_that_is_killed_leaves_whole_batches(path: Path) -> None:
    with Store.open(path):
        pass
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, str(path)])
        before = _batches(path)
        _wait_until(lambda before=before: _batches(path) > before)  # type: ignore[misc] # a default
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    with Store.open_existing(path) as store:
        assert store.verify() == ()
    connection = sqlite3.connect(path)
    counts = connection.execute("SELECT count(*) FROM sample GROUP BY batch").fetchall()
    connection.close()
    assert set(counts) == {(200,)}
    assert len(counts) == _batches(path) > 2


def _batches(path: Path) -> int:
    with Store.open_existing(path) as store:
        ledger = store.sample_ledger()
    return ledger.batches if ledger else 0


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# --- several at once, and files of before


def side_by_side(*works: Callable[[], None]) -> None:
    """Run each work in a thread of its own, beginning together; none may raise."""
    errors: list[BaseException] = []
    ready = threading.Barrier(len(works))

    def guarded(work: Callable[[], None]) -> None:
        ready.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_several_may_make_a_file_at_once(tmp_path: Path) -> None:
    for number in range(8):
        path = tmp_path / f"{number}.db"

        def write(path: Path = path) -> None:
            with Store.open(path) as store:
                store.add_samples({"portal": UP}, at=NOW)

        side_by_side(*[write] * 4)
        with Store.open_existing(path) as store:
            ledger = store.sample_ledger()
            assert ledger is not None
            assert ledger.batches == 4
            assert store.verify() == ()


def test_a_run_and_the_sampler_write_side_by_side(path: Path) -> None:
    with Store.open(path) as store:
        fill(store, 1)

    def write_run() -> None:
        with Store.open(path) as store:
            for _ in range(10):
                begin(store)

    def write_samples() -> None:
        with Store.open(path) as store:
            fill(store, 30)

    side_by_side(write_run, write_samples)
    with Store.open_existing(path) as store:
        assert store.verify() == ()
        assert len(store.runs()) == 10
        ledger = store.sample_ledger()
        assert ledger is not None
        assert ledger.batches == 31


@pytest.fixture
def older(path: Path) -> Path:
    shutil.copyfile(GOLDEN, path)
    return path


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return int(version)


def test_a_file_of_version_1_is_read_and_goes_on(older: Path) -> None:
    assert _version(older) == 1
    with Store.open_existing(older) as store:
        run = store.run()
        assert run.summary.digest == GOLDEN_DIGEST
        assert [set(one.attempts) for one in run.evidence()] == [{Probe.UPTIME}] * 2
        assert [one.derived for one in run.evidence()] == [{}, {}]
        assert store.verify() == ()
        fill(store)
        assert history(begin(store)) is not None
        assert store.verify() == ()
        assert store.runs()[0].digest == GOLDEN_DIGEST
    assert _version(older) == SCHEMA_VERSION


def test_several_may_bring_an_older_file_up_to_date(older: Path) -> None:
    def bring() -> None:
        Store.open_existing(older).close()

    side_by_side(*[bring] * 4)
    assert _version(older) == SCHEMA_VERSION
    with Store.open_existing(older) as store:
        assert store.run().summary.digest == GOLDEN_DIGEST


def test_a_migration_that_fails_leaves_the_file_as_it_was(older: Path) -> None:
    tamper(older, "CREATE TABLE sample (mine TEXT)")
    with pytest.raises(StoreError, match="sample already exists"):
        Store.open_existing(older)
    assert _version(older) == 1
    connection = sqlite3.connect(older)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "sample_batch" not in names


def test_an_empty_database_of_others_is_left_alone(path: Path) -> None:
    tamper(path, "CREATE TABLE mine (text TEXT)")
    with pytest.raises(StoreError, match="version 0 is not known"):
        Store.open_existing(path)
