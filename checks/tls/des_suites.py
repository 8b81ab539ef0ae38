"""Are suites accepted that encrypt with DES or 3DES?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    LEGACY_VERSIONS,
    TlsEvidence,
    suites_that,
    unsettled_suites,
    versions_accepting,
)


class DesSuitesParams(Params):
    """The ciphers that must not be accepted."""

    refused: tuple[Literal["DES", "3DES"], ...] = ("DES", "3DES")


@check("tls.des_suites", needs=TlsEvidence, params=DesSuitesParams)
def des_suites(tls: TlsEvidence, params: DesSuitesParams) -> Outcome:
    """Pass when no accepted suite uses one of the refused ciphers."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    found = suites_that(tls, lambda suite: suite.des in params.refused)
    if found:
        return Outcome.failed(
            suites=found, versions=versions_accepting(tls, found), refused=params.refused
        )
    doubtful = unsettled_suites(tls, LEGACY_VERSIONS)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.passed(accepted=len(tls.accepted_suites()), refused=params.refused)
