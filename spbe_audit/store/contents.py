"""What an evidence file holds, and how much of it is which."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from spbe_audit.store.cuts import Cut, read_cuts
from spbe_audit.store.database import explained, snapshot
from spbe_audit.store.pruning import size_of

_ROW_COST = 150
"""Bytes of a record besides its body: two digests and what names it."""


@dataclass(frozen=True, slots=True)
class RunContents:
    """One run: its size is that of its records and findings, about; ``policy`` '' if unknown."""

    id: str
    started: datetime
    finished: datetime | None
    digest: str
    services: int
    records: int
    policy: str
    retest_of: str
    size: int


@dataclass(frozen=True, slots=True)
class SampleContents:
    """The samples that are there: how many, in how many batches, and of when the batches are."""

    samples: int
    batches: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class StoreContents:
    """What an evidence file holds. Sizes are bytes; ``free`` is room inside that nothing uses."""

    version: int
    size: int
    free: int
    runs: tuple[RunContents, ...]
    samples: SampleContents | None
    judgements: int
    imports: int
    answers: int
    cuts: tuple[Cut, ...]


def contents_of(connection: sqlite3.Connection, path: str) -> StoreContents:
    """What the file holds at one moment. Raises StoreError."""
    with explained(path), snapshot(connection):
        version, page, free = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("user_version", "page_size", "freelist_count")
        )
        judgements, imports, answers = connection.execute(
            "SELECT (SELECT count(*) FROM judgement), (SELECT count(*) FROM follow_up_import),"
            " (SELECT count(DISTINCT finding) FROM follow_up)"
        ).fetchone()
        return StoreContents(
            version=version,
            size=size_of(path),
            free=free * page,
            runs=_runs(connection),
            samples=_samples(connection),
            judgements=judgements,
            imports=imports,
            answers=answers,
            cuts=read_cuts(connection, path),
        )


def _runs(connection: sqlite3.Connection) -> tuple[RunContents, ...]:
    rows = connection.execute(
        "WITH weight AS (SELECT run, count(*) AS records, sum(length(body) + length(key)) AS bytes"
        " FROM record GROUP BY run),"
        " judged AS (SELECT run, sum(length(body) + length(id)) AS bytes FROM finding GROUP BY run)"
        " SELECT id, started, finished, run.digest,"
        " (SELECT sum(json_array_length(value, '$.services'))"
        "  FROM json_each(body, '$.targets.agencies')),"
        " weight.records, json_extract(body, '$.policy'), json_extract(body, '$.retest_of'),"
        " weight.bytes, judged.bytes FROM run"
        " LEFT JOIN record ON record.run = number AND seq = 1 AND json_valid(body)"
        " LEFT JOIN weight ON weight.run = number LEFT JOIN judged ON judged.run = number"
        " WHERE id NOT IN (SELECT key FROM cut WHERE kind = 'run') ORDER BY number"
    ).fetchall()
    return tuple(
        RunContents(
            id=row[0],
            started=datetime.fromisoformat(row[1]),
            finished=datetime.fromisoformat(row[2]) if row[2] else None,
            digest=row[3],
            services=row[4] or 0,
            records=row[5] or 0,
            policy=row[6] or "",
            retest_of=row[7] or "",
            size=(row[8] or 0) + (row[9] or 0) + _ROW_COST * (row[5] or 0),
        )
        for row in rows
    )


def _samples(connection: sqlite3.Connection) -> SampleContents | None:
    batches, samples, since, until = connection.execute(
        "SELECT count(*), sum(count), min(at), max(at) FROM sample_batch"
    ).fetchone()
    if not batches:
        return None
    return SampleContents(
        samples, batches, datetime.fromisoformat(since), datetime.fromisoformat(until)
    )
