"""Is the key of the certificate used by this agency's services alone?"""

from spbe_audit.check import Fact, NoParams, Outcome, check
from spbe_audit.evidence import KeyUse, KeyUseEvidence, NoLeaf, TlsEvidence, read_chain


@check("certificate.key_reuse", needs=(TlsEvidence, KeyUseEvidence), params=NoParams)
def key_reuse(tls: TlsEvidence, use: KeyUseEvidence, _: NoParams) -> Outcome:
    """Pass when no service of another agency in the same run shows the same key."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    if not use.key:
        return Outcome.unknown("key_not_comparable")
    foreign = tuple(other for other in use.others if other.agency != use.agency)
    own = tuple(other for other in use.others if other.agency == use.agency)
    facts: dict[str, Fact] = {
        "key": chain.leaf.key.label,
        "key_sha256": use.key,
        "other_agencies": _shown(foreign),
        "other_agencies_count": use.foreign,
        "same_agency": _shown(own),
        "same_agency_count": use.own,
    }
    return Outcome.failed(**facts) if use.foreign else Outcome.passed(**facts)


def _shown(uses: tuple[KeyUse, ...]) -> tuple[str, ...]:
    return tuple(f"{one.agency}/{one.service}" for one in uses)
