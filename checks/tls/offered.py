"""Does a TLS handshake succeed?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence


@check("tls.offered", needs=TlsEvidence, params=NoParams)
def offered(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when the service answers a handshake; fail when it answers anything else."""
    if tls.offered:
        return Outcome.passed(port=tls.port, versions=tls.versions)
    return Outcome.failed(
        problem=tls.answer.value,
        detail=tls.answer_detail,
        port=tls.port,
    )
