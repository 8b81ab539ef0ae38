"""An open evidence file: its runs, and the findings kept beside them."""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from spbe_audit.errors import StoreError
from spbe_audit.evidence import AvailabilitySample
from spbe_audit.finding import Finding, FollowUp
from spbe_audit.judgement import Judgement
from spbe_audit.store.chain import Breach, find_breaches
from spbe_audit.store.contents import StoreContents, contents_of
from spbe_audit.store.cuts import Cut, cut_ledger_of, cut_run_ids, find_cut_breaches, read_cuts
from spbe_audit.store.database import connect, explained, snapshot, transaction
from spbe_audit.store.findings import write_findings
from spbe_audit.store.follow_ups import (
    FollowUpImport,
    add_imports,
    read_finding_ids,
    read_follow_ups,
    read_imported,
    read_key,
)
from spbe_audit.store.judgements import read_judged_runs, read_judgement, write_judgement
from spbe_audit.store.plan import RunPlan, SampleLedger, plan_to_json, read_plan
from spbe_audit.store.pruning import (
    PruneLimits,
    PrunePlan,
    Shrinkage,
    plan_prune,
    prune,
    shrink,
)
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
    cut: bool = False
    """Whether its evidence was cut off: then there is only how it was judged."""


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
        with explained(self.path), transaction(self._db):
            plan = replace(
                plan,
                samples=ledger_of(self._db, self.path),
                cuts=cut_ledger_of(self._db, self.path),
            )
            cursor = self._db.execute(
                "INSERT INTO run (id, started, digest) VALUES (?, ?, '')",
                (plan.id, plan.started.isoformat()),
            )
            writer = RunWriter(self._db, self.path, cursor.lastrowid or 0, plan, seq=0, chain="")
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

    def runs(self, *, with_cut: bool = False) -> tuple[RunInfo, ...]:
        """Every run whose evidence is there, oldest first; on demand also those that were cut."""
        with explained(self.path):
            rows = self._db.execute(
                "SELECT id, started, finished, digest, (SELECT count(*) FROM record"
                " WHERE record.run = run.number) FROM run ORDER BY number"
            ).fetchall()
            cut = cut_run_ids(self._db)
        return tuple(
            RunInfo(
                id=row[0],
                started=datetime.fromisoformat(row[1]),
                finished=datetime.fromisoformat(row[2]) if row[2] else None,
                digest=row[3],
                records=row[4],
                cut=row[0] in cut,
            )
            for row in rows
            if with_cut or row[0] not in cut
        )

    def run(self, run_id: str | None = None) -> StoredRun:
        """A run by id, or the newest. Raises StoreError when there is none such."""
        with explained(self.path):
            row = self._db.execute(
                "SELECT number FROM run WHERE id = coalesce(?, id)"
                " AND id NOT IN (SELECT key FROM cut WHERE kind = 'run')"
                " ORDER BY number DESC LIMIT 1",
                (run_id,),
            ).fetchone()
            cut = row is None and run_id in cut_run_ids(self._db)
        if row is None:
            wanted = f"no run {run_id}" if run_id else "no run yet"
            wanted = f"the evidence of run {run_id} was cut off by `store prune`" if cut else wanted
            problem = StoreError(f"{self.path}: {wanted}")
            known = ", ".join(info.id for info in self.runs()[-5:])
            problem.advice = f"The newest runs are: {known}" if known else "Scan something first"
            raise problem
        return StoredRun(self._db, self.path, row[0], read_plan(self._db, self.path, row[0]))

    def save_findings(self, run_id: str, policy: str, findings: Sequence[Finding]) -> None:
        """Keep the findings of a run under a policy, in place of earlier ones of the two.

        Of runs before the newest only the ids stay: the rest follows from their evidence.
        """
        write_findings(self._db, self.path, run_id, policy, findings)

    def finding_ids(self, run_id: str) -> frozenset[str]:
        """The ids of the findings that are kept of a run."""
        return read_finding_ids(self._db, self.path, run_id)

    def follow_ups(self) -> dict[str, FollowUp]:
        """The newest answer of an auditee about each finding, by the finding's id."""
        return read_follow_ups(self._db, self.path)

    def follow_up_key(self) -> bytes:
        """The key that marks the workbooks that this file sends out, made when first asked for."""
        return read_key(self._db, self.path, fresh=secrets.token_bytes(32))

    def follow_ups_imported(self, digest: str) -> datetime | None:
        """When a returned workbook of this SHA-256 was taken over; None where it never was."""
        return read_imported(self._db, self.path, digest)

    def add_follow_ups(self, imports: Sequence[FollowUpImport]) -> None:
        """Keep the answers of returned workbooks: all of them or none."""
        add_imports(self._db, self.path, imports)

    def keep_judgement(self, run_id: str, judgement: Judgement) -> None:
        """Keep how a run was judged under a policy, in place of an earlier one of the two."""
        write_judgement(self._db, self.path, run_id, judgement)

    def judgement(self, run_id: str, policy: str) -> Judgement | None:
        """How a run was judged under a policy.

        None where that is not known, or the run went on since.
        """
        return read_judgement(self._db, self.path, run_id, policy)

    def judged_runs(self, policy: str) -> frozenset[str]:
        """The ids of the runs of which it is known how they were judged under a policy."""
        return read_judged_runs(self._db, self.path, policy)

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
        """Recompute every chain; the first broken record of each run, batch of samples, or cut."""
        with explained(self.path), snapshot(self._db):
            return (
                *find_breaches(self._db, cut=cut_run_ids(self._db)),
                *find_sample_breaches(self._db),
                *find_cut_breaches(self._db),
            )

    def cuts(self) -> tuple[Cut, ...]:
        """What was cut off so far, oldest first."""
        return read_cuts(self._db, self.path)

    def contents(self) -> StoreContents:
        """What the file holds, and how much of it is which."""
        return contents_of(self._db, self.path)

    def plan_prune(self, limits: PruneLimits) -> PrunePlan:
        """What the limits let go; nothing is cut."""
        return plan_prune(self._db, self.path, limits)

    def prune(self, limits: PruneLimits, *, at: datetime, by: str) -> tuple[Cut, ...]:
        """Cut what the limits let go and write down what it was: all of it, or nothing.

        ``by`` is the version that cuts. The caller holds both locks of the file.
        """
        return prune(self._db, self.path, limits, at=at, by=by)

    def shrink(self) -> Shrinkage:
        """Give the room inside the file that nothing uses back to the disk, where it has room."""
        return shrink(self._db, self.path)
