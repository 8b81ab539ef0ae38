"""Finds out which services of a run share a certificate key, from stored evidence alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from spbe_audit.evidence import (
    KeyUse,
    KeyUseEvidence,
    NoLeaf,
    Probe,
    TlsEvidence,
    read_chain,
)
from spbe_audit.recorded_run import ServiceEvidence, deciding_attempt
from spbe_audit.targets import Service

MOST_NAMED = 20
"""How many other services one service's evidence names; the rest is counted only."""

_Users = dict[str, list[str]]


@dataclass(slots=True)
class KeyUses:
    """The key of each service, and for each key its users: agencies, with their services."""

    _keys: dict[str, str] = field(default_factory=dict)
    _users: dict[str, _Users] = field(default_factory=dict)

    def add(self, service: Service, key: str) -> None:
        """Note the key (SHA-256, '' for none) of a service."""
        self._keys[service.id] = key
        if key:
            self._users.setdefault(key, {}).setdefault(service.agency, []).append(service.id)

    def of(self, service: Service) -> KeyUseEvidence:
        """Who else uses the key of a service."""
        key = self._keys.get(service.id, "")
        users = self._users.get(key, {})
        own = len(users.get(service.agency, ()))
        return KeyUseEvidence(
            agency=service.agency,
            service=service.id,
            key=key,
            others=tuple(islice(_others(users, service), MOST_NAMED)),
            foreign=sum(len(services) for services in users.values()) - own,
            own=max(0, own - 1),
        )


def find_key_uses(services: Iterable[ServiceEvidence]) -> KeyUses:
    """Read the certificate key of every service, in one pass; nothing else is kept of them."""
    uses = KeyUses()
    for collected in services:
        uses.add(collected.service, _key(collected))
    return uses


def with_key_use(collected: ServiceEvidence, uses: KeyUses) -> ServiceEvidence:
    """The evidence of a service with what is known of its key beside it."""
    derived = {**collected.derived, Probe.KEY_USE: uses.of(collected.service)}
    return replace(collected, derived=derived)


def _key(collected: ServiceEvidence) -> str:
    attempts = collected.attempts.get(Probe.TLS)
    tls = deciding_attempt(attempts).attempt.result if attempts else None
    if not isinstance(tls, TlsEvidence):
        return ""
    chain = read_chain(tls)
    return "" if isinstance(chain, NoLeaf) else chain.leaf.key_digest


def _others(users: Mapping[str, list[str]], service: Service) -> Iterator[KeyUse]:
    """The other users of a key, those of other agencies first."""
    for agency, services in users.items():
        if agency != service.agency:
            yield from (KeyUse(agency, other) for other in services)
    for other in users.get(service.agency, ()):
        if other != service.id:
            yield KeyUse(service.agency, other)
