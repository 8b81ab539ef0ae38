"""An open evidence file: its runs, and the findings kept beside them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic_core import to_jsonable_python

from spbe_audit.errors import StoreError
from spbe_audit.evidence import AvailabilitySample, canonical_json
from spbe_audit.finding import Finding
from spbe_audit.store.chain import Breach, find_breaches
from spbe_audit.store.database import connect, explained
from spbe_audit.store.plan import RunPlan, SampleLedger, plan_to_json, read_plan
from spbe_audit.store.reading import StoredRun
from spbe_audit.store.samples import add_batch, find_sample_breaches, ledger_of
from spbe_audit.store.writing import RunWriter


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One line of the list of runs."""

    id: str
    started: datetime
    finished: datetime | None
    digest: str
    records: int


class Store:
    """An open evidence file. Every record is on disk when the call that adds it returns."""

    def __init__(self, connection: sqlite3.Connection, path: str) -> None:
        self._db = connection
        self.path = path

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open an evidence file for writing; made, readable by its owner only, when absent."""
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            problem = StoreError(f"{path}: {error.strerror}")
            problem.advice = "Name a file in a folder that you can write to with --store"
            raise problem from error
        return cls(connect(str(path)), str(path))

    @classmethod
    def open_existing(cls, path: Path) -> Store:
        """Open an evidence file that must be there already. Raises StoreError when it is not."""
        if not path.is_file():
            problem = StoreError(f"{path}: there is no such evidence file")
            problem.advice = "Name the file that `spbe-audit scan` wrote with --store"
            raise problem
        return cls(connect(str(path)), str(path))

    @classmethod
    def in_memory(cls) -> Store:
        """A store that is gone with the process, for library users who keep no file."""
        return cls(connect(":memory:"), ":memory:")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def begin(self, plan: RunPlan) -> RunWriter:
        """Start a run and record its plan, and in it the samples that it looks back on."""
        plan = replace(plan, samples=ledger_of(self._db, self.path))
        with explained(self.path):
            cursor = self._db.execute(
                "INSERT INTO run (id, started, digest) VALUES (?, ?, '')",
                (plan.id, plan.started.isoformat()),
            )
        number = cursor.lastrowid or 0
        writer = RunWriter(self._db, self.path, number, plan, seq=0, chain="")
        writer.append("plan", plan.id, plan_to_json(plan))
        return writer

    def resume(self) -> RunWriter | None:
        """The newest run that was cut short, ready to go on; None when the newest is finished."""
        with explained(self.path):
            row = self._db.execute(
                "SELECT number, finished FROM run ORDER BY number DESC LIMIT 1"
            ).fetchone()
            if row is None or row[1] is not None:
                return None
            last = self._db.execute(
                "SELECT seq, chain FROM record WHERE run = ? ORDER BY seq DESC LIMIT 1", (row[0],)
            ).fetchone()
        if last is None:
            return None  # it was cut short before it had written its plan
        plan = read_plan(self._db, self.path, row[0])
        return RunWriter(self._db, self.path, row[0], plan, seq=last[0], chain=last[1])

    def runs(self) -> tuple[RunInfo, ...]:
        """Every run, oldest first."""
        with explained(self.path):
            rows = self._db.execute(
                "SELECT id, started, finished, digest, (SELECT count(*) FROM record"
                " WHERE record.run = run.number) FROM run ORDER BY number"
            ).fetchall()
        return tuple(
            RunInfo(
                id=row[0],
                started=datetime.fromisoformat(row[1]),
                finished=datetime.fromisoformat(row[2]) if row[2] else None,
                digest=row[3],
                records=row[4],
            )
            for row in rows
        )

    def run(self, run_id: str | None = None) -> StoredRun:
        """A run by id, or the newest. Raises StoreError when there is none such."""
        with explained(self.path):
            row = self._db.execute(
                "SELECT number FROM run WHERE id = coalesce(?, id) ORDER BY number DESC LIMIT 1",
                (run_id,),
            ).fetchone()
        if row is None:
            wanted = f"no run {run_id}" if run_id else "no run yet"
            problem = StoreError(f"{self.path}: {wanted}")
            known = ", ".join(info.id for info in self.runs()[-5:])
            problem.advice = f"The newest runs are: {known}" if known else "Scan something first"
            raise problem
        return StoredRun(self._db, self.path, row[0], read_plan(self._db, self.path, row[0]))

    def save_findings(self, run_id: str, policy: str, findings: Sequence[Finding]) -> None:
        """Keep the findings of a run under a policy, in place of earlier ones of the two."""
        with explained(self.path):
            number = self._db.execute("SELECT number FROM run WHERE id = ?", (run_id,)).fetchone()[
                0
            ]
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM finding WHERE run = ? AND policy = ?", (number, policy))
            self._db.executemany(
                "INSERT INTO finding (run, policy, id, service, body) VALUES (?, ?, ?, ?, ?)",
                (
                    (number, policy, finding.id, finding.service, _finding_text(finding))
                    for finding in findings
                ),
            )
            self._db.execute("COMMIT")

    def add_samples(
        self,
        samples: Mapping[str, AvailabilitySample],
        *,
        at: datetime,
        interval: float | None = None,
    ) -> SampleLedger:
        """Keep the samples of one moment, by service: all of them or none.

        ``interval`` is how many seconds apart such moments are meant to be, where that is known.
        """
        return add_batch(self._db, self.path, samples, at=at, interval=interval)

    def sample_ledger(self) -> SampleLedger | None:
        """The ledger of samples as it stands; None while there are none."""
        return ledger_of(self._db, self.path)

    def verify(self) -> tuple[Breach, ...]:
        """Recompute every chain; the first broken record of each run, or batch of samples."""
        with explained(self.path):
            return (*find_breaches(self._db), *find_sample_breaches(self._db))


def _finding_text(finding: Finding) -> str:
    return canonical_json(to_jsonable_python(finding))
