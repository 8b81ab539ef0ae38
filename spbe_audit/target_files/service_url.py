"""Addresses of services as people write them, made into one normal form or refused."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

import idna

from spbe_audit.text_file import UnfitError, nearest, shown

DEFAULT_PORTS = {"http": 80, "https": 443}
LARGEST_PORT = 65535

_LONGEST_URL = 2048
_LONGEST_NAME = 253  # RFC 1035, section 2.3.4, without the final dot
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,2}")
_AUTHORITY = re.compile(r"[^/?#]*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNRESERVED = "/%:@!$&'()*+,;=~-._"
_EXAMPLE = "an address such as https://portal.example.go.id"


def service_url(text: str) -> str:
    """The normal form of a URL or bare host name; raises UnfitError.

    Scheme and host in lower case, the host in IDNA (UTS 46) without a final dot, the path explicit,
    the port only where it is not the scheme's own, no fragment. A bare host means https.
    """
    try:
        return _service_url(_clean(text))
    except UnfitError as problem:
        problem.found = shown(without_password(text))
        raise


def without_password(text: str) -> str:
    """A URL as a message may show it: with dots for all before the last "@"."""
    before, at, after = text.rpartition("@")
    scheme = _SCHEME.match(before)
    return f"{scheme.group() if scheme else ''}...@{after}" if at else text


def _service_url(text: str) -> str:
    scheme, rest = _split_scheme(text)
    authority = _AUTHORITY.match(rest)
    written = authority.group() if authority else ""
    host, port = _split_authority(written, scheme)
    if port == DEFAULT_PORTS[scheme]:
        port = None
    netloc = bracketed(host) + (f":{port}" if port is not None else "")
    return f"{scheme}://{netloc}{_target(rest[len(written) :])}"


def host_name(text: str) -> str:
    """The normal form of a host: lower-case IDNA name or IP literal; raises UnfitError.

    An IPv4 address inside an IPv6 one is unwrapped. Underscores are kept: names in use have them.
    """
    inside = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in inside or inside is not text:
        return _ipv6(inside)
    if len(text) > _LONGEST_NAME + 1:
        raise UnfitError("the host name is too long", expected=f"at most {_LONGEST_NAME} letters")
    name = _mapped(text).removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _ipv4(name)
    return _ascii_name(name)


def port_number(text: str) -> int:
    """A port from 1 to 65535; raises UnfitError."""
    digits = text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_PORT))
    if not digits or not 1 <= int(text) <= LARGEST_PORT:
        raise UnfitError(
            f"{shown(text)} is not a port", expected=f"a number from 1 to {LARGEST_PORT}"
        )
    return int(text)


def bracketed(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _clean(text: str) -> str:
    text = text.strip()
    if not text:
        raise UnfitError("the address is empty", expected=_EXAMPLE)
    if len(text) > _LONGEST_URL:
        raise UnfitError("the address is too long", expected=f"at most {_LONGEST_URL} characters")
    wrong = next((c for c in text if not c.isprintable() or c in ' \\"<>'), None)
    if wrong is not None:
        raise UnfitError(f"an address cannot hold the character {shown(wrong)}", expected=_EXAMPLE)
    return text


def _split_scheme(text: str) -> tuple[str, str]:
    match = _SCHEME.match(text)
    if match is None:
        return "https", text.removeprefix("//")
    scheme, rest = match.group(1).lower(), text[match.end() :]
    if scheme not in DEFAULT_PORTS:
        raise UnfitError(
            f"the scheme {shown(scheme)} cannot be audited",
            expected="http or https",
            suggestion=nearest(scheme, DEFAULT_PORTS),
        )
    if not match.group().endswith("//"):
        near = "" if "@" in rest else shown(f"{scheme}://{rest}")
        problem = f'"//" is missing after {shown(scheme + ":")}'
        raise UnfitError(problem, expected=_EXAMPLE, suggestion=near)
    return scheme, rest


def _split_authority(written: str, scheme: str) -> tuple[str, int | None]:
    if "@" in written:
        after = written.rpartition("@")[2]
        raise UnfitError(
            "an address may not hold a user name or a password",
            expected="the host alone",
            suggestion=shown(f"{scheme}://{after}"),
        )
    host, port = written, ""
    if written.startswith("["):
        host, bracket, after = written.partition("]")
        host += bracket
        if not bracket or (after and not after.startswith(":")):
            raise UnfitError("the brackets of the IPv6 address do not fit", expected="[address]")
        port = after[1:]
    elif written.count(":") > 1:
        address = _ipv6(written)
        raise UnfitError(
            "an IPv6 address stands in brackets in a URL",
            expected="[address]",
            suggestion=shown(f"{scheme}://{bracketed(address)}"),
        )
    elif ":" in written:
        host, _, port = written.partition(":")
    if not host:
        raise UnfitError("the host is missing", expected=_EXAMPLE)
    return host_name(host), port_number(port) if port else None


def _target(rest: str) -> str:
    path, question, query = rest.partition("#")[0].partition("?")
    return quote(path or "/", safe=_UNRESERVED) + question + quote(query, safe=_UNRESERVED + "?")


def _ipv6(text: str) -> str:
    if "%" in text:
        raise UnfitError(
            "an address with a zone is meant for one machine only",
            expected="the address without the zone",
        )
    try:
        address = IPv6Address(text)
    except ValueError:
        raise UnfitError(
            f"{shown(text)} is not an IPv6 address", expected="such as [2001:db8::1]"
        ) from None
    return str(address.ipv4_mapped or address)


def _ipv4(name: str) -> str:
    try:
        return str(IPv4Address(name))
    except ValueError:
        raise UnfitError(
            f"{shown(name)} ends in a number and is not an IPv4 address",
            expected="four numbers from 0 to 255 without leading zeros, or a name",
        ) from None


def _mapped(text: str) -> str:
    """The text in lower case, with full-width letters and dots as plain ones (UTS 46)."""
    if text.isascii():
        return text.lower()
    try:
        return idna.uts46_remap(text, std3_rules=False)
    except idna.IDNAError as problem:
        raise UnfitError(f"{shown(text)} is not a host name: {problem}") from problem


def _ascii_name(name: str) -> str:
    try:
        ascii_name = name if name.isascii() else idna.encode(name).decode("ascii")
        for label in ascii_name.split("."):
            if label.startswith("xn--"):
                idna.decode(label)
    except (idna.IDNAError, UnicodeError) as problem:
        raise UnfitError(f"{shown(name)} is not a host name: {problem}") from problem
    wrong = [label for label in ascii_name.split(".") if not _LABEL.fullmatch(label)]
    if wrong or len(ascii_name) > _LONGEST_NAME:
        raise UnfitError(
            f"{shown(name)} is not a host name",
            expected='parts of 1 to 63 letters, digits, "-" or "_", none with "-" at its edge',
        )
    return ascii_name
