"""The evidence file: nothing is lost, and nothing can be changed unseen."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from spbe_audit.errors import StoreError, StoreLockedError
from spbe_audit.evidence import Attempt, Endpoint, Failure, FailureKind, Probe, Tool
from spbe_audit.run_lock import hold_lock
from spbe_audit.store import RunPlan, RunWriter, Store
from spbe_audit.targets import Agency, Intensity, Service, TargetList

NOW = datetime(2026, 1, 15, tzinfo=UTC)
SERVICE = Service(
    id="portal", name="Portal", url="https://127.0.0.1/", display_url="127.0.0.1", agency="a"
)
TARGETS = TargetList(agencies=(Agency(id="a", name="A", services=(SERVICE,)),))


def _plan(run_id: str = "run-1") -> RunPlan:
    return RunPlan(
        id=run_id,
        started=NOW,
        targets=TARGETS,
        policy="spbe",
        intensity=Intensity.STANDARD,
        families=("tls",),
        scanner="0",
    )


def _attempt(number: int = 1) -> Attempt:
    return Attempt(
        probe=Probe.TLS,
        endpoint=Endpoint(key="tls 127.0.0.1:443 a", host="a", port=443, address="127.0.0.1"),
        started=NOW,
        duration=1.5,
        tool=Tool("sslyze", "6"),
        result=Failure(FailureKind.TIMEOUT, "no answer"),
        number=number,
        connections=3,
    )


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "evidence.db"


@pytest.fixture
def writer(store_path: Path) -> Iterator[RunWriter]:
    with Store.open(store_path) as store:
        writer = store.begin(_plan())
        seq = writer.add_attempt(_attempt())
        writer.add_service("portal", {Probe.TLS: [seq]})
        writer.finish(NOW)
        yield writer


def _tamper(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def _breach(path: Path) -> str:
    with Store.open_existing(path) as store:
        return "; ".join(str(breach) for breach in store.verify())


@pytest.mark.usefixtures("writer")
def test_what_was_written_is_read_back(store_path: Path) -> None:
    with Store.open_existing(store_path) as store:
        run = store.run()
        (evidence,) = run.evidence()
        (recorded,) = evidence.attempts[Probe.TLS]
        assert recorded.attempt == _attempt()
        assert run.summary.footprint == {
            "services": 1,
            "addresses": 1,
            "attempts": 1,
            "connections": 3,
        }
        assert run.summary.finished == NOW
        assert run.agencies == TARGETS.agencies
        assert store.verify() == ()


@pytest.mark.usefixtures("writer")
def test_only_the_owner_can_read_it(store_path: Path) -> None:
    assert stat.S_IMODE(store_path.stat().st_mode) == 0o600


@pytest.mark.usefixtures("writer")
@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "UPDATE record SET body = replace(body, 'timeout', 'refused') WHERE seq = 2",
            "record 2 (attempt tls 127.0.0.1:443 a): its content does not match its digest",
        ),
        ("DELETE FROM record WHERE seq = 2", "record 2 (missing): a record was removed"),
        (
            "DELETE FROM record WHERE seq = 4",
            "record 4 (missing): records at the end were removed",
        ),
        (
            "UPDATE record SET key = 'tls 127.0.0.1:444 a' WHERE seq = 2",
            "record 2 (attempt tls 127.0.0.1:444 a): it does not follow from the record before it",
        ),
        ("UPDATE run SET finished = NULL", "record 4 (end): the end of the run was changed"),
    ],
)
def test_the_first_broken_record_is_named(store_path: Path, statement: str, told: str) -> None:
    _tamper(store_path, statement)
    assert _breach(store_path) == f"run run-1, {told}"


@pytest.mark.usefixtures("writer")
def test_a_recomputed_digest_alone_does_not_hide_a_change(store_path: Path) -> None:
    _tamper(store_path, "UPDATE record SET digest = lower(hex(randomblob(32))) WHERE seq = 3")
    assert "record 3" in _breach(store_path)


def test_a_run_that_was_cut_short_goes_on_where_it_stopped(store_path: Path) -> None:
    with Store.open(store_path) as store:
        store.begin(_plan()).add_attempt(_attempt())
    with Store.open(store_path) as store:
        writer = store.resume()
        assert writer is not None
        assert [attempt for _, attempt in writer.attempts("tls 127.0.0.1:443 a")] == [_attempt()]
        assert writer.completed_services() == frozenset()
        writer.add_attempt(_attempt(number=2))
        writer.finish(NOW)
        assert store.resume() is None
        assert store.verify() == ()


def test_a_second_run_is_told_who_holds_the_file(store_path: Path) -> None:
    with (
        hold_lock(store_path, since=NOW),
        pytest.raises(StoreLockedError, match=r"process \d+ since 2026-01-15T00:00:00\+00:00"),
        hold_lock(store_path, since=NOW),
    ):
        pass
    with hold_lock(store_path, since=NOW):
        pass


def test_a_file_that_is_no_store_is_explained(store_path: Path) -> None:
    store_path.write_text("this is a letter, not a database, and long enough to be read as one")
    with pytest.raises(StoreError) as caught:
        Store.open_existing(store_path)
    assert "not an evidence file" in caught.value.diagnostics()


def test_a_newer_store_is_left_alone(store_path: Path) -> None:
    Store.open(store_path).close()
    _tamper(store_path, "PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="version 99"):
        Store.open_existing(store_path)


def test_a_missing_store_and_a_missing_run_are_explained(store_path: Path) -> None:
    with pytest.raises(StoreError, match="no such evidence file"):
        Store.open_existing(store_path)
    with Store.open(store_path) as store, pytest.raises(StoreError, match="no run yet"):
        store.run()


def test_the_same_records_give_the_same_digest(tmp_path: Path) -> None:
    digests = []
    for name in ("one.db", "two.db"):
        with Store.open(tmp_path / name) as store:
            writer = store.begin(_plan())
            writer.add_attempt(_attempt())
            writer.finish(NOW)
            digests.append(store.run().summary.digest)
    assert digests[0] == digests[1]
