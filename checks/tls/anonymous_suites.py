"""Are suites accepted in which the server does not prove who it is?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import (
    LEGACY_VERSIONS,
    TlsEvidence,
    suites_that,
    unsettled_suites,
    versions_accepting,
)


@check("tls.anonymous_suites", needs=TlsEvidence, params=NoParams)
def anonymous_suites(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when no accepted suite has an anonymous key exchange."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    found = suites_that(tls, lambda suite: suite.anonymous)
    if found:
        return Outcome.failed(suites=found, versions=versions_accepting(tls, found))
    doubtful = unsettled_suites(tls, LEGACY_VERSIONS)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.passed(accepted=len(tls.accepted_suites()))
