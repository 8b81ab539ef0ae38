"""Reads a list of certificate timestamps as TLS sends it (RFC 6962, 3.2 and 3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from spbe_audit.evidence.certificate_parts import LogTimestamp

_FIRST_VERSION = 0
_LOG_BYTES, _TIME_BYTES = 32, 8
_MOST = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_timestamp_list(data: bytes) -> tuple[LogTimestamp, ...]:
    """The timestamps that can be read, at most a hundred; their signatures are not looked at."""
    found: list[LogTimestamp] = []
    for entry in _entries(data[2 : 2 + int.from_bytes(data[:2])]):
        timestamp = _timestamp(entry)
        if timestamp is not None and len(found) < _MOST:
            found.append(timestamp)
    return tuple(found)


def _entries(data: bytes) -> Iterator[bytes]:
    at = 0
    while len(data) - at > 2:  # noqa: PLR2004 - length of a length
        length = int.from_bytes(data[at : at + 2])
        yield data[at + 2 : at + 2 + length]
        at += 2 + length


def _timestamp(entry: bytes) -> LogTimestamp | None:
    if len(entry) < 1 + _LOG_BYTES + _TIME_BYTES or entry[0] != _FIRST_VERSION:
        return None
    log, at = entry[1 : 1 + _LOG_BYTES], entry[1 + _LOG_BYTES : 1 + _LOG_BYTES + _TIME_BYTES]
    try:
        return LogTimestamp(log.hex(), _EPOCH + timedelta(milliseconds=int.from_bytes(at)))
    except OverflowError:
        return None
