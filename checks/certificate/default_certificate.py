"""Does the certificate for clients that give no name keep internal names to itself?"""

import re
from ipaddress import ip_address

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    Certificate,
    MalformedCertificateError,
    NoLeaf,
    TlsEvidence,
    TlsQuestion,
    read_certificate,
)

_HOST_NAME = re.compile(r"[a-z0-9_*](?:[a-z0-9._-]*[a-z0-9_])?\.?", re.IGNORECASE)
_SHOWN_NAMES = 100


class DefaultCertificateParams(Params):
    """What makes a name internal: its last label, having no dot, or being a private address."""

    internal_suffixes: tuple[str, ...] = (
        "local",
        "lan",
        "internal",
        "intra",
        "intranet",
        "corp",
        "home",
        "home.arpa",
        "private",
        "localdomain",
        "localhost",
    )
    single_labels: bool = True
    private_addresses: bool = True


@check(
    "certificate.default_certificate",
    needs=TlsEvidence,
    params=DefaultCertificateParams,
    asks=(TlsQuestion.UNNAMED,),
)
def default_certificate(tls: TlsEvidence, params: DefaultCertificateParams) -> Outcome:
    """Pass when the certificate that is shown without SNI names nothing internal."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    if not tls.chains:
        return Outcome.unknown(NoLeaf.NO_CERTIFICATE.value)
    # A service that is known by its address is always asked without a name.
    shown = [chain.certificates for chain in tls.chains if chain.server_name is None]
    if not shown:
        return _no_certificate(tls)
    try:
        leaves = [read_certificate(certificates[0]) for certificates in shown if certificates]
    except MalformedCertificateError:
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    if not all(leaf.extensions_readable for leaf in leaves):
        return Outcome.unknown(NoLeaf.MALFORMED.value)
    names = tuple(dict.fromkeys(name for leaf in leaves for name in _names(leaf)))
    internal = tuple(name for name in names if _is_internal(name, tls.server_name, params))
    facts: dict[str, Fact] = {
        "subject": tuple(leaf.subject for leaf in leaves),
        "internal": internal[:_SHOWN_NAMES],
        "names": names[:_SHOWN_NAMES],
    }
    return Outcome.failed(**facts) if internal else Outcome.passed(**facts)


def _no_certificate(tls: TlsEvidence) -> Outcome:
    if TlsQuestion.UNNAMED in tls.unknown:
        return Outcome.unknown("fact_unknown", fact=TlsQuestion.UNNAMED.value)
    return Outcome.not_applicable("no_default_certificate")


def _names(leaf: Certificate) -> tuple[str, ...]:
    """Every host that the certificate names; a common name only where it may be one."""
    common = (name for name in leaf.subject_parts.common_names if _HOST_NAME.fullmatch(name))
    return (*leaf.names, *common)


def _is_internal(name: str, own_host: str, params: DefaultCertificateParams) -> bool:
    """Whether a name tells of the inside; the service's own name tells nothing new."""
    plain, own = (text.strip("[]").rstrip(".").lower() for text in (name, own_host))
    if plain == own:
        return False
    try:
        address = ip_address(plain)
    except ValueError:
        labels = plain.removeprefix("*.")
        by_suffix = any(f".{labels}".endswith(f".{end}") for end in params.internal_suffixes)
        return by_suffix or (params.single_labels and "." not in labels)
    return params.private_addresses and (address.is_private or address.is_link_local)
