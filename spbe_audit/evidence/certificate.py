"""Reads X.509 certificates: DER in, frozen facts out."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

import idna
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from spbe_audit.evidence.certificate_parts import (
    CertificateParts,
    NameParts,
    key_digest,
    name_parts,
    read_parts,
)
from spbe_audit.evidence.signature import UNREADABLE, signature_holds, signature_scheme
from spbe_audit.evidence.tls import TlsEvidence

MAX_CERTIFICATES = 32
"""How many certificates of one chain are looked at; the rest is ignored."""

_NAME_LENGTH = 300

# A modulus of the flawed Infineon generator is a power of 65537 modulo each of these primes (ROCA,
# CVE-2017-15361); a random modulus is that for all of them with a chance below one in 2**27.
_ROCA_PRIMES = tuple(
    number for number in range(3, 168) if all(number % below for below in range(2, number))
)


class MalformedCertificateError(ValueError):
    """The bytes are not a certificate that can be read."""


class NoLeaf(StrEnum):
    """Why there is no service certificate to judge; the value is a reason code."""

    NO_CERTIFICATE = "no_certificate"
    MALFORMED = "malformed_certificate"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key. ``bits`` is None for an algorithm that cannot be read.

    ``algorithm`` is "RSA", "EC", "DSA", "Ed25519", "Ed448", or the dotted object identifier of one
    that is not known. ``roca`` is true for an RSA key of the flawed generator of CVE-2017-15361.
    """

    algorithm: str
    bits: int | None
    curve: str | None = None
    roca: bool = False

    @property
    def label(self) -> str:
        """As a person would write it: "RSA 2048", "EC 256 (secp256r1)"."""
        size = f" {self.bits}" if self.bits and not self.algorithm.startswith("Ed") else ""
        curve = f" ({self.curve})" if self.curve else ""
        return f"{self.algorithm}{size}{curve}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """The facts of one certificate; times are UTC, names are RFC 4514 texts.

    ``dns_names`` and ``ip_addresses`` are those of the subjectAltName extension; when
    ``extensions_readable`` is false they are empty and nothing is known of them. ``signature_hash``
    is "sha256" and the like, "intrinsic" where the algorithm has its own (Ed25519), None when the
    algorithm is not known. ``self_signed`` is None when the signature cannot be verified here.
    ``key_digest`` is the SHA-256 of the key (SubjectPublicKeyInfo), '' for one that cannot be read.
    ``serial`` is hexadecimal.
    """

    subject: str
    issuer: str
    serial: str
    not_before: datetime
    not_after: datetime
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    extensions_readable: bool
    key: PublicKey
    signature_algorithm: str
    signature_hash: str | None
    self_issued: bool
    self_signed: bool | None
    subject_parts: NameParts
    issuer_parts: NameParts
    parts: CertificateParts
    key_digest: str

    @property
    def names(self) -> tuple[str, ...]:
        """Every host that the certificate is for."""
        return self.dns_names + self.ip_addresses

    @property
    def lifetime(self) -> timedelta:
        """The whole validity period; both ends belong to it (RFC 5280 4.1.2.5)."""
        return self.not_after - self.not_before + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class SentChain:
    """A chain as the server sent it, read. ``malformed`` counts what could not be read."""

    leaf: Certificate
    others: tuple[Certificate, ...]
    malformed: int

    @property
    def self_signed(self) -> bool:
        """Whether the leaf vouches for itself; equal names decide where nothing can be verified."""
        alone = not self.others and not self.malformed
        return alone if self.leaf.self_signed is None else self.leaf.self_signed

    @property
    def below_root(self) -> tuple[Certificate, ...]:
        """The leaf, and the other certificates that are not roots."""
        return (self.leaf, *(other for other in self.others if not _is_root(other)))


def parse_certificate(der: bytes) -> x509.Certificate:
    """The library's object for a certificate. Raises MalformedCertificateError."""
    with warnings.catch_warnings():
        # A hostile serial number or country code is no matter for the person at the console.
        warnings.simplefilter("ignore")
        try:
            certificate = x509.load_der_x509_certificate(der)
            # These are read late by the library: what cannot be read must show here.
            _ = certificate.subject, certificate.issuer
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        except UNREADABLE as error:
            raise MalformedCertificateError(str(error)) from error
    return certificate


