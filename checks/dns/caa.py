"""Does the domain say who may issue certificates for it?"""

import re
from collections.abc import Iterable

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import DnsEvidence, DnsStatus, NameKind


class CaaParams(Params):
    """Which properties are known, and which of them restrict issuance."""

    known_tags: tuple[str, ...] = (
        "issue",
        "issuewild",
        "iodef",
        "issuemail",
        "issuevmc",
        "contactemail",
        "contactphone",
    )
    restricting_tags: tuple[str, ...] = ("issue", "issuewild")


_RECORD = re.compile(
    r'(25[0-5]|2[0-4]\d|1?\d?\d)\s+([A-Za-z0-9]+)\s+("[^"\\]*(?:\\.[^"\\]*)*"|\S+)'
)
_CRITICAL = 128
_ANSWERED = {DnsStatus.ANSWER, DnsStatus.NO_DATA, DnsStatus.NO_NAME}


@check("dns.caa", needs=DnsEvidence, params=CaaParams)
def caa(dns: DnsEvidence, params: CaaParams) -> Outcome:
    """Pass when the first name upwards that has CAA records restricts issuance (RFC 8659 3)."""
    if dns.kind is NameKind.ADDRESS:
        return Outcome.not_applicable("ip_literal")
    answers = dns.climb("CAA")
    if not answers:
        special = dns.kind is NameKind.SPECIAL_USE
        asked = Outcome.unknown("fact_unknown", fact="CAA")
        return Outcome.not_applicable("special_use_name") if special else asked
    for answer in answers:
        if answer.status not in _ANSWERED:
            return Outcome.unknown("name_server_failed")
        if answer.records:
            facts: dict[str, Fact] = {
                "host": dns.host,
                "found_at": answer.name,
                "records": answer.records,
            }
            problem = _problem(answer.records, params)
            return Outcome.failed(problem=problem, **facts) if problem else Outcome.passed(**facts)
    return Outcome.failed(host=dns.host, found_at=None, records=(), problem="no_record")


def _problem(records: Iterable[str], params: CaaParams) -> str | None:
    parsed = [_RECORD.fullmatch(record.strip()) for record in records]
    if None in parsed:
        return "malformed"
    properties = [(int(match[1]), match[2].lower()) for match in parsed if match]
    if any(flags & _CRITICAL and tag not in params.known_tags for flags, tag in properties):
        return "unknown_critical"
    restricted = any(tag in params.restricting_tags for _, tag in properties)
    return None if restricted else "no_restriction"
