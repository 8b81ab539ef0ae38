"""Reads the dates of HTTP (RFC 9110 section 5.6.7) and what they say of a server's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from spbe_audit.evidence.http import Exchange

_GRAIN = timedelta(seconds=1)  # a date of HTTP tells whole seconds
_LONGEST = 64
_AGE_DIGITS = 9


def http_date(text: str) -> datetime | None:
    """The instant that a Date, Expires or Last-Modified field names, UTC; None if unreadable."""
    try:
        date = parsedate_to_datetime(text[:_LONGEST])
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def clock_offset(exchange: Exchange) -> float | None:
    """How many seconds the server's clock is ahead of ours (below 0: behind).

    It is 0 where the server may have written its date at any moment of the exchange; a copy out of
    a cache is as old as its Age says. None without a Date that can be read.
    """
    date = http_date(exchange.header("date") or "")
    if date is None:
        return None
    age = exchange.header("age") or ""
    known_age = age.isascii() and age.isdigit() and len(age) <= _AGE_DIGITS
    asked = exchange.requested_at
    answered = asked + timedelta(seconds=_duration(exchange))
    try:
        told = date + timedelta(seconds=int(age) if known_age else 0)
        if told > answered:
            return (told - answered).total_seconds()
        return min(0.0, (told + _GRAIN - asked).total_seconds())
    except OverflowError:  # a year that no calendar holds
        return None


def _duration(exchange: Exchange) -> float:
    timings = exchange.timings
    phases = (timings.name, timings.connect, timings.tls, timings.first_byte)
    return timings.total or sum(phase or 0.0 for phase in phases)
