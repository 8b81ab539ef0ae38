"""STARTTLS of XMPP, for clients and between servers (RFC 6120, 5).

What a server sends is XML, and it may be hostile. It is not parsed: a stream is heard up to a few
fixed words, which have to stand where the protocol wants them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from types import MappingProxyType

from spbe_audit.probes.tls.contact import Line, StarttlsDeclinedError
from spbe_audit.probes.tls.starttls.inbox import Inbox, declined, turned_away

STREAMS = b"http://etherx.jabber.org/streams"
"""The namespace of the words around both kinds of stream."""
NAMESPACES: Mapping[str, str] = MappingProxyType(
    {"xmpp": "jabber:client", "xmpp-server": "jabber:server"}
)
"""The namespaces of the streams of clients and of other servers, by the protocol's name."""

_TLS = b"urn:ietf:params:xml:ns:xmpp-tls"
_START = b"<starttls xmlns='" + _TLS + b"'/>"
_PREFIX = rb"(?:[A-Za-z][\w.-]{0,20}:)?"
_FEATURES_END = re.compile(
    rb"(?:</" + _PREFIX + rb"features\s*>|<" + _PREFIX + rb"features\s*/>)\s*\Z"
)
_STREAM_END = re.compile(rb"</" + _PREFIX + rb"(?:error|stream)\s*>\s*\Z")
_TAIL = 64
_OFFER = re.compile(rb"<starttls[\s/>]")
_CONDITION = re.compile(rb"<([a-z-]{3,40})[^<>]{1,20}urn:ietf:params:xml:ns:xmpp-streams")
_PROCEED = re.compile(rb"<proceed\s+xmlns\s*=\s*(['\"])" + _TLS + rb"\1\s*(?:/>|>\s*</proceed\s*>)")
_BUSY = frozenset({b"policy-violation", b"resource-constraint", b"system-shutdown"})
_PROCEED_BEGINS = b"<proceed"
_LONGEST_PROCEED = 256


async def open_xmpp(line: Line, host: str) -> None:
    """As a client does, on port 5222."""
    await _open(line, stream_head(host, "xmpp"))


async def open_xmpp_server(line: Line, host: str) -> None:
    """As another server does, on port 5269."""
    await _open(line, stream_head(host, "xmpp-server"))


async def _open(line: Line, head: bytes) -> None:
    inbox = Inbox(line)
    await inbox.say(head)
    while not stream_is_heard(inbox.waiting):
        await inbox.fill()
    stream = await inbox.take(len(inbox.waiting))
    offered = stream_offers_tls(stream)
    if offered is None:
        error = stream_error(stream)
        raise turned_away(error) if error in _BUSY else declined("it opens no stream", error)
    if not offered:
        raise StarttlsDeclinedError("STARTTLS is not offered")
    await inbox.say(_START)
    await _hear_go_ahead(inbox)
    inbox.end()


async def _hear_go_ahead(inbox: Inbox) -> None:
    """Wait for <proceed/>, which must be the first thing that comes."""
    while True:
        await inbox.fill()
        inbox.waiting = inbox.waiting.lstrip()
        if not inbox.waiting.startswith(_PROCEED_BEGINS[: len(inbox.waiting)]):
            raise declined("STARTTLS is refused", inbox.waiting)
        proceed = _PROCEED.match(inbox.waiting)
        if proceed:
            await inbox.take(proceed.end())
            return
        if len(inbox.waiting) > _LONGEST_PROCEED:
            raise StarttlsDeclinedError("its answer to STARTTLS has no end")


def stream_head(host: str, protocol: str) -> bytes:
    """The beginning of a stream to a host (RFC 6120, 4.7), which tells nothing of the sender."""
    return (
        f"<?xml version='1.0'?><stream:stream to={_quoted(host)} version='1.0' "
        f"xmlns='{NAMESPACES[protocol]}' xmlns:stream='{STREAMS.decode()}'>"
    ).encode()


def stream_is_heard(data: bytes) -> bool:
    """Whether a server has said all that it says at the beginning of a stream, or has ended it."""
    tail = data[-_TAIL:]
    return bool(_FEATURES_END.search(tail) or _STREAM_END.search(tail))


def stream_offers_tls(data: bytes) -> bool | None:
    """Whether the features of a stream, which was heard, offer STARTTLS; None without features."""
    if not _FEATURES_END.search(data[-_TAIL:]):
        return None
    return _OFFER.search(data) is not None


def stream_error(data: bytes) -> bytes:
    """The name of the error that ended a stream (RFC 6120, 4.9.3), or nothing."""
    found = _CONDITION.search(data)
    return found[1] if found else b""


def _quoted(text: str) -> str:
    """A text as the value of an XML attribute."""
    quoted = escape(text, quote=False).replace('"', "&quot;")
    return f'"{quoted}"'
