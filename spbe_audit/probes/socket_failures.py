"""What sockets, TLS and the scope did to a probe, in the words of a Failure."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

from spbe_audit.evidence import Failure, FailureKind
from spbe_audit.network import NameNotFoundError, NameServerFailedError, OutOfScopeError

SOCKET_ERRORS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    OutOfScopeError,
    NameNotFoundError,
    NameServerFailedError,
)
"""What a probe with sockets of its own catches, and hands to failure_of_socket."""

Kinds = tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], FailureKind], ...]
"""Which exceptions are which kind of failure; the first that fits counts."""

_UNREACHABLE = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.EHOSTDOWN,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EACCES,
        errno.EPERM,
        errno.EINVAL,
    }
)
_RESET = frozenset({errno.ENOTCONN, errno.ESHUTDOWN, errno.EPROTO})
SOCKET_KINDS: Kinds = (
    (OutOfScopeError, FailureKind.OUT_OF_SCOPE),
    (NameNotFoundError, FailureKind.NAME_NOT_FOUND),
    ((NameServerFailedError, socket.gaierror), FailureKind.NAME_SERVER_FAILED),
    (TimeoutError, FailureKind.TIMEOUT),
    (ConnectionRefusedError, FailureKind.REFUSED),
    ((ssl.SSLEOFError, ssl.SSLZeroReturnError), FailureKind.RESET),
    (ssl.SSLError, FailureKind.TLS_REFUSED),
    ((ConnectionError, EOFError), FailureKind.RESET),
)
"""The kinds of SOCKET_ERRORS."""

# What OpenSSL says when the bytes that came were no TLS record at all.
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
)
_TEXT_LIMIT = 200
_CAUSES_LIMIT = 12
_CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff]"
)
_MEMORY_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_SOURCE_LINE = re.compile(r"\s*\(_?ssl\.c:\d+\)")


def failure_of_socket(error: BaseException, kinds: Kinds = SOCKET_KINDS) -> Failure:
    """Say in one word and one short sentence what went wrong.

    Libraries wrap what the socket said; the chain of causes is searched for the first exception
    that has a kind. An exception without one is TOOL_FAILED: the probe, not the network, failed.
    """
    for cause in _causes(error):
        kind = _kind(cause, kinds)
        if kind is not None:
            return Failure(kind, short_text(_words(cause)))
    return Failure(FailureKind.TOOL_FAILED, short_text(_words(error)))


def short_text(text: str) -> str:
    """A text from anywhere as one harmless line of at most 200 characters."""
    text = _MEMORY_ADDRESS.sub("0x", _SOURCE_LINE.sub("", text))
    text = " ".join(_CONTROL_CHARACTERS.sub(" ", text).split())
    return text if len(text) <= _TEXT_LIMIT else text[: _TEXT_LIMIT - 1] + "\u2026"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it was raised from, outermost first; groups count as their first."""
    seen: BaseException | None = error
    for _ in range(_CAUSES_LIMIT):
        if seen is None:
            return
        yield seen
        if isinstance(seen, BaseExceptionGroup):
            seen = seen.exceptions[0]
        else:
            # Also where the context is suppressed: httpcore raises "from None" what it has caught.
            seen = seen.__cause__ or seen.__context__


def _kind(error: BaseException, kinds: Kinds) -> FailureKind | None:
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        return FailureKind.PROTOCOL_BROKEN
    for types, kind in kinds:
        if isinstance(error, types):
            return kind
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return FailureKind.UNREACHABLE
    if isinstance(error, OSError) and error.errno in _RESET:
        return FailureKind.RESET
    return None


def _words(error: BaseException) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "the connection was closed in the middle of an answer"
    if isinstance(error, TimeoutError) and not error.strerror:
        return str(error) or "no answer within the time allowed"
    if isinstance(error, ssl.SSLError) and error.reason in _NOT_TLS:
        return "the answer to the TLS hello is not TLS"
    if isinstance(error, ssl.SSLError):
        return "TLS: " + (error.reason or str(error)).replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
