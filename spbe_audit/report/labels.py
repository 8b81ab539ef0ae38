"""The words of a report in one language, and how it writes numbers and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent

from spbe_audit.errors import ReportError

LANGUAGES = ("id", "en")
TEMPLATES = "spbe_audit.report_templates"

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
    """Words in ``language`` ("id" or "en"), and times in ``zone``."""

    language: str
    zone: tzinfo
    zone_name: str
    texts: Mapping[str, str | Mapping[str, str]]
    reasons: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The label ``key`` with its places filled; ``n`` chooses between one and other."""
        template = self.texts[key]
        if not isinstance(template, str):
            template = template["one" if values.get("n") == 1 else "other"]
        shown = {
            name: self.number(value) if isinstance(value, int) else value
            for name, value in values.items()
        }
        return template.format_map(shown)

    def choose(self, text: Translated) -> str:
        """A text of ours in the report's language, on one line."""
        return " ".join(text.in_language(self.language).split())

    def number(self, value: float) -> str:
        """A count or a measure, with the language's separators and at most three decimals."""
        return format_decimal(value, format="#,##0.###", locale=_locale(self.language))

    def percent(self, share: float | None) -> str:
        """A share from 0 to 1 in whole percent, never rounded up to 100 nor down to 0."""
        if share is None:
            return self("no_share")
        if 0 < share < 1:
            share = min(max(share, 0.01), 0.99)
        return format_percent(share, locale=_locale(self.language))

    def moment(self, moment: datetime | None) -> str:
        """A time to the second with its zone, as "21 November 2026 pukul 10.15.30 WIB"."""
        if moment is None:
            return self("not_recorded")
        local = moment.astimezone(self.zone)
        locale = _locale(self.language)
        return _AT[self.language].format(
            date=format_datetime(local, "d MMMM y", locale=locale),
            clock=format_datetime(local, _CLOCK[self.language], locale=locale),
            zone=_INDONESIAN_ZONES.get(self.zone_name) or _offset(local),
        )

    def day(self, day: date) -> str:
        """A date, as "21 November 2026"."""
        return format_date(day, "d MMMM y", locale=_locale(self.language))

    def listed(self, items: Iterable[str]) -> str:
        """Items joined as a sentence would: "a, b, dan c"."""
        return format_list(list(items), locale=_locale(self.language))


def load_labels(language: str, time_zone: str) -> Labels:
    """The words in one language. Raises ReportError for an unknown language or time zone."""
    if language not in LANGUAGES:
        raise ReportError(
            f"there is no report language {language!r}", f"Choose one of: {', '.join(LANGUAGES)}."
        )
    return Labels(
        language=language,
        zone=_zone(time_zone),
        zone_name=time_zone,
        texts={key: both[language] for key, both in _read("labels.yaml").items()},
        reasons={code: both[language] for code, both in _read("reasons.yaml").items()},
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


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


@cache
def _read(name: str) -> dict[str, Any]:
    """One file of words; a file that is not installed has none."""
    file = files(TEMPLATES) / name
    if not file.is_file():
        return {}
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content if isinstance(content, dict) else {}
