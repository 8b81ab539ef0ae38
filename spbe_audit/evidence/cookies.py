"""Which cookies a service sets, and for how long, as RFC 6265 section 5 reads them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from spbe_audit.evidence.http import Cookie, HttpEvidence

_DELIMITERS = re.compile(r"[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?", re.DOTALL)
_DAY = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?", re.DOTALL)
_YEAR = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?", re.DOTALL)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MAX_AGE = re.compile(r"-?[0-9]+")
_LONGEST_DIGITS = 12
_FIRST_YEAR = 1601
_FIRST_TWO_DIGIT_YEAR = 70  # 70-99 are of the last century, 00-69 of this one


def cookies_set(http: HttpEvidence) -> tuple[Cookie, ...]:
    """Every Set-Cookie of the service's own host, in order, without those that take one back."""
    found = (cookie for exchange in http.own_exchanges() for cookie in exchange.cookies)
    return tuple(cookie for cookie in found if not is_deletion(cookie, http.collected_at))


def cookie_date(text: str) -> datetime | None:
    """The date of an Expires attribute (RFC 6265 5.1.1), UTC; None where it cannot be read."""
    time: tuple[int, ...] | None = None
    day = month = year = None
    for token in _DELIMITERS.split(text):
        if time is None and (match := _TIME.fullmatch(token)):
            time = tuple(int(part) for part in match.groups())
        elif day is None and (match := _DAY.fullmatch(token)):
            day = int(match[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (match := _YEAR.fullmatch(token)):
            year = _full_year(match[1])
    if time is None or day is None or month is None or year is None or year < _FIRST_YEAR:
        return None
    try:
        return datetime(year, month, day, time[0], time[1], time[2], tzinfo=UTC)
    except ValueError:
        return None


def _full_year(text: str) -> int:
    year = int(text)
    if year >= 100:  # noqa: PLR2004 - a year of three or four digits is taken as written
        return year
    return year + (1900 if year >= _FIRST_TWO_DIGIT_YEAR else 2000)


def is_deletion(cookie: Cookie, now: datetime) -> bool:
    """Whether the field takes the cookie back: Max-Age is not positive, or Expires has passed.

    Max-Age wins over Expires where both can be read (RFC 6265 5.3).
    """
    max_age = cookie.attribute("max-age")
    if max_age is not None and _MAX_AGE.fullmatch(max_age):
        return max_age.startswith("-") or not max_age.strip("0")
    expires = cookie_date(cookie.attribute("expires") or "")
    return expires is not None and expires <= now


def lasts_for_session(cookie: Cookie) -> bool:
    """Whether the cookie ends with the browser's session: neither Max-Age nor Expires is set."""
    return cookie.attribute("max-age") is None and cookie.attribute("expires") is None


def lifetime_seconds(cookie: Cookie, set_at: datetime) -> float | None:
    """How long the cookie lasts from the moment at which it was set; None: for the session.

    Max-Age wins over Expires; what cannot be read does not count (RFC 6265 5.3).
    """
    max_age = cookie.attribute("max-age")
    if max_age is not None and _MAX_AGE.fullmatch(max_age):
        return float(max_age[:_LONGEST_DIGITS])
    expires = cookie_date(cookie.attribute("expires") or "")
    return None if expires is None else (expires - set_at).total_seconds()


def named_like(name: str, patterns: Iterable[str]) -> bool:
    """Whether a cookie's name fits one of the patterns (* for any text), in any case."""
    return any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)


def looks_like_session(
    cookie: Cookie, *, names: Iterable[str], excluded: Iterable[str], value_length: int
) -> bool:
    """Whether it holds a session: by its name; or by a long value that ends with the browser's.

    ``names`` and ``excluded`` are patterns; ``value_length`` is what counts as long.
    """
    if named_like(cookie.name, excluded):
        return False
    if named_like(cookie.name, names):
        return True
    return lasts_for_session(cookie) and cookie.value_length >= value_length
