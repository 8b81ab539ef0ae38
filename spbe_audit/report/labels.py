"""The words of a report in one language, and how it writes numbers and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from spbe_audit.errors import ReportError
from spbe_audit.report.hostile_text import LONGEST_VALUE, MOST_ITEMS
from spbe_audit.report.languages import LANGUAGES
from spbe_audit.report.templates import BUILT_IN, TEMPLATES, Templates

_KEPT = 8192
"""Texts of one kind that are kept because a large report needs them again and again."""
_LONGEST_KEPT = 200

_LAST_SECOND = time(23, 59, 59)
_CLOCK = {"id": "HH.mm.ss", "en": "HH:mm:ss"}
_AT = {"id": "{date} pukul {clock} {zone}", "en": "{date}, {clock} {zone}"}
_INDONESIAN_ZONES = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB"} | {
    "Asia/Makassar": "WITA",
    "Asia/Jayapura": "WIT",
}


class Translated(Protocol):
    """A text that exists in both languages."""

    def in_language(self, language: str) -> str:
        """The text in "id" or "en"."""
        ...


@dataclass(frozen=True)
class Labels:
    """Words in ``language`` ("id" or "en"), and times in ``zone``.

    ``templates`` are the files that the words come from, and the pages that they go into.
    Of a value from the network ``longest_value`` characters are shown, of a list ``most_items``.
    """

    language: str
    zone: tzinfo
    zone_name: str
    texts: Mapping[str, str | Mapping[str, str]]
    reasons: Mapping[str, str]
    templates: Templates
    longest_value: int = LONGEST_VALUE
    most_items: int = MOST_ITEMS

    def __call__(self, key: str, **values: object) -> str:
        """The label ``key`` with its places filled; ``n`` chooses between one and other."""
        template = self.texts[key]
        if not values and isinstance(template, str):
            return _unbraced(template)
        if not isinstance(template, str):
            template = template["one" if values.get("n") == 1 else "other"]
        shown = {
            name: self.number(value) if isinstance(value, int) else value
            for name, value in values.items()
        }
        return template.format_map(shown)

    def choose(self, text: Translated) -> str:
        """A text of ours in the report's language, on one line."""
        return _on_one_line(text.in_language(self.language))

    def number(self, value: float) -> str:
        """A count or a measure, with the language's separators and at most three decimals."""
        return _number(self.language, value)

    def percent(self, share: float | None) -> str:
        """A share from 0 to 1 in whole percent, never rounded up to 100 nor down to 0."""
        if share is None:
            return self("no_share")
        if 0 < share < 1:
            share = min(max(share, 0.01), 0.99)
        return _percent(self.language, share)

    def moment(self, moment: datetime | None) -> str:
        """A time to the second with its zone, as "21 November 2026 pukul 10.15.30 WIB"."""
        if moment is None:
            return self("not_recorded")
        return _moment(self.language, moment.astimezone(self.zone), self.zone_name)

    def period(self, start: datetime, end: datetime) -> str:
        """From one time until another; the day is told once where it is the same."""
        first, last = start.astimezone(self.zone), end.astimezone(self.zone)
        if first.date() != last.date():
            return self("from_until", start=self.moment(start), end=self.moment(end))
        return _AT[self.language].format(
            date=self.day(first.date()),
            clock=f"{_clock(self.language, first)}\u2013{_clock(self.language, last)}",
            zone=_zone_mark(self.zone_name, last),
        )

    def days(self, start: datetime, end: datetime) -> str:
        """The same in whole days where it begins and ends with a day, else with the times."""
        first, last = start.astimezone(self.zone), end.astimezone(self.zone)
        if first.time() > time.min or last.time() < _LAST_SECOND:
            return self.period(start, end)
        if first.date() == last.date():
            return self.day(first.date())
        return self("from_until", start=self.day(first.date()), end=self.day(last.date()))

    def day(self, day: date) -> str:
        """A date, as "21 November 2026"."""
        return format_date(day, "d MMMM y", locale=_locale(self.language))

    def listed(self, items: Iterable[str]) -> str:
        """Items joined as a sentence would: "a, b, dan c"."""
        return _listed(self.language, tuple(items))


def load_labels(language: str, time_zone: str, templates: Templates = BUILT_IN) -> Labels:
    """The words in one language. Raises ReportError for an unknown language or time zone."""
    if language not in LANGUAGES:
        raise ReportError(
            f"there is no report language {language!r}", f"Choose one of: {', '.join(LANGUAGES)}."
        )
    return Labels(
        language=language,
        zone=_zone(time_zone),
        zone_name=time_zone,
        texts=_in_language(language, templates, "labels.yaml"),
        reasons=_in_language(language, templates, "reasons.yaml"),
        templates=templates,
    )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ReportError(
            f"there is no time zone {name!r}",
            'Name one as the tz database does: "Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura".',
        ) from error


def _offset(local: datetime) -> str:
    offset = local.utcoffset() or timedelta()
    if not offset:
        return "UTC"
    sign = "-" if offset < timedelta() else "+"
    minutes = abs(int(offset.total_seconds())) // 60
    return f"UTC{sign}{minutes // 60:02}:{minutes % 60:02}"


@lru_cache(maxsize=_KEPT)
def _unbraced(template: str) -> str:
    """A text without places to fill: doubled braces stand for braces there too."""
    return template.format_map({})


@lru_cache(maxsize=_KEPT)
def _on_one_line(text: str) -> str:
    return " ".join(text.split())


@lru_cache(maxsize=_KEPT)
def _number(language: str, value: float) -> str:
    return format_decimal(value, format="#,##0.###", locale=_locale(language))


@lru_cache(maxsize=_KEPT)
def _percent(language: str, share: float) -> str:
    return format_percent(share, locale=_locale(language))


@lru_cache(maxsize=_KEPT)
def _moment(language: str, local: datetime, zone_name: str) -> str:
    return _AT[language].format(
        date=format_datetime(local, "d MMMM y", locale=_locale(language)),
        clock=_clock(language, local),
        zone=_zone_mark(zone_name, local),
    )


def _clock(language: str, local: datetime) -> str:
    return format_datetime(local, _CLOCK[language], locale=_locale(language))


def _zone_mark(zone_name: str, local: datetime) -> str:
    return _INDONESIAN_ZONES.get(zone_name) or _offset(local)


def _listed(language: str, items: tuple[str, ...]) -> str:
    """Only lists of short items are kept: long ones are made of what the network sent."""
    if sum(map(len, items)) > _LONGEST_KEPT:
        return format_list(list(items), locale=_locale(language))
    return _short_list(language, items)


@lru_cache(maxsize=_KEPT)
def _short_list(language: str, items: tuple[str, ...]) -> str:
    return format_list(list(items), locale=_locale(language))


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


def _in_language(language: str, templates: Templates, name: str) -> Mapping[str, str]:
    return {key: both[language] for key, both in templates.entries(name).items()}


__all__ = ["LANGUAGES", "TEMPLATES", "Labels", "Translated", "load_labels"]
