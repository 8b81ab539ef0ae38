"""Is the server free of Heartbleed, which gives away its memory?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence


@check("tls.heartbleed", needs=TlsEvidence, params=NoParams)
def heartbleed(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when the flaw was looked for and did not show."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    flawed = tls.flaws.get("heartbleed")
    if flawed is not None:
        return Outcome.failed(port=tls.port) if flawed else Outcome.passed(port=tls.port)
    if "flaws.heartbleed" in tls.unknown:
        return Outcome.unknown("fact_unknown", fact="heartbleed")
    return Outcome.not_applicable("not_asked_at_this_intensity")
