"""What auditees answered: entered by hand, so beside the chain of evidence and no part of it.

Every import of a workbook is kept with who entered it, when, and the SHA-256 of the file. Of two
answers about one finding the later counts; the earlier stays. The key makes the marks by which a
returned workbook is known as one that this evidence file sent out, unchanged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from spbe_audit.errors import StoreError
from spbe_audit.evidence import canonical_json
from spbe_audit.finding import FollowUp, FollowUpStatus
from spbe_audit.store.database import explained, transaction


@dataclass(frozen=True, slots=True)
class FollowUpImport:
    """The answers in one returned workbook, by the id of the finding.

    ``run`` is the id of the run that the workbook was about, ``digest`` the SHA-256 of the file.
    """

    file: str
    digest: str
    run: str
    at: datetime
    by: str
    answers: Mapping[str, FollowUp]


def read_key(connection: sqlite3.Connection, path: str, *, fresh: bytes) -> bytes:
    """The key of this evidence file; ``fresh`` becomes it where it has none yet."""
    with explained(path):
        connection.execute("INSERT OR IGNORE INTO follow_up_key (id, key) VALUES (1, ?)", (fresh,))
        row = connection.execute("SELECT key FROM follow_up_key").fetchone()
    return bytes(row[0])


def add_imports(
    connection: sqlite3.Connection, path: str, imports: Sequence[FollowUpImport]
) -> None:
    """Keep the answers of some workbooks in one transaction: all of them or none."""
    with explained(path), transaction(connection):
        for one in imports:
            _add(connection, one)


def _add(connection: sqlite3.Connection, one: FollowUpImport) -> None:
    number = connection.execute(
        "INSERT INTO follow_up_import (at, by, file, digest, run) VALUES (?, ?, ?, ?, ?)",
        (one.at.isoformat(), one.by, one.file, one.digest, one.run),
    ).lastrowid
    connection.executemany(
        "INSERT INTO follow_up (import, finding, body) VALUES (?, ?, ?)",
        ((number, finding, _text(answer)) for finding, answer in one.answers.items()),
    )


def read_imported(connection: sqlite3.Connection, path: str, digest: str) -> datetime | None:
    """When a file of this digest was taken over; None where it never was."""
    with explained(path):
        row = connection.execute(
            "SELECT at FROM follow_up_import WHERE digest = ? ORDER BY number LIMIT 1", (digest,)
        ).fetchone()
    return datetime.fromisoformat(row[0]) if row else None


def read_follow_ups(connection: sqlite3.Connection, path: str) -> dict[str, FollowUp]:
    """The newest answer about each finding, by its id. Raises StoreError for a damaged one."""
    with explained(path):
        rows = connection.execute(
            "SELECT finding, body, at, by, digest FROM follow_up"
            " JOIN follow_up_import ON number = import ORDER BY number"
        ).fetchall()
    try:
        return {row[0]: _follow_up(*row[1:]) for row in rows}
    except (ValueError, TypeError, KeyError) as error:
        problem = StoreError(f"{path}: what auditees answered cannot be read")
        problem.advice = "Restore the file from a copy, or import the returned workbooks again"
        raise problem from error


def read_finding_ids(connection: sqlite3.Connection, path: str, run: str) -> frozenset[str]:
    """The ids of the findings that are kept of a run, under whichever policy."""
    with explained(path):
        rows = connection.execute(
            "SELECT finding.id FROM finding JOIN run ON run.number = finding.run WHERE run.id = ?",
            (run,),
        ).fetchall()
    return frozenset(row[0] for row in rows)


def _text(answer: FollowUp) -> str:
    return canonical_json(
        {
            "response": answer.response,
            "action_plan": answer.action_plan,
            "person_in_charge": answer.person_in_charge,
            "deadline": answer.deadline.isoformat() if answer.deadline else None,
            "status": answer.status.value if answer.status else None,
        }
    )


def _follow_up(body: str, at: str, by: str, digest: str) -> FollowUp:
    told = json.loads(body)
    return FollowUp(
        response=told["response"],
        action_plan=told["action_plan"],
        person_in_charge=told["person_in_charge"],
        deadline=date.fromisoformat(told["deadline"]) if told["deadline"] else None,
        status=FollowUpStatus(told["status"]) if told["status"] else None,
        entered_at=datetime.fromisoformat(at),
        entered_by=by,
        file_digest=digest,
    )
