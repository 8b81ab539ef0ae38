"""The single values of a target list: each is parsed here, or refused with advice."""

from __future__ import annotations

import re
from datetime import date, datetime, time, tzinfo
from ipaddress import (
    IPv4Network,
    IPv6Network,
    ip_address,
    ip_network,
)
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from spbe_audit.target_files.service_url import host_name, port_number, service_url
from spbe_audit.text_file import UnfitError, nearest, shown

Network = IPv4Network | IPv6Network

DNS_PORT = 53
LONGEST_LINE = 200
LARGEST_CERTIFICATE_FILE = 1024 * 1024
"""Bytes. All of Mozilla's certificates together take about a quarter of it."""

START_OF_DAY: Final = time.min
END_OF_DAY: Final = time.max

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_DATE_LENGTH = len("2026-11-01")
_YEARS = range(1971, 9999)  # one year inside what every zone and calendar can express
_INDONESIAN_ZONES = {"WIB": "Asia/Jakarta", "WITA": "Asia/Makassar", "WIT": "Asia/Jayapura"}
_SCOPE_ENTRY = 'a host name, "*." and a name, an address or a network'
_MAPPED = IPv6Network("::ffff:0:0/96")


def line_of_text(text: str) -> str:
    """A text of one printable line, without blanks around it."""
    stripped = text.strip()
    if not stripped:
        raise UnfitError("the text is empty", expected="some words")
    if not stripped.isprintable():
        raise UnfitError("the text holds an unprintable character", expected="one line of text")
    if len(stripped) > LONGEST_LINE:
        raise UnfitError("the text is too long", expected=f"at most {LONGEST_LINE} characters")
    return stripped


def contact(text: str) -> str:
    """A contact, which is sent in the User-Agent of every request and so must be ASCII."""
    line = line_of_text(text)
    if not line.isascii():
        raise UnfitError(
            "the contact is sent with every request, which cannot carry these letters",
            expected="a mail address or other plain text",
        )
    return line


def identifier(text: str) -> str:
    """An id, which also names files of the report."""
    if _IDENTIFIER.fullmatch(text):
        return text
    near = slug(text)
    raise UnfitError(
        "this cannot be an id",
        expected='1 to 64 letters, digits, ".", "_" or "-", a letter or digit first',
        suggestion=shown(near) if near else "",
    )


def slug(text: str) -> str:
    """A text as an id: lower-case letters and digits joined by single hyphens; '' if none."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60].rstrip("-")


def scope_entry(text: str) -> str | Network:
    """A scope entry: a name pattern, lower case and ASCII, or a network (an address is one)."""
    text = text.strip()
    if "://" in text:
        raise _not_a_scope_entry("a URL is not a scope entry", _host_of_url(text))
    network = _network(text)
    if network is not None:
        return network
    wildcard, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    if "*" in name:
        bare = name.lstrip("*").lstrip(".")
        near = f"*.{bare}" if bare and "*" not in bare else ""
        raise _not_a_scope_entry('"*" may only stand for whole parts at the front', near)
    if "/" in text or ":" in text:
        raise _not_a_scope_entry("a scope entry has no path and no port", _host_of_url(text))
    try:
        return wildcard + host_name(name)
    except UnfitError as problem:
        raise _not_a_scope_entry(problem.problem, "") from problem


def name_server(text: str) -> tuple[str, int]:
    """Address and port of a name server, from "address", "address:port" or "[address]:port"."""
    text = text.strip()
    host, port = text, ""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
    elif text.count(":") == 1:
        host, colon, number = text.partition(":")
        port = colon + number
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address is None or "%" in host or (port and not port.startswith(":")):
        raise UnfitError(
            "this is not the address of a name server",
            expected='an IP address such as "10.0.0.53", "10.0.0.53:5353" or "[2001:db8::53]:53"',
        )
    return str(address), port_number(port[1:]) if port else DNS_PORT


def time_zone(name: str) -> ZoneInfo:
    """The zone of a name such as Asia/Jakarta."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        indonesian = _INDONESIAN_ZONES.get(name.upper())
        raise UnfitError(
            "there is no such time zone",
            expected="a name such as Asia/Jakarta",
            suggestion=shown(indonesian) if indonesian else nearest(name, available_timezones()),
        ) from None


def instant(text: str, *, zone: tzinfo, time_of_day: time) -> datetime:
    """A moment with a zone; a bare date means ``time_of_day`` on it in ``zone``."""
    try:
        if not _INSTANT.fullmatch(text):
            raise ValueError(text)  # noqa: TRY301 - the two ways to be no date are told as one
        if len(text) == _DATE_LENGTH:
            moment = datetime.combine(date.fromisoformat(text), time_of_day)
        else:
            moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.year not in _YEARS:
        raise UnfitError(
            "this is not a date",
            expected="a date such as 2026-11-01, or with a time: 2026-11-01T08:00",
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def certificates(path: Path) -> tuple[bytes, ...]:
    """The certificates of a PEM file, as DER; raises UnfitError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_CERTIFICATE_FILE + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise UnfitError(
            f"the certificate file cannot be read: {reason}",
            expected="a PEM file, its path relative to the folder of the target list",
        ) from problem
    try:
        found = x509.load_pem_x509_certificates(content[:LARGEST_CERTIFICATE_FILE])
        return tuple(certificate.public_bytes(Encoding.DER) for certificate in found)
    except ValueError as problem:
        raise UnfitError(
            "the file holds no readable certificates",
            expected='PEM, with "-----BEGIN CERTIFICATE-----" before each certificate',
        ) from problem


def _network(text: str) -> Network | None:
    written = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if "%" in written:
        raise _not_a_scope_entry("an address with a zone is meant for one machine only", "")
    try:
        network = ip_network(written)
    except ValueError:
        pass
    else:
        return _unmapped(network)
    try:
        network = ip_network(written, strict=False)
    except ValueError:
        return None
    raise _not_a_scope_entry("the network has bits set after its prefix", str(network))


def _unmapped(network: Network) -> Network:
    """An IPv4 network written inside IPv6 as IPv4, for so are addresses compared."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        inner = network.network_address.ipv4_mapped
        return ip_network(f"{inner}/{network.prefixlen - _MAPPED.prefixlen}")
    return network


def _host_of_url(text: str) -> str:
    try:
        host = service_url(text).partition("://")[2].partition("/")[0]
    except UnfitError:
        return ""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _not_a_scope_entry(problem: str, near: str) -> UnfitError:
    suggestion = shown(near) if near else ""
    return UnfitError(problem, expected=_SCOPE_ENTRY, suggestion=suggestion)
