"""Are suites accepted that were weakened for export?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import (
    LEGACY_VERSIONS,
    TlsEvidence,
    suites_that,
    unsettled_suites,
    versions_accepting,
)


@check("tls.export_suites", needs=TlsEvidence, params=NoParams)
def export_suites(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when no accepted suite is an export suite."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    found = suites_that(tls, lambda suite: suite.export)
    if found:
        return Outcome.failed(suites=found, versions=versions_accepting(tls, found))
    doubtful = unsettled_suites(tls, LEGACY_VERSIONS)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.passed(accepted=len(tls.accepted_suites()))
