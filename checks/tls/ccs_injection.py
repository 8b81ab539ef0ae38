"""Is the server free of the CCS injection flaw, which lets an attacker choose the keys?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import TlsEvidence


@check("tls.ccs_injection", needs=TlsEvidence, params=NoParams)
def ccs_injection(tls: TlsEvidence, _: NoParams) -> Outcome:
    """Pass when the flaw was looked for and did not show."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    flawed = tls.flaws.get("ccs_injection")
    if flawed is not None:
        return Outcome.failed(port=tls.port) if flawed else Outcome.passed(port=tls.port)
    if "flaws.ccs_injection" in tls.unknown:
        return Outcome.unknown("fact_unknown", fact="ccs_injection")
    return Outcome.not_applicable("not_asked_at_this_intensity")
