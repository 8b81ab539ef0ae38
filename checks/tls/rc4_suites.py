"""Are suites accepted that encrypt with RC4?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import (
    LEGACY_VERSIONS,
    TlsEvidence,
    suites_that,
    unsettled_suites,
    versions_accepting,
)


@check("tls.rc4_suites", needs=TlsEvidence, params=NoParams)
def rc4_suites(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when no accepted suite uses RC4."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    found = suites_that(tls, lambda suite: suite.rc4)
    if found:
        return Outcome.failed(suites=found, versions=versions_accepting(tls, found))
    doubtful = unsettled_suites(tls, LEGACY_VERSIONS)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.passed(accepted=len(tls.accepted_suites()))
