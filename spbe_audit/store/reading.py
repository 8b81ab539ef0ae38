"""A run read from an evidence file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from spbe_audit.errors import StoreError
from spbe_audit.evidence import Evidence, Probe, attempt_from_json
from spbe_audit.finding import RunSummary
from spbe_audit.recorded_run import RecordedAttempt, ServiceEvidence
from spbe_audit.store.database import connect, explained
from spbe_audit.store.plan import RunPlan
from spbe_audit.store.samples import read_availability
from spbe_audit.targets import Agency, Engagement, Service


class StoredRun:
    """A run read from an evidence file; see recorded_run.RecordedRun."""

    def __init__(
        self, connection: sqlite3.Connection, path: str, number: int, plan: RunPlan
    ) -> None:
        self._db = connection
        self._path = path
        self._number = number
        self._plan = plan

    def reopened(self) -> StoredRun:
        """The same run through a connection of its own: none may be shared by two processes."""
        if not self.file_name:
            raise TypeError("an evidence file in memory cannot be opened a second time")
        return StoredRun(connect(self._path), self._path, self._number, self._plan)

    @property
    def id(self) -> str:
        """The run's id."""
        return self._plan.id

    @property
    def file_name(self) -> str:
        """The name of the evidence file, without its folder; '' for one in memory."""
        return "" if self._path == ":memory:" else Path(self._path).name

    @property
    def engagement(self) -> Engagement | None:
        """Who allowed the run."""
        return self._plan.targets.engagement

    @property
    def policy_id(self) -> str:
        """The policy that the run was made for."""
        return self._plan.policy

    @property
    def agencies(self) -> tuple[Agency, ...]:
        """The agencies and services that were to be scanned, in the order of the list."""
        return self._plan.targets.agencies

    @property
    def time_zone(self) -> str:
        """The zone of the target list, for reports."""
        return self._plan.targets.time_zone

    @property
    def summary(self) -> RunSummary:
        """The run itself: when, with what, how much, and its digest."""
        with explained(self._path):
            finished, run_digest = self._db.execute(
                "SELECT finished, digest FROM run WHERE number = ?", (self._number,)
            ).fetchone()
        return RunSummary(
            id=self._plan.id,
            started=self._plan.started,
            finished=datetime.fromisoformat(finished) if finished else None,
            digest=run_digest,
            tools={"spbe-audit": self._plan.scanner, **self._tools()},
            footprint=self._footprint(),
            intensity=self._plan.intensity.value,
            families=self._plan.families,
            retest_of=self._plan.retest_of,
        )

    def evidence(self) -> Iterator[ServiceEvidence]:
        """The evidence of each service, in the order of the list, one in memory at a time."""
        for service in self._plan.targets.services:
            yield self.evidence_of(service)

    def evidence_of(self, service: Service) -> ServiceEvidence:
        """The evidence of one service; without any where the run does not hold it."""
        return ServiceEvidence(
            service=service,
            attempts=self._attempts_of(service),
            derived=self._derived_for(service),
        )

    def _derived_for(self, service: Service) -> dict[Probe, Evidence]:
        """The history of a service, where the run asked about availability and there is one."""
        if self._plan.families and "uptime" not in self._plan.families:
            return {}
        history = read_availability(self._db, self._path, service, self._plan)
        return {Probe.AVAILABILITY: history} if history else {}

    def _attempts_of(self, service: Service) -> dict[Probe, tuple[RecordedAttempt, ...]]:
        with explained(self._path):
            row = self._db.execute(
                "SELECT body FROM record WHERE run = ? AND kind = 'service' AND key = ?",
                (self._number, service.id),
            ).fetchone()
        links: dict[str, list[int]] = json.loads(row[0]) if row else {}
        return {
            Probe(probe): tuple(self._recorded_attempt(seq) for seq in seqs)
            for probe, seqs in links.items()
        }

    def _recorded_attempt(self, seq: int) -> RecordedAttempt:
        with explained(self._path):
            row = self._db.execute(
                "SELECT body, digest FROM record WHERE run = ? AND seq = ? AND kind = 'attempt'",
                (self._number, seq),
            ).fetchone()
        try:
            return RecordedAttempt(attempt=attempt_from_json(row[0]), digest=row[1])
        except (ValueError, TypeError) as error:
            problem = StoreError(f"{self._path}: record {seq} of run {self.id} cannot be read")
            problem.advice = "Run `spbe-audit verify` to see which record is damaged"
            raise problem from error

    def _tools(self) -> dict[str, str]:
        with explained(self._path):
            rows = self._db.execute(
                "SELECT DISTINCT json_extract(body, '$.tool.name'),"
                " json_extract(body, '$.tool.version') FROM record"
                " WHERE run = ? AND kind = 'attempt' ORDER BY 1, 2",
                (self._number,),
            ).fetchall()
        return {str(row[0]): str(row[1]) for row in rows}

    def _footprint(self) -> dict[str, int]:
        with explained(self._path):
            attempts, connections, addresses = self._db.execute(
                "SELECT count(*), coalesce(sum(json_extract(body, '$.connections')), 0),"
                " count(DISTINCT json_extract(body, '$.endpoint.address')) FROM record"
                " WHERE run = ? AND kind = 'attempt'",
                (self._number,),
            ).fetchone()
        return {
            "services": len(self._plan.targets.services),
            "addresses": addresses,
            "attempts": attempts,
            "connections": connections,
        }
