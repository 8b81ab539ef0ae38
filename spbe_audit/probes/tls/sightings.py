"""What the survey of one endpoint has seen so far; lanes write into it as they go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from spbe_audit.evidence import TlsVersion
from spbe_audit.probes.tls.offer import SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3
from spbe_audit.probes.tls.server_flight import Flight, ServerHello
from spbe_audit.probes.tls.ssl2 import Ssl2Answer
from spbe_audit.probes.tls.tls13.encrypted_flight import EncryptedFlight

VERSIONS = {
    SSL_3_0: TlsVersion.SSL_3_0,
    TLS_1_0: TlsVersion.TLS_1_0,
    TLS_1_1: TlsVersion.TLS_1_1,
    TLS_1_2: TlsVersion.TLS_1_2,
    TLS_1_3: TlsVersion.TLS_1_3,
}
"""The versions that share one form of hello, oldest first."""

UNFINISHED = "the time allowed was over"

MOST_CHAINS = 16
"""Chains of certificates that are kept: two or three are usual, one for each kind of key."""


@dataclass(frozen=True, slots=True)
class Pick:
    """One suite that was taken, from which suites, and all that came with it.

    ``in_order`` tells that the offer held all suites that were not taken before, so that the pick
    shows what the server prefers.
    """

    hello: ServerHello
    flight: Flight
    offered: tuple[int, ...] = field(repr=False)
    in_order: bool = True

    @property
    def suite(self) -> int:
        """The number of the suite."""
        return self.hello.suite


@dataclass(slots=True)
class VersionSight:
    """What is known of one version.

    ``doubt`` says why it may not be all; it is '' once the server has refused the rest. ``short``
    tells that the server answers short hellos only, ``in_portions`` that it has refused the whole
    list of suites for its length, or for some of them. ``by_user_name`` are suites that were
    chosen, and not begun for want of a user.
    """

    version: int
    picks: list[Pick] = field(default_factory=list)
    by_user_name: dict[int, None] = field(default_factory=dict)
    doubt: str = UNFINISHED
    short: bool = False
    in_portions: bool = False
    chains: dict[tuple[bytes, ...], tuple[bytes, ...]] = field(default_factory=dict, repr=False)

    def note(self, pick: Pick) -> None:
        """Keep a pick, and each chain of certificates once; of many chains no more than a few."""
        chain = self.chains.get(pick.flight.chain, ())
        if not chain and len(self.chains) < MOST_CHAINS:
            chain = self.chains.setdefault(pick.flight.chain, pick.flight.chain)
        self.picks.append(replace(pick, flight=replace(pick.flight, chain=chain)))

    @property
    def accepted(self) -> bool:
        """Whether a ServerHello of this version came."""
        return bool(self.picks)

    @property
    def suites(self) -> tuple[int, ...]:
        """The numbers of the suites that were taken, each once, as ``sorted_picks`` has them."""
        taken = [pick.suite for pick in self.sorted_picks()]
        return tuple(dict.fromkeys((*taken, *self.by_user_name)))

    def sorted_picks(self) -> list[Pick]:
        """The picks in the server's order, as far as that was seen, and then by number.

        Lanes run side by side, so that the order in time says nothing.
        """
        in_order = [pick for pick in self.picks if pick.in_order]
        others = [pick for pick in self.picks if not pick.in_order]
        return in_order + sorted(others, key=lambda pick: pick.suite)


@dataclass(slots=True)
class Sightings:
    """Everything about one endpoint.

    ``first`` is the answer to the hello that offers everything, ``encrypted`` what TLS 1.3 hid in
    it, or ``hidden`` why that is not known. ``named`` and ``unnamed`` are the chains that came with
    and without SNI. A question that was asked in vain stands in ``unknown`` with the reason, one
    that was not asked in none of the fields. ``groups`` and ``signatures`` are numbers.
    """

    versions: dict[int, VersionSight] = field(default_factory=dict)
    ssl2: Ssl2Answer | None = None
    first: Flight | None = None
    encrypted: EncryptedFlight | None = None
    hidden: str = ""
    named: dict[tuple[bytes, ...], None] = field(default_factory=dict)
    unnamed: dict[tuple[bytes, ...], None] = field(default_factory=dict)
    groups: dict[int, None] = field(default_factory=dict)
    groups_listed: bool = False
    own_preference: bool | None = None
    fallback_refused: bool | None = None
    signatures: dict[int, None] = field(default_factory=dict)
    signatures_asked: bool = False
    intolerances: tuple[str, ...] | None = None
    unknown: dict[str, str] = field(default_factory=dict)

    def sight(self, version: int) -> VersionSight:
        """What is known of a version, empty at first."""
        return self.versions.setdefault(version, VersionSight(version))

    def accepted(self) -> tuple[int, ...]:
        """The versions of which a ServerHello was seen, oldest first; SSL 2.0 left out."""
        return tuple(v for v in VERSIONS if v in self.versions and self.versions[v].accepted)

    def classic(self) -> VersionSight | None:
        """The newest accepted version before TLS 1.3."""
        older = [version for version in self.accepted() if version < TLS_1_3]
        return self.versions[older[-1]] if older else None

    def picks(self) -> Iterator[Pick]:
        """All picks, those of the newest version first."""
        for version in reversed(self.accepted()):
            yield from self.versions[version].sorted_picks()
