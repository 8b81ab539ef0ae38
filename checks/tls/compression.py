"""Is TLS compression off?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence


@check("tls.compression", needs=TlsEvidence, params=NoParams)
def compression(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when the server compresses nothing; TLS 1.3 no longer can."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if tls.compression is True:
        return Outcome.failed(versions=tls.versions)
    if tls.only_tls_1_3:
        return Outcome.not_applicable("tls_1_3_only")
    if tls.compression is None:
        if "compression" in tls.unknown:
            return Outcome.unknown("fact_unknown", fact="compression")
        return Outcome.not_applicable("not_asked_at_this_intensity")
    return Outcome.passed(versions=tls.versions)
