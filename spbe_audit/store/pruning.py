"""Cutting off old runs and old samples, so that an evidence file does not grow for ever.

What stays, whatever is asked for: the newest finished run and the newest that tested everything,
all that came after them, every run that an auditee answered about, and the samples that the newest
finished run looks back on. Of a run that is cut its line and how it was judged stay, so that it is
still known since when a finding is open.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from spbe_audit.store.cuts import (
    Cut,
    RunCut,
    SamplesCut,
    add_cut,
    judgement_digests,
)
from spbe_audit.store.database import explained, transaction
from spbe_audit.store.plan import SampleLedger
from spbe_audit.store.samples import LOOK_BACK

_BATCH_LASTS = timedelta(hours=1)
"""A batch is dated by its beginning; its samples are at most so much younger."""
_WORTH_SHRINKING = 0.01
"""The share of a file that has to be free before it is written anew."""
_RESERVE = 1.1


class Kept(StrEnum):
    """Why a run that is old enough is not cut."""

    NEWEST = "newest"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class PruneLimits:
    """What may go: all whole runs but the newest so many, or runs and samples before a moment."""

    keep_runs: int | None = None
    runs_before: datetime | None = None
    samples_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that may be cut; ``whole`` says that it did not only test open findings again."""

    number: int
    id: str
    started: datetime
    finished: datetime | None
    digest: str
    records: int
    services: int
    policy: str
    whole: bool
    judged: frozenset[str]


@dataclass(frozen=True, slots=True)
class OldSamples:
    """Batches that may be cut."""

    first: int
    last: int
    since: datetime
    until: datetime
    samples: int


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What would be cut, what stays although it is old enough, and who has to be judged first.

    ``bereft`` are runs that stay and look back on samples that go.
    """

    runs: tuple[OldRun, ...] = ()
    samples: OldSamples | None = None
    kept: tuple[tuple[str, Kept], ...] = ()
    bereft: tuple[OldRun, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to cut."""
        return not self.runs and self.samples is None


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """Bytes before and after; ``needed`` are those that were not free on the disk, by folder."""

    before: int
    after: int
    needed: tuple[tuple[str, int], ...] = field(default=())


def plan_prune(connection: sqlite3.Connection, path: str, limits: PruneLimits) -> PrunePlan:
    """What the limits let go. Raises StoreError where the file cannot be read."""
    with explained(path):
        runs = list(_runs(connection))
        answered = frozenset(
            row[0] for row in connection.execute("SELECT DISTINCT run FROM follow_up_import")
        )
        newest = [one for one in runs if one.finished][-1:]
        samples = _old_samples(connection, limits.samples_before, newest)
        old, kept = _old_runs(runs, limits, answered)
        bereft = _bereft(connection, runs, old, samples)
    return PrunePlan(tuple(old), samples, tuple(kept), bereft)


def _runs(connection: sqlite3.Connection) -> Iterator[OldRun]:
    rows = connection.execute(
        "SELECT number, id, started, finished, run.digest,"
        " (SELECT count(*) FROM record WHERE record.run = number),"
        " (SELECT sum(json_array_length(value, '$.services'))"
        "  FROM json_each(body, '$.targets.agencies')),"
        " json_extract(body, '$.policy'), json_extract(body, '$.retest_of')"
        " FROM run LEFT JOIN record ON record.run = number AND seq = 1"
        " WHERE id NOT IN (SELECT key FROM cut WHERE kind = 'run') ORDER BY number"
    ).fetchall()
    for number, run, started, finished, digest, records, services, policy, retest_of in rows:
        yield OldRun(
            number=number,
            id=run,
            started=datetime.fromisoformat(started),
            finished=datetime.fromisoformat(finished) if finished else None,
            digest=digest,
            records=records,
            services=services or 0,
            policy=policy or "",
            whole=not retest_of,
            judged=frozenset(judgement_digests(connection, number)),
        )


def _old_runs(
    runs: Sequence[OldRun], limits: PruneLimits, answered: frozenset[str]
) -> tuple[list[OldRun], list[tuple[str, Kept]]]:
    """The runs that go, and those that are old enough and stay."""
    finished = [place for place, one in enumerate(runs) if one.finished]
    whole = [place for place in finished if runs[place].whole]
    if not finished:
        return [], []
    newest = {finished[-1], *whole[-1:]}
    if limits.keep_runs is not None:
        first = whole[-limits.keep_runs] if len(whole) >= limits.keep_runs else 0
        old = list(range(first))
    else:
        before = limits.runs_before
        old = [place for place, one in enumerate(runs) if before and one.started < before]
    going, kept = [], []
    for place in old:
        one = runs[place]
        if place in newest or place > finished[-1]:
            kept.append((one.id, Kept.NEWEST))
        elif one.id in answered:
            kept.append((one.id, Kept.ANSWERED))
        else:
            going.append(one)
    return going, kept


