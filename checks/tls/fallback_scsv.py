"""Does the server notice that a client was pushed down to an older version?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence, TlsQuestion


@check(
    "tls.fallback_scsv",
    needs=TlsEvidence,
    params=NoParams,
    asks=(TlsQuestion.FALLBACK,),
)
def fallback_scsv(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when a fallback (RFC 7507) is refused, where there is a version to fall back to."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if tls.fallback_scsv is False:
        return Outcome.failed(versions=tls.versions)
    if tls.fallback_scsv:
        return Outcome.passed(versions=tls.versions)
    return _no_answer(tls)


def _no_answer(tls: TlsEvidence) -> Outcome:
    if "fallback_scsv" in tls.unknown:
        return Outcome.unknown("fact_unknown", fact="fallback_scsv")
    doubtful = tls.versions_unknown()
    if len(tls.versions) > 1:
        return Outcome.not_applicable("not_asked_at_this_intensity")
    if doubtful:
        return Outcome.unknown("fact_unknown", fact=", ".join(doubtful))
    return Outcome.not_applicable("one_version")
