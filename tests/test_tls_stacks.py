"""Every version and every suite of TLS servers of many makes is found, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.oracles.suites import KNOWN, compared
from tests.servers.stacks import ALL
from tests.servers.stacks.stack import Stack

_ORACLES = Path(__file__).parent.parent / "docs" / "oracles.md"


@pytest.mark.parametrize("stack", ALL, ids=lambda stack: stack.name)
def test_we_find_what_a_server_accepts(stack: Stack) -> None:
    """Versions are held against the configuration, suites against nmap.

    What we alone find, another client has to get as well.
    """
    missing = stack.missing()
    if missing:
        pytest.skip(f"{stack.name} is NOT TESTED: {missing}")
    rows = compared(stack, ["nmap"])
    seen = tuple(row.version for row in rows if row.counts["ours"])
    assert seen == stack.versions
    assert {row.version: row.unexplained() for row in rows if row.unexplained()} == {}


def test_the_stacks_have_names_of_their_own() -> None:
    names = [stack.name for stack in ALL]
    assert len(set(names)) == len(names)


def test_each_difference_in_suites_has_its_page_and_no_page_is_idle() -> None:
    own = _ORACLES.read_text("utf-8").partition("\n## Suites per stack\n")[2].partition("\n## ")[0]
    assert own
    assert set(re.findall(r"^### (.+)$", own, re.MULTILINE)) == set(KNOWN.values())
