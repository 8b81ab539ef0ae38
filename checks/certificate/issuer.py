"""Who issued the certificate, and is it an Indonesian provider (PSrE)?"""

from spbe_audit.check import Outcome, Params, check
from spbe_audit.evidence import (
    Certificate,
    NameParts,
    NoLeaf,
    TlsEvidence,
    TrustProblem,
    find_trust_path,
    read_chain,
)


class IssuerParams(Params):
    """Names by which Indonesian providers of electronic certificates (PSrE) are recognised."""

    indonesian_providers: tuple[str, ...] = (
        "Balai Sertifikasi Elektronik",
        "Balai Besar Sertifikasi Elektronik",
        "BSrE",
        "Peruri",
        "Privy",
        "PrivyID",
        "Vida",
        "Digisign",
        "Djelas",
        "Tilaka",
        "Xignature",
    )


@check("certificate.issuer", needs=TlsEvidence, params=IssuerParams)
def issuer(tls: TlsEvidence, params: IssuerParams) -> Outcome:
    """Note the issuer; by its name alone, so that ``trusted`` tells what the name is worth."""
    if not tls.offered:
        return Outcome.not_applicable("no_tls")
    chain = read_chain(tls)
    if isinstance(chain, NoLeaf):
        return Outcome.unknown(chain.value)
    if chain.self_signed:
        return Outcome.not_applicable("self_signed")
    sent = tls.chains[0].certificates
    path = find_trust_path(sent, anchors=tls.trust_anchors, at=tls.collected_at)
    trusted = None if path.problem is TrustProblem.UNVERIFIABLE else path.trusted
    names = _names_above(chain.leaf, chain.others)
    providers = params.indonesian_providers
    found = (one for one in providers if any(name.says(one) for name in names))
    provider = next(found, None)
    return Outcome.passed(
        issuer=chain.leaf.issuer,
        organization=chain.leaf.issuer_parts.organizations,
        country=chain.leaf.issuer_parts.countries,
        indonesian=provider is not None,
        provider=provider,
        trusted=trusted,
        root=path.root if path.trusted else None,
    )


def _names_above(leaf: Certificate, others: tuple[Certificate, ...]) -> tuple[NameParts, ...]:
    """The names of the leaf's issuer, and of those above it as far as they were sent."""
    names, issuer_name = [leaf.issuer_parts], leaf.issuer
    for _ in others:
        above = next((one for one in others if one.subject == issuer_name), None)
        if above is None or above.self_issued:
            break
        names.append(above.issuer_parts)
        issuer_name = above.issuer
    return tuple(names)
