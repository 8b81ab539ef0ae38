"""Is the certificate issued by an authority that the CAA record allows?"""

import re
from collections.abc import Iterable, Mapping

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    Authority,
    Certificate,
    DnsAnswer,
    DnsEvidence,
    DnsStatus,
    NameKind,
    NoLeaf,
    TlsEvidence,
    authority_of,
    matching_name,
    read_chain,
)

_DIGICERT = (
    "digicert.com",
    "www.digicert.com",
    "symantec.com",
    "geotrust.com",
    "rapidssl.com",
    "thawte.com",
)
_SECTIGO = ("sectigo.com", "comodoca.com", "comodo.com", "usertrust.com", "trust-provider.com")
_AMAZON = ("amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com")


class CaaAgreementParams(Params):
    """By which domains in CAA records an authority goes, by a name that its certificates bear."""

    authorities: Mapping[str, tuple[str, ...]] = {
        "Let's Encrypt": ("letsencrypt.org",),
        "DigiCert": _DIGICERT,
        "GeoTrust": _DIGICERT,
        "RapidSSL": _DIGICERT,
        "Thawte": _DIGICERT,
        "Sectigo": _SECTIGO,
        "COMODO CA": _SECTIGO,
        "ZeroSSL": (*_SECTIGO, "zerossl.com"),
        "GlobalSign": ("globalsign.com",),
        "Google Trust Services": ("pki.goog",),
        "Amazon": _AMAZON,
        "Buypass": ("buypass.com", "buypass.no"),
        "Entrust": ("entrust.net", "affirmtrust.com"),
        "SSL Corp": ("ssl.com",),
        "SSL Corporation": ("ssl.com",),
        "SSL.com": ("ssl.com",),
        "GoDaddy.com": ("godaddy.com", "starfieldtech.com"),
        "Starfield Technologies": ("starfieldtech.com", "godaddy.com"),
    }


_PROPERTY = re.compile(r'\d+\s+(issue|issuewild)\s+"?([^;"]*)', re.IGNORECASE)
_STATEMENTS = {DnsStatus.ANSWER, DnsStatus.NO_DATA, DnsStatus.NO_NAME}


@check("certificate.caa_agreement", needs=(TlsEvidence, DnsEvidence), params=CaaAgreementParams)
def caa_agreement(tls: TlsEvidence, dns: DnsEvidence, params: CaaAgreementParams) -> Outcome:
    """Pass when the authority is among those that the CAA records in force allow (RFC 8659)."""
    leaf = _leaf(tls, dns)
    if isinstance(leaf, Outcome):
        return leaf
    wildcard = _only_by_wildcard(leaf, dns.host)
    found = _records_in_force(dns, wildcard=wildcard)
    if isinstance(found, Outcome):
        return found
    allowed = _allowed(found.records, wildcard=wildcard)
    if allowed is None:
        return Outcome.not_applicable("no_caa")
    known = _domains(leaf, params.authorities)
    facts: dict[str, Fact] = {
        "issuer": leaf.issuer,
        "issuer_domains": known,
        "found_at": found.name,
        "allowed": allowed,
        "wildcard": wildcard,
    }
    if not known:
        private = authority_of(tls) is Authority.AGENCY
        unknown = Outcome.unknown("issuer_not_known", **facts)
        return Outcome.not_applicable("private_authority") if private else unknown
    if set(known).isdisjoint(allowed):
        problem = "other_authority" if allowed else "nobody_allowed"
        return Outcome.failed(problem=problem, **facts)
    return Outcome.passed(**facts)


def _leaf(tls: TlsEvidence, dns: DnsEvidence) -> Certificate | Outcome:
    """The certificate that an authority issued for the service's name, or why there is none."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    if chain.self_signed:
        return Outcome.not_applicable("self_signed")
    if dns.kind is NameKind.ADDRESS:
        return Outcome.not_applicable("ip_literal")
    if matching_name(chain.leaf, dns.host) is None:
        return Outcome.not_applicable("other_name")
    return chain.leaf


def _only_by_wildcard(leaf: Certificate, host: str) -> bool:
    plain = host.rstrip(".").lower()
    return plain not in {name.rstrip(".").lower() for name in leaf.dns_names}


def _records_in_force(dns: DnsEvidence, *, wildcard: bool) -> DnsAnswer | Outcome:
    """The first answer upwards that holds records; a wildcard is looked up without its star."""
    answers = dns.climb("CAA")
    if not answers and dns.kind is NameKind.SPECIAL_USE:
        return Outcome.not_applicable("special_use_name")
    if not answers:
        return Outcome.unknown("fact_unknown", fact="CAA")
    own = dns.host.rstrip(".").lower()
    for answer in answers:
        if wildcard and answer.name.rstrip(".").lower() == own:
            continue
        if answer.status not in _STATEMENTS:
            return Outcome.unknown("name_server_failed")
        if answer.records:
            return answer
    return Outcome.not_applicable("no_caa")


def _allowed(records: Iterable[str], *, wildcard: bool) -> tuple[str, ...] | None:
    """The domains that may issue, none for an empty one; None where nothing limits issuance."""
    found: dict[str, list[str]] = {}
    for record in records:
        match = _PROPERTY.match(record.strip())
        if match:
            found.setdefault(match[1].lower(), []).append(match[2].strip().rstrip(".").lower())
    domains = found.get("issue")
    if wildcard:
        domains = found.get("issuewild", domains)
    return None if domains is None else tuple(domain for domain in domains if domain)


def _domains(leaf: Certificate, authorities: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    named = (domains for name, domains in authorities.items() if leaf.issuer_parts.says(name))
    return tuple(dict.fromkeys(domain for domains in named for domain in domains))
