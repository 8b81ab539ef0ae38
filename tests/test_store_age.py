"""The evidence file ages well: files of before, no right or room to write, several at once."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from spbe_audit.cli.commands import run as command_line
from spbe_audit.errors import StoreError
from spbe_audit.store import RunPlan, Store, StoredRun
from spbe_audit.store.database import SCHEMA_VERSION
from spbe_audit.targets import Intensity, TargetList
from tests.test_prune import scan

GOLDEN = Path(__file__).parent / "golden"
DIGESTS = {
    1: ("80b615c63550a6d18e5dcb4114d047a07ce01043dfbd48de4155f023887e5f05",),
    2: ("5e15bdc53a5ac014c170664b028121fd64bafcb05e98d2ea7e3fe44be6a8ddf2",),
    3: (
        "2efceb2a457d26c50293ce6544d6ea71ab02e9a6d35e17c84ed6939dbdf59db6",
        "3edb81ffeb95270449db35992a76c72873915890cdc6536c17eeec8bf5642de8",
    ),
}
COMMAND = "import sys; from spbe_audit.cli.commands import main; main(sys.argv[1:])"
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "evidence"
    place.mkdir()
    yield place
    place.chmod(0o700)


def golden(version: int, folder: Path) -> Path:
    path = folder / "evidence.db"
    shutil.copyfile(GOLDEN / f"store_v{version}.db", path)
    return path


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


# --- files of before


@pytest.mark.parametrize("version", DIGESTS)
def test_a_file_of_before_is_verified_compared_reported_and_pruned(
    version: int, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = golden(version, folder)
    assert version_of(path) == version
    store = ["--store", str(path)]
    assert command_line(["verify", *store]) == 0
    out = capsys.readouterr().out
    assert all(f"digest {digest}" in out for digest in DIGESTS[version])
    assert ("3 batches of samples" in out) is (version > 1)
    with Store.open_existing(path) as opened:
        scan_again(opened, opened.run())
        assert [info.digest for info in opened.runs()][: len(DIGESTS[version])] == [
            *DIGESTS[version]
        ]
    assert command_line(["diff", *store]) in {0, 1, 3}
    report = ["report", *store, "--output", str(tmp_path / "report"), "--language", "id"]
    assert command_line(report) in {0, 1, 3}
    assert (tmp_path / "report" / "audit.json").exists()
    assert command_line(["store", "prune", "--keep-runs", "1", *store]) == 0
    assert command_line(["verify", *store]) == 0
    out = capsys.readouterr().out
    assert out.count("good: run") == (2 if version == 3 else 1), "one was answered"
    path.chmod(0o600)
    assert version_of(path) == SCHEMA_VERSION


def scan_again(store: Store, run: StoredRun) -> None:
    """A run of the same services, which did not answer."""
    plan = RunPlan(
        id="20260601T080000Z-000009",
        started=run.summary.started + timedelta(days=7),
        targets=TargetList(agencies=run.agencies),
        policy=run.policy_id,
        intensity=Intensity.LIGHT,
        families=run.summary.families,
        scanner="0.2.0",
    )
    writer = store.begin(plan)
    for service in plan.targets.services:
        writer.add_service(service.id, {})
    writer.finish(plan.started)


def test_every_version_has_its_golden_file() -> None:
    assert {int(path.stem[-1]) for path in GOLDEN.glob("store_v*.db")} >= {
        *range(1, SCHEMA_VERSION)
    }


def test_what_was_derived_before_is_there_still(folder: Path) -> None:
    with Store.open_existing(golden(3, folder)) as store:
        assert len(store.follow_ups()) == 1
        assert len(store.judged_runs("owasp-secure-headers")) == 2
        assert {len(store.finding_ids(info.id)) for info in store.runs()} == {24}


@pytest.mark.parametrize("version", DIGESTS)
def test_a_migration_is_whole_or_not_at_all(version: int, folder: Path) -> None:
    path = golden(version, folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cut (mine TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="cut already exists"):
        Store.open_existing(path)
    assert version_of(path) == version
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = golden(3, folder)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = path.read_bytes()
    for command in (["verify"], ["store", "prune", "--keep-runs", "1"], ["diff"]):
        assert command_line([*command, "--store", str(path)]) == 2
        told = capsys.readouterr().err
        assert f"version {SCHEMA_VERSION + 1} is not known" in told
        assert "Use the version of spbe-audit that wrote it, or a newer one" in told
    assert path.read_bytes() == before


# --- no right to write


def run_without_right(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The command where the folder cannot be written to, not even by root."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    if AS_ROOT:
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", mount, str(folder), *command]
    else:
        for path in folder.iterdir():
            path.chmod(stat.S_IRUSR)
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def needs_mounts() -> bool:
    if not AS_ROOT:
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],
        capture_output=True,
        check=False,
    )
    return tried.returncode != 0


no_mounts = pytest.mark.skipif(needs_mounts(), reason="root may not mount here")


@no_mounts
def test_what_cannot_be_written_to_can_be_read(folder: Path) -> None:
    path = golden(3, folder)
    Store.open_existing(path).close()
    before = path.read_bytes()
    for command in (["verify"], ["store", "info", "--verify"], ["diff"]):
        done = run_without_right(folder, [*command, "--store", str(path)])
        assert done.returncode in {0, 1, 3}, done.stderr
        assert "20260511T080000Z-000002" in done.stdout
    assert path.read_bytes() == before
    assert [one.name for one in folder.iterdir()] == ["evidence.db"]


@no_mounts
@pytest.mark.parametrize(
    "arguments",
    [
        ["store", "prune", "--keep-runs", "1"],
        ["scan", "http://127.0.0.1:9/"],
        ["sample", "http://127.0.0.1:9/"],
    ],
)
def test_who_wants_to_write_is_told_what_to_do(arguments: list[str], folder: Path) -> None:
    path = golden(3, folder)
    Store.open_existing(path).close()
    before = path.read_bytes()
    done = run_without_right(folder, [*arguments, "--store", str(path)])
    assert done.returncode == 2
    assert "Name a file in a folder that you can write to with --store" in done.stderr
    assert path.read_bytes() == before


@no_mounts
def test_a_file_of_before_is_not_migrated_without_right(folder: Path) -> None:
    path = golden(2, folder)
    before = path.read_bytes()
    done = run_without_right(folder, ["verify", "--store", str(path)])
    assert done.returncode == 2
    assert "Make the file and its folder writable for you" in done.stderr
    assert path.read_bytes() == before


# --- no room to write

FILL = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from spbe_audit.errors import StoreError
from spbe_audit.evidence import AvailabilitySample
from spbe_audit.store import Store

moment = datetime(2026, 7, 1, tzinfo=UTC)
try:
    with Store.open(Path(sys.argv[1])) as store:
        while True:
            moment += timedelta(minutes=5)
            sample = AvailabilitySample(moment, up=True, status=200)
            store.add_samples({f"s{number}": sample for number in range(200)}, at=moment)
except StoreError as error:
    print(error.diagnostics())
with Store.open_existing(Path(sys.argv[1])) as store:
    print("breaches", store.verify(), "batches", store.sample_ledger().batches)
"""


