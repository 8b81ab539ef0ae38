"""Is the certificate on record in public certificate logs?"""

from pydantic import Field

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    Authority,
    LogTimestamp,
    NoLeaf,
    TlsEvidence,
    authority_of,
    read_chain,
    read_staple,
    read_timestamp_list,
    utc_text,
)


class TransparencyParams(Params):
    """How many logs must have promised to record the certificate."""

    minimum_logs: int = Field(default=2, ge=1)
    public_roots: tuple[str, ...] = ()


@check("certificate.transparency", needs=TlsEvidence, params=TransparencyParams)
def transparency(tls: TlsEvidence, params: TransparencyParams) -> Outcome:
    """Pass when the certificate, the stapled OCSP answer and the handshake name enough logs."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    authority = authority_of(tls, params.public_roots)
    if authority is Authority.UNVERIFIABLE:
        return Outcome.unknown("unverifiable_signature")
    if authority is not Authority.PUBLIC:
        return Outcome.not_applicable("private_authority")
    if not chain.leaf.extensions_readable:
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    embedded, stapled = chain.leaf.parts.timestamps, _stapled(tls)
    sent = read_timestamp_list(tls.signed_timestamps or b"")
    logs = {timestamp.log for timestamp in (*embedded, *stapled, *sent)}
    facts: dict[str, Fact] = {
        "logs": len(logs),
        "embedded": _shown(embedded),
        "stapled": _shown(stapled),
        "sent": _shown(sent),
        "minimum_logs": params.minimum_logs,
    }
    enough = len(logs) >= params.minimum_logs
    return Outcome.passed(**facts) if enough else Outcome.failed(**facts)


def _stapled(tls: TlsEvidence) -> tuple[LogTimestamp, ...]:
    if tls.ocsp_staple is None:
        return ()
    sent = tls.chains[0].certificates
    staple = read_staple(tls.ocsp_staple, sent, anchors=tls.trust_anchors, at=tls.collected_at)
    return staple.timestamps


def _shown(timestamps: tuple[LogTimestamp, ...]) -> tuple[str, ...]:
    return tuple(f"{one.log[:16]} ({utc_text(one.at)})" for one in timestamps)
