"""First contact with a port: does TLS speak there, or what else?

One ClientHello is sent and the first record is read, all within one absolute deadline. A server
that hangs up or answers nonsense gets up to three more tries of other shapes before it is judged.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from dataclasses import dataclass
from enum import Enum, auto

from spbe_audit.evidence import Failure, FailureKind, TlsAnswer, TlsVersion
from spbe_audit.network import Door
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of, short_text
from spbe_audit.probes.tls.contact import Contact, begins_record
from spbe_audit.scope import literal_address

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""Alert descriptions by number (IANA, TLS Alerts)."""

_VERSIONS = {
    b"\x03\x00": TlsVersion.SSL_3_0,
    b"\x03\x01": TlsVersion.TLS_1_0,
    b"\x03\x02": TlsVersion.TLS_1_1,
    b"\x03\x03": TlsVersion.TLS_1_2,
    b"\x03\x04": TlsVersion.TLS_1_3,
}
_PLAIN_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_TEXT_ENOUGH = 80
_LONGEST_RECORD = 2**14 + 2048
_ALERT_RECORD, _HANDSHAKE_RECORD = 0x15, 0x16
_WARNING = 1
_SERVER_HELLO = 2
_SUPPORTED_VERSIONS = b"\x00\x2b"
_SSL2_SERVER_HELLO, _SSL2_ERROR = 4, 0
_SSL2_KINDS = "0100800200800300800400800500800600400700c0"
_READABLE = re.compile(rb"[\t\r\n\x20-\x7e]{3,}")
_HTTP_STARTS = (b"http/", b"<html", b"<!doctype html", b"<head")
_SAYS_HTTPS = (b"https port", b"https server", b"ssl-enabled server port")


@dataclass(frozen=True, slots=True)
class Greeting:
    """What speaks on a port, or why that could not be learned.

    ``version`` is the version of the ServerHello, where there was one. ``connections`` counts what
    was opened. Exactly one of ``answer`` and ``failure`` is set.
    """

    answer: TlsAnswer | None
    detail: str = ""
    version: TlsVersion | None = None
    failure: Failure | None = None
    connections: int = 0


class Sort(Enum):
    """What the first bytes of an answer look like."""

    HANDSHAKE = auto()
    ALERT = auto()
    HTTP = auto()
    TEXT = auto()
    GARBAGE = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, sorted. ``detail`` is an alert's name or the first line of a text."""

    sort: Sort
    detail: str = ""
    version: TlsVersion | None = None


_ANSWERS = {
    Sort.HANDSHAKE: TlsAnswer.HANDSHAKE,
    Sort.ALERT: TlsAnswer.ALERT,
    Sort.HTTP: TlsAnswer.PLAIN_HTTP,
    Sort.TEXT: TlsAnswer.OTHER_PROTOCOL,
}


async def greet(*, host: str, address: str, port: int, door: Door) -> Greeting:
    """Find out what speaks on a port. What the network does is in the result, never raised."""
    contact = Contact(host, address, port, door)
    try:
        async with asyncio.timeout(door.deadlines.tls):
            reply = await _judged(contact)
    except NETWORK_ERRORS as error:
        return Greeting(None, failure=failure_of(error), connections=contact.connections)
    if reply.sort in _ANSWERS:
        return Greeting(
            _ANSWERS[reply.sort], reply.detail, reply.version, connections=contact.connections
        )
    if reply.sort is Sort.NOTHING:
        failure = Failure(FailureKind.RESET, "the server hangs up on every greeting")
    else:
        failure = Failure(FailureKind.PROTOCOL_BROKEN, "the answer is neither TLS nor readable")
    return Greeting(None, failure=failure, connections=contact.connections)


async def _judged(contact: Contact) -> Reply:
    """The first greeting's reply, or that of another shape where the first got none.

    Some web servers wait for the end of a line that a ClientHello may not hold, so silence is
    broken with a plain request; where that gets no answer either, the silence stands.
    """
    try:
        first = await hear(contact, client_hello(contact.host))
    except TimeoutError:
        if not contact.connected:
            raise
        reply = await hear(contact, _PLAIN_REQUEST, whole=True)
        if reply.sort is Sort.HTTP:
            return reply
        raise
    if first.sort is Sort.NOTHING:
        for other in (client_hello("", newest=ssl.TLSVersion.TLSv1_2), ssl2_client_hello()):
            reply = await hear(contact, other)
            if reply.sort is not Sort.NOTHING:
                return reply
    if first.sort in {Sort.NOTHING, Sort.GARBAGE}:
        reply = await hear(contact, _PLAIN_REQUEST, whole=True)
        if reply.sort is Sort.HTTP:
            return reply
    return first


async def hear(contact: Contact, message: bytes, *, whole: bool = False) -> Reply:
    """Send one message on a new connection and sort what comes back.

    ``whole`` reads on to the end of the answer where the beginning would do. Raises as
    Contact.say does.
    """

    def read(data: bytes, ended: bool) -> Reply | None:  # noqa: FBT001 - see Reader
        return sort_reply(data, ended=ended) if ended or not whole else None

    return await contact.say(message, read) or Reply(Sort.GARBAGE)


