"""What was cut off an evidence file to keep it small: a ledger that says so, chained like the rest.

A run is cut whole: its records and findings go, its line and how it was judged stay. Samples are
cut from their beginning, in whole batches; the ledger of samples goes on from the chain value of
the last that went. A run notes the ledger of cuts as it stood when the run began.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from spbe_audit.errors import StoreError
from spbe_audit.evidence import canonical_json, digest
from spbe_audit.store.chain import Breach, next_chain
from spbe_audit.store.database import explained
from spbe_audit.store.plan import CutLedger, SampleLedger

RUN = "run"
SAMPLES = "samples"


@dataclass(frozen=True, slots=True)
class RunCut:
    """A run whose records were cut off.

    ``digest`` is the chain value of its last record, ``judgements`` the SHA-256 of how it was
    judged, by policy. ``at`` is when it was cut, ``by`` the version that did it.
    """

    run: str
    started: datetime
    finished: datetime | None
    digest: str
    records: int
    services: int
    policy: str
    judgements: Mapping[str, str]
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class SamplesCut:
    """Batches of samples that were cut off, from ``first`` to ``last``.

    ``chain`` is the chain value of the last; ``noted`` are those of batches in between that a run
    noted, by the number of the batch. ``since`` and ``until`` are when the first and the last batch
    were taken.
    """

    first: int
    last: int
    since: datetime
    until: datetime
    samples: int
    chain: str
    noted: Mapping[str, str]
    at: datetime
    by: str


class Cut(NamedTuple):
    """An entry of the ledger, with its chain value."""

    seq: int
    what: RunCut | SamplesCut
    chain: str


_FORMS: Mapping[str, TypeAdapter[Any]] = {
    RUN: TypeAdapter(RunCut),
    SAMPLES: TypeAdapter(SamplesCut),
}


def add_cut(connection: sqlite3.Connection, what: RunCut | SamplesCut) -> Cut:
    """Write an entry; the caller cuts in the same transaction."""
    kind, key = (RUN, what.run) if isinstance(what, RunCut) else (SAMPLES, str(what.last))
    body = canonical_json(to_jsonable_python(what))
    body_digest, before = digest(body), _head(connection)
    seq = before.cuts + 1
    chain = next_chain(before.chain, seq=seq, kind=kind, key=key, body_digest=body_digest)
    connection.execute(
        "INSERT INTO cut (seq, kind, key, body, digest, chain) VALUES (?, ?, ?, ?, ?, ?)",
        (seq, kind, key, body, body_digest, chain),
    )
    return Cut(seq, what, chain)


def read_cuts(connection: sqlite3.Connection, path: str) -> tuple[Cut, ...]:
    """Every entry, oldest first. Raises StoreError for one that cannot be read."""
    with explained(path):
        rows = connection.execute("SELECT seq, kind, body, chain FROM cut ORDER BY seq").fetchall()
    try:
        return tuple(
            Cut(seq, _FORMS[kind].validate_json(body), end) for seq, kind, body, end in rows
        )
    except (ValidationError, KeyError) as error:
        problem = StoreError(f"{path}: the record of what was cut off cannot be read")
        problem.advice = "Run `spbe-audit verify` to see which entry is damaged"
        raise problem from error


def cut_ledger_of(connection: sqlite3.Connection, path: str) -> CutLedger | None:
    """The ledger as it stands; None while nothing has been cut."""
    with explained(path):
        head = _head(connection)
    return head if head.cuts else None


def _head(connection: sqlite3.Connection) -> CutLedger:
    row = connection.execute("SELECT seq, chain FROM cut ORDER BY seq DESC LIMIT 1").fetchone()
    return CutLedger(*row) if row else CutLedger(0, "")


def samples_anchor(connection: sqlite3.Connection) -> SampleLedger:
    """Where the ledger of samples begins: after the last batch that was cut; 0 for none."""
    row = connection.execute(
        "SELECT json_extract(body, '$.last'), json_extract(body, '$.chain') FROM cut"
        " WHERE kind = 'samples' AND json_valid(body) ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return SampleLedger(*row) if row else SampleLedger(0, "")


def samples_cut_until(connection: sqlite3.Connection) -> datetime | None:
    """When the last batch that was cut was taken; None where none was."""
    row = connection.execute(
        "SELECT json_extract(body, '$.until') FROM cut"
        " WHERE kind = 'samples' AND json_valid(body) ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return datetime.fromisoformat(row[0]) if row else None


def cut_run_ids(connection: sqlite3.Connection) -> frozenset[str]:
    """The ids of the runs that were cut off."""
    rows = connection.execute("SELECT key FROM cut WHERE kind = 'run'").fetchall()
    return frozenset(row[0] for row in rows)


def chain_noted_at_cut(connection: sqlite3.Connection, batch: int) -> str | None:
    """The chain value of a batch that was cut, as the ledger of cuts has it."""
    rows = connection.execute("SELECT body FROM cut WHERE kind = 'samples' AND json_valid(body)")
    for (body,) in rows.fetchall():
        told = json.loads(body)
        if batch == told["last"]:
            return str(told["chain"])
        if str(batch) in told["noted"]:
            return str(told["noted"][str(batch)])
    return None


def find_cut_breaches(connection: sqlite3.Connection) -> Iterator[Breach]:
    """The first entry that does not verify, or what no longer agrees with one or with a run."""
    chain, expected = "", 1
    rows = connection.execute("SELECT seq, kind, key, body, digest, chain FROM cut ORDER BY seq")
    for seq, kind, key, body, body_digest, stored in rows.fetchall():
        if seq != expected:
            yield _breach(expected, "missing", "an entry was removed")
            return
        if hashlib.sha256(body.encode()).hexdigest() != body_digest:
            yield _breach(seq, f"{kind} {key}", "its content does not match its digest")
            return
        chain = next_chain(chain, seq=seq, kind=kind, key=key, body_digest=body_digest)
        if chain != stored:
            yield _breach(seq, f"{kind} {key}", "it does not follow from the entry before it")
            return
        expected += 1
        if kind == RUN:
            yield from _changed_since(connection, seq, json.loads(body))
    yield from _noted_otherwise(connection)


def _changed_since(
    connection: sqlite3.Connection, seq: int, told: Mapping[str, Any]
) -> Iterator[Breach]:
    """Whether what is left of a cut run is what was left."""
    row = connection.execute(
        "SELECT number, started, finished, digest FROM run WHERE id = ?", (told["run"],)
    ).fetchone()
    name = f"run {told['run']}"
    if row is None or (_moment(row[1]), _moment(row[2]), row[3]) != (
        _moment(told["started"]),
        _moment(told["finished"]),
        told["digest"],
    ):
        yield _breach(seq, name, "the line of the run was changed or removed")
        return
    if connection.execute("SELECT 1 FROM record WHERE run = ? LIMIT 1", row[:1]).fetchone():
        yield _breach(seq, name, "the run has records again")
    if judgement_digests(connection, row[0]) != dict(told["judgements"]):
        yield _breach(seq, name, "how the run was judged was changed or removed")


def judgement_digests(connection: sqlite3.Connection, number: int) -> dict[str, str]:
    """The SHA-256 of how a run was judged, by policy."""
    rows = connection.execute("SELECT policy, body FROM judgement WHERE run = ?", (number,))
    return {policy: hashlib.sha256(body).hexdigest() for policy, body in rows}


def _noted_otherwise(connection: sqlite3.Connection) -> Iterator[Breach]:
    runs = connection.execute(
        "SELECT run.id, json_extract(body, '$.cuts.cuts'), json_extract(body, '$.cuts.chain')"
        " FROM record JOIN run ON run.number = record.run"
        " WHERE seq = 1 AND json_valid(body) ORDER BY run.number"
    )
    for run, seq, chain in runs.fetchall():
        row = connection.execute("SELECT chain FROM cut WHERE seq = ?", (seq,)).fetchone()
        if seq is not None and (row is None or row[0] != chain):
            yield Breach(run, seq, "changed" if row else "missing", "the run noted it", unit="cut")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _breach(seq: int, name: str, problem: str) -> Breach:
    return Breach("", seq, name, problem, unit="cut")
