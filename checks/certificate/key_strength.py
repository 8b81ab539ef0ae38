"""Are the keys of the certificates strong enough?"""

from pydantic import Field

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import Certificate, NoLeaf, TlsEvidence, read_chain


class KeyStrengthParams(Params):
    """The smallest key, in bits, of each algorithm."""

    rsa_bits: int = Field(default=2048, ge=1)
    ec_bits: int = Field(default=224, ge=1)
    dsa_bits: int = Field(default=2048, ge=1)


@check("certificate.key_strength", needs=TlsEvidence, params=KeyStrengthParams)
def key_strength(tls: TlsEvidence, params: KeyStrengthParams) -> Outcome:
    """Pass when the service's key and those of the CAs below the root are strong enough."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    judged = chain.below_root
    weak = tuple(_label(one) for one in judged if _problems((one,), params))
    if weak:
        return Outcome.failed(
            problems=_problems(judged, params),
            weak=weak,
            key=chain.leaf.key.label,
            rsa_bits=params.rsa_bits,
            ec_bits=params.ec_bits,
        )
    if chain.malformed:
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    unread = tuple(_label(one) for one in judged if one.key.bits is None)
    if unread:
        return Outcome.unknown("unknown_key", keys=unread)
    return Outcome.passed(key=chain.leaf.key.label, keys=tuple(_label(one) for one in judged))


def _problems(judged: tuple[Certificate, ...], params: KeyStrengthParams) -> tuple[str, ...]:
    small = any(_is_small(one, params) for one in judged)
    flawed = any(one.key.roca for one in judged)
    return (*(("small_key",) if small else ()), *(("roca_key",) if flawed else ()))


def _is_small(certificate: Certificate, params: KeyStrengthParams) -> bool:
    key = certificate.key
    smallest = {"RSA": params.rsa_bits, "EC": params.ec_bits, "DSA": params.dsa_bits}
    return key.bits is not None and key.bits < smallest.get(key.algorithm, 0)


def _label(certificate: Certificate) -> str:
    return f"{certificate.subject}: {certificate.key.label}"
