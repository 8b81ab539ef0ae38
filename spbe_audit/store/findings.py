"""The findings of the newest judged run, and the ids of those before: derived from the records."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from pydantic_core import to_jsonable_python

from spbe_audit.evidence import canonical_json
from spbe_audit.finding import Finding
from spbe_audit.store.database import explained, transaction


def write_findings(
    connection: sqlite3.Connection,
    path: str,
    run_id: str,
    policy: str,
    findings: Sequence[Finding],
) -> None:
    """Keep the findings of a run under a policy, in place of earlier ones of the two.

    They are three times as large as the evidence, so the words of all but the newest run go. The
    ids stay: an auditee may answer about an earlier run.
    """
    with explained(path), transaction(connection):
        number, newest = connection.execute(
            "SELECT number, (SELECT coalesce(max(run), 0) FROM finding) FROM run WHERE id = ?",
            (run_id,),
        ).fetchone()
        connection.execute("DELETE FROM finding WHERE run = ? AND policy = ?", (number, policy))
        connection.executemany(
            "INSERT INTO finding (run, policy, id, service, body) VALUES (?, ?, ?, ?, ?)",
            (
                (number, policy, one.id, one.service, _text(one) if number >= newest else "")
                for one in sorted(findings, key=lambda one: one.id)
            ),
        )
        if number > newest:
            _keep_ids(connection, newest)


def _keep_ids(connection: sqlite3.Connection, number: int) -> None:
    """Take the words of a run's findings away; rows that are written anew fill their pages."""
    rows = connection.execute(
        "SELECT run, policy, id, service FROM finding WHERE run = ?", (number,)
    ).fetchall()
    connection.execute("DELETE FROM finding WHERE run = ?", (number,))
    connection.executemany(
        "INSERT INTO finding (run, policy, id, service, body) VALUES (?, ?, ?, ?, '')", rows
    )


def _text(finding: Finding) -> str:
    return canonical_json(to_jsonable_python(finding))
