"""Does the chain lead to a CA that is trusted?"""

from spbe_audit.check import Fact, NoParams, Outcome, check
from spbe_audit.evidence import (
    STORE_NAME,
    NoLeaf,
    TlsEvidence,
    TrustProblem,
    find_trust_path,
    read_chain,
    utc_text,
)


@check("certificate.trusted_chain", needs=TlsEvidence, params=NoParams)
def trusted_chain(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when a path leads to Mozilla's store or to a CA that the agency added."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    sent = tls.chains[0].certificates
    trust = find_trust_path(sent, anchors=tls.trust_anchors, at=tls.collected_at)
    facts: dict[str, Fact] = {
        "path": trust.subjects,
        "judged_at": utc_text(trust.judged_at),
        "leaf_outside_validity": trust.judged_at != tls.collected_at,
        "store": STORE_NAME,
    }
    if trust.problem is TrustProblem.UNVERIFIABLE:
        return Outcome.unknown("unverifiable_signature", **facts)
    if trust.problem:
        return Outcome.failed(problem=trust.problem.value, stopped_at=trust.stopped_at, **facts)
    return Outcome.passed(root=trust.root, **facts)
