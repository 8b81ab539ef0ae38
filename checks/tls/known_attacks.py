"""Which known attacks do the accepted versions and suites allow?"""

from collections.abc import Iterator
from typing import Literal

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    TlsEvidence,
    TlsVersion,
    read_suite,
    suites_that,
    unsettled_suites,
    versions_accepting,
)

Attack = Literal["POODLE", "BEAST", "FREAK", "LOGJAM", "DROWN", "LUCKY13", "SWEET32"]


class KnownAttacksParams(Params):
    """The attacks that are named, and the longest DH prime, in bits, that LOGJAM reaches."""

    attacks: tuple[Attack, ...] = (
        "POODLE",
        "BEAST",
        "FREAK",
        "LOGJAM",
        "DROWN",
        "LUCKY13",
        "SWEET32",
    )
    logjam_bits: int = 1024


@check("tls.known_attacks", needs=TlsEvidence, params=KnownAttacksParams)
def known_attacks(tls: TlsEvidence, params: KnownAttacksParams) -> Outcome:
    """Pass when nothing that is accepted is known to be open to one of the attacks."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    causes: dict[str, Fact] = {
        name: what for name, what in _causes(tls, params) if name in params.attacks and what
    }
    if causes:
        return Outcome.failed(attacks=tuple(causes), causes=causes)
    doubtful = unsettled_suites(tls)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.passed(versions=tls.versions)


def _causes(
    tls: TlsEvidence, params: KnownAttacksParams
) -> Iterator[tuple[Attack, tuple[str, ...]]]:
    """Each attack with the versions, suites or primes that allow it."""
    chained = versions_accepting(tls, suites_that(tls, lambda suite: suite.cbc))
    export = suites_that(tls, lambda suite: suite.export)
    yield "POODLE", tuple(version for version in chained if version == TlsVersion.SSL_3_0)
    yield (
        "BEAST",
        tuple(v for v in chained if v in {TlsVersion.SSL_3_0, TlsVersion.TLS_1_0}),
    )
    yield "FREAK", tuple(name for name in export if _key_exchange(name).startswith("RSA_EXPORT"))
    short = tuple(
        f"DH {exchange.bits}"
        for exchange in tls.key_exchanges
        if exchange.kind == "DH" and exchange.bits <= params.logjam_bits
    )
    dhe_export = (name for name in export if _key_exchange(name).startswith(("DHE_", "DH_")))
    yield "LOGJAM", tuple(dict.fromkeys((*dhe_export, *short)))
    yield "DROWN", tuple(v.value for v in tls.versions if v is TlsVersion.SSL_2_0)
    yield "LUCKY13", tuple(v for v in chained if v.startswith("TLS"))
    yield "SWEET32", suites_that(tls, lambda suite: suite.short_blocks)


def _key_exchange(name: str) -> str:
    return read_suite(name).key_exchange
