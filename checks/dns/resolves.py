"""Does the name lead to an address?"""

from spbe_audit.check import NoParams, Outcome, check
from spbe_audit.evidence import DnsEvidence, DnsStatus, NameKind

_NOTHING_THERE = {DnsStatus.NO_NAME, DnsStatus.NO_DATA}


@check("dns.resolves", needs=DnsEvidence, params=NoParams)
def resolves(dns: DnsEvidence, _: NoParams) -> Outcome:
    """Pass when the system resolver gives an address; fail when the DNS denies one."""
    if dns.kind is NameKind.ADDRESS:
        return Outcome.not_applicable("ip_literal")
    if dns.addresses:
        return Outcome.passed(host=dns.host, addresses=dns.addresses)
    answers = [answer for kind in ("A", "AAAA") if (answer := dns.answer(dns.host, kind))]
    if answers and all(answer.status in _NOTHING_THERE for answer in answers):
        no_name = any(answer.status is DnsStatus.NO_NAME for answer in answers)
        return Outcome.failed(host=dns.host, problem="no_name" if no_name else "no_address")
    return Outcome.unknown("name_server_failed")
