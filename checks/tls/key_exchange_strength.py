"""Are the groups of the key exchange large and sound enough?"""

from collections.abc import Iterator
from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    KeyExchange,
    TlsEvidence,
    TlsQuestion,
    curve_bits,
    is_binary_curve,
    is_composite,
    known_prime,
    unsettled_suites,
)


class KeyExchangeStrengthParams(Params):
    """The smallest sizes, in bits, and what a prime and a curve must not be."""

    minimum_dh_bits: int = 2048
    minimum_curve_bits: int = 224
    refused_primes: tuple[Literal["common_prime", "small_subgroup", "composite"], ...] = (
        "common_prime",
        "small_subgroup",
        "composite",
    )
    allow_binary_curves: bool = False


@check(
    "tls.key_exchange_strength",
    needs=TlsEvidence,
    params=KeyExchangeStrengthParams,
    asks=(TlsQuestion.WEAK_GROUPS,),
)
def key_exchange_strength(tls: TlsEvidence, params: KeyExchangeStrengthParams) -> Outcome:
    """Pass when no group that was seen is too small, and no prime or curve is a weak one."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    found = [
        (_shown(exchange), problem)
        for exchange in _all_groups(tls)
        for problem in _problems(exchange, params)
    ]
    if found:
        problems = tuple(dict.fromkeys(problem for _, problem in found))
        return Outcome.failed(groups=tuple(dict.fromkeys(n for n, _ in found)), problems=problems)
    doubtful = [
        *unsettled_suites(tls),
        *(n for n in ("key_exchanges", "groups", "groups.weak") if n in tls.unknown),
    ]
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    if not tls.key_exchanges:
        return Outcome.not_applicable("no_ephemeral_key_exchange")
    if any(_is_untestable(exchange) for exchange in tls.key_exchanges):
        return Outcome.unknown("fact_unknown", fact="prime")
    return Outcome.passed(groups=tuple(dict.fromkeys(map(_shown, _all_groups(tls)))))


def _all_groups(tls: TlsEvidence) -> tuple[KeyExchange, ...]:
    """The key exchanges that were seen, and the curves that the server takes when asked."""
    seen = {exchange.group for exchange in tls.key_exchanges}
    sizes = {name: curve_bits(name) for name in tls.groups or () if name not in seen}
    others = (KeyExchange("ECDH", bits, name) for name, bits in sizes.items() if bits)
    return (*tls.key_exchanges, *others)


def _problems(exchange: KeyExchange, params: KeyExchangeStrengthParams) -> Iterator[str]:
    if exchange.kind == "DH":
        if exchange.bits < params.minimum_dh_bits:
            yield "dh_short"
        flaw = _prime_flaw(exchange)
        if flaw in params.refused_primes:
            yield flaw
    else:
        if exchange.bits < params.minimum_curve_bits:
            yield "curve_short"
        if is_binary_curve(exchange.group or "") and not params.allow_binary_curves:
            yield "binary_curve"


def _prime_flaw(exchange: KeyExchange) -> str:
    if not exchange.prime:
        return ""
    prime = int(exchange.prime, 16)
    known = known_prime(prime)
    if known:
        return known.flaw or ""
    return "composite" if is_composite(prime) else ""


def _is_untestable(exchange: KeyExchange) -> bool:
    """A prime of our own reading whose primality nobody has looked at."""
    return bool(exchange.prime) and is_composite(int(exchange.prime or "0", 16)) is None


def _shown(exchange: KeyExchange) -> str:
    known = known_prime(int(exchange.prime, 16)) if exchange.prime else None
    name = exchange.group or (known.name if known else "")
    return f"{exchange.kind} {exchange.bits}" + (f" ({name})" if name else "")
