"""What the network did to a probe that asks in HTTP, in the words of a Failure."""

from __future__ import annotations

import httpcore
import httpx

from spbe_audit.evidence import Failure, FailureKind
from spbe_audit.probes.socket_failures import (
    SOCKET_ERRORS,
    SOCKET_KINDS,
    Kinds,
    failure_of_socket,
    short_text,
)

NETWORK_ERRORS: tuple[type[Exception], ...] = (
    *SOCKET_ERRORS,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)
"""What a probe catches, and hands to failure_of; any other exception is a defect of ours."""

_KINDS: Kinds = (
    ((httpx.TimeoutException, httpcore.TimeoutException), FailureKind.TIMEOUT),
    *SOCKET_KINDS,
    (
        (
            httpx.ProtocolError,
            httpx.DecodingError,
            httpx.UnsupportedProtocol,
            httpx.InvalidURL,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
        ),
        FailureKind.PROTOCOL_BROKEN,
    ),
)


def failure_of(error: BaseException) -> Failure:
    """Say in one word and one short sentence what went wrong, HTTP libraries included."""
    failure = failure_of_socket(error, _KINDS)
    is_nameless = failure.kind is FailureKind.TOOL_FAILED
    if is_nameless and isinstance(error, httpx.NetworkError | httpcore.NetworkError):
        return Failure(FailureKind.RESET, failure.text)
    return failure


__all__ = ["NETWORK_ERRORS", "failure_of", "short_text"]
