"""SSL 2.0: its hello, and the answer that lists all that the server accepts."""

from __future__ import annotations

import os
from dataclasses import dataclass

from spbe_audit.probes.tls.codes.suites import SSL2_KINDS
from spbe_audit.probes.tls.contact import begins_record

_CLIENT_HELLO, _SERVER_HELLO, _ERROR = 1, 4, 0
_VERSION = b"\x00\x02"
_CHALLENGE_BYTES = 16
_HEADER, _FIXED = 2, 11
_KIND_BYTES = 3


@dataclass(frozen=True, slots=True)
class Ssl2Answer:
    """A SERVER-HELLO of SSL 2.0; ``kinds`` are names of the cipher kinds, each once."""

    kinds: tuple[str, ...]
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Ssl2Reply:
    """What came of a hello of SSL 2.0: its answer, or something else, or not a word."""

    answer: Ssl2Answer | None
    heard: bool


def ssl2_hello() -> bytes:
    """A CLIENT-HELLO that offers every cipher kind."""
    kinds = b"".join(kind.to_bytes(_KIND_BYTES) for kind in SSL2_KINDS)
    body = bytes([_CLIENT_HELLO]) + _VERSION + len(kinds).to_bytes(2) + b"\x00\x00"
    body += _CHALLENGE_BYTES.to_bytes(2) + kinds + os.urandom(_CHALLENGE_BYTES)
    return (0x8000 | len(body)).to_bytes(2) + body


def read_reply(data: bytes, ended: bool) -> Ssl2Reply | None:  # noqa: FBT001 - see contact.Reader
    """Read whatever comes, for as long as it may be a SERVER-HELLO."""
    answer = read_ssl2(data, ended)
    if answer is None and not ended and not begins_record(data):
        return None
    return Ssl2Reply(answer, bool(data))


def read_ssl2(data: bytes, ended: bool) -> Ssl2Answer | None:  # noqa: FBT001 - see contact.Reader
    """Read a SERVER-HELLO; None while it is not whole, and for anything else at the end.

    A server that shares no kind with us may list none: then SSL 2.0 is spoken all the same.
    """
    if len(data) < _HEADER + _FIXED:
        return None
    length = int.from_bytes(data[:_HEADER]) & 0x7FFF
    body = data[_HEADER : _HEADER + length]
    if not data[0] & 0x80 or length < _FIXED:
        return None
    if body[0] != _SERVER_HELLO or body[3:5] != _VERSION:
        return None
    certificate_end = _FIXED + int.from_bytes(body[5:7])
    kinds_end = certificate_end + int.from_bytes(body[7:9])
    if len(body) < min(length, kinds_end) and not ended:
        return None
    if kinds_end > len(body):
        return None
    listed = body[certificate_end:kinds_end]
    codes = (listed[at : at + _KIND_BYTES] for at in range(0, len(listed), _KIND_BYTES))
    names = dict.fromkeys(SSL2_KINDS.get(int.from_bytes(code)) for code in codes)
    return Ssl2Answer(tuple(name for name in names if name), body[_FIXED:certificate_end])
