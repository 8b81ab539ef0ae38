"""Is authenticated encryption accepted, and taken first?"""

from typing import Literal

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    TlsEvidence,
    TlsQuestion,
    TlsVersion,
    read_suite,
    suites_that,
    unsettled_suites,
)

_VERSIONS = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3)  # AEAD came with TLS 1.2


class AuthenticatedEncryptionParams(Params):
    """Whether AEAD must be accepted, also be taken first, or be the only kind that is accepted."""

    extent: Literal["accepted", "preferred", "only"] = "preferred"


@check(
    "tls.authenticated_encryption",
    needs=TlsEvidence,
    params=AuthenticatedEncryptionParams,
    asks=(TlsQuestion.PREFERENCE,),
)
def authenticated_encryption(tls: TlsEvidence, params: AuthenticatedEncryptionParams) -> Outcome:
    """Pass when AEAD suites are accepted, and come first where the server has an order."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    good = suites_that(tls, lambda suite: suite.aead)
    others = suites_that(tls, lambda suite: not suite.aead)
    doubtful = unsettled_suites(tls, _VERSIONS)
    mixed = [tls.suites[v] for v in _VERSIONS if v in tls.suites and _mixed(tls.suites[v])]
    preferred = params.extent == "preferred"
    first = tuple(names[0] for names in mixed if names[0] in others) if preferred else ()
    problem = None
    if not good and not doubtful:
        problem = "no_aead"
    elif params.extent == "only" and others:
        problem = "others_accepted"
    elif first and tls.server_preference:
        problem = "not_preferred"
    if problem:
        return Outcome.failed(problem=problem, suites=first or others)
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    if preferred and mixed and tls.server_preference is None:
        return _no_answer(tls)
    return Outcome.passed(accepted=len(good), others=len(others))


def _no_answer(tls: TlsEvidence) -> Outcome:
    if "server_preference" in tls.unknown:
        return Outcome.unknown("fact_unknown", fact="server_preference")
    return Outcome.not_applicable("not_asked_at_this_intensity")


def _aead(name: str) -> bool:
    return read_suite(name).aead


def _mixed(names: tuple[str, ...]) -> bool:
    return any(_aead(name) for name in names) and not all(_aead(name) for name in names)
