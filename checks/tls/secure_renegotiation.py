"""Is a new handshake bound to the connection in which it takes place?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence


@check("tls.secure_renegotiation", needs=TlsEvidence, params=NoParams)
def secure_renegotiation(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when RFC 5746 is supported; TLS 1.3 has no renegotiation."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if tls.secure_renegotiation is False:
        return Outcome.failed(versions=tls.versions)
    if tls.only_tls_1_3:
        return Outcome.not_applicable("tls_1_3_only")
    if tls.secure_renegotiation is None:
        if "secure_renegotiation" in tls.unknown:
            return Outcome.unknown("fact_unknown", fact="secure_renegotiation")
        return Outcome.not_applicable("not_asked_at_this_intensity")
    return Outcome.passed(versions=tls.versions)
