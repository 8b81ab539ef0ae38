"""What a run sets out to do: the body of its first record."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ConfigDict, RootModel

from spbe_audit.errors import StoreError
from spbe_audit.store.database import explained
from spbe_audit.targets import Intensity, TargetList


@dataclass(frozen=True, slots=True)
class SampleLedger:
    """The ledger of samples at one moment: how many batches, and the chain value of the last."""

    batches: int
    chain: str


@dataclass(frozen=True, slots=True)
class CutLedger:
    """The ledger of cuts at one moment: how many entries, and the chain value of the last."""

    cuts: int
    chain: str


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run sets out to do; the body of its first record.

    ``samples`` is the ledger of samples as it stood when the run began; None where it was empty.
    ``cuts`` is that of what was cut off the file by then, in the same way.
    ``retest_of`` is the run whose open findings are tested again, and nothing else; '' for none.
    """

    id: str
    started: datetime
    targets: TargetList
    policy: str
    intensity: Intensity
    families: tuple[str, ...]
    scanner: str
    options: Mapping[str, float] = field(default_factory=dict)
    samples: SampleLedger | None = None
    retest_of: str = ""
    cuts: CutLedger | None = None


class _PlanDocument(RootModel[RunPlan]):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")


def plan_to_json(plan: RunPlan) -> dict[str, Any]:
    """The plan as plain JSON data."""
    document: dict[str, Any] = _PlanDocument(plan).model_dump(mode="json")
    return document


def read_plan(connection: sqlite3.Connection, path: str, number: int) -> RunPlan:
    """The plan of a run. Raises StoreError when its record is damaged."""
    with explained(path):
        row = connection.execute(
            "SELECT body FROM record WHERE run = ? AND seq = 1", (number,)
        ).fetchone()
    try:
        return _PlanDocument.model_validate_json(row[0]).root
    except (ValueError, TypeError) as error:
        problem = StoreError(f"{path}: the plan of the run cannot be read")
        problem.advice = "Run `spbe-audit verify` to see which record is damaged"
        raise problem from error
