"""Do the name servers look up foreign names for nobody from outside?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import DnsEvidence, exposure


@check("dns.open_recursion", needs=DnsEvidence, params=NoParams, subject="open")
def open_recursion(dns: DnsEvidence, _: NoParams) -> Outcome:
    """Pass when no name server of the zone offers recursion to us; intensity thorough."""
    outside = dns.outside_dns or (None if dns.thorough else "not_asked_at_this_intensity")
    if outside:
        return Outcome.not_applicable(outside)
    found = exposure(dns.name_servers, lambda server: server.recursion)
    if found.opened:
        return Outcome.failed(zone=dns.zone, open=found.opened, refused=found.refused)
    if found.reason:
        return Outcome.unknown(found.reason, zone=dns.zone, refused=found.refused)
    return Outcome.passed(zone=dns.zone, refused=found.refused)
