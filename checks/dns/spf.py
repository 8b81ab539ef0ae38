"""Does the domain say who may send mail in its name, and that nobody else may?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    DNS_STATEMENTS,
    DnsEvidence,
    SpfRecord,
    parse_spf,
    spf_records,
    text_of,
)


class SpfParams(Params):
    """Which endings forbid other senders, and how many look-ups a record may cause."""

    endings: tuple[str, ...] = ("-all", "~all")
    maximum_lookups: int = 10


@check("dns.spf", needs=DnsEvidence, params=SpfParams)
def spf(dns: DnsEvidence, params: SpfParams) -> Outcome:
    """Pass when there is one valid SPF record that ends strictly (RFC 7208), mail or no mail."""
    if dns.outside_dns:
        return Outcome.not_applicable(dns.outside_dns)
    domain = dns.mail_domain
    answer = dns.answer(domain, "TXT") if domain else None
    if answer is None or answer.status not in DNS_STATEMENTS:
        return Outcome.unknown("name_server_failed")
    found = spf_records(text_of(record) for record in answer.records)
    facts: dict[str, Fact] = {
        "domain": domain,
        "records": found,
        "receives_mail": _receives_mail(dns, domain or ""),
    }
    if len(found) != 1:
        return Outcome.failed(problem="several" if found else "missing", **facts)
    record = parse_spf(found[0])
    facts |= {"ending": record.ending, "lookups": record.lookups, "bad_term": record.bad_term}
    problem = _problem(record, params)
    return Outcome.failed(problem=problem, **facts) if problem else Outcome.passed(**facts)


def _problem(record: SpfRecord, params: SpfParams) -> str | None:
    if record.problem:
        return str(record.problem)
    if record.lookups > params.maximum_lookups:
        return "too_many_lookups"
    if record.ending is None:
        return "no_ending"
    strict = record.ending in params.endings or record.ending.startswith("redirect=")
    return None if strict else "open_ending"


def _receives_mail(dns: DnsEvidence, domain: str) -> bool | None:
    """Whether the domain has mail servers; a null MX (RFC 7505) says that it has none."""
    answer = dns.answer(domain, "MX")
    if answer is None or answer.status not in DNS_STATEMENTS:
        return None
    return any(record.split()[-1] != "." for record in answer.records)
