"""Every case of every built-in check gives the answer that it expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from spbe_audit.catalogue import load_check
from spbe_audit.errors import FileError
from spbe_audit.testing.cases import Case, check_case, load_cases

CASES = Path(__file__).parent / "cases"


def _all_cases() -> list[object]:
    found: list[object] = []
    for path in sorted(CASES.glob("*/*.yaml")):
        check_id = f"{path.parent.name}.{path.stem}"
        try:
            cases = load_cases(path).cases
        except FileError as error:
            found.append(pytest.param(check_id, error, id=f"{check_id}: the file can be read"))
            continue
        found += [pytest.param(check_id, case, id=f"{check_id}: {case.name}") for case in cases]
    return found


@pytest.mark.parametrize(("check_id", "case"), _all_cases())
def test_case(check_id: str, case: Case | FileError) -> None:
    if isinstance(case, FileError):
        raise case
    check_case(load_check(check_id), case)
