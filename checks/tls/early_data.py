"""Does the server refuse data that comes before the handshake is finished?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence, TlsVersion


@check("tls.early_data", needs=TlsEvidence, params=NoParams)
def early_data(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when 0-RTT of TLS 1.3 is off."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if tls.early_data:
        return Outcome.failed(versions=tls.versions)
    if TlsVersion.TLS_1_3 in tls.versions and tls.early_data is False:
        return Outcome.passed(versions=tls.versions)
    for fact in ("early_data", f"versions.{TlsVersion.TLS_1_3}"):
        if fact in tls.unknown:
            return Outcome.unknown("fact_unknown", fact=fact)
    possible = TlsVersion.TLS_1_3 in tls.versions
    return Outcome.not_applicable("not_asked_at_this_intensity" if possible else "no_tls_1_3")
