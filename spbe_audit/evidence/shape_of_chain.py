"""Tells whether a chain was sent whole, in order, and without what nobody needs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509

from spbe_audit.evidence.certificate import (
    MAX_CERTIFICATES,
    MalformedCertificateError,
    name_text,
    parse_certificate,
)
from spbe_audit.evidence.signature import signature_holds
from spbe_audit.evidence.trust import MAX_SIGNATURES, trusted_cas


@dataclass(frozen=True, slots=True)
class ChainShape:
    """What is amiss with a chain; certificates are given by their subjects (RFC 4514).

    ``missing`` is the issuer that was neither sent nor is it trusted, '' where the chain leads to
    a trusted or a self-signed CA. ``misordered`` come before any certificate that they issued,
    ``extra`` issued none of the others or were sent twice, ``roots`` are self-signed CAs, which a
    client must have already. ``malformed`` counts what could not be read.
    """

    missing: str = ""
    misordered: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    malformed: int = 0

    @property
    def in_order(self) -> bool:
        """Whether nothing is amiss."""
        return not (self.missing or self.misordered or self.extra or self.roots)


def chain_shape(chain: Sequence[bytes], anchors: Sequence[bytes] = ()) -> ChainShape:
    """The shape of a chain (DER as sent, leaf first); ``anchors`` are CAs beside Mozilla's.

    RFC 5246 7.4.2 wants each certificate to certify the one before it; RFC 8446 4.4.2 lets several
    ways to a root be sent together, so what counts here is that each one follows a certificate
    that it issued. Raises MalformedCertificateError when the leaf cannot be read.
    """
    read: list[x509.Certificate] = [parse_certificate(chain[0])]
    malformed = 0
    for der in chain[1:MAX_CERTIFICATES]:
        try:
            read.append(parse_certificate(der))
        except MalformedCertificateError:
            malformed += 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        links = _links(read)
        used = _used(links)
        return ChainShape(
            missing=_missing([read[index] for index in sorted(used)], anchors),
            misordered=_subjects(
                read, [i for i in sorted(used - {0}) if not any(j < i for j in links[i])]
            ),
            extra=_subjects(read, [i for i in range(len(read)) if i not in used]),
            roots=_subjects(read, [i for i in sorted(used - {0}) if _is_root(read[i])]),
            malformed=malformed,
        )


def _links(read: Sequence[x509.Certificate]) -> list[set[int]]:
    """For each certificate, which of the others it issued; one that is sent twice counts once."""
    links: list[set[int]] = [set() for _ in read]
    verified = 0
    for index, issuer in enumerate(read):
        if issuer in read[:index]:
            continue
        for other, certificate in enumerate(read):
            if other == index or certificate.issuer != issuer.subject:
                continue
            verified += 1
            # Beyond the limit, and where a signature cannot be verified, the names decide.
            if verified > MAX_SIGNATURES or signature_holds(certificate, issuer) is not False:
                links[index].add(other)
    return links


def _used(links: Sequence[set[int]]) -> set[int]:
    """The leaf, and whatever issued it or issued another that is used."""
    used = {0}
    while True:
        more = {index for index, issued in enumerate(links) if issued & used} - used
        if not more:
            return used
        used |= more


def _missing(used: Sequence[x509.Certificate], anchors: Sequence[bytes]) -> str:
    """The issuer at which the way ends, '' where it leads to a trusted or self-signed CA."""
    if any(_is_root(one) or _leads_to_trust(one, anchors) for one in used):
        return ""
    subjects = [one.subject for one in used]
    ends = [one for one in used if one.issuer not in subjects]
    return name_text((ends or list(used))[-1].issuer)


def _leads_to_trust(certificate: x509.Certificate, anchors: Sequence[bytes]) -> bool:
    named = trusted_cas(certificate.issuer, anchors)
    return any(signature_holds(certificate, issuer) is not False for issuer in named)


def _is_root(certificate: x509.Certificate) -> bool:
    self_issued = certificate.subject == certificate.issuer
    return self_issued and signature_holds(certificate, certificate) is not False


def _subjects(read: Sequence[x509.Certificate], chosen: Sequence[int]) -> tuple[str, ...]:
    return tuple(name_text(read[index].subject) for index in chosen)
