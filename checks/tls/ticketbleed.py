"""Is the server free of Ticketbleed, which gives away its memory when a session is resumed?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence


@check("tls.ticketbleed", needs=TlsEvidence, params=NoParams)
def ticketbleed(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when the flaw was looked for and did not show."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    flawed = tls.flaws.get("ticketbleed")
    if flawed is not None:
        return Outcome.failed(port=tls.port) if flawed else Outcome.passed(port=tls.port)
    if "flaws.ticketbleed" in tls.unknown:
        return Outcome.unknown("fact_unknown", fact="ticketbleed")
    return Outcome.not_applicable("not_asked_at_this_intensity")
