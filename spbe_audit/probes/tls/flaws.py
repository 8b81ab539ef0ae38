"""Flaws that show only in a whole handshake, or in a conversation which breaks the rules."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from spbe_audit.evidence import TlsEvidence
from spbe_audit.probes.socket_failures import SOCKET_ERRORS, failure_of_socket, short_text
from spbe_audit.probes.tls.contact import Contact, LineClosedError
from spbe_audit.probes.tls.deep.flaws import find_flaws
from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.ticketbleed import TicketDeclinedError, find_ticketbleed

_OWN_ERRORS = (BrokenFlightError, TicketDeclinedError)


async def with_flaws(contact: Contact, tls: TlsEvidence, until: float) -> tuple[TlsEvidence, int]:
    """The evidence with its flaws, and how many connections sslyze has opened for them.

    ``until`` is in the loop's time. What the network does is in the result.
    """
    left = until - asyncio.get_running_loop().time()
    found = await find_flaws(
        host=contact.host,
        address=contact.address,
        port=contact.port,
        door=contact.door,
        tls=tls,
        seconds=left,
        starttls=tls.starttls,
    )
    flaws, unknown = dict(found.flaws), {**tls.unknown, **found.unknown}
    bleeds = await _ticketbleed(contact, tls, until)
    if isinstance(bleeds, str):
        unknown["flaws.ticketbleed"] = bleeds
    else:
        flaws["ticketbleed"] = bleeds
    renegotiates = tls.client_renegotiation
    known = replace(
        tls,
        flaws=dict(sorted(flaws.items())),
        client_renegotiation=found.client_renegotiation if renegotiates is None else renegotiates,
        unknown=dict(sorted(unknown.items())),
    )
    return known, found.connections


async def _ticketbleed(contact: Contact, tls: TlsEvidence, until: float) -> bool | str:
    """Whether the server bleeds, or why that is not known; TLS 1.3 resumes in another way."""
    if tls.only_tls_1_3:
        return False
    try:
        async with asyncio.timeout_at(until):
            return await find_ticketbleed(contact)
    except _OWN_ERRORS as error:
        return str(error)
    except LineClosedError:
        return "the server hung up in the middle of it"
    except SOCKET_ERRORS as error:
        return short_text(failure_of_socket(error).text)
