"""Does a server give away its memory when a session is resumed (CVE-2016-9244)?

F5 BIG-IP answered a session ticket that came with a session id of fewer than 32 bytes with 32
bytes: the id, and what happened to lie behind it. The answer comes before any key exchange.
"""

from __future__ import annotations

import os
import ssl
from dataclasses import replace

from spbe_audit.probes.tls.client_hello import SESSION_TICKET, read_hello
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.greeting import begin_handshake
from spbe_audit.probes.tls.server_flight import (
    FLIGHT_LIMIT,
    Flight,
    handshake_messages,
    read_flight,
)

_NEW_SESSION_TICKET = 4
_LIFETIME_BYTES = 4
_OUR_ID_BYTES = 16
_TRIES = 3


class TicketDeclinedError(Exception):
    """The server took none of its own tickets back, so that nothing was resumed."""


async def find_ticketbleed(contact: Contact) -> bool:
    """Whether the server answers with more bytes than were sent. What they were is not kept.

    Without session tickets there is nothing to answer. Raises TicketDeclinedError, ssl.SSLError
    where no handshake succeeds, BrokenFlightError, and what Contact.say raises.
    """
    for _ in range(_TRIES):
        hello, ticket = await _take_ticket(contact)
        if not ticket:
            return False
        ours = os.urandom(_OUR_ID_BYTES)
        resuming = replace(read_hello(hello), session=ours)
        record = resuming.with_extensions({SESSION_TICKET: ticket}).record()
        flight = await contact.say(record, _read_beginning) or Flight()
        if flight.hello and flight.hello.session.startswith(ours):
            return len(flight.hello.session) > len(ours)
    raise TicketDeclinedError("the server does not take its own session tickets back")


def _read_beginning(data: bytes, ended: bool) -> Flight | None:  # noqa: FBT001 - see contact.Reader
    """The ServerHello or alert, whatever follows."""
    flight = read_flight(data, ended=True)
    found = flight and (flight.hello or flight.alert)
    return flight if ended or found else None


async def _take_ticket(contact: Contact) -> tuple[bytes, bytes]:
    """Finish one handshake: the ClientHello that began it, and the ticket that came of it."""
    conversation, incoming, outgoing = begin_handshake(contact.host, newest=ssl.TLSVersion.TLSv1_2)
    hello, heard = b"", bytearray()
    async with contact.visit() as line:
        while len(heard) < FLIGHT_LIMIT:
            try:
                conversation.do_handshake()
                break
            except ssl.SSLWantReadError:
                said = outgoing.read()
                hello = hello or said
                await line.send(said)
                incoming.write(data := await line.receive())
                heard += data
    return hello, _ticket_in(bytes(heard))


def _ticket_in(heard: bytes) -> bytes:
    """The ticket of a NewSessionTicket (RFC 5077, 3.3), which TLS 1.2 sends in the clear."""
    for kind, body in handshake_messages(heard):
        if kind == _NEW_SESSION_TICKET:
            ticket = body[_LIFETIME_BYTES + 2 :]
            return ticket[: int.from_bytes(body[_LIFETIME_BYTES : _LIFETIME_BYTES + 2])]
    return b""
