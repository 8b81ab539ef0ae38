"""Is the certificate signed by somebody else than its owner?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import NoLeaf, TlsEvidence, read_chain


@check("certificate.self_signed", needs=TlsEvidence, params=NoParams)
def self_signed(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when the certificate's signature was not made with its own key."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    leaf = chain.leaf
    # Where the signature cannot be verified, equal names and nothing else sent decide.
    alone = len(tls.chains[0].certificates) == 1
    own = alone if leaf.self_signed is None else leaf.self_signed
    facts = {"subject": leaf.subject, "issuer": leaf.issuer}
    return Outcome.failed(**facts) if own else Outcome.passed(**facts)
