"""Typed, dated, hashable observations: all that a check may ask of the world.

Names are imported when they are first used, for a probe of TLS needs no parser of web pages. Their
types stand in __init__.pyi, which a test holds against this list.
"""

from importlib import import_module

_NAMES = {
    "addresses": "AddressAnswer AddressesEvidence",
    "attempt": "Attempt Endpoint Failure FailureKind LASTING_FAILURES Probe Tool",
    "authority": "Authority authority_of",
    "availability": (
        "AvailabilityEvidence AvailabilitySample Coverage Gap MaintenanceWindow Outage "
        "USUAL_INTERVAL maintenance_sampled outages sample_coverage usual_interval"
    ),
    "certificate": (
        "Certificate MalformedCertificateError NoLeaf PublicKey SentChain matching_name "
        "read_certificate read_chain utc_text"
    ),
    "certificate_parts": "CertificateParts LogTimestamp NameParts",
    "shape_of_chain": "ChainShape chain_shape",
    "codec": "attempt_from_json attempt_to_json canonical_json digest",
    "cookies": (
        "cookie_date cookies_set is_deletion lasts_for_session lifetime_seconds "
        "looks_like_session named_like"
    ),
    "csp": (
        "ContentPolicy KNOWN_DIRECTIVES PolicySource admits_any_host allows_all_inline "
        "enforced_policies example_url is_hash_or_nonce parse_csp parse_csp_header "
        "source_matches"
    ),
    "dh_primes": "KnownPrime PrimeFlaw is_composite known_prime",
    "dmarc": "DmarcProblem DmarcRecord dmarc_records parse_dmarc",
    "dns": (
        "DNS_STATEMENTS DnsAnswer DnsEvidence DnsStatus Dnssec DnssecProblem DnssecStatus "
        "DnssecZone Exposure NameKind NameServer NameServerStatus Openness exposure "
        "mail_domain registrable_domain text_of zone_in"
    ),
    "end_of_life": "EndOfLife LISTED_PRODUCTS ShownVersion find_end_of_life shown_versions",
    "groups": "HYBRID_GROUPS curve_bits is_binary_curve is_hybrid",
    "hsts": "HstsPolicy HstsProblem parse_hsts",
    "http": "Cookie Exchange FrontHtml HttpEvidence NoHtml Timings Walk WalkEnd same_host",
    "http_dates": "clock_offset http_date",
    "kinds": "Evidence",
    "key_use": "KeyUse KeyUseEvidence",
    "ocsp": "AnswerSigner RevocationStatus Staple StapleProblem read_staple",
    "page": "Form Link PageExtract Subresource host_in same_site",
    "marks_of_page": "MARKS page_marks",
    "permissions_policy": "PermissionsPolicy parse_permissions_policy",
    "port_names": (
        "CLEARTEXT_PORTS DATABASE_PORTS FILE_SHARING_PORTS INFRASTRUCTURE_PORTS "
        "MAIL_PORTS ORCHESTRATION_PORTS PORT_NAMES REMOTE_ADMINISTRATION_PORTS WEB_PORTS"
    ),
    "ports": "OpenPort PortsEvidence",
    "security_txt": "SecurityTxt parse_security_txt",
    "services": "FoundProgram PortService ServicesEvidence SshOffer find_programs",
    "spf": "SpfProblem SpfRecord SpfTerm parse_spf spf_records",
    "statistics": "percentile wilson_interval",
    "suites": "LEGACY_VERSIONS Suite read_suite suites_that unsettled_suites versions_accepting",
    "surface": "CorsAnswer PathAnswer SurfaceEvidence",
    "timestamp_list": "read_timestamp_list",
    "tls": "CertificateChain KeyExchange SuiteListing TlsAnswer TlsEvidence TlsQuestion TlsVersion",
    "trust": "STORE_NAME TrustPath TrustProblem find_trust_path",
    "uptime": "UptimeEvidence UptimeSample",
}
"""The public names of each module."""

_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605 - the stub has it word for word


def __getattr__(name: str) -> object:
    """Import a name when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
