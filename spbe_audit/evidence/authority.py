"""Tells whose rules a certificate is under: those of public CAs, of the agency's own, or none."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from spbe_audit.evidence.tls import TlsEvidence
from spbe_audit.evidence.trust import TrustProblem, find_trust_path


class Authority(StrEnum):
    """Where the path from a certificate ends.

    AGENCY is a CA that the agency itself added to the trusted ones, NOBODY no trusted CA at all,
    UNVERIFIABLE a signature that cannot be verified here.
    """

    PUBLIC = "public"
    AGENCY = "agency"
    NOBODY = "nobody"
    UNVERIFIABLE = "unverifiable"


def authority_of(tls: TlsEvidence, public_roots: Collection[str] = ()) -> Authority:
    """Who stands behind the chain for the service's name.

    ``public_roots`` are names (RFC 4514) of CAs that the agency added and that are to count as
    public ones. Raises MalformedCertificateError when the leaf cannot be read.
    """
    sent = tls.chains[0].certificates
    path = find_trust_path(sent, at=tls.collected_at)
    if path.trusted:
        return Authority.PUBLIC
    path = find_trust_path(sent, anchors=tls.trust_anchors, at=tls.collected_at)
    if path.trusted:
        return Authority.PUBLIC if path.root in public_roots else Authority.AGENCY
    if path.problem is TrustProblem.UNVERIFIABLE:
        return Authority.UNVERIFIABLE
    return Authority.NOBODY
