"""What we ask a TLS endpoint ourselves, beside the engine: few connections, none finished but one.

Each question is answered, or stands in ``unknown`` with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

from spbe_audit.evidence import TlsEvidence, TlsVersion
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of, short_text
from spbe_audit.probes.tls.contact import Contact, LineClosedError
from spbe_audit.probes.tls.hybrid_groups import find_hybrid_groups
from spbe_audit.probes.tls.key_exchange import find_dh_group, find_weak_curves
from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.signatures import find_signatures
from spbe_audit.probes.tls.ticketbleed import TicketDeclinedError, find_ticketbleed
from spbe_audit.probes.tls.tolerance import PlainHelloError, find_intolerances
from spbe_audit.targets import Intensity

Fields = dict[str, Any]
Question = Callable[[Contact, TlsEvidence], Awaitable[Fields]]
"""Asks for fields of the evidence, of which it is given all that is known so far."""

_OWN_ERRORS = (BrokenFlightError, PlainHelloError, TicketDeclinedError)
_CAUGHT: tuple[type[Exception], ...] = (*NETWORK_ERRORS, *_OWN_ERRORS, LineClosedError)


async def ask_ourselves(
    contact: Contact, tls: TlsEvidence, *, intensity: Intensity, seconds: float
) -> TlsEvidence:
    """The evidence with our own questions answered, as many as the time allows."""
    until = asyncio.get_running_loop().time() + max(0.0, seconds)
    for name, question in _questions(tls, intensity):
        try:
            async with asyncio.timeout_at(until):
                tls = replace(tls, **await question(contact, tls))
        except _CAUGHT as error:
            tls = replace(tls, unknown={**tls.unknown, name: _reason(error)})
    return tls


def _reason(error: Exception) -> str:
    if isinstance(error, _OWN_ERRORS):
        return str(error)
    if isinstance(error, LineClosedError):
        return "the server hung up in the middle of it"
    return short_text(failure_of(error).text)


def _questions(tls: TlsEvidence, intensity: Intensity) -> Iterator[tuple[str, Question]]:
    """What there is to ask, under the names that ``unknown`` has for it."""
    if intensity is Intensity.LIGHT or not tls.versions:
        return
    yield "intolerances", _intolerances
    if TlsVersion.TLS_1_2 in tls.versions:
        yield "key_exchange_signatures", _signatures
    if "key_exchanges" in tls.unknown:
        yield "key_exchanges", _dh_group
    if TlsVersion.TLS_1_3 in tls.versions and tls.groups is not None:
        yield "groups.hybrid", _hybrid_groups
        if set(tls.versions) - {TlsVersion.TLS_1_3, TlsVersion.SSL_2_0}:
            yield "groups.weak", _weak_curves
    if intensity is Intensity.THOROUGH:
        yield "flaws.ticketbleed", _ticketbleed


async def _intolerances(contact: Contact, tls: TlsEvidence) -> Fields:
    return {"intolerances": await find_intolerances(contact, tls)}


async def _signatures(contact: Contact, tls: TlsEvidence) -> Fields:
    return {"key_exchange_signatures": await find_signatures(contact, tls)}


async def _dh_group(contact: Contact, tls: TlsEvidence) -> Fields:
    """One more key exchange. What the engine did not see stays unknown: there may be others."""
    shown = await find_dh_group(contact, tls)
    found = (*tls.key_exchanges, shown) if shown else tls.key_exchanges
    return {"key_exchanges": tuple(dict.fromkeys(found))}


async def _hybrid_groups(contact: Contact, tls: TlsEvidence) -> Fields:
    return {"groups": (*(tls.groups or ()), *await find_hybrid_groups(contact))}


async def _weak_curves(contact: Contact, tls: TlsEvidence) -> Fields:
    return {"groups": (*(tls.groups or ()), *await find_weak_curves(contact))}


async def _ticketbleed(contact: Contact, tls: TlsEvidence) -> Fields:
    """Nothing to find where only TLS 1.3 is accepted: it resumes sessions in another way."""
    bleeds = not tls.only_tls_1_3 and await find_ticketbleed(contact)
    return {"flaws": dict(sorted({**tls.flaws, "ticketbleed": bleeds}.items()))}
