"""The SQLite file: its schema, and what its errors mean for the user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from spbe_audit.errors import StoreError

SCHEMA_VERSION = 1

_SCHEMA = """
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
    elif "not a database" in text or "no such table" in text:
        advice = "This is not an evidence file of spbe-audit; name another file with --store"
    problem = StoreError(f"{path}: {text}")
    problem.advice = advice
    return problem


def connect(path: str) -> sqlite3.Connection:
    """Open the file, making the tables in an empty one. Raises StoreError for any other file."""
    with explained(path):
        connection = sqlite3.connect(path, isolation_level=None, timeout=30.0)
        connection.execute("PRAGMA foreign_keys = ON")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION:d}")
        elif version != SCHEMA_VERSION:
            connection.close()
            problem = StoreError(f"{path}: evidence file of version {version} is not known")
            problem.advice = "Use the version of spbe-audit that wrote it, or a newer one"
            raise problem
    return connection
