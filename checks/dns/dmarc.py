"""Does the domain ask that mail forged in its name be held back?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    DNS_STATEMENTS,
    DmarcRecord,
    DnsEvidence,
    dmarc_records,
    parse_dmarc,
    registrable_domain,
    text_of,
)


class DmarcParams(Params):
    """Which policies hold forged mail back."""

    policies: tuple[str, ...] = ("quarantine", "reject")


@check("dns.dmarc", needs=DnsEvidence, params=DmarcParams)
def dmarc(dns: DnsEvidence, params: DmarcParams) -> Outcome:
    """Pass when the domain, or the one it belongs to, has one valid strict record (RFC 7489)."""
    if dns.outside_dns:
        return Outcome.not_applicable(dns.outside_dns)
    domain = dns.mail_domain
    if domain is None:
        return Outcome.unknown("name_server_failed")
    found: tuple[str, ...] = ()
    name = domain
    for name in dict.fromkeys((domain, registrable_domain(domain))):
        answer = dns.answer(f"_dmarc.{name}", "TXT")
        if answer is None or answer.status not in DNS_STATEMENTS:
            return Outcome.unknown("name_server_failed")
        found = dmarc_records(text_of(record) for record in answer.records)
        if found:
            break
    facts: dict[str, Fact] = {"domain": domain, "found_at": name if found else None}
    if len(found) != 1:
        return Outcome.failed(problem="several" if found else "missing", records=found, **facts)
    return _judged(parse_dmarc(found[0]), facts, params, inherited=name != domain)


def _judged(
    record: DmarcRecord, facts: dict[str, Fact], params: DmarcParams, *, inherited: bool
) -> Outcome:
    """The outcome of the only record; what a domain inherits is meant for subdomains."""
    policy = record.subdomain_policy or record.policy if inherited else record.policy
    facts |= {
        "records": (record.text,),
        "policy": policy,
        "percent": record.percent,
        "reports_to": record.reports_to,
    }
    if record.problem:
        return Outcome.failed(problem=str(record.problem), **facts)
    if policy not in params.policies:
        return Outcome.failed(problem="policy_too_weak", **facts)
    return Outcome.passed(**facts)