def _old_samples(
    connection: sqlite3.Connection, before: datetime | None, newest: Sequence[OldRun]
) -> OldSamples | None:
    """The batches that are old enough, from the first on, and that no newest run looks back on."""
    if before is None:
        return None
    limit = min([before, *(one.started - LOOK_BACK for one in newest)]) - _BATCH_LASTS
    last = connection.execute(
        "SELECT coalesce((SELECT min(seq) - 1 FROM sample_batch WHERE at >= ?), max(seq))"
        " FROM sample_batch",
        (limit.isoformat(),),
    ).fetchone()[0]
    first, samples = connection.execute(
        "SELECT min(seq), sum(count) FROM sample_batch WHERE seq <= ?", (last,)
    ).fetchone()
    if first is None:
        return None
    since, until = (
        datetime.fromisoformat(
            connection.execute("SELECT at FROM sample_batch WHERE seq = ?", (seq,)).fetchone()[0]
        )
        for seq in (first, last)
    )
    return OldSamples(first, last, since, until, samples)


def _bereft(
    connection: sqlite3.Connection,
    runs: Sequence[OldRun],
    going: Sequence[OldRun],
    samples: OldSamples | None,
) -> tuple[OldRun, ...]:
    if samples is None:
        return ()
    noted = _noted(connection)
    return tuple(
        one
        for one in runs
        if one.finished
        and one not in going
        and one.id in noted
        and samples.until >= one.started - LOOK_BACK
    )


def _noted(connection: sqlite3.Connection) -> dict[str, SampleLedger]:
    """The ledger of samples as each run noted it; those alone that noted one."""
    rows = connection.execute(
        "SELECT run.id, json_extract(body, '$.samples.batches'),"
        " json_extract(body, '$.samples.chain')"
        " FROM record JOIN run ON run.number = record.run WHERE seq = 1"
    )
    return {
        run: SampleLedger(batches, chain)
        for run, batches, chain in rows.fetchall()
        if batches is not None
    }


def prune(
    connection: sqlite3.Connection, path: str, limits: PruneLimits, *, at: datetime, by: str
) -> tuple[Cut, ...]:
    """Cut what the limits let go and write down what it was: all of it, or nothing.

    Raises StoreError. The file becomes smaller with ``shrink`` only.
    """
    with explained(path), transaction(connection):
        plan = plan_prune(connection, path, limits)
        cuts = [_cut_run(connection, one, at, by) for one in plan.runs]
        if plan.samples:
            cuts.append(_cut_samples(connection, plan.samples, at, by))
        return tuple(cuts)


def _cut_run(connection: sqlite3.Connection, run: OldRun, at: datetime, by: str) -> Cut:
    connection.execute("DELETE FROM record WHERE run = ?", (run.number,))
    connection.execute("DELETE FROM finding WHERE run = ?", (run.number,))
    return add_cut(
        connection,
        RunCut(
            run=run.id,
            started=run.started,
            finished=run.finished,
            digest=run.digest,
            records=run.records,
            services=run.services,
            policy=run.policy,
            judgements=judgement_digests(connection, run.number),
            at=at,
            by=by,
        ),
    )


def _cut_samples(connection: sqlite3.Connection, samples: OldSamples, at: datetime, by: str) -> Cut:
    chain = connection.execute(
        "SELECT chain FROM sample_batch WHERE seq = ?", (samples.last,)
    ).fetchone()[0]
    noted = {
        str(ledger.batches): ledger.chain
        for ledger in _noted(connection).values()
        if samples.first <= ledger.batches <= samples.last
    }
    connection.execute("DELETE FROM sample WHERE batch <= ?", (samples.last,))
    connection.execute("DELETE FROM sample_batch WHERE seq <= ?", (samples.last,))
    return add_cut(
        connection,
        SamplesCut(
            first=samples.first,
            last=samples.last,
            since=samples.since,
            until=samples.until,
            samples=samples.samples,
            chain=chain,
            noted=noted,
            at=at,
            by=by,
        ),
    )


# --- the file itself


def shrink(connection: sqlite3.Connection, path: str) -> Shrinkage:
    """Write the file anew without the room that is free in it, where the disk has room for that.

    Killed half way, it is as it was. Raises StoreError.
    """
    before = size_of(path)
    with explained(path):
        pages, free, page = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        if free > pages * _WORTH_SHRINKING:
            missing = _missing_room(Path(path), round((pages - free) * page * _RESERVE))
            if missing:
                return Shrinkage(before, before, missing)
            connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return Shrinkage(before, size_of(path))


def size_of(path: str) -> int:
    """The bytes of a file, with what stands beside it and is still to be written into it."""
    parts = (Path(path + ending) for ending in ("", "-wal"))
    return sum(part.stat().st_size for part in parts if part.exists())


def _missing_room(path: Path, needed: int) -> tuple[tuple[str, int], ...]:
    """The folders whose disks are too full: SQLite writes a copy to each, one after the other."""
    wanted: dict[int, tuple[str, int]] = {}
    for folder in (str(path.resolve().parent), _temporary_folder()):
        device = Path(folder).stat().st_dev
        first, sum_of_both = wanted.get(device, (folder, 0))
        wanted[device] = (first, sum_of_both + needed)
    return tuple(one for one in wanted.values() if shutil.disk_usage(one[0]).free < one[1])


def _temporary_folder() -> str:
    """Where SQLite puts its temporary files."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp")  # noqa: S108 - SQLite's own list
    usable = (one for one in named if one and Path(one).is_dir() and os.access(one, os.W_OK))
    return next(usable, tempfile.gettempdir())
