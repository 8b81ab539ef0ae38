"""Which protocol versions are accepted?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import TlsEvidence

Version = Literal["SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]


class ProtocolVersionsParams(Params):
    """Versions that must not be accepted, and those of which at least one must be."""

    refused: tuple[Version, ...] = ("SSL 2.0", "SSL 3.0", "TLS 1.0", "TLS 1.1")
    wanted: tuple[Version, ...] = ("TLS 1.2", "TLS 1.3")


@check(
    "tls.protocol_versions",
    needs=TlsEvidence,
    params=ProtocolVersionsParams,
    subject="obsolete",
    among="settled",
)
def protocol_versions(tls: TlsEvidence, params: ProtocolVersionsParams) -> Outcome:
    """Pass when no refused version and at least one wanted version is accepted."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    unsettled = set(tls.versions_unknown())
    obsolete = tuple(version for version in tls.versions if version in params.refused)
    has_wanted = not set(params.wanted).isdisjoint(tls.versions)
    may_have_wanted = has_wanted or not unsettled.isdisjoint(params.wanted)
    if obsolete or not may_have_wanted:
        return Outcome.failed(
            problem="obsolete_version" if obsolete else "no_modern_version",
            versions=tls.versions,
            obsolete=obsolete,
            wanted=params.wanted,
            settled=tuple(one for one in params.refused if one not in unsettled),
        )
    decisive = params.refused if has_wanted else params.refused + params.wanted
    doubtful = tuple(version for version in decisive if version in unsettled)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.passed(versions=tls.versions)
