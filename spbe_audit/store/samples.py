"""The ledger of samples: batches, each written whole, each chained to the one before it.

A batch is what one invocation of the sampler took. Its digest is the SHA-256 over the canonical
JSON of its samples, in the order of their services; its chain value covers that and every batch
before it. A run notes the ledger as it stood when the run began, and looks back on no other
samples, so that it is judged alike however often it is judged.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from spbe_audit.errors import StoreError
from spbe_audit.evidence import (
    AvailabilityEvidence,
    AvailabilitySample,
    canonical_json,
    digest,
    usual_interval,
)
from spbe_audit.store.chain import Breach, next_chain
from spbe_audit.store.cuts import chain_noted_at_cut, samples_anchor, samples_cut_until
from spbe_audit.store.database import explained, transaction
from spbe_audit.store.plan import RunPlan, SampleLedger
from spbe_audit.targets import Service

LOOK_BACK = timedelta(days=92)
"""How far back a run looks: the longest quarter of a year."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MICROSECONDS = 1_000_000
_ROW = "service, at, up, status, reason, phases"

_Row = tuple[str, int, int, int | None, str, str]


def add_batch(
    connection: sqlite3.Connection,
    path: str,
    samples: Mapping[str, AvailabilitySample],
    *,
    at: datetime,
    interval: float | None,
) -> SampleLedger:
    """Write the samples of one invocation, by service, in one transaction: all of them or none.

    ``interval`` is how many seconds apart invocations are meant to be, None where nobody said.
    Gives the ledger as it stands then. Raises StoreError.
    """
    rows = [_row(service, sample) for service, sample in sorted(samples.items())]
    with explained(path), transaction(connection):
        return _append(connection, rows, at.isoformat(), interval)


def _append(
    connection: sqlite3.Connection, rows: list[_Row], at: str, interval: float | None
) -> SampleLedger:
    before = _head(connection)
    seq, body_digest = before.batches + 1, _digest(rows)
    key = _key(at, interval, len(rows))
    chain = next_chain(before.chain, seq=seq, kind="samples", key=key, body_digest=body_digest)
    connection.execute(
        "INSERT INTO sample_batch (seq, at, interval, count, digest, chain)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (seq, at, interval, len(rows), body_digest, chain),
    )
    connection.executemany(
        f"INSERT INTO sample (batch, {_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
        ((seq, *row) for row in rows),
    )
    return SampleLedger(seq, chain)


def ledger_of(connection: sqlite3.Connection, path: str) -> SampleLedger | None:
    """The ledger as it stands; None while no sample has been taken."""
    with explained(path):
        head = _head(connection)
    return head if head.batches else None


