"""Work beside the work of a process: the same result, and no failure lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(program: str, *arguments: str) -> str:
    """What a program prints in a process without threads, where a side process may be made."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stderr == ""
    return done.stdout


BESIDE = """
import os, sys
from spbe_audit.report import side_process
from spbe_audit.report.side_process import beside
side_process.can_fork = lambda: True
here = os.getpid()
def work(*, elsewhere):
    print("elsewhere" if os.getpid() != here else "here", elsewhere, flush=True)
    if sys.argv[1] == "fails there" and elsewhere: raise ValueError("lost?")
    if sys.argv[1] == "fails": raise ValueError("told")
try:
    with beside(work, worthwhile=sys.argv[1] != "small") as wait:
        wait()
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("works", ["elsewhere True"]),
        ("small", ["here False"]),
        ("fails there", ["elsewhere True", "here False"]),
        ("fails", ["elsewhere True", "here False", "told"]),
    ],
)
def test_work_is_done_once_and_its_failure_is_told(case: str, told: list[str]) -> None:
    assert run(BESIDE, case).splitlines() == told


def test_the_work_beside_ends_with_the_block_that_fails() -> None:
    program = """
import multiprocessing, time
from spbe_audit.report import side_process
side_process.can_fork = lambda: True
begun = time.monotonic()
try:
    with side_process.beside(lambda *, elsewhere: time.sleep(60), worthwhile=True):
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print(len(multiprocessing.active_children()), time.monotonic() - begun < 30)
"""
    assert run(program) == "0 True\n"


WRITE = """
import sys
from pathlib import Path
from spbe_audit.report import side_process, write
from tests.assessments import ordinary
from tests.report_pages import written
side = sys.argv[2] == "side by side"
side_process.can_fork = lambda: side
write._MANY_SERVICES = 1
written(Path(sys.argv[1]), ordinary(), language="id,en", formats=["html"])
"""


def test_a_report_is_the_same_side_by_side_and_one_after_another(tmp_path: Path) -> None:
    for way in ("side by side", "one after another"):
        run(WRITE, str(tmp_path / way), way)
    first, second = (tmp_path / way for way in ("side by side", "one after another"))
    names = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert {"index.html", "en"} <= {name.parts[0] for name in names}
    assert sorted(names) == sorted(
        path.relative_to(second) for path in second.rglob("*") if path.is_file()
    )
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_a_run_in_memory_is_not_opened_twice() -> None:
    program = """
from datetime import UTC, datetime
from spbe_audit.recorded_run import reopened
from spbe_audit.store.reading import StoredRun
print(reopened(None))
for run in (StoredRun(None, ":memory:", 1, None), object()):
    try:
        reopened(run)
    except TypeError as error:
        print(error)
"""
    assert run(program).splitlines() == [
        "None",
        "an evidence file in memory cannot be opened a second time",
        "this run cannot be opened a second time",
    ]
