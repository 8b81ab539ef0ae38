"""Fuzzes the parsers of TLS under coverage guidance; each target in a process of its own.

python -m tests.fuzz.tls [--seconds 60] [--targets flight records ...] [--keep FOLDER]

The seconds are for all targets together. Seeds come from servers on loopback. A finding is an
exception that no parser says it raises, an assertion of a target, an input that takes five seconds,
or 512 MB of memory; it stays in the folder, which is then named. The exit code is 0 without one.
Needs atheris: pip install ".[fuzz]".
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

MEMORY_MB = 512
SECONDS_PER_INPUT = 5
LONGEST_INPUT = 100_000
"""Bytes: a little more than is read of a flight."""

_CHILD = "tests.fuzz.one_target"
_STARTING = 60
_EXECUTIONS = re.compile(r"number_of_executed_units:\s*(\d+)")
_PEAK = re.compile(r"peak_rss_mb:\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Run:
    """How one target fared; ``words`` are the end of what it printed where it found something."""

    target: str
    executions: int
    peak_mb: int
    words: str = ""

    def line(self) -> str:
        """One line of the table."""
        sentence = "FOUND SOMETHING" if self.words else "nothing found"
        return f"{self.target:20} {self.executions:>9,} runs  {self.peak_mb:>4} MB  {sentence}"


def run(target: str, folder: Path, seconds: int) -> Run:
    """Fuzz one target for so many seconds, from the seeds and finds in ``folder``."""
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    options = (
        f"-max_total_time={seconds}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-timeout={SECONDS_PER_INPUT}",
        f"-max_len={LONGEST_INPUT}",
        f"-artifact_prefix={folder / target}-",
        "-print_final_stats=1",
    )
    done = subprocess.run(
        [sys.executable, "-m", _CHILD, target, *options, str(corpus)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + _STARTING,
        check=False,
    )
    said = done.stdout + done.stderr
    executions, peak = (_number(pattern, said) for pattern in (_EXECUTIONS, _PEAK))
    words = said[-4000:] if done.returncode or not executions else ""
    return Run(target, executions, peak, words)


def _number(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found[1]) if found else 0


def main() -> int:
    """Run the command line; 0 where nothing was found."""
    if importlib.util.find_spec("atheris") is None:
        print('atheris is not installed: pip install -e ".[dev,fuzz]"')  # noqa: T201 - a command
        return 2
    from tests.fuzz.seeds import collect, write  # noqa: PLC0415 - it takes the tests' servers
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - as above

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--keep", type=Path, default=None, help="where inputs and finds stay")
    asked = parser.parse_args()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="spbe-audit-fuzz-"))
    write(collect(), folder)
    each = max(1, asked.seconds // len(asked.targets))
    found = False
    for target in asked.targets:
        result = run(target, folder, each)
        print(result.line(), flush=True)  # noqa: T201 - a command
        if result.words:
            found = True
            print(result.words)  # noqa: T201 - a command
    if found:
        print(f"what was found is in {folder}")  # noqa: T201 - a command
    elif asked.keep is None:
        shutil.rmtree(folder)
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