def _head(connection: sqlite3.Connection) -> SampleLedger:
    row = connection.execute(
        "SELECT seq, chain FROM sample_batch ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return SampleLedger(*row) if row else samples_anchor(connection)


def read_availability(
    connection: sqlite3.Connection, path: str, service: Service, plan: RunPlan
) -> AvailabilityEvidence | None:
    """The samples of a service that a run looks back on.

    None where there are none, or where some were cut off since: the rest would tell otherwise.
    Raises StoreError for samples that cannot be read.
    """
    if plan.samples is None:
        return None
    span = (_number(plan.started - LOOK_BACK), _number(plan.started))
    with explained(path):
        cut_until = samples_cut_until(connection)
        if cut_until and cut_until >= plan.started - LOOK_BACK:
            return None
        rows = connection.execute(
            f"SELECT {_ROW} FROM sample WHERE service = ? AND at >= ? AND at < ? AND batch <= ?"  # noqa: S608 - a constant
            " ORDER BY at, batch",
            (service.id, *span, plan.samples.batches),
        )
        try:
            samples = tuple(_sample(row) for row in rows)
        except (ValueError, TypeError) as error:
            problem = StoreError(f"{path}: the samples of {service.id} cannot be read")
            problem.advice = "Run `spbe-audit verify` to see which batch is damaged"
            raise problem from error
        if not samples:
            return None
        stated = _stated_interval(connection, service.id, plan.samples.batches)
    return AvailabilityEvidence(
        service=service.id,
        until=plan.started,
        interval=stated or usual_interval(sample.at for sample in samples),
        samples=samples,
        maintenance=service.maintenance,
        sla=service.sla,
        ledger=plan.samples.chain,
    )


def _stated_interval(connection: sqlite3.Connection, service: str, batches: int) -> float | None:
    """What the newest batch with a sample of a service says of the interval."""
    row = connection.execute(
        "SELECT sample_batch.interval FROM sample JOIN sample_batch ON seq = batch"
        " WHERE service = ? AND batch <= ? ORDER BY sample.at DESC LIMIT 1",
        (service, batches),
    ).fetchone()
    return float(row[0]) if row and row[0] else None


def find_sample_breaches(connection: sqlite3.Connection) -> Iterator[Breach]:
    """The first batch that does not verify, if any, and the runs that looked back on others."""
    breach = _first_broken_batch(connection)
    if breach:
        yield breach
    runs = connection.execute(
        "SELECT run.id, json_extract(body, '$.samples.batches'),"
        " json_extract(body, '$.samples.chain')"
        " FROM record JOIN run ON run.number = record.run"
        " WHERE seq = 1 AND json_valid(body) ORDER BY run.number"
    )
    for run, seq, chain in runs.fetchall():
        if seq is None:
            continue
        row = connection.execute("SELECT chain FROM sample_batch WHERE seq = ?", (seq,)).fetchone()
        known = row[0] if row else chain_noted_at_cut(connection, seq)
        if known != chain:
            state = "changed" if known else "missing"
            yield Breach(run, seq, state, "the run looked back on it", unit="batch of samples")


def _first_broken_batch(connection: sqlite3.Connection) -> Breach | None:
    anchor = samples_anchor(connection)
    chain, expected = anchor.chain, anchor.batches + 1
    for batch, rows in _batches_with_rows(connection):
        if batch.seq != expected:
            return _breach(expected, "missing", "a batch was removed")
        if len(rows) != batch.size or _digest(rows) != batch.digest:
            return _breach(batch.seq, batch.at, "its samples do not match its digest")
        key = _key(batch.at, batch.interval, batch.size)
        chain = next_chain(chain, seq=batch.seq, kind="samples", key=key, body_digest=batch.digest)
        if chain != batch.chain:
            return _breach(batch.seq, batch.at, "it does not follow from the batch before it")
        expected += 1
    orphan = connection.execute(
        "SELECT min(batch) FROM sample WHERE batch NOT IN (SELECT seq FROM sample_batch)"
    ).fetchone()[0]
    return None if orphan is None else _breach(orphan, "missing", "a batch was removed")


class _Batch(NamedTuple):
    seq: int
    at: str
    interval: float | None
    size: int
    digest: str
    chain: str


def _batches_with_rows(connection: sqlite3.Connection) -> Iterator[tuple[_Batch, list[_Row]]]:
    """Every batch with its samples, one in memory at a time.

    The table lies in the order of services, so that one is read quickly; to go through it in the
    order of batches SQLite sorts it, on disk where it is large.
    """
    rows = connection.execute(
        f"SELECT batch, {_ROW} FROM sample ORDER BY batch, service, at"  # noqa: S608 - a constant
    )
    row = rows.fetchone()
    for batch in connection.execute(
        "SELECT seq, at, interval, count, digest, chain FROM sample_batch ORDER BY seq"
    ):
        inside: list[_Row] = []
        while row and row[0] <= batch[0]:
            if row[0] == batch[0]:
                inside.append(row[1:])
            row = rows.fetchone()
        yield _Batch(*batch), inside


def _breach(seq: int, at: str, problem: str) -> Breach:
    return Breach("", seq, at, problem, unit="batch")


def _digest(rows: list[_Row]) -> str:
    return digest(canonical_json(rows))


def _key(at: str, interval: float | None, count: int) -> str:
    return canonical_json([at, interval, count])


def _row(service: str, sample: AvailabilitySample) -> _Row:
    """A sample as it is stored: whole milliseconds since 1970, phases in whole microseconds."""
    phases = (sample.name, sample.connect, sample.tls, sample.first_byte)
    written = [None if phase is None else round(phase * _MICROSECONDS) for phase in phases]
    at, up = _number(sample.at), int(sample.up)
    return service, at, up, sample.status, sample.reason, canonical_json(written)


def _sample(row: _Row) -> AvailabilitySample:
    """A stored sample read back. Raises ValueError or TypeError where its phases are damaged."""
    _, at, up, status, reason, written = row
    phases = [None if phase is None else phase / _MICROSECONDS for phase in json.loads(written)]
    return AvailabilitySample(_EPOCH + at * _MILLISECOND, bool(up), status, reason, *phases)


def _number(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND
