"""Are suites accepted that encrypt nothing?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import (
    TlsEvidence,
    suites_that,
    unsettled_suites,
    versions_accepting,
)


@check("tls.null_suites", needs=TlsEvidence, params=NoParams)
def null_suites(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when no accepted suite has the NULL cipher."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    found = suites_that(tls, lambda suite: suite.null)
    if found:
        return Outcome.failed(suites=found, versions=versions_accepting(tls, found))
    doubtful = unsettled_suites(tls)  # RFC 9150 brought NULL to TLS 1.3
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.passed(accepted=len(tls.accepted_suites()))
