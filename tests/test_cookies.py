"""Cookies are read as RFC 6265 reads them, and those taken back are left out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import (
    Cookie,
    HttpEvidence,
    cookie_date,
    cookies_set,
    is_deletion,
    lasts_for_session,
    lifetime_seconds,
    looks_like_session,
    named_like,
)
from spbe_audit.testing.cases import build_evidence

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def _cookie(*attributes: tuple[str, str]) -> Cookie:
    return Cookie("a", 1, "", attributes, "portal.example.go.id", secure_origin=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wed, 09 Jun 2021 10:18:14 GMT", datetime(2021, 6, 9, 10, 18, 14, tzinfo=UTC)),
        ("Wed, 09-Jun-21 10:18:14 GMT", datetime(2021, 6, 9, 10, 18, 14, tzinfo=UTC)),
        ("Wednesday, 09-Jun-99 10:18:14 GMT", datetime(1999, 6, 9, 10, 18, 14, tzinfo=UTC)),
        ("Wed Jun  9 10:18:14 2021", datetime(2021, 6, 9, 10, 18, 14, tzinfo=UTC)),
        ("9 june 2021 1:2:3", datetime(2021, 6, 9, 1, 2, 3, tzinfo=UTC)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", datetime(1970, 1, 1, tzinfo=UTC)),
        ("", None),
        ("0", None),
        ("-1", None),
        ("Wed, 31 Feb 2021 10:18:14 GMT", None),
        ("Wed, 09 Jun 2021 25:18:14 GMT", None),
        ("Wed, 09 Jun 2021", None),
    ],
)
def test_dates(text: str, expected: datetime | None) -> None:
    assert cookie_date(text) == expected


@pytest.mark.parametrize(
    ("attributes", "deletes"),
    [
        ([("max-age", "0")], True),
        ([("max-age", "000")], True),
        ([("max-age", "-5")], True),
        ([("max-age", "-")], False),
        ([("max-age", "1")], False),
        ([("max-age", "9" * 10_000)], False),
        ([("max-age", "10"), ("expires", "Thu, 01 Jan 1970 00:00:00 GMT")], False),
        ([("max-age", "soon"), ("expires", "Thu, 01 Jan 1970 00:00:00 GMT")], True),
        ([("expires", "Wed, 14 Jan 2026 23:59:59 GMT")], True),
        ([("expires", "Thu, 15 Jan 2026 00:00:01 GMT")], False),
        ([("expires", "yesterday")], False),
        ([], False),
    ],
)
def test_taking_back(attributes: list[tuple[str, str]], *, deletes: bool) -> None:
    assert is_deletion(_cookie(*attributes), NOW) is deletes


def test_a_cookie_without_expiry_lasts_for_the_session() -> None:
    assert lasts_for_session(_cookie(("secure", ""), ("path", "/")))
    assert not lasts_for_session(_cookie(("max-age", "60")))
    assert not lasts_for_session(_cookie(("expires", "never")))


def test_cookies_of_every_own_hop_count_and_no_others() -> None:
    http = build_evidence(
        "http",
        {
            "hops": [
                {"status": 302, "location": "https://login.example.go.id/", "cookies": ["first=1"]},
                {"url": "https://login.example.go.id/", "cookies": ["foreign=1"]},
            ],
            "plain": {"status": 200, "cookies": ["third=1", "gone=; Max-Age=0"]},
        },
    )
    assert isinstance(http, HttpEvidence)
    assert [cookie.name for cookie in cookies_set(http)] == ["first", "third"]


@given(st.text(alphabet=st.characters(max_codepoint=0xFF)))
def test_no_text_breaks_the_date(text: str) -> None:
    found = cookie_date(text)
    assert found is None or found.tzinfo is UTC


def test_years_before_the_calendar_of_the_rfc_are_no_dates() -> None:
    assert cookie_date("01 Jan 1600 00:00:00") is None


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ((), None),
        ((("max-age", "60"),), 60),
        ((("max-age", "60"), ("expires", "Fri, 16 Jan 2026 00:00:00 GMT")), 60),
        ((("max-age", "6e1"), ("expires", "Fri, 16 Jan 2026 00:00:00 GMT")), 86_400),
        ((("expires", "Fri, 16 Jan 2026 00:00:00 GMT"),), 86_400),
        ((("expires", "besok"),), None),
        ((("max-age", "9" * 5000),), 999_999_999_999),
        ((("max-age", "-" + "9" * 5000),), -99_999_999_999),
    ],
)
def test_how_long_a_cookie_lasts(
    attributes: tuple[tuple[str, str], ...], expected: float | None
) -> None:
    assert lifetime_seconds(_cookie(*attributes), NOW) == expected


def test_a_name_fits_a_pattern_in_any_case() -> None:
    assert named_like("PHPSESSID", ["*sess*"])
    assert named_like("connect.sid", ["CONNECT.SID"])
    assert not named_like("connectXsid", ["connect.sid"])
    assert not named_like("a", [])


def test_what_looks_like_a_session() -> None:
    def looks(*attributes: tuple[str, str], excluded: tuple[str, ...] = ()) -> bool:
        cookie = _cookie(*attributes)
        return looks_like_session(cookie, names=("b*",), excluded=excluded, value_length=1)

    assert looks()
    assert not looks(("max-age", "60"))
    assert not looks(excluded=("A",))
