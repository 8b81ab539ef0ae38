"""Is the certificate valid at the time of the observation?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import NoLeaf, TlsEvidence, read_chain, utc_text


@check("certificate.validity_period", needs=TlsEvidence, params=NoParams)
def validity_period(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when the certificate is neither expired nor not yet valid (RFC 5280 4.1.2.5)."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    leaf = chain.leaf
    dates = {
        "not_before": utc_text(leaf.not_before),
        "not_after": utc_text(leaf.not_after),
        "observed_at": utc_text(tls.collected_at),
    }
    if tls.collected_at > leaf.not_after:
        return Outcome.failed(problem="expired", **dates)
    if tls.collected_at < leaf.not_before:
        return Outcome.failed(problem="not_yet_valid", **dates)
    return Outcome.passed(**dates)
