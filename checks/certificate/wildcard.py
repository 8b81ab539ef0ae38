"""Is the certificate for all names below a domain at once?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import NoLeaf, TlsEvidence, read_chain

_SHOWN_NAMES = 100


class WildcardParams(Params):
    """Whether wildcard names are allowed."""

    allowed: bool = True


@check("certificate.wildcard", needs=TlsEvidence, params=WildcardParams)
def wildcard(tls: TlsEvidence, params: WildcardParams) -> Outcome:
    """Note wildcard names; fail on them only where a policy does not allow them."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    if not chain.leaf.extensions_readable:
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    names = chain.leaf.dns_names
    wildcards = tuple(name for name in names if name.startswith("*."))
    facts: dict[str, Fact] = {"wildcards": wildcards[:_SHOWN_NAMES], "names": len(names)}
    if wildcards and not params.allowed:
        return Outcome.failed(**facts)
    return Outcome.passed(**facts)
