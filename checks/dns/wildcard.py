"""Does the name have a record of its own, rather than the answer of a wildcard?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import DnsEvidence


@check("dns.wildcard", needs=DnsEvidence, params=NoParams)
def wildcard(dns: DnsEvidence, _: NoParams) -> Outcome:
    """Pass when a random name beside the host does not lead where the host leads (RFC 4592)."""
    if dns.outside_dns:
        return Outcome.not_applicable(dns.outside_dns)
    if dns.wildcard is None:
        return Outcome.unknown("name_server_failed")
    answers = (dns.answer(dns.host, kind) for kind in ("A", "AAAA"))
    addresses = tuple(record for answer in answers if answer for record in answer.records)
    told = Outcome.failed if dns.wildcard else Outcome.passed
    return told(host=dns.host, addresses=addresses)
