"""Software whose makers no longer mend it, by the version that a server shows.

Each line holds for a release and every one before it: by that day the makers had stopped mending
all of them. A distribution may go on for longer with a version of its own. Only what the makers
themselves have announced stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_VERSION = r"(?P<version>\d{1,4}(?:\.\d{1,6}){0,3})"
_TOLD: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (product, re.compile(pattern))
    for product, pattern in (
        ("Apache HTTP Server", rf"\bApache/{_VERSION}"),
        ("PHP", rf"\bPHP/{_VERSION}"),
        ("Microsoft IIS", rf"\bMicrosoft-IIS/{_VERSION}"),
        ("OpenSSL", rf"\bOpenSSL/{_VERSION}"),
        ("Apache Tomcat", rf"\bApache[ -]Tomcat/{_VERSION}"),
        ("Drupal", rf"\bDrupal {_VERSION}\b"),
        ("Joomla", rf"\bJoomla! {_VERSION}\b"),
        ("nginx", rf"\bnginx/{_VERSION}"),
    )
)


@dataclass(frozen=True, slots=True)
class EndOfLife:
    """A release, as a version of as many numbers as count, and the day on which its support ended.

    ``note`` says what the date stands on where that is not the product's own.
    """

    product: str
    release: tuple[int, ...]
    ended: date
    note: str = ""

    @property
    def name(self) -> str:
        """The release as it is written: "7.4"."""
        return ".".join(str(number) for number in self.release)


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A product and the version that a server showed of it."""

    product: str
    version: str

    @property
    def numbers(self) -> tuple[int, ...]:
        """The version as numbers."""
        return tuple(int(number) for number in self.version.split("."))


END_OF_LIFE: tuple[EndOfLife, ...] = (
    EndOfLife("Apache HTTP Server", (2, 2), date(2018, 1, 1)),
    EndOfLife("PHP", (5, 6), date(2018, 12, 31)),
    EndOfLife("PHP", (7, 0), date(2019, 1, 10)),
    EndOfLife("PHP", (7, 1), date(2019, 12, 1)),
    EndOfLife("PHP", (7, 2), date(2020, 11, 30)),
    EndOfLife("PHP", (7, 3), date(2021, 12, 6)),
    EndOfLife("PHP", (7, 4), date(2022, 11, 28)),
    EndOfLife("PHP", (8, 0), date(2023, 11, 26)),
    EndOfLife("PHP", (8, 1), date(2025, 12, 31)),
    EndOfLife("PHP", (8, 2), date(2026, 12, 31)),
    EndOfLife("Microsoft IIS", (6, 0), date(2015, 7, 14), "Windows Server 2003"),
    EndOfLife("Microsoft IIS", (7, 5), date(2020, 1, 14), "Windows Server 2008, 2008 R2"),
    EndOfLife("Microsoft IIS", (8, 5), date(2023, 10, 10), "Windows Server 2012, 2012 R2"),
    EndOfLife("OpenSSL", (1, 0, 2), date(2019, 12, 31)),
    EndOfLife("OpenSSL", (1, 1, 1), date(2023, 9, 11)),
    EndOfLife("Apache Tomcat", (7,), date(2021, 3, 31)),
    EndOfLife("Apache Tomcat", (8, 0), date(2018, 6, 30)),
    EndOfLife("Apache Tomcat", (8, 5), date(2024, 3, 31)),
    EndOfLife("Drupal", (7,), date(2025, 1, 5)),
    EndOfLife("Drupal", (8,), date(2021, 11, 2)),
    EndOfLife("Drupal", (9,), date(2023, 11, 1)),
    EndOfLife("Joomla", (3,), date(2023, 8, 17)),
)
"""The list, releases of a product in order."""

LISTED_PRODUCTS = frozenset(entry.product for entry in END_OF_LIFE)
"""The products that the list knows anything of."""


def shown_versions(texts: Iterable[str]) -> tuple[ShownVersion, ...]:
    """The versions of known products in header values and the like, each once."""
    found = (
        ShownVersion(product, match["version"])
        for text in texts
        for product, pattern in _TOLD
        for match in pattern.finditer(text)
    )
    return tuple(dict.fromkeys(found))


def find_end_of_life(shown: ShownVersion) -> EndOfLife | None:
    """The entry that speaks of a version: the earliest release that is not before it.

    A version with fewer numbers than a release has ("Apache/2") is not compared with it.
    """
    numbers = shown.numbers
    for entry in END_OF_LIFE:
        length = len(entry.release)
        comparable = entry.product == shown.product and len(numbers) >= length
        if comparable and numbers[:length] <= entry.release:
            return entry
    return None
