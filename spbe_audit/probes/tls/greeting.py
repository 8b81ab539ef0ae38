"""First contact with a port: does TLS speak there, or what else?

Asked where the first hello of the survey got no ServerHello. A server that hangs up or answers
nonsense gets up to four more tries of other shapes before it is judged.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto

from spbe_audit.evidence import Failure, FailureKind, TlsAnswer, TlsVersion
from spbe_audit.probes.socket_failures import SOCKET_ERRORS, failure_of_socket, short_text
from spbe_audit.probes.tls.contact import Contact, StarttlsDeclinedError, begins_record
from spbe_audit.probes.tls.ssl2 import ssl2_hello
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
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
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
_UNANSWERED: tuple[type[Exception], ...] = (*SOCKET_ERRORS, StarttlsDeclinedError)
_PLAIN_REQUEST = b"GET / HTTP/1.0\r\n\r\n"
_TEXT_ENOUGH = 80
_LONGEST_RECORD = 2**14 + 2048
_ALERT_RECORD, _HANDSHAKE_RECORD = 0x15, 0x16
_WARNING, _MOST_WARNINGS = 1, 100
_SERVER_HELLO = 2
_SUPPORTED_VERSIONS = b"\x00\x2b"
_SSL2_SERVER_HELLO, _SSL2_ERROR = 4, 0
_SSL2_HEAD = 7  # bytes, as far as the version
_READABLE = re.compile(rb"[\t\r\n\x20-\x7e]{3,}")
_HTTP_STARTS = (b"http/", b"<html", b"<!doctype html", b"<head")
_SAYS_HTTPS = (b"https port", b"https server", b"ssl-enabled server port")


@dataclass(frozen=True, slots=True)
class Greeting:
    """What speaks on a port, or why that could not be learned.

    Exactly one of ``answer`` and ``failure`` is set.
    """

    answer: TlsAnswer | None
    detail: str = ""
    failure: Failure | None = None


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


async def greet(contact: Contact, first: Reply | None, smaller: Sequence[bytes]) -> Greeting:
    """Find out what speaks on a port whose answer to a first hello was no ServerHello.

    ``first`` is that answer, None for silence; ``smaller`` are hellos that ask for less. What the
    network does is in the result, never raised.
    """
    try:
        reply = await _judged(contact, first, smaller)
    except _UNANSWERED as error:
        return Greeting(None, failure=failure_of_socket(error))
    if reply.sort in _ANSWERS:
        return Greeting(_ANSWERS[reply.sort], reply.detail)
    if reply.sort is Sort.NOTHING:
        failure = Failure(FailureKind.RESET, "the server hangs up on every greeting")
    else:
        failure = Failure(FailureKind.PROTOCOL_BROKEN, "the answer is neither TLS nor readable")
    return Greeting(None, failure=failure)


async def _judged(contact: Contact, first: Reply | None, smaller: Sequence[bytes]) -> Reply:
    """The first hello's reply, or that of another shape where the first got none.

    Some web servers wait for the end of a line that a ClientHello may not hold, so silence is
    broken with a plain request, and then with a smaller hello; where that gets no answer either,
    the silence stands.
    """
    if first is None:
        with suppress(TimeoutError):
            reply = await hear(contact, _PLAIN_REQUEST, whole=True)
            if reply.sort is Sort.HTTP:
                return reply
        reply = await hear(contact, smaller[0])
        if reply.sort in {Sort.HANDSHAKE, Sort.ALERT}:
            return reply
        raise TimeoutError
    if first.sort is Sort.NOTHING:
        for other in (*smaller, ssl2_hello()):
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


def sort_reply(data: bytes, *, ended: bool) -> Reply | None:
    """Sort the bytes of an answer; None while more are needed. ``ended``: no more will come."""
    at = warnings = 0
    while begins_record(data[at : at + 2]) and len(data) - at >= 5:  # noqa: PLR2004 - length of a record header
        length = int.from_bytes(data[at + 3 : at + 5])
        if warnings > _MOST_WARNINGS or not 1 < length <= _LONGEST_RECORD:
            return Reply(Sort.GARBAGE)
        end = at + 5 + length
        if len(data) < end:
            break
        if data[at] == _HANDSHAKE_RECORD:
            return _sort_handshake(data[at + 5 : end])
        level, number = data[at + 5 : at + 7]
        if level != _WARNING or number == 0:
            return Reply(Sort.ALERT, ALERTS.get(number, f"alert {number}"))
        at, warnings = end, warnings + 1
    data = data[at:]
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
        if not ended and len(data) < _SSL2_HEAD:
            return None
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
