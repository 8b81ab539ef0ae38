"""Does the name's alias lead to a name that exists?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import DNS_STATEMENTS, DnsEvidence, DnsStatus


@check("dns.dangling_alias", needs=DnsEvidence, params=NoParams)
def dangling_alias(dns: DnsEvidence, _: NoParams) -> Outcome:
    """Fail when the end of the CNAME chain does not exist, so that others may register it."""
    if dns.outside_dns:
        return Outcome.not_applicable(dns.outside_dns)
    answers = [answer for kind in ("A", "AAAA") if (answer := dns.answer(dns.host, kind))]
    told = [answer for answer in answers if answer.status in DNS_STATEMENTS]
    if not told:
        return Outcome.unknown("name_server_failed")
    target = next((answer.canonical_name for answer in told if answer.canonical_name), None)
    if target is None:
        return Outcome.not_applicable("no_alias")
    gone = any(answer.status is DnsStatus.NO_NAME and answer.canonical_name for answer in told)
    if gone:
        return Outcome.failed(host=dns.host, target=target)
    return Outcome.passed(host=dns.host, target=target)
