"""Which groups a server takes for the key exchange: offer all, leave out the one it names.

TLS 1.3 tells groups apart from suites and certificates, so they are sought there where it is
accepted. Older versions tell them by the curve of an ECDHE key exchange.
"""

from __future__ import annotations

from dataclasses import replace

from spbe_audit.evidence import read_suite
from spbe_audit.probes.tls.asker import Answer, Asker, NoAnswerError
from spbe_audit.probes.tls.codes.groups import FFDHE_GROUPS, TLS_1_3_GROUPS, WEAK_GROUPS
from spbe_audit.probes.tls.codes.suites import SUITES
from spbe_audit.probes.tls.key_exchange import read_sent
from spbe_audit.probes.tls.offer import TLS_1_3, Offer
from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.sightings import Pick, Sightings

CURVES = tuple(group for group in TLS_1_3_GROUPS if group not in FFDHE_GROUPS)
_WEAK_SHOWN = 3
_PAIRS = 2


async def find_pairs(asker: Asker, offer: Offer, seen: Sightings) -> None:
    """A suite and an FFDHE group of TLS 1.3 with one hello, as often as most servers have both.

    Where that is refused either may be the reason, and both are asked for by themselves. Raises
    NoAnswerError, and OutOfScopeError.
    """
    sight = seen.sight(TLS_1_3)
    for _ in range(_PAIRS):
        suites = tuple(suite for suite in offer.suites if suite not in sight.suites)
        groups = tuple(group for group in FFDHE_GROUPS if group not in seen.groups)
        answer = await asker.ask(replace(offer, suites=suites, groups=groups).hello())
        group = newest_group(answer)
        if answer.hello is None or group is None:
            return
        if answer.hello.suite not in suites or group not in groups:
            raise NoAnswerError("the server takes what was not offered")
        sight.note(Pick(answer.hello, answer.flight, suites))
        seen.groups[group] = None


async def list_groups(asker: Asker, offer: Offer, wanted: tuple[int, ...], seen: Sightings) -> None:
    """Those of some groups of TLS 1.3 that the server takes. Raises OutOfScopeError."""
    try:
        while left := tuple(group for group in wanted if group not in seen.groups):
            group = newest_group(await asker.ask(replace(offer, groups=left).hello()))
            if group not in left:
                break
            seen.groups[group] = None
    except NoAnswerError as error:
        seen.unknown["groups"] = str(error)
        return
    if left and group is not None:
        seen.unknown["groups"] = "the server asks for a group that was not offered"


def newest_group(answer: Answer) -> int | None:
    """The group of a ServerHello or HelloRetryRequest of TLS 1.3; None where there is none."""
    hello = answer.hello
    return hello.group if hello and hello.version == TLS_1_3 else None


async def list_classic_groups(asker: Asker, offer: Offer, seen: Sightings) -> None:
    """The curves of ECDHE in the newest version before TLS 1.3. Raises OutOfScopeError.

    With a key for ECDSA a server needs the curve of its certificate on offer, whichever curve it
    takes for the exchange. Where it has suites that sign with RSA, those are asked; otherwise the
    first curve that it takes stays on offer, at the end.
    """
    suites = ecdhe_suites(seen)
    rsa = tuple(suite for suite in suites if "ECDSA" not in SUITES[suite])
    offer, left = replace(offer, suites=rsa or suites), offer.groups if suites else ()
    kept: tuple[int, ...] = ()
    try:
        while left:
            group = curve_of(await asker.ask(replace(offer, groups=(*left, *kept)).hello()))
            if group not in left:
                break
            seen.groups[group] = None
            left = tuple(other for other in left if other != group)
            kept = kept if rsa or kept else (group,)
    except NoAnswerError as error:
        seen.unknown["groups"] = str(error)
    else:
        seen.groups_listed = True


async def list_weak_curves(asker: Asker, offer: Offer, seen: Sightings) -> None:
    """At most three weak curves that are taken when nothing better is offered.

    TLS 1.3 has none, so this is asked of older versions. A server with a key for ECDSA alone gets a
    curve that it has taken as well, at the end (see list_classic_groups). Raises OutOfScopeError.
    """
    left = tuple(group for group in WEAK_GROUPS if group not in seen.groups)
    suites = ecdhe_suites(seen)
    rsa = tuple(suite for suite in suites if "ECDSA" not in SUITES[suite])
    offer = replace(offer, suites=rsa or suites)
    try:
        kept = () if rsa else _a_curve_of(seen)
        for _ in range(_WEAK_SHOWN if suites else 0):
            group = curve_of(await asker.ask(replace(offer, groups=(*left, *kept)).hello()))
            if group not in left:
                return
            seen.groups[group] = None
            left = tuple(other for other in left if other != group)
    except NoAnswerError as error:
        seen.unknown["groups.weak"] = str(error)


def _a_curve_of(seen: Sightings) -> tuple[int, ...]:
    """The curve of the first key exchange that was seen before TLS 1.3."""
    classic = seen.classic()
    for pick in classic.picks if classic else ():
        group = curve_of(Answer(pick.flight))
        if group is not None:
            return (group,)
    return ()


def ecdhe_suites(seen: Sightings) -> tuple[int, ...]:
    """The accepted suites of the newest version before TLS 1.3 that exchange keys over a curve."""
    classic = seen.classic()
    return tuple(s for s in classic.suites if _is_over_a_curve(s)) if classic else ()


def curve_of(answer: Answer) -> int | None:
    """The curve of a key exchange before TLS 1.3; None where the server refuses.

    Raises NoAnswerError where the key exchange is not to be read.
    """
    if answer.hello is None:
        return None
    try:
        sent = read_sent(answer.hello, answer.flight)
    except BrokenFlightError as error:
        raise NoAnswerError(str(error)) from error
    return sent.group if sent else None


def _is_over_a_curve(suite: int) -> bool:
    return read_suite(SUITES[suite]).key_exchange.startswith(("ECDHE", "ECDH_anon"))
