"""Adding records to a run, each on disk before the next."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from spbe_audit.evidence import (
    Attempt,
    Evidence,
    Failure,
    Probe,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
    digest,
)
from spbe_audit.store.chain import next_chain
from spbe_audit.store.database import explained, transaction
from spbe_audit.store.plan import RunPlan


class RunWriter:
    """Appends records to one run."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: str,
        number: int,
        plan: RunPlan,
        *,
        seq: int,
        chain: str,
    ) -> None:
        self._db = connection
        self._path = path
        self._number = number
        self._seq = seq
        self._chain = chain
        self.plan = plan

    def append(self, kind: str, key: str, document: object, *, finished: str | None = None) -> int:
        """Add a record; it is on disk when this returns. Gives its number in the run.

        ``finished`` is the end of the run, with the record that is its last.
        """
        body = canonical_json(document)
        body_digest = digest(body)
        seq = self._seq + 1
        chain = next_chain(self._chain, seq=seq, kind=kind, key=key, body_digest=body_digest)
        with explained(self._path), transaction(self._db):
            self._db.execute(
                "INSERT INTO record (run, seq, kind, key, body, digest, chain)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (self._number, seq, kind, key, body, body_digest, chain),
            )
            self._db.execute(
                "UPDATE run SET digest = ?, finished = ? WHERE number = ?",
                (chain, finished, self._number),
            )
        self._seq, self._chain = seq, chain
        return seq

    def add_attempt(self, attempt: Attempt) -> int:
        """Record an attempt under its endpoint's key."""
        return self.append("attempt", attempt.endpoint.key, attempt_to_json(attempt))

    def attempts(self, key: str) -> tuple[tuple[int, Attempt], ...]:
        """The attempts on an endpoint so far, with their record numbers, first to last."""
        with explained(self._path):
            rows = self._db.execute(
                "SELECT seq, body FROM record WHERE run = ? AND kind = 'attempt' AND key = ?"
                " ORDER BY seq",
                (self._number, key),
            ).fetchall()
        return tuple((row[0], attempt_from_json(row[1])) for row in rows)

    def earlier_evidence(self, key: str) -> Evidence | None:
        """What the newest finished run before this one collected at an endpoint; None for nothing.

        A record that cannot be read any more tells nothing; `verify` names it.
        """
        with explained(self._path):
            rows = self._db.execute(
                "SELECT body FROM record JOIN run ON run.number = record.run"
                " WHERE run.number < ? AND run.finished IS NOT NULL"
                " AND record.kind = 'attempt' AND record.key = ?"
                " ORDER BY record.run DESC, record.seq DESC",
                (self._number, key),
            )
            for (body,) in rows:
                with suppress(ValueError, TypeError):
                    attempt = attempt_from_json(body)
                    if not isinstance(attempt.result, Failure):
                        return attempt.result
        return None

    def add_service(self, service: str, attempts: Mapping[Probe, Sequence[int]]) -> None:
        """Record that a service is complete, and which attempts answer for it."""
        self.append(
            "service", service, {probe.value: list(seqs) for probe, seqs in attempts.items()}
        )

    def completed_services(self) -> frozenset[str]:
        """The services that are complete already."""
        with explained(self._path):
            rows = self._db.execute(
                "SELECT key FROM record WHERE run = ? AND kind = 'service'", (self._number,)
            ).fetchall()
        return frozenset(row[0] for row in rows)

    def cut_short(self, at: datetime, not_reached: Sequence[str]) -> None:
        """Record that the time for the run was over, and for which services it did not suffice."""
        self.append("cut", self.plan.id, {"at": at.isoformat(), "not_reached": list(not_reached)})

    def finish(self, at: datetime) -> None:
        """Record the end of the run."""
        self.append("end", self.plan.id, {"finished": at.isoformat()}, finished=at.isoformat())
