"""Cutting off old runs and samples: the chain still verifies, and what was cut is written down."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from spbe_audit.cli.commands import run as command_line
from spbe_audit.errors import StoreError
from spbe_audit.evidence import (
    Attempt,
    AvailabilitySample,
    Endpoint,
    Failure,
    FailureKind,
    Probe,
    Tool,
)
from spbe_audit.finding import FollowUp
from spbe_audit.store import FollowUpImport, PruneLimits, RunCut, RunPlan, SamplesCut, Store
from spbe_audit.store.pruning import size_of
from spbe_audit.targets import Agency, Intensity, Service, TargetList
from tests.judgements import answers, judged

WEEK = timedelta(days=7)
FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)
PORTAL = Service(
    id="portal", name="Portal", url="http://127.0.0.1/", display_url="127.0.0.1", agency="a"
)
TARGETS = TargetList(agencies=(Agency(id="a", name="A", services=(PORTAL,)),))
AT = datetime(2027, 1, 1, tzinfo=UTC)


def scan(
    store: Store,
    week: int,
    *,
    finished: bool = True,
    retest_of: str = "",
    judge: bool = True,
    text: str = "no answer",
) -> str:
    """A run of a week, judged; gives its id."""
    started = FIRST + week * WEEK
    plan = RunPlan(
        id=f"run-{week:02}",
        started=started,
        targets=TARGETS,
        policy="spbe",
        intensity=Intensity.STANDARD,
        families=("uptime",),
        scanner="0",
        retest_of=retest_of,
    )
    writer = store.begin(plan)
    endpoint = Endpoint(key="tls 127.0.0.1:443 a", host="a", port=443, address="127.0.0.1")
    failure = Failure(FailureKind.TIMEOUT, text)
    attempt = Attempt(Probe.TLS, endpoint, started, 1.5, Tool("spbe-audit", "0"), failure)
    writer.add_service("portal", {Probe.TLS: [writer.add_attempt(attempt)]})
    if not finished:
        return plan.id
    writer.finish(started)
    if judge:
        told = judged(week, {"portal": answers("f")}, families=("uptime",))
        digest = store.run(plan.id).summary.digest
        store.keep_judgement(plan.id, replace(told, run_digest=digest))
    return plan.id


def sample(store: Store, week: int, count: int = 3) -> None:
    """Batches of samples in the hours before the run of a week."""
    for number in range(count, 0, -1):
        at = FIRST + week * WEEK - timedelta(hours=number)
        store.add_samples({"portal": AvailabilitySample(at, up=True, status=200)}, at=at)


def answer(store: Store, run: str) -> None:
    told = FollowUp("Diterima", "", "", None, None, AT, "x", "0")
    store.add_follow_ups([FollowUpImport("a.xlsx", run, run, AT, "x", {"0" * 16: told})])


def cut(store: Store, **limits: object) -> int:
    return len(store.prune(PruneLimits(**limits), at=AT, by="0"))  # type: ignore[arg-type] # as given


def ids(store: Store) -> list[str]:
    return [info.id for info in store.runs()]


def tamper(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "evidence.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store.open(path) as opened:
        yield opened


# --- runs


def test_old_runs_go_and_the_chain_still_verifies(store: Store) -> None:
    for week in range(5):
        scan(store, week)
    digests = [info.digest for info in store.runs()]
    assert cut(store, keep_runs=2) == 3
    assert ids(store) == ["run-03", "run-04"]
    assert store.verify() == ()
    told = [one.what for one in store.cuts()]
    assert [one.digest for one in told if isinstance(one, RunCut)] == digests[:3]
    assert [one.records for one in told if isinstance(one, RunCut)] == [4, 4, 4]
    with pytest.raises(StoreError, match="run run-01 was cut off"):
        store.run("run-01")


def test_how_a_cut_run_was_judged_stays(store: Store) -> None:
    for week in range(3):
        scan(store, week)
    before = store.judgement("run-00", "spbe")
    assert before is not None
    cut(store, keep_runs=1)
    assert store.judgement("run-00", "spbe") == before
    assert store.judged_runs("spbe") == {"run-00", "run-01", "run-02"}
    assert [info.id for info in store.runs(with_cut=True) if info.cut] == ["run-00", "run-01"]


@pytest.mark.parametrize(
    ("limits", "stay"),
    [
        ({"keep_runs": 1}, ["run-05"]),
        ({"keep_runs": 2}, ["run-03", "run-04", "run-05"]),
        ({"keep_runs": 9}, ["run-00", "run-01", "run-03", "run-04", "run-05"]),
        ({"runs_before": FIRST}, ["run-00", "run-01", "run-03", "run-04", "run-05"]),
        ({"runs_before": FIRST + 4 * WEEK}, ["run-04", "run-05"]),
        ({"runs_before": FIRST + 99 * WEEK}, ["run-05"]),
        ({}, ["run-00", "run-01", "run-03", "run-04", "run-05"]),
    ],
)
def test_which_runs_stay(store: Store, limits: dict[str, object], stay: list[str]) -> None:
    """One of the runs was cut short: it counts for nothing, and goes with those before."""
    for week in (0, 1, 3, 4, 5):
        scan(store, week, finished=week != 4)
    cut(store, **limits)
    assert ids(store) == stay
    assert store.verify() == ()


def test_what_may_be_resumed_stays(store: Store) -> None:
    scan(store, 0)
    scan(store, 1, finished=False)
    cut(store, runs_before=AT)
    assert ids(store) == ["run-00", "run-01"]
    assert store.resume() is not None


def test_the_newest_that_tested_everything_stays(store: Store) -> None:
    for week in range(3):
        scan(store, week)
    scan(store, 3, retest_of="run-02")
    cut(store, keep_runs=1)
    assert ids(store) == ["run-02", "run-03"]
    cut(store, runs_before=AT)
    assert ids(store) == ["run-02", "run-03"]


def test_a_run_that_was_answered_stays(store: Store) -> None:
    for week in range(4):
        scan(store, week)
    answer(store, "run-01")
    plan = store.plan_prune(PruneLimits(keep_runs=1))
    assert [one.id for one in plan.runs] == ["run-00", "run-02"]
    assert plan.kept == (("run-01", "answered"),)
    cut(store, keep_runs=1)
    assert ids(store) == ["run-01", "run-03"]


def test_it_goes_on_after_a_cut_and_may_be_cut_again(store: Store) -> None:
    for week in range(3):
        scan(store, week)
    cut(store, keep_runs=1)
    scan(store, 3)
    assert cut(store, keep_runs=1) == 1
    assert cut(store, keep_runs=1) == 0
    assert [one.seq for one in store.cuts()] == [1, 2, 3]
    assert store.verify() == ()


# --- samples


def test_old_samples_go_and_the_ledger_goes_on(store: Store) -> None:
    sample(store, 0)
    scan(store, 0)
    sample(store, 20)
    scan(store, 20)
    ledger = store.sample_ledger()
    assert cut(store, samples_before=AT) == 1
    (one,) = store.cuts()
    assert isinstance(one.what, SamplesCut)
    assert (one.what.first, one.what.last, one.what.samples) == (1, 3, 3)
    assert store.sample_ledger() == ledger
    assert store.verify() == ()
    sample(store, 21)
    assert store.verify() == ()


def test_samples_that_the_newest_run_looks_back_on_stay(store: Store) -> None:
    for week in range(0, 30, 3):
        sample(store, week)
    scan(store, 30)
    evidence = list(store.run().evidence())
    cut(store, samples_before=AT)
    contents = store.contents().samples
    assert contents is not None
    assert contents.since == FIRST + 18 * WEEK - timedelta(hours=3), "92 days are 13 weeks"
    assert list(store.run().evidence()) == evidence


def test_a_run_that_lost_samples_does_not_look_at_the_rest(store: Store) -> None:
    sample(store, 0)
    sample(store, 10)
    scan(store, 11)
    (before,) = store.run("run-11").evidence()
    assert Probe.AVAILABILITY in before.derived
    scan(store, 20)
    plan = store.plan_prune(PruneLimits(samples_before=AT))
    assert [one.id for one in plan.bereft] == ["run-11"]
    cut(store, samples_before=AT)
    (after,) = store.run("run-11").evidence()
    assert after.derived == {}
    assert store.verify() == ()


def test_all_samples_may_go_where_no_run_needs_them(store: Store) -> None:
    sample(store, 0)
    ledger = store.sample_ledger()
    cut(store, samples_before=AT)
    assert store.contents().samples is None
    assert store.sample_ledger() == ledger
    scan(store, 40)
    assert store.verify() == ()
    sample(store, 40)
    assert store.verify() == ()
    after = store.sample_ledger()
    assert after is not None
    assert after.batches == 6


# --- nothing changes unseen

TAMPERING = {
    "a cut is reworded": (
        "UPDATE cut SET body = replace(body, '\"records\":4', '\"records\":3') WHERE seq = 2",
        "cuts, cut 2 (run run-01): its content does not match its digest",
    ),
    "a cut is dated otherwise, with a digest that fits": (
        "UPDATE cut SET digest = lower(hex(randomblob(32))) WHERE seq = 1",
        "cuts, cut 1 (run run-00): its content does not match its digest",
    ),
    "a cut is about another run": (
        "UPDATE cut SET key = 'run-04' WHERE seq = 2",
        "cuts, cut 2 (run run-04): it does not follow from the entry before it",
    ),
    "a cut is taken away": ("DELETE FROM cut WHERE seq = 2", "cuts, cut 2 (missing)"),
    "the cuts are taken away": (
        "DELETE FROM cut",
        "run run-00, record 1 (missing): records at the end were removed",
    ),
    "the last cut is taken away": (
        "DELETE FROM cut WHERE seq = 4",
        "cut 4 (missing): the run noted it",
    ),
    "a run ended otherwise": (
        "UPDATE run SET finished = NULL WHERE id = 'run-00'",
        "cuts, cut 1 (run run-00): the line of the run was changed or removed",
    ),
    "a run had another digest": (
        "UPDATE run SET digest = lower(hex(randomblob(32))) WHERE id = 'run-01'",
        "cuts, cut 2 (run run-01): the line of the run was changed or removed",
    ),
    "a cut run was judged otherwise": (
        "UPDATE judgement SET body = x'01' WHERE run = 1",
        "cuts, cut 1 (run run-00): how the run was judged was changed or removed",
    ),
    "a cut run was never judged": (
        "DELETE FROM judgement WHERE run = 2",
        "cuts, cut 2 (run run-01): how the run was judged was changed or removed",
    ),
    "a cut run has records again": (
        "INSERT INTO record VALUES (1, 1, 'plan', 'x', '{}', '', '')",
        "cuts, cut 1 (run run-00): the run has records again",
    ),
    "a run that was not cut has none": (
        "DELETE FROM record WHERE run = 4",
        "run run-20, record 1 (missing): records at the end were removed",
    ),
    "a sample that is left": (
        "UPDATE sample SET up = 0",
        "samples, batch 4 (2026-05-24T22:00:00+00:00): its samples do not match its digest",
    ),
    "a batch that is left": (
        "DELETE FROM sample_batch WHERE seq = 4",
        "samples, batch 4 (missing): a batch was removed",
    ),
}


@pytest.fixture
def cut_path(path: Path) -> Path:
    with Store.open(path) as store:
        sample(store, 0)
        for week in (0, 1, 2):
            scan(store, week)
        sample(store, 20)
        scan(store, 20)
        cut(store, runs_before=FIRST + 2 * WEEK, samples_before=AT)
        answer(store, "run-20")
        cut(store, keep_runs=1)
        scan(store, 21)
        assert [one.seq for one in store.cuts()] == [1, 2, 3, 4]
    return path


@pytest.mark.parametrize("change", TAMPERING)
def test_what_is_left_and_what_is_written_of_the_rest_cannot_be_changed(
    cut_path: Path, change: str
) -> None:
    statement, told = TAMPERING[change]
    with Store.open_existing(cut_path) as store:
        assert store.verify() == ()
    tamper(cut_path, "PRAGMA foreign_keys = OFF", statement)
    with Store.open_existing(cut_path) as store:
        assert told in "; ".join(str(breach) for breach in store.verify())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"batches":3', '"batches":2', "batch of samples 2 (missing)"),
        ('"chain":"', '"chain":"0', "batch of samples 3 (changed)"),
    ],
)
def test_a_run_agrees_with_the_samples_that_went(path: Path, old: str, new: str, told: str) -> None:
    with Store.open(path) as store:
        sample(store, 0)
        scan(store, 0)
        scan(store, 20)
        cut(store, samples_before=AT)
        assert store.verify() == ()
        tamper(path, f"UPDATE record SET body = replace(body, '{old}', '{new}') WHERE run = 1")  # noqa: S608 - ours
        assert told in "; ".join(str(breach) for breach in store.verify())


# --- the command


def arguments(path: Path, *more: str) -> list[str]:
    return ["store", "prune", "--store", str(path), *more]


def test_the_file_becomes_smaller_and_verify_names_the_cuts(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(path) as store:
        for week in range(40):
            scan(store, week, text="x" * 50_000)
    before = size_of(str(path))
    assert command_line(arguments(path, "--keep-runs", "4")) == 0
    assert size_of(str(path)) < before / 4
    out = capsys.readouterr().out
    assert "Cut: run run-00, 4 records, digest " in out
    assert "36 more cuts are written down" in out
    assert command_line(["verify", "--store", str(path)]) == 0
    out = capsys.readouterr().out
    assert out.count("good: run ") == 4
    assert "cut: run run-35, 4 records" in out
    assert "good: 36 cuts, digest " in out


def test_a_dry_run_changes_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(path) as store:
        for week in range(3):
            scan(store, week, judge=False)
    before = path.read_bytes()
    assert command_line(arguments(path, "--keep-runs", "1", "--dry-run")) == 0
    assert capsys.readouterr().out.count("Would cut: run") == 2
    assert path.read_bytes() == before


def test_a_run_that_was_never_judged_is_judged_first(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(path) as store:
        for week in range(3):
            scan(store, week, judge=False)
    assert command_line(arguments(path, "--keep-runs", "1")) == 0
    assert capsys.readouterr().err.count("Judging the run") == 2
    with Store.open_existing(path) as store:
        assert store.judged_runs("spbe") == {"run-00", "run-01"}
        assert store.verify() == ()
    capsys.readouterr()
    assert command_line(["diff", "run-00", "run-02", "--store", str(path)]) in {0, 3}
    assert "run-00" in capsys.readouterr().out
    assert command_line(["diff", "run-00", "run-01", "--store", str(path)]) == 2
    assert "run-01 was cut off by `store prune`" in capsys.readouterr().err


def test_a_broken_file_is_left_alone(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(path) as store:
        for week in range(3):
            scan(store, week)
    tamper(path, "UPDATE record SET body = '{}' WHERE run = 1 AND seq = 2")
    assert command_line(arguments(path, "--keep-runs", "1")) == 2
    assert "Nothing was cut" in capsys.readouterr().err
    with Store.open_existing(path) as store:
        assert len(store.runs()) == 3


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ((), "say what may go"),
        (("--keep-runs", "0"), "0 is not in the range"),
        (("--keep-runs", "1", "--older-than", "9d"), "exclude each other"),
        (("--older-than", "9"), "'9' is no age; write 400d"),
        (("--older-than", "0d"), "is no age"),
    ],
)
def test_a_wrong_limit_is_explained(
    path: Path, more: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Store.open(path).close()
    assert command_line(arguments(path, *more)) == 2
    assert told in capsys.readouterr().err


def test_a_missing_file_is_not_made(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(arguments(path, "--keep-runs", "1")) == 2
    assert command_line(["store", "info", "--store", str(path)]) == 2
    assert capsys.readouterr().err.count("no such evidence file") == 2
    assert list(path.parent.iterdir()) == []


def test_without_room_it_is_cut_all_the_same_and_smaller_later(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path) as store:
        for week in range(20):
            scan(store, week, text="x" * 50_000)
    before = size_of(str(path))
    with monkeypatch.context() as patched:
        usage = shutil.disk_usage(path.parent)._replace(free=1000)
        patched.setattr("spbe_audit.store.pruning.shutil.disk_usage", lambda _folder: usage)
        assert command_line(arguments(path, "--keep-runs", "2")) == 0
    assert "The file is not smaller yet" in capsys.readouterr().out
    assert size_of(str(path)) >= before
    assert command_line(arguments(path, "--keep-runs", "2")) == 0
    assert size_of(str(path)) < before / 4
    with Store.open_existing(path) as store:
        assert store.verify() == ()


def test_info_tells_what_is_there(cut_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line(["store", "info", "--store", str(cut_path), "--verify"]) == 0
    out = capsys.readouterr().out
    assert "version 4" in out
    assert "run run-21: 2026-06-01 01:00 to 2026-06-01 01:00, 1 services, 4 records" in out
    assert "samples: 3 in 3 batches, 2026-05-24 22:00 to 2026-05-25 00:00" in out
    assert "follow-up: 1 findings answered, in 1 workbooks" in out
    assert "cut: samples, batches 1 to 3 of 2026-01-04 to 2026-01-05, 3 samples" in out
    assert out.endswith("the chain verifies\n")
    assert command_line(["store", "info", "--store", str(cut_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verified"] is None
    assert [one["kind"] for one in told["cuts"]] == ["run", "run", "samples", "run"]
    assert [one["id"] for one in told["runs"]] == ["run-20", "run-21"]
    tamper(cut_path, "DELETE FROM cut WHERE seq = 4")
    assert command_line(["store", "info", "--store", str(cut_path), "--verify"]) == 1
    assert "the chain is broken" in capsys.readouterr().out


# --- killed half way

PRUNE_AND_SHRINK = """
import sys
from spbe_audit.cli.commands import run
import spbe_audit.cli.store_command
print("ready", flush=True)
run(["store", "prune", "--keep-runs", "2", "--store", sys.argv[1]])
"""


def _prune_for(path: Path, seconds: float | None) -> float:
    """Prune in a process of its own that is killed after so many seconds; how long it took."""
    process = subprocess.Popen(
        [sys.executable, "-c", PRUNE_AND_SHRINK, str(path)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    begun = time.monotonic()
    if seconds is not None:
        time.sleep(seconds)
        os.kill(process.pid, signal.SIGKILL)
    process.stdout.read()
    process.stdout.close()
    process.wait()
    return time.monotonic() - begun


def test_killed_half_way_it_opens_and_verifies(path: Path, tmp_path: Path) -> None:
    with Store.open(path) as store:
        for week in range(40):
            scan(store, week, text="x" * 100_000)
    seen = set()
    copy = tmp_path / "copy.db"
    shutil.copyfile(path, copy)
    whole = _prune_for(copy, None)
    for part in range(6):
        for ending in ("", "-wal", "-shm"):
            Path(f"{copy}{ending}").unlink(missing_ok=True)
        shutil.copyfile(path, copy)
        _prune_for(copy, whole * (part + 0.5) / 6)
        seen.add((copy.stat().st_size < path.stat().st_size / 4, _runs(copy)))
    assert {runs for _, runs in seen} == {2, 40}, "all of it or nothing"


def _runs(path: Path) -> int:
    with Store.open_existing(path) as store:
        assert store.verify() == ()
        runs = len(store.runs())
        cut(store, keep_runs=2)
        store.shrink()
        assert len(store.runs()) == 2
        assert store.verify() == ()
    return runs