def client_hello(host: str, *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> bytes:
    """A ClientHello that offers all that the local library has; SNI when ``host`` is a name."""
    conversation, _, outgoing = begin_handshake(host, newest=newest)
    try:
        conversation.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake cannot end before the server has spoken")


def begin_handshake(
    host: str, *, newest: ssl.TLSVersion
) -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """A handshake that nothing has been said of yet, what it is to hear, and what it says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        conversation = context.wrap_bio(incoming, outgoing, server_hostname=sni(host))
    except ValueError:  # a host that is no name by the rules of IDNA
        conversation = context.wrap_bio(incoming, outgoing)
    return conversation, incoming, outgoing


def sni(host: str) -> str | None:
    """The name to send as SNI: none for an address (RFC 6066, section 3)."""
    return None if literal_address(host) else host.rstrip(".") or None


def ssl2_client_hello() -> bytes:
    """A CLIENT-HELLO of SSL 2.0 with all its seven cipher kinds."""
    kinds = bytes.fromhex(_SSL2_KINDS)
    body = b"\x01\x00\x02" + len(kinds).to_bytes(2) + b"\x00\x00\x00\x10" + kinds + os.urandom(16)
    return (0x8000 | len(body)).to_bytes(2) + body


def sort_reply(data: bytes, *, ended: bool) -> Reply | None:
    """Sort the bytes of an answer; None while more are needed. ``ended``: no more will come."""
    while begins_record(data) and len(data) >= 5:  # noqa: PLR2004 - length of a record header
        length = int.from_bytes(data[3:5])
        if not 1 < length <= _LONGEST_RECORD:
            return Reply(Sort.GARBAGE)
        if len(data) < 5 + length:
            break
        if data[0] == _HANDSHAKE_RECORD:
            return _sort_handshake(data[5 : 5 + length])
        if data[5] != _WARNING or data[6] == 0:
            return Reply(Sort.ALERT, ALERTS.get(data[6], f"alert {data[6]}"))
        data = data[5 + length :]
    if not data:
        return Reply(Sort.NOTHING) if ended else None
    if begins_record(data):
        return Reply(Sort.GARBAGE) if ended else None
    return _sort_other(data, ended=ended)


def _sort_handshake(message: bytes) -> Reply:
    if message[0] != _SERVER_HELLO:
        return Reply(Sort.GARBAGE)
    return Reply(Sort.HANDSHAKE, version=hello_version(message))


def hello_version(message: bytes) -> TlsVersion | None:
    """The version that a ServerHello settles on (RFC 8446, 4.1.3 and 4.2.1); None if mangled."""
    version = message[4:6]
    after_session = 39 + int.from_bytes(message[38:39])
    extensions = message[after_session + 5 :]
    while len(extensions) >= 4:  # noqa: PLR2004 - type and length of an extension
        length = int.from_bytes(extensions[2:4])
        if extensions[:2] == _SUPPORTED_VERSIONS:
            version = extensions[4:6]
        extensions = extensions[4 + length :]
    return _VERSIONS.get(version)


def _sort_other(data: bytes, *, ended: bool) -> Reply | None:
    head = data.lstrip()[:512]
    if data[:1] >= b"\x80":
        ssl2 = _sort_ssl2(data)
        if ssl2 is not None:
            return ssl2
    if not ended and len(data) < _TEXT_ENOUGH and b"\n" not in data:
        return None
    if head.lower().startswith(_HTTP_STARTS):
        return _sort_http(data)
    if _READABLE.match(head):
        return Reply(Sort.TEXT, _first_line(head))
    return Reply(Sort.GARBAGE)


def _sort_ssl2(data: bytes) -> Reply | None:
    """A SERVER-HELLO or ERROR of SSL 2.0, which only our own SSL 2.0 greeting brings forth."""
    length = int.from_bytes(data[:2]) & 0x7FFF
    if data[2:3] == bytes([_SSL2_SERVER_HELLO]) and data[5:7] == b"\x00\x02":
        return Reply(Sort.HANDSHAKE, version=TlsVersion.SSL_2_0)
    if data[2:3] == bytes([_SSL2_ERROR]) and length == 3:  # noqa: PLR2004 - length of an ERROR
        return Reply(Sort.ALERT, "ssl2_error")
    return None


def _sort_http(data: bytes) -> Reply:
    """Plain http; an https port that says so has told nothing about its TLS."""
    text = data.lower()
    if any(words in text for words in _SAYS_HTTPS):
        return Reply(Sort.NOTHING)
    return Reply(Sort.HTTP, _first_line(data.lstrip()))


def _first_line(data: bytes) -> str:
    line = data.splitlines()[0][:_TEXT_ENOUGH]
    return short_text("".join(chr(byte) for byte in line if 0x20 <= byte < 0x7F))  # noqa: PLR2004 - printable ASCII
