"""Is the chain sent whole, in order, and without certificates that nobody needs?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import NoLeaf, TlsEvidence, chain_shape, read_chain


class ChainOrderParams(Params):
    """Whether a root that is sent, or another needless certificate, is tolerated."""

    allow_root: bool = False
    allow_extra: bool = False


@check("certificate.chain_order", needs=TlsEvidence, params=ChainOrderParams)
def chain_order(tls: TlsEvidence, params: ChainOrderParams) -> Outcome:
    """Pass when each certificate follows one that it issued, up to below the root."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    if chain.self_signed:
        return Outcome.not_applicable("self_signed")
    shape = chain_shape(tls.chains[0].certificates, tls.trust_anchors)
    amiss = {
        "missing": bool(shape.missing) and not shape.malformed,
        "misordered": bool(shape.misordered),
        "root_sent": bool(shape.roots) and not params.allow_root,
        "extra": bool(shape.extra) and not params.allow_extra,
    }
    facts: dict[str, Fact] = {
        "sent": (chain.leaf.subject, *(other.subject for other in chain.others)),
        "missing": shape.missing,
        "misordered": shape.misordered,
        "root_sent": shape.roots,
        "extra": shape.extra,
    }
    if any(amiss.values()):
        return Outcome.failed(
            problems=tuple(code for code, is_so in amiss.items() if is_so), **facts
        )
    if shape.malformed:
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    return Outcome.passed(**facts)
