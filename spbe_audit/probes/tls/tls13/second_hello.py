"""What was said in a ClientHello, and how it is said again to a HelloRetryRequest."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.probes.tls.server_flight import BrokenFlightError, ServerHello
from spbe_audit.probes.tls.tls13.fields import Fields, vector
from spbe_audit.probes.tls.tls13.key_shares import KeyShares

_CLIENT_HELLO = 1
_SUPPORTED_GROUPS, _COOKIE, _KEY_SHARE = 10, 44, 51


@dataclass(frozen=True, slots=True)
class SentHello:
    """A ClientHello of ours. ``head`` is all of its body that stands before the extensions."""

    head: bytes
    session: bytes
    suites: frozenset[int]
    extensions: dict[int, bytes]


def read_sent(hello: bytes) -> SentHello:
    """Take apart a ClientHello message that is our own."""
    body = Fields(Fields(hello[1:]).vector(3))
    head = body.take(2 + 32)
    session, suites, compressions = body.vector(1), body.vector(2), body.vector(1)
    head += vector(session, 1) + vector(suites) + vector(compressions, 1)
    pairs = (suites[at : at + 2] for at in range(0, len(suites), 2))
    numbered = frozenset(int.from_bytes(pair) for pair in pairs)
    return SentHello(head, session, numbered, body.extensions())


def retry_hello(hello: bytes, retry: ServerHello, shares: KeyShares) -> bytes:
    """The same ClientHello with what a HelloRetryRequest asks for (RFC 8446, 4.1.2).

    ``shares`` replace those of the first one where the server asks for a group; its cookie is
    copied. Raises BrokenFlightError where it asks for nothing new.
    """
    sent = read_sent(hello)
    extensions = dict(sent.extensions)
    if _KEY_SHARE in retry.extensions:
        _check_asked(sent, retry)
        extensions[_KEY_SHARE] = shares.extension()
    if _COOKIE in retry.extensions:
        extensions[_COOKIE] = retry.extensions[_COOKIE]
    if extensions == sent.extensions:
        raise BrokenFlightError("the server asks for another hello, and for nothing new in it")
    pairs = (number.to_bytes(2) + vector(body) for number, body in extensions.items())
    listed = b"".join(pairs)
    if len(listed) > 0xFFFF:  # noqa: PLR2004 - what a length of two bytes can say
        raise BrokenFlightError("the cookie of the server is too long to be sent back")
    return bytes([_CLIENT_HELLO]) + vector(sent.head + vector(listed), 3)


def _check_asked(sent: SentHello, retry: ServerHello) -> None:
    """Whether the server may ask for that group (RFC 8446, 4.2.8)."""
    group = retry.retry_group
    offered = sent.extensions.get(_SUPPORTED_GROUPS, b"")[2:]
    pairs = [offered[at : at + 2] for at in range(0, len(offered), 2)]
    if group is None or group.to_bytes(2) not in pairs:
        raise BrokenFlightError("the server asks for a group that was not offered")
    shown = Fields(Fields(sent.extensions.get(_KEY_SHARE, b"\0\0")).vector(2))
    while shown.left():
        if shown.number(2) == group:
            raise BrokenFlightError("the server asks for a group whose key it has")
        shown.vector(2)