def check_full(told: str) -> None:
    assert "Free space on the disk; what was written before is kept" in told
    assert "breaches ()" in told
    assert int(told.rsplit(maxsplit=1)[-1]) > 3


def test_where_a_file_may_not_grow_what_was_written_is_kept(folder: Path) -> None:
    path = golden(3, folder)
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000)),
    )
    check_full(done.stdout + done.stderr)
    with Store.open_existing(path) as store:
        assert store.verify() == ()


@pytest.mark.skipif(not AS_ROOT or needs_mounts(), reason="needs a small disk")
def test_on_a_full_disk_what_was_written_is_kept(folder: Path) -> None:
    small = (
        'mount -t tmpfs -o size=1m none "$0" && cp "$1" "$0/evidence.db" && shift'
        ' && "$@" && df --output=avail "$(dirname "$5")" >&2'
    )
    path = folder / "evidence.db"
    done = subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c", small, str(folder), str(GOLDEN / "store_v3.db")),
            *(sys.executable, "-c", FILL, str(path)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    check_full(done.stdout)


@pytest.mark.skipif(not AS_ROOT or needs_mounts(), reason="needs a small disk")
@pytest.mark.parametrize(
    "arguments",
    [["verify"], ["sample", "http://127.0.0.1:9/"], ["scan", "http://127.0.0.1:9/", "--quiet"]],
)
def test_a_full_disk_is_explained(folder: Path, arguments: list[str]) -> None:
    """A file of before cannot be brought up to date there; it stays as it is."""
    full = (
        'mount -t tmpfs -o size=256k none "$0" && cp "$1" "$0/evidence.db"'
        ' && { cat /dev/zero > "$0/rest" 2>/dev/null; shift; "$@"; code=$?;'
        ' cmp "$0/evidence.db" "$OLD" >&2 && exit $code; }'
    )
    old = str(GOLDEN / "store_v2.db")
    path = folder / "evidence.db"
    done = subprocess.run(
        [
            *("unshare", "--mount", "sh", "-c", full, str(folder), old),
            *(sys.executable, "-c", COMMAND, *arguments, "--store", str(path)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "OLD": old},
    )
    assert done.returncode == 2, done.stderr
    assert "Free space on the disk" in done.stderr


# --- several at once

SCANS = """
from tests.test_prune import scan
week = 5
while not over():
    with hold_lock(path, since=now(), patience=30.0), Store.open(path) as store:
        scan(store, week, text="x" * 5000, finished=week % 5 != 4)
    week += 1
    count += 1
    time.sleep(0.2)
"""
SAMPLES = """
from tests.test_prune import sample
week = 0
while not over():
    with hold_lock(path, since=now(), suffix=SAMPLE_LOCK, patience=30.0), Store.open(path) as store:
        sample(store, week - 200)
    week += 1
    count += 1
"""
PRUNES = """
from spbe_audit.cli.commands import run
while not over():
    old = ["--keep-runs", "3", "--samples-older-than", "1d"]
    code = run(["store", "prune", *old, "--store", str(path)])
    assert code in (0, 2), code  # 2: a scan holds the file
    count += code == 0
    time.sleep(0.05)
"""
ANSWERS = """
from tests.test_prune import answer
while not over():
    with Store.open(path) as store:
        runs = store.runs()
        if runs and count % 20 == 0:
            answer(store, runs[-1].id)
        if runs:
            store.follow_up_key()
            store.save_findings(runs[-1].id, "spbe", [])
    count += 1
"""
READS = """
while not over():
    with Store.open(path) as store:
        breaches = store.verify()
        assert breaches == (), [str(one) for one in breaches]
        store.contents()
    count += 1
"""
AROUND = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from spbe_audit.run_lock import SAMPLE_LOCK, hold_lock
from spbe_audit.store import Store

def now():
    return datetime.now(UTC)

def over():
    return time.monotonic() > end

path, count = Path(sys.argv[1]), 0
{imports}
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + float(sys.argv[2])
{work}
print("count", count)
"""
SECONDS = 8.0


def test_several_processes_at_once_cannot_corrupt_it(folder: Path) -> None:
    path = folder / "evidence.db"
    with Store.open(path) as store:
        for week in range(5):
            scan(store, week)
    works = {"scan": SCANS, "sample": SAMPLES, "prune": PRUNES, "answer": ANSWERS, "read": READS}
    processes = {name: start(path, work) for name, work in works.items()}
    for process in processes.values():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes.values():
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for name, process in processes.items():
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, (name, err[-2000:])
        assert int(out.rsplit(maxsplit=1)[-1]) > 0, (name, out[-500:])
    with Store.open_existing(path) as store:
        assert store.verify() == ()
        assert store.cuts()
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()


def start(path: Path, work: str) -> subprocess.Popen[str]:
    first = work.strip().splitlines()[0]
    imports = first if first.startswith("from") else ""
    return subprocess.Popen(
        [
            *(sys.executable, "-c", AROUND.format(imports=imports, work=work)),
            *(str(path), str(SECONDS)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
