"""How TLS begins at databases: PostgreSQL and MySQL."""

from __future__ import annotations

from spbe_audit.probes.tls.contact import Line, StarttlsDeclinedError
from spbe_audit.probes.tls.starttls.inbox import READ_LIMIT, Inbox, declined, turned_away

POSTGRESQL_REQUEST = bytes.fromhex("0000000804d2162f")
"""An SSLRequest (PostgreSQL, "Message Formats"): its length, and 1234 and 5679 in two halves."""

_WILLING = b"S"
_UNWILLING = b"N"

_PACKET_HEAD = 4
_HANDSHAKE, _REFUSAL = 10, 255
_TOO_MANY_CONNECTIONS = 1040
_NOT_LET_IN = "it does not let us in"
_THREAD_AND_SCRAMBLE = 4 + 8 + 1
_LONGEST_VERSION = 255
_CLIENT_PROTOCOL_41, _CLIENT_SSL, _CLIENT_SECURE_CONNECTION = 0x200, 0x800, 0x8000
_ASKED = _CLIENT_PROTOCOL_41 | _CLIENT_SSL | _CLIENT_SECURE_CONNECTION
_LARGEST_PACKET = 2**24 - 1
_UTF8 = 33


async def open_postgresql(line: Line, _host: str) -> None:
    """PostgreSQL, "SSL Session Encryption"; a byte behind the S is CVE-2021-23222's injection."""
    inbox = Inbox(line)
    await inbox.say(POSTGRESQL_REQUEST)
    answer = await inbox.take(1)
    if answer == _UNWILLING:
        raise StarttlsDeclinedError("TLS is not offered")
    if answer != _WILLING:
        raise declined("its answer is none to an SSLRequest", answer + inbox.waiting)
    inbox.end()


async def open_mysql(line: Line, _host: str) -> None:
    """MySQL, "Connection Phase": the server greets, and an SSLRequest answers, which it obeys."""
    inbox = Inbox(line)
    head = await inbox.take(_PACKET_HEAD)
    length = int.from_bytes(head[:3], "little")
    if length > READ_LIMIT or head[3] != 0:
        raise StarttlsDeclinedError("its greeting is not that of MySQL")
    greeting = await inbox.take(length)
    if greeting[:1] == bytes([_REFUSAL]):
        busy = int.from_bytes(greeting[1:3], "little") == _TOO_MANY_CONNECTIONS
        raise turned_away(greeting[3:]) if busy else declined(_NOT_LET_IN, greeting[3:])
    offered = mysql_offers_tls(greeting)
    if offered is None:
        raise StarttlsDeclinedError("its greeting is not that of MySQL")
    if not offered:
        raise StarttlsDeclinedError("TLS is not offered")
    inbox.end()
    await inbox.say(_ssl_request())


def mysql_offers_tls(greeting: bytes) -> bool | None:
    """Whether a greeting (HandshakeV10, without the packet's head) offers TLS; None for no such."""
    if greeting[:1] != bytes([_HANDSHAKE]):
        return None
    version_end = greeting.find(b"\x00", 1, 1 + _LONGEST_VERSION)
    at = version_end + 1 + _THREAD_AND_SCRAMBLE
    if version_end < 0 or len(greeting) < at + 2:
        return None
    return bool(int.from_bytes(greeting[at : at + 2], "little") & _CLIENT_SSL)


def _ssl_request() -> bytes:
    """A packet with number 1: capabilities, largest packet, character set, 23 zeros."""
    numbers = (_ASKED.to_bytes(4, "little"), _LARGEST_PACKET.to_bytes(4, "little"))
    payload = b"".join(numbers) + bytes([_UTF8]) + bytes(23)
    return len(payload).to_bytes(3, "little") + b"\x01" + payload
