"""Does a server bear what it does not know? Asked beside other questions where that is possible.

A strange hello that is answered settles it. One that is not may have been refused for what it asks
besides, so the hellos of ``tolerance`` then tell the reasons apart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spbe_audit.probes.socket_failures import SOCKET_ERRORS, failure_of_socket, short_text
from spbe_audit.probes.tls.asker import Asker, NoAnswerError
from spbe_audit.probes.tls.client_hello import TLS_1_3, ClientHello
from spbe_audit.probes.tls.contact import LineClosedError, StarttlsDeclinedError
from spbe_audit.probes.tls.offer import Offer, all_of
from spbe_audit.probes.tls.side_questions import classic_offer
from spbe_audit.probes.tls.sightings import VERSIONS, Sightings
from spbe_audit.probes.tls.tolerance import (
    PlainHelloError,
    find_intolerances,
    greased,
    lengthened,
)

_UNANSWERED: tuple[type[Exception], ...] = (
    *SOCKET_ERRORS,
    LineClosedError,
    PlainHelloError,
    StarttlsDeclinedError,
)


@dataclass(slots=True)
class Bearing:
    """What has been borne so far.

    ``modern``: a hello that offers TLS 1.3 with numbers that mean nothing and a long extension;
    ``classic``: one of before, of a version too new.
    """

    modern: bool = False
    classic: bool = False


def too_new(hello: ClientHello) -> ClientHello:
    """The hello with a version in its head that TLS 1.3 has moved elsewhere (RFC 8446, 4.1.2)."""
    return replace(hello, version=TLS_1_3)


def looks_strange(hello: ClientHello) -> ClientHello:
    """The hello with numbers that mean nothing, and longer than one packet."""
    return lengthened(greased(hello))


async def find_bearing(asker: Asker, name: str | None, seen: Sightings, bearing: Bearing) -> None:
    """The hellos that the server does not bear. Raises OutOfScopeError."""
    classic = classic_offer(seen, name)
    try:
        if not bearing.modern:
            bearing.modern = await _is_borne(asker, looks_strange(_modern(seen, name).hello()))
        if classic is not None and not bearing.classic:
            bearing.classic = await _is_borne(asker, too_new(classic.hello()))
    except NoAnswerError:
        bearing.modern = False  # silence may be what a hello met that is not borne
    if bearing.modern and (bearing.classic or classic is None):
        seen.intolerances = ()
        return
    versions = tuple(VERSIONS[version] for version in seen.accepted())
    try:
        async with asker.pace.alone():
            seen.intolerances = await find_intolerances(asker.contact, versions)
    except _UNANSWERED as error:
        text = str(error) if isinstance(error, PlainHelloError) else failure_of_socket(error).text
        seen.unknown["intolerances"] = short_text(text)


async def _is_borne(asker: Asker, hello: ClientHello) -> bool:
    return (await asker.ask(hello)).hello is not None


def _modern(seen: Sightings, name: str | None) -> Offer:
    """A hello that offers TLS 1.3 beside whatever else the server takes."""
    classic = classic_offer(seen, name)
    suites = tuple(s for v in seen.accepted() for s in seen.versions[v].suites)
    groups = (classic or all_of(TLS_1_3, name)).groups
    return replace(all_of(TLS_1_3, name), older_too=True, suites=suites, groups=groups)
