"""In which order a server prefers its suites, which sslyze does not tell.

All accepted suites of a version are offered, the one that the server takes is noted and left out,
and so on. Offering them the other way round shows whether the order is the server's or ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sslyze.server_connectivity import TlsVersionEnum

from spbe_audit.probes.tls.deep.crew import Crew, reason
from spbe_audit.probes.tls.deep.server import (
    KnownServer,
    Suite,
    modern_names,
    offer,
    shake_hands,
)
from spbe_audit.probes.tls.deep.suites import Support

_BY_IMPORTANCE = (
    TlsVersionEnum.TLS_1_2,
    TlsVersionEnum.TLS_1_1,
    TlsVersionEnum.TLS_1_0,
    TlsVersionEnum.TLS_1_3,
    TlsVersionEnum.SSL_3_0,
)
_FLOATING = "CHACHA20"


class OrderHiddenError(Exception):
    """The server does not let us see which suite it takes."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Whether the server has an order of its own, None where there is nothing to choose.

    ``orders`` holds the names of the suites of each version in that order; ``doubt`` says why
    something could not be found out.
    """

    own: bool | None = None
    orders: Mapping[TlsVersionEnum, tuple[str, ...]] = field(default_factory=dict)
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Suites of one version that one client can offer together."""

    version: TlsVersionEnum
    suites: tuple[Suite, ...]
    legacy: bool = False


def find_preference(
    crew: Crew, server: KnownServer, supports: Mapping[TlsVersionEnum, Support]
) -> Preference:
    """Find out whether the server has a preference, and if so what it is."""
    batches = [batch for v in _BY_IMPORTANCE for batch in _batches(v, supports[v].suites)]
    telling = next((batch for batch in batches if len(batch.suites) > 1), None)
    if telling is None:
        return Preference()
    answer = crew.answer(crew.ask(_has_own, server, telling))
    if answer.error is not None:
        return Preference(doubt=reason(answer.error))
    if not answer.value:
        return Preference(own=False)
    answers = crew.answers([crew.ask(_sequence, server, batch) for batch in batches])
    orders: dict[TlsVersionEnum, tuple[str, ...]] = {}
    for batch, sequence in zip(batches, answers, strict=True):
        if sequence.error is not None:
            return Preference(doubt=reason(sequence.error))
        orders[batch.version] = merged(orders.get(batch.version, ()), sequence.required())
    return Preference(own=True, orders=orders)


def merged(order: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """One order of two that share some names: what ``other`` alone has follows its predecessor."""
    result = list(order)
    position = 0
    for name in other:
        if name in result:
            position = result.index(name) + 1
        else:
            result.insert(position, name)
            position += 1
    return tuple(result)


def _batches(version: TlsVersionEnum, suites: Sequence[Suite]) -> list[_Batch]:
    """The suites of one version, in as few batches as the two clients allow."""
    legacy = tuple(suite for suite in suites if suite.legacy)
    modern = tuple(suite for suite in suites if not suite.legacy)
    if version is TlsVersionEnum.TLS_1_2:
        modern = tuple(suite for suite in suites if suite.openssl_name in modern_names())
        legacy = () if len(modern) == len(suites) else legacy
    batches = (_Batch(version, suites=modern), _Batch(version, suites=legacy, legacy=True))
    return [batch for batch in batches if batch.suites]


def _has_own(server: KnownServer, batch: _Batch) -> bool:
    """Whether the server takes the same suite whichever way round they are offered.

    ChaCha20 stays last both times where possible: some servers take it when the client has it
    first (OpenSSL's PrioritizeChaCha), though they keep to their own order otherwise.
    """
    fixed = [suite for suite in batch.suites if _FLOATING not in suite.openssl_name]
    floating = [suite for suite in batch.suites if _FLOATING in suite.openssl_name]
    if len(fixed) < 2:  # noqa: PLR2004 - one suite has no order
        fixed, floating = fixed + floating, []
    one_way = _taken(server, batch, fixed + floating)
    return one_way == _taken(server, batch, fixed[::-1] + floating)


def _sequence(server: KnownServer, batch: _Batch) -> tuple[str, ...]:
    """The names of the suites in the order in which the server takes them."""
    left = list(batch.suites)
    order = []
    while len(left) > 1:
        taken = _taken(server, batch, left)
        order.append(taken.name)
        left.remove(taken)
    return (*order, left[0].name)


def _taken(server: KnownServer, batch: _Batch, suites: Sequence[Suite]) -> Suite:
    connection = server.get_preconfigured_tls_connection(
        batch.version, should_use_legacy_openssl=batch.legacy
    )
    offer(connection.ssl_client, batch.version, [suite.openssl_name for suite in suites])
    try:
        shake_hands(connection)
        name = connection.ssl_client.get_current_cipher_name()
    finally:
        connection.close()
    for suite in suites:
        if suite.openssl_name == name:
            return suite
    raise OrderHiddenError("the server asks for a certificate of ours before it settles on a suite")
