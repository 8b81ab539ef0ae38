"""Does the server refuse new handshakes that a client asks for?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence


@check("tls.client_renegotiation", needs=TlsEvidence, params=NoParams)
def client_renegotiation(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when a client cannot start a renegotiation; TLS 1.3 has none."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if tls.client_renegotiation is True:
        return Outcome.failed(versions=tls.versions)
    if tls.only_tls_1_3:
        return Outcome.not_applicable("tls_1_3_only")
    if tls.client_renegotiation is None:
        if "client_renegotiation" in tls.unknown:
            return Outcome.unknown("fact_unknown", fact="client_renegotiation")
        return Outcome.not_applicable("not_asked_at_this_intensity")
    return Outcome.passed(versions=tls.versions)
