"""The SQLite file: its schema, and what its errors mean for the user."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spbe_audit.errors import StoreError

SCHEMA_VERSION = 4
BUSY_SECONDS = 30.0
"""How long a writer waits for another: a scan and the sampler may write to one file at once."""

_RUNS = """
CREATE TABLE run (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    started TEXT NOT NULL,
    finished TEXT,
    digest TEXT NOT NULL
) STRICT;
CREATE TABLE record (
    run INTEGER NOT NULL REFERENCES run (number),
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    digest TEXT NOT NULL,
    chain TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX record_by_key ON record (run, kind, key);
CREATE TABLE finding (
    run INTEGER NOT NULL REFERENCES run (number),
    policy TEXT NOT NULL,
    id TEXT NOT NULL,
    service TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, policy, id)
) STRICT, WITHOUT ROWID;
"""
# In the order of services: the samples of one are read together, from a table of millions.
_SAMPLES = """
CREATE TABLE sample_batch (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    interval REAL,
    count INTEGER NOT NULL,
    digest TEXT NOT NULL,
    chain TEXT NOT NULL
) STRICT;
CREATE TABLE sample (
    service TEXT NOT NULL,
    at INTEGER NOT NULL,
    batch INTEGER NOT NULL REFERENCES sample_batch (seq),
    up INTEGER NOT NULL,
    status INTEGER,
    reason TEXT NOT NULL,
    phases TEXT NOT NULL,
    PRIMARY KEY (service, at, batch)
) STRICT, WITHOUT ROWID;
"""
_FOLLOW_UPS = """
CREATE TABLE follow_up_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key BLOB NOT NULL
) STRICT;
CREATE TABLE follow_up_import (
    number INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    by TEXT NOT NULL,
    file TEXT NOT NULL,
    digest TEXT NOT NULL,
    run TEXT NOT NULL
) STRICT;
CREATE TABLE follow_up (
    import INTEGER NOT NULL REFERENCES follow_up_import (number),
    finding TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (import, finding)
) STRICT, WITHOUT ROWID;
"""
# Derived from the records and made again where it is missing, so outside every chain.
_JUDGEMENTS = """
CREATE TABLE judgement (
    run INTEGER NOT NULL REFERENCES run (number),
    policy TEXT NOT NULL,
    run_digest TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (run, policy)
) STRICT;
"""
# What `store prune` took away, chained as everything else is; see cuts.py.
_CUTS = """
CREATE TABLE cut (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    digest TEXT NOT NULL,
    chain TEXT NOT NULL
) STRICT;
UPDATE finding SET body = '' WHERE run < (SELECT max(run) FROM finding);
"""
_MIGRATIONS = (_RUNS, _SAMPLES, _FOLLOW_UPS + _JUDGEMENTS, _CUTS)
"""What makes a file of version n + 1 out of one of version n; version 0 is an empty file."""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that the block writes, or nothing; part of the one that is under way, if any."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk makes SQLite roll back by itself; a second time would hide the reason.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """All that the block reads is of one moment, whatever others write meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn what SQLite and the disk say into an error that tells what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _store_error(path, error) from error


def _store_error(path: str, error: sqlite3.DatabaseError) -> StoreError:
    text = str(error)
    advice = "Run `spbe-audit verify` on a copy of the file, or name another file with --store"
    if "readonly" in text or "unable to open" in text:
        advice = "Make the file and its folder writable for you, or name another with --store"
    elif "full" in text or "disk I/O" in text:
        advice = "Free space on the disk; what was written before is kept. Then use --resume"
    elif "locked" in text:
        advice = "Another process has been writing to it for long; try again when that has ended"
    elif "not a database" in text or "no such table" in text:
        advice = "This is not an evidence file of spbe-audit; name another file with --store"
    problem = StoreError(f"{path}: {text}")
    problem.advice = advice
    return problem


def connect(path: str) -> sqlite3.Connection:
    """Open the file; an empty one gets its tables, an older one those that came since.

    Raises StoreError for any other file.
    """
    with explained(path):
        connection = _open(path)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _open(path: str) -> sqlite3.Connection:
    if path == ":memory:" or not _is_sealed(Path(path)):
        return sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    uri = f"{Path(path).resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def _is_sealed(path: Path) -> bool:
    """Whether it cannot be written to, and nobody does: then SQLite needs no files beside it."""
    writable = os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK)
    return path.is_file() and not writable and not Path(f"{path}-wal").exists()


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    version, tables = connection.execute(
        "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
    ).fetchone()
    if version > SCHEMA_VERSION or (version == 0 and tables):
        problem = StoreError(f"{path}: evidence file of version {version} is not known")
        problem.advice = (
            "This is not an evidence file of spbe-audit; name another file with --store"
            if version <= SCHEMA_VERSION
            else "Use the version of spbe-audit that wrote it, or a newer one; nothing was changed"
        )
        raise problem
    if version == 0:
        _write_ahead(connection)
    if version < SCHEMA_VERSION:
        _migrate(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work side by side. SQLite itself does not wait to switch to this."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the present version in one transaction: wholly, or not at all."""
    with transaction(connection):
        # Read again: another process may have done it while this one waited.
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for script in _MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(version, SCHEMA_VERSION):d}")
