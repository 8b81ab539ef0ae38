"""How runs were judged, in short: derived from their records, and made again where missing."""

from __future__ import annotations

import sqlite3

from spbe_audit.judgement import VERSION, Judgement, judgement_from_bytes, judgement_to_bytes
from spbe_audit.store.database import explained


def write_judgement(
    connection: sqlite3.Connection, path: str, run_id: str, judgement: Judgement
) -> None:
    """Keep a judgement, in place of an earlier one of the same run and policy."""
    with explained(path):
        connection.execute(
            "INSERT OR REPLACE INTO judgement (run, policy, run_digest, body)"
            " SELECT number, ?, ?, ? FROM run WHERE id = ?",
            (judgement.policy, judgement.run_digest, judgement_to_bytes(judgement), run_id),
        )


def read_judged_runs(connection: sqlite3.Connection, path: str, policy: str) -> frozenset[str]:
    """The ids of the runs with a judgement under a policy that this version can read."""
    with explained(path):
        rows = connection.execute(
            "SELECT run.id FROM judgement JOIN run ON run.number = judgement.run"
            " WHERE policy = ? AND run_digest = run.digest AND substr(body, 1, 1) = ?",
            (policy, bytes([VERSION])),
        ).fetchall()
    return frozenset(row[0] for row in rows)


def read_judgement(
    connection: sqlite3.Connection, path: str, run_id: str, policy: str
) -> Judgement | None:
    """The judgement of a run under a policy; None for none, or for one of fewer records."""
    with explained(path):
        row = connection.execute(
            "SELECT body FROM judgement JOIN run ON run.number = judgement.run"
            " WHERE run.id = ? AND policy = ? AND run_digest = run.digest",
            (run_id, policy),
        ).fetchone()
    return judgement_from_bytes(row[0]) if row else None
