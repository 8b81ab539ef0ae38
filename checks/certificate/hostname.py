"""Is the certificate for the name by which the service is reached?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import NoLeaf, TlsEvidence, matching_name, read_chain

_SHOWN_NAMES = 100


@check("certificate.hostname", needs=TlsEvidence, params=NoParams)
def hostname(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when a subjectAltName entry covers the service's host (RFC 9525)."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    leaf = chain.leaf
    if not leaf.extensions_readable:
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    matched = matching_name(leaf, tls.server_name)
    if matched:
        return Outcome.passed(host=tls.server_name, matched=matched)
    return Outcome.failed(
        problem="other_names" if leaf.names else "no_names",
        host=tls.server_name,
        names=leaf.names[:_SHOWN_NAMES],
        subject=leaf.subject,
    )