@lru_cache(maxsize=256)
def read_certificate(der: bytes) -> Certificate:
    """The facts of a certificate. Raises MalformedCertificateError."""
    certificate = parse_certificate(der)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dns_names, ip_addresses, readable = _alternative_names(certificate)
        algorithm, digest = signature_scheme(certificate)
        self_issued = certificate.subject == certificate.issuer
        return Certificate(
            subject=name_text(certificate.subject),
            issuer=name_text(certificate.issuer),
            serial=f"{certificate.serial_number:x}",
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            dns_names=dns_names,
            ip_addresses=ip_addresses,
            extensions_readable=readable,
            key=_public_key(certificate),
            signature_algorithm=algorithm,
            signature_hash=digest,
            self_issued=self_issued,
            self_signed=signature_holds(certificate, certificate) if self_issued else False,
            subject_parts=name_parts(certificate.subject),
            issuer_parts=name_parts(certificate.issuer),
            parts=read_parts(certificate),
            key_digest=key_digest(certificate),
        )


def read_chain(tls: TlsEvidence) -> SentChain | NoLeaf:
    """The chain that the service sends for its own name, or why its leaf cannot be judged."""
    ders = tls.chains[0].certificates[:MAX_CERTIFICATES] if tls.chains else ()
    if not ders:
        return NoLeaf.NO_CERTIFICATE
    read: list[Certificate | None] = []
    for der in ders:
        try:
            read.append(read_certificate(der))
        except MalformedCertificateError:
            read.append(None)
    if read[0] is None:
        return NoLeaf.MALFORMED
    others = tuple(certificate for certificate in read[1:] if certificate)
    return SentChain(read[0], others, malformed=read.count(None))


def matching_name(certificate: Certificate, host: str) -> str | None:
    """The subjectAltName entry that covers a host (RFC 9525 6), None when none does.

    An IP literal is compared with iPAddress entries only, a name with dNSName entries only; the
    common name of the subject is never used.
    """
    address = _as_address(host)
    if address is not None:
        found = (name for name in certificate.ip_addresses if ip_address(name) == address)
        return next(found, None)
    wanted = _as_labels(host)
    covering = (name for name in certificate.dns_names if _covers(name, wanted))
    return next(covering, None)


def name_text(name: x509.Name) -> str:
    """A distinguished name as RFC 4514 text, of bounded length."""
    try:
        text = name.rfc4514_string()
    except UNREADABLE:
        return "?"
    return text if len(text) <= _NAME_LENGTH else f"{text[:_NAME_LENGTH]}..."


def utc_text(moment: datetime) -> str:
    """An instant as ISO 8601 in UTC, whole seconds: 2026-01-15T00:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _alternative_names(
    certificate: x509.Certificate,
) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns_names = tuple(names.get_values_for_type(x509.DNSName))
        addresses = names.get_values_for_type(x509.IPAddress)
    except x509.ExtensionNotFound:
        return (), (), True
    except UNREADABLE:
        return (), (), False
    # An entry with a mask belongs into name constraints: as a host it means nothing.
    literals = tuple(
        str(address) for address in addresses if isinstance(address, IPv4Address | IPv6Address)
    )
    return dns_names, literals, True


def _public_key(certificate: x509.Certificate) -> PublicKey:
    unknown = PublicKey(certificate.public_key_algorithm_oid.dotted_string, None)
    try:
        key = certificate.public_key()
    except UNREADABLE:
        return unknown
    match key:
        case rsa.RSAPublicKey():
            read = PublicKey("RSA", key.key_size, roca=is_roca(key.public_numbers().n))
        case ec.EllipticCurvePublicKey():
            read = PublicKey("EC", key.key_size, curve=key.curve.name)
        case dsa.DSAPublicKey():
            read = PublicKey("DSA", key.key_size)
        case ed25519.Ed25519PublicKey():
            read = PublicKey("Ed25519", 256)
        case ed448.Ed448PublicKey():
            read = PublicKey("Ed448", 456)
        case _:
            read = unknown
    return read


def is_roca(modulus: int) -> bool:
    """Whether an RSA modulus bears the mark of the flawed generator of CVE-2017-15361."""
    return all(modulus % prime in _powers_of_65537(prime) for prime in _ROCA_PRIMES)


@cache
def _powers_of_65537(prime: int) -> frozenset[int]:
    return frozenset(pow(65537, exponent, prime) for exponent in range(prime - 1))


def _is_root(certificate: Certificate) -> bool:
    """Whether a certificate that is not the leaf vouches for itself."""
    return certificate.self_issued and certificate.self_signed is not False


def _as_address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return address


def _as_labels(host: str) -> tuple[str, ...]:
    """A host name as lower-case A-labels, without the dot of the root."""
    text = host.removesuffix(".").lower()
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except idna.IDNAError:
            return ()
    return tuple(text.split("."))


def _covers(pattern: str, wanted: tuple[str, ...]) -> bool:
    """Whether a dNSName covers a host: a wildcard is the whole first label, and matches one."""
    labels = _as_labels(pattern)
    if "" in wanted or len(labels) != len(wanted):
        return False
    if labels[0] == "*" and len(labels) > 1:
        return labels[1:] == wanted[1:]
    return labels == wanted
