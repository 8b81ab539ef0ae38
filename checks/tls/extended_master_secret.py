"""Are session keys of TLS 1.2 bound to the handshake that made them?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence, TlsVersion


@check("tls.extended_master_secret", needs=TlsEvidence, params=NoParams)
def extended_master_secret(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when RFC 7627 is supported, where TLS 1.2 is accepted."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if TlsVersion.TLS_1_2 not in tls.versions or tls.extended_master_secret is None:
        return _no_answer(tls)
    if tls.extended_master_secret:
        return Outcome.passed(versions=tls.versions)
    return Outcome.failed(versions=tls.versions)


def _no_answer(tls: TlsEvidence) -> Outcome:
    for fact in ("extended_master_secret", f"versions.{TlsVersion.TLS_1_2}"):
        if fact in tls.unknown:
            return Outcome.unknown("fact_unknown", fact=fact)
    if tls.only_tls_1_3:
        return Outcome.not_applicable("tls_1_3_only")
    if TlsVersion.TLS_1_2 not in tls.versions:
        return Outcome.not_applicable("no_tls_1_2")
    return Outcome.not_applicable("not_asked_at_this_intensity")
