"""Can the answers about the name be proven by DNSSEC?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import DnsEvidence, DnssecStatus


class DnssecParams(Params):
    """Which states of the name are a failure: "bogus" (broken), "insecure" (unsigned)."""

    failing: tuple[str, ...] = ("bogus", "insecure")


@check("dns.dnssec", needs=DnsEvidence, params=DnssecParams)
def dnssec(dns: DnsEvidence, params: DnssecParams) -> Outcome:
    """Pass when the chain of trust holds from the root down to the name (RFC 4035 section 5)."""
    if dns.outside_dns:
        return Outcome.not_applicable(dns.outside_dns)
    found = dns.dnssec
    if found is None:
        return Outcome.unknown("name_server_failed")
    facts: dict[str, Fact] = {
        "host": dns.host,
        "zone": found.zone,
        "status": str(found.status),
        "detail": found.detail,
        "chain": tuple(link.name for link in found.chain),
    }
    problem = str(found.problem) if found.problem else None
    if found.status is DnssecStatus.SECURE:
        return Outcome.passed(**facts)
    if found.status is DnssecStatus.INDETERMINATE:
        return Outcome.unknown("dnssec_indeterminate", problem=problem, **facts)
    if found.status in params.failing:
        return Outcome.failed(problem=problem, **facts)
    reason = "not_signed" if found.status is DnssecStatus.INSECURE else "broken_signatures"
    return Outcome.not_applicable(reason, problem=problem, **facts)
