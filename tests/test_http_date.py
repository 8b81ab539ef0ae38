"""Dates of HTTP, and what they say of a server's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import Exchange, Timings, clock_offset, http_date

ASKED = datetime(2026, 1, 15, 0, 0, 10, 500_000, tzinfo=UTC)
EXCHANGE = Exchange(
    method="GET",
    url="https://portal.example.go.id/",
    address="203.0.113.10",
    status=200,
    http_version="HTTP/1.1",
    headers=(),
    requested_at=ASKED,
    timings=Timings(total=2.0),
)


def _offset(date: str, **headers: str) -> float | None:
    return clock_offset(replace(EXCHANGE, headers=(("Date", date), *headers.items())))


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 15:49:37 +0700",
    ],
)
def test_every_form_of_a_date(text: str) -> None:
    assert http_date(text) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kemarin",
        "Thu, 31 Feb 2026 00:00:00 GMT",
        "Thu, 15 Jan 99999999999999999999 00:00:00 GMT",
        "1768435200",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert http_date(text) is None


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    _ = http_date(text)


@pytest.mark.parametrize(
    ("second", "expected"),
    [(8, -1.5), (9, -0.5), (10, 0.0), (11, 0.0), (12, 0.0), (13, 0.5), (14, 1.5)],
)
def test_a_date_from_within_the_exchange_is_no_offset(second: int, expected: float) -> None:
    """Asked at 10.5 s, answered at 12.5 s; a date stands for the whole of its second."""
    assert _offset(f"Thu, 15 Jan 2026 00:00:{second:02} GMT") == expected


def test_the_age_of_a_copy_is_added() -> None:
    assert _offset("Wed, 14 Jan 2026 23:00:11 GMT", Age="3600") == 0.0
    assert _offset("Wed, 14 Jan 2026 23:00:11 GMT", Age="-1") == -3598.5
    assert _offset("Wed, 14 Jan 2026 23:00:11 GMT", Age="9" * 5000) == -3598.5


def test_a_year_beyond_all_calendars_is_no_date() -> None:
    assert _offset("Fri, 31 Dec 9999 23:59:59 GMT", Age="999999999") is None
    assert _offset("kemarin") is None
