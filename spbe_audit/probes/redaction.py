"""Response headers as they may be kept: cookies parsed, secrets replaced by keyed digests."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

from spbe_audit.evidence import Cookie

RawHeaders = Iterable[tuple[bytes, bytes]]

_DIGEST_LENGTH = 16
_COOKIES_LIMIT = 100
_WHITESPACE = " \t"
_BIGIP_ADDRESS = re.compile(
    r"(?P<ipv4>[0-9]{1,10})\.(?P<port>[0-9]{1,5})\.0000"
    r"|vi[0-9a-f]{32}\.[0-9]{1,5}|rd[0-9]{1,5}o[0-9a-f]{32}o[0-9]{1,5}"
)
"""An F5 BIG-IP's pool member, not encrypted: address and port, with route domain or not."""
_SECRET_NAME = re.compile(
    r"token|authorization$|authentication-info|api-?key|secret|passw|session",
    re.IGNORECASE,
)


def keyed_digest(value: str, secret: bytes) -> str:
    """HMAC-SHA-256 of a Latin-1 text, the first 16 hexadecimal digits."""
    code = hmac.new(secret, value.encode("latin-1", "replace"), hashlib.sha256)
    return code.hexdigest()[:_DIGEST_LENGTH]


def kept_headers(headers: RawHeaders, secret: bytes) -> tuple[tuple[str, str], ...]:
    """All headers in order, with case and repeats; no cookie value and no token among them."""
    return tuple(
        (name.decode("latin-1"), _kept_value(name.decode("latin-1"), value, secret))
        for name, value in headers
    )


def kept_cookies(
    headers: RawHeaders, *, secret: bytes, host: str, secure_origin: bool
) -> tuple[Cookie, ...]:
    """The cookies of a response (at most 100), parsed as RFC 6265 5.2 says."""
    cookies = []
    for line in _set_cookie_lines(headers):
        pair, *rest = line.split(";")
        name, value = cookie_pair(pair)
        if name:
            attributes = tuple(_attribute(part) for part in rest if part.strip(_WHITESPACE))
            digest = keyed_digest(value, secret)
            kept = (name, len(value), digest, attributes, host, secure_origin)
            cookies.append(Cookie(*kept, marks=_marks(value)))
    return tuple(cookies[:_COOKIES_LIMIT])


def _marks(value: str) -> tuple[str, ...]:
    """Words for what a value gives away, so that the value itself need not be kept."""
    match = _BIGIP_ADDRESS.fullmatch(value.strip('"'))
    if match is None:
        return ()
    fits = not match["ipv4"] or (int(match["ipv4"]) < 2**32 and int(match["port"]) < 2**16)
    return ("bigip_address",) if fits else ()


def cookie_pairs(headers: RawHeaders) -> dict[str, str]:
    """Names and values of the cookies set; for the moment only, never to be kept."""
    pairs = (cookie_pair(line.partition(";")[0]) for line in _set_cookie_lines(headers))
    return {name: value for name, value in pairs if name}


def cookie_pair(text: str) -> tuple[str, str]:
    """Name and value; the name is empty where there is no cookie (RFC 6265 5.2 steps 2 to 5)."""
    name, equals, value = text.partition("=")
    return (name.strip(_WHITESPACE), value.strip(_WHITESPACE)) if equals else ("", text)


def _set_cookie_lines(headers: RawHeaders) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name.lower() == b"set-cookie"]


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(_WHITESPACE).lower(), value.strip(_WHITESPACE)


def _kept_value(name: str, value: bytes, secret: bytes) -> str:
    text = value.decode("latin-1")
    if name.lower() in {"set-cookie", "set-cookie2"}:
        pair, semicolon, rest = text.partition(";")
        cookie, secret_value = cookie_pair(pair)
        digest = keyed_digest(secret_value, secret)
        return (f"{cookie}={digest}" if cookie else digest) + semicolon + rest
    return keyed_digest(text, secret) if _SECRET_NAME.search(name) else text
