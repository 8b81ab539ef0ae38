"""Questions that build on the versions and suites: order, fallback, signatures, strange hellos."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from spbe_audit.evidence import read_suite
from spbe_audit.probes.tls.asker import Asker, NoAnswerError
from spbe_audit.probes.tls.client_hello import TLS_1_3
from spbe_audit.probes.tls.codes.signatures import MD5_SCHEMES, SHA1_SCHEMES
from spbe_audit.probes.tls.codes.suites import SUITES
from spbe_audit.probes.tls.key_exchange import read_sent
from spbe_audit.probes.tls.offer import SSL_3_0, TLS_1_2, Offer, all_of, little_of
from spbe_audit.probes.tls.server_flight import BrokenFlightError, SentKeyExchange
from spbe_audit.probes.tls.sightings import Sightings, VersionSight

_FLOATING = "CHACHA20"


async def find_preference(asker: Asker, name: str | None, seen: Sightings) -> None:
    """Whether the server has an order of its own. Raises OutOfScopeError.

    It has where it took a suite that stood behind another one that it accepts. Where that never
    happened its order is ours, so the accepted ones are offered the other way round.
    """
    sight = next((seen.versions[v] for v in _tellers(seen)), None)
    if sight is None:
        return
    if any(_stood_behind(pick.suite, pick.offered, sight) for pick in sight.picks):
        seen.own_preference = True
        return
    turned = _turned(sight)
    try:
        answer = await asker.ask(replace(offer_like(sight, name), suites=turned).hello())
    except NoAnswerError as error:
        seen.unknown["server_preference"] = str(error)
        return
    if answer.hello is None:
        seen.unknown["server_preference"] = "accepted suites are refused when offered once more"
    else:
        seen.own_preference = answer.hello.suite != turned[0]


def offer_like(sight: VersionSight, name: str | None) -> Offer:
    """A hello of the shape that a version has answered."""
    return little_of(sight.version, name) if sight.short else all_of(sight.version, name)


def _tellers(seen: Sightings) -> Iterable[int]:
    """The accepted versions with more than one suite: TLS 1.2 first, then older, TLS 1.3 last."""
    several = [v for v in seen.accepted() if len(seen.versions[v].suites) > 1]
    return sorted(several, key=lambda version: (version == TLS_1_3, -version))


def _stood_behind(taken: int, offered: tuple[int, ...], sight: VersionSight) -> bool:
    before = offered[: offered.index(taken)]
    return not set(before).isdisjoint(sight.suites)


def _turned(sight: VersionSight) -> tuple[int, ...]:
    """The accepted suites in reverse, ChaCha20 at the end: many move it forward for a client."""
    accepted = {pick.suite for pick in sight.picks}
    reverse = [s for s in reversed(all_of(sight.version, None).suites) if s in accepted]
    return tuple(sorted(reverse, key=lambda suite: _FLOATING in SUITES[suite]))


async def find_fallback(asker: Asker, name: str | None, seen: Sightings) -> None:
    """Whether the server refuses a fallback (RFC 7507) to a version that it accepts otherwise.

    Raises OutOfScopeError.
    """
    older = [seen.versions[version] for version in seen.accepted()[:-1]]
    if not older:
        return
    offer = replace(offer_like(older[-1], name), suites=older[-1].suites, fallback=True)
    try:
        answer = await asker.ask(offer.hello())
    except NoAnswerError as error:
        seen.unknown["fallback_scsv"] = str(error)
    else:
        seen.fallback_refused = answer.hello is None


async def find_signatures(asker: Asker, name: str | None, seen: Sightings) -> None:
    """How TLS 1.2 signs its key exchange: by its own choice, and with nothing but SHA-1 and MD5.

    Raises OutOfScopeError.
    """
    sight = seen.versions.get(TLS_1_2)
    if sight is None or not sight.accepted:
        return
    signing = tuple(suite for suite in sight.suites if _signs(suite))
    left = (*SHA1_SCHEMES, *MD5_SCHEMES)
    try:
        for pick in sight.sorted_picks() if signing else ():
            _note_scheme(read_sent(pick.hello, pick.flight), seen)
        while signing and left:
            offer = replace(offer_like(sight, name), suites=signing, schemes=left)
            answer = await asker.ask(offer.hello())
            took = answer.hello if not answer.flight.alert else None  # some choose, and then refuse
            sent = read_sent(took, answer.flight) if took else None
            if sent is None or sent.signature_scheme not in left:
                break
            _note_scheme(sent, seen)
            same = SHA1_SCHEMES if sent.signature_scheme in SHA1_SCHEMES else MD5_SCHEMES
            left = tuple(scheme for scheme in left if scheme not in same)
    except (NoAnswerError, BrokenFlightError) as error:
        seen.unknown["key_exchange_signatures"] = str(error)
    else:
        seen.signatures_asked = True


def _note_scheme(sent: SentKeyExchange | None, seen: Sightings) -> None:
    if sent is not None and sent.signature_scheme is not None:
        seen.signatures[sent.signature_scheme] = None


def _signs(suite: int) -> bool:
    key_exchange = read_suite(SUITES[suite]).key_exchange
    return key_exchange.startswith(("ECDHE_RSA", "ECDHE_ECDSA", "DHE_RSA", "DHE_DSS"))


def classic_offer(seen: Sightings, name: str | None) -> Offer | None:
    """A hello that the newest version before TLS 1.3 has answered; SSL 3.0 has no extensions."""
    classic = seen.classic()
    if classic is None or classic.version == SSL_3_0:
        return None
    return replace(offer_like(classic, name), suites=classic.suites)
