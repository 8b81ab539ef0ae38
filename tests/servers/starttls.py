"""Servers that go over to TLS, as scripts, and a client that follows them there."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping, Sequence

from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.contact import Contact, Line, LineClosedError, StarttlsDeclinedError
from spbe_audit.probes.tls.starttls import OPENINGS
from tests.servers.raw import Behaviour, RawServer

LOOPBACK = "127.0.0.1"


def tlv(tag: int, *values: bytes, long: bool = False) -> bytes:
    """One element in BER; ``long`` writes its length as Active Directory does."""
    value = b"".join(values)
    length = b"\x84" + len(value).to_bytes(4) if long else bytes([len(value)])
    return bytes([tag]) + length + value


def ldap_answer(
    code: int, *, number: int = 1, text: bytes = b"", name: bytes = b"", long: bool = False
) -> bytes:
    names = tlv(0x8A, name) if name else b""
    response = (tlv(0x0A, bytes([code])), tlv(0x04), tlv(0x04, text), names)
    parts = (tlv(0x02, bytes([number])), tlv(0x78, *response, long=long))
    return tlv(0x30, *parts, long=long)


def mysql_packet(payload: bytes, *, number: int = 0) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


def mysql_greeting(capabilities: int = 0xFFFF) -> bytes:
    head = b"\x0a8.0.36\x00" + bytes(4) + b"12345678\x00"
    return mysql_packet(head + capabilities.to_bytes(2, "little") + b"\x21\x02\x00" + bytes(40))


STREAM_START = (
    b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
STREAM = b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' from='x' version='1.0'>"
TLS_OFFER = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
FEATURES = STREAM + b"<stream:features>" + TLS_OFFER + b"</stream:features>"
PROCEED = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
XMPP_FAILURE = b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
STREAM_ERROR = (
    b"<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
)
OID = b"1.3.6.1.4.1.1466.20037"
FAREWELL = b"1.3.6.1.4.1.1466.20036"

GOOD: Mapping[str, tuple[bytes, ...]] = {
    "smtp": (
        b"220-mail.test ESMTP\r\n220 hello\r\n",
        b"250-mail.test\r\n250-SIZE 1\r\n250 STARTTLS\r\n",
        b"220 go ahead\r\n",
    ),
    "imap": (
        b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
        b"* CAPABILITY IMAP4rev1 STARTTLS\r\na OK done\r\n",
        b"b OK begin\r\n",
    ),
    "pop3": (b"+OK ready\r\n", b"+OK begin\r\n"),
    "ftp": (b"220-hello\r\n all\r\n220 ready\r\n", b"234 begin\r\n"),
    "ldap": (b"", ldap_answer(0)),
    "postgresql": (b"", b"S"),
    "mysql": (mysql_greeting(),),
    "xmpp": (b"", FEATURES, PROCEED),
    "xmpp-server": (b"", FEATURES.replace(b":client", b":server"), PROCEED),
}
"""What a server says: the greeting ('' where the client begins), then an answer to each message."""


def plays(pieces: Sequence[bytes], then: Behaviour) -> Behaviour:
    """Answer each message with the next piece, then behave otherwise."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        for number, piece in enumerate(pieces):
            if number:
                server.requests.append(connection.recv(4096))
            connection.sendall(piece)
        then(connection, server)

    return behave


Outcome = bytes | Exception


def begin(protocol: str, port: int, *, seconds: float = 10.0) -> Outcome:
    """The leaf (DER) that a server shows once TLS has begun, or why it did not."""

    async def visit() -> Outcome:
        door = Door(deadlines=Deadlines(exchange=seconds))
        contact = Contact(LOOPBACK, LOOPBACK, port, door, opening=OPENINGS[protocol])
        try:
            async with contact.visit() as line:
                return await shown_leaf(line)
        except (StarttlsDeclinedError, LineClosedError, OSError) as error:
            return error

    begun = time.monotonic()
    outcome = asyncio.run(visit())
    assert time.monotonic() - begun < seconds + 2
    return outcome


async def shown_leaf(line: Line) -> bytes:
    """Shake hands on an open line."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    conversation = context.wrap_bio(incoming, outgoing)
    while True:
        try:
            conversation.do_handshake()
        except ssl.SSLWantReadError:
            await line.send(outgoing.read())
            incoming.write(await line.receive())
            continue
        return conversation.getpeercert(binary_form=True) or b""
