"""Does the name have an IPv6 address?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import DNS_STATEMENTS, DnsEvidence


@check("dns.ipv6", needs=DnsEvidence, params=NoParams)
def ipv6(dns: DnsEvidence, _: NoParams) -> Outcome:
    """Pass when the DNS gives an AAAA record for the name, directly or through its alias."""
    if dns.outside_dns:
        return Outcome.not_applicable(dns.outside_dns)
    answer = dns.answer(dns.host, "AAAA")
    if answer is None or answer.status not in DNS_STATEMENTS:
        return Outcome.unknown("name_server_failed")
    if answer.records:
        return Outcome.passed(host=dns.host, addresses=answer.records)
    return Outcome.failed(host=dns.host, addresses=())
