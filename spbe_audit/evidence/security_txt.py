"""security.txt as RFC 9116 defines it: where to report a vulnerability."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

_LINES_LIMIT = 1_000
_FIELD = re.compile(r"(?P<name>[!-9;-~]{1,60}):[ \t](?P<value>\S.*)")
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_FRACTION = re.compile(r"\.\d+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:\S")
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_ARMOUR_HEADER = re.compile(r"Hash: [\w, -]+")


@dataclass(frozen=True, slots=True)
class SecurityTxt:
    """The fields of a security.txt that mean something to a reader.

    ``expires`` are the texts of that field, which must stand once; ``malformed`` are lines that
    are neither a field, nor a comment, nor empty. ``signed`` tells of an OpenPGP signature (RFC
    9116 2.3), which is not verified.
    """

    contacts: tuple[str, ...] = ()
    expires: tuple[str, ...] = ()
    canonical: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()
    signed: bool = False

    @property
    def expiry(self) -> datetime | None:
        """When the file ends to hold; None where that is not stated once and well (RFC 3339)."""
        return _internet_date_time(self.expires[0]) if len(self.expires) == 1 else None

    @property
    def bad_contacts(self) -> tuple[str, ...]:
        """The contacts that are no URI, or on the web but not over https (RFC 9116 2.5.3)."""
        return tuple(contact for contact in self.contacts if not _is_contact(contact))


def parse_security_txt(text: str) -> SecurityTxt:
    """Read a security.txt; at most 1,000 lines count. Never fails."""
    fields: dict[str, list[str]] = {}
    malformed = []
    lines, signed = _signed_part(text.removeprefix("\ufeff").splitlines()[:_LINES_LIMIT])
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        found = _FIELD.fullmatch(line.rstrip())
        if found is None:
            malformed.append(line)
            continue
        fields.setdefault(found["name"].lower(), []).append(found["value"])
    return SecurityTxt(
        contacts=tuple(fields.get("contact", ())),
        expires=tuple(fields.get("expires", ())),
        canonical=tuple(fields.get("canonical", ())),
        languages=tuple(fields.get("preferred-languages", ())),
        malformed=tuple(malformed),
        signed=signed,
    )


def _internet_date_time(text: str) -> datetime | None:
    """A date and time as RFC 3339 5.6 writes it; None for anything else."""
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(_FRACTION.sub("", text.upper()))
    except ValueError:  # the thirty-first of February
        return None


def _is_contact(value: str) -> bool:
    if not _SCHEME.match(value) or any(character.isspace() for character in value):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:  # a bracket without its partner
        return False
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme != "http"


def _signed_part(lines: list[str]) -> tuple[list[str], bool]:
    """The lines inside a cleartext signature (RFC 9580 7), dashes unescaped; else all lines."""
    if _SIGNED not in lines:
        return lines, False
    begin = lines.index(_SIGNED) + 1
    while begin < len(lines) and _ARMOUR_HEADER.fullmatch(lines[begin].strip()):
        begin += 1
    end = lines.index(_SIGNATURE) if _SIGNATURE in lines[begin:] else len(lines)
    return [line.removeprefix("- ") for line in lines[begin:end]], True
