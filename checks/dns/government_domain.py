"""Is the name under the domain for government agencies?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import DnsEvidence, NameKind


class GovernmentDomainParams(Params):
    """Which domains are for government agencies; each with its leading dot."""

    suffixes: tuple[str, ...] = (".go.id",)


@check("dns.government_domain", needs=DnsEvidence, params=GovernmentDomainParams)
def government_domain(dns: DnsEvidence, params: GovernmentDomainParams) -> Outcome:
    """Pass under one of the domains; elsewhere the legal basis is to be confirmed by a person."""
    if dns.kind is NameKind.ADDRESS:
        return Outcome.not_applicable("ip_literal")
    if dns.kind is NameKind.SPECIAL_USE:
        return Outcome.not_applicable("special_use_name")
    if dns.host.rstrip(".").lower().endswith(tuple(suffix.lower() for suffix in params.suffixes)):
        return Outcome.passed(host=dns.host, suffixes=params.suffixes)
    return Outcome.failed(host=dns.host, suffixes=params.suffixes)
