"""The chain over the records of a run, and the search for the first that breaks it."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from spbe_audit.evidence import canonical_json


@dataclass(frozen=True, slots=True)
class Breach:
    """The first record of a run that does not verify.

    Where it is a batch of samples or an entry of what was cut, ``run`` is '' unless a run noted it.
    """

    run: str
    seq: int
    record: str
    problem: str
    unit: str = "record"

    @property
    def owner(self) -> str:
        """The run, or the ledger: "run ID", "samples" or "cuts"."""
        return f"run {self.run}" if self.run else "cuts" if self.unit == "cut" else "samples"

    def __str__(self) -> str:
        return f"{self.owner}, {self.unit} {self.seq} ({self.record}): {self.problem}"


def next_chain(previous: str, *, seq: int, kind: str, key: str, body_digest: str) -> str:
    """The chain value of a record: SHA-256 over the one before it and all that names this one."""
    text = canonical_json([previous, seq, kind, key, body_digest])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def find_breaches(
    connection: sqlite3.Connection, *, cut: Collection[str] = ()
) -> tuple[Breach, ...]:
    """Recompute the chain of every run but those that were cut; the first broken record of each."""
    runs = connection.execute(
        "SELECT number, id, finished, digest FROM run ORDER BY number"
    ).fetchall()
    found = (_first_breach(connection, *row) for row in runs if row[1] not in cut)
    return tuple(breach for breach in found if breach)


def _first_breach(
    connection: sqlite3.Connection, number: int, run_id: str, finished: str | None, run_digest: str
) -> Breach | None:
    chain, expected_seq, kind = "", 1, ""
    rows = connection.execute(
        "SELECT seq, kind, key, body, digest, chain FROM record WHERE run = ? ORDER BY seq",
        (number,),
    )
    for seq, kind, key, body, body_digest, stored_chain in rows:
        name = f"{kind} {key}"
        if seq != expected_seq:
            return Breach(run_id, expected_seq, "missing", "a record was removed")
        if hashlib.sha256(body.encode()).hexdigest() != body_digest:
            return Breach(run_id, seq, name, "its content does not match its digest")
        chain = next_chain(chain, seq=seq, kind=kind, key=key, body_digest=body_digest)
        if chain != stored_chain:
            return Breach(run_id, seq, name, "it does not follow from the record before it")
        expected_seq += 1
    if chain != run_digest:
        return Breach(run_id, expected_seq, "missing", "records at the end were removed")
    if (finished is not None) != (kind == "end"):
        return Breach(run_id, expected_seq - 1, kind, "the end of the run was changed")
    return None
