"""Is the newest protocol version accepted?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import TlsEvidence

Version = Literal["SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]


class ModernVersionParams(Params):
    """The version that is wanted."""

    wanted: Version = "TLS 1.3"


@check("tls.modern_version", needs=TlsEvidence, params=ModernVersionParams)
def modern_version(tls: TlsEvidence, params: ModernVersionParams) -> Outcome:
    """Pass when the wanted version is accepted."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if params.wanted in tls.versions:
        return Outcome.passed(versions=tls.versions, wanted=params.wanted)
    if params.wanted in tls.versions_unknown():
        return Outcome.unknown("fact_unknown", fact=params.wanted)
    return Outcome.failed(versions=tls.versions, wanted=params.wanted)
