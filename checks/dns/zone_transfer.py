"""Do the name servers keep the whole zone from strangers?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import DnsEvidence, exposure


@check("dns.zone_transfer", needs=DnsEvidence, params=NoParams, subject="open")
def zone_transfer(dns: DnsEvidence, _: NoParams) -> Outcome:
    """Pass when every name server refuses a zone transfer (AXFR); intensity thorough."""
    outside = dns.outside_dns or (None if dns.thorough else "not_asked_at_this_intensity")
    if outside:
        return Outcome.not_applicable(outside)
    found = exposure(dns.name_servers, lambda server: server.zone_transfer)
    if found.opened:
        return Outcome.failed(zone=dns.zone, open=found.opened, refused=found.refused)
    if found.reason:
        return Outcome.unknown(found.reason, zone=dns.zone, refused=found.refused)
    return Outcome.passed(zone=dns.zone, refused=found.refused)
