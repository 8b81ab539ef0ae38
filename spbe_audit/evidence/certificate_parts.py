"""Reads the parts of a certificate that tell about its issuer, its key and its logging."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.certificate_transparency import SignedCertificateTimestamp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID, ObjectIdentifier

from spbe_audit.evidence.signature import UNREADABLE

MAX_ENTRIES = 64
"""How many entries of one list are kept; the rest is ignored."""

_TEXT_LENGTH = 300


@dataclass(frozen=True, slots=True)
class NameParts:
    """What a distinguished name says of who bears it, in the order of the name."""

    common_names: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The organisations and common names together."""
        return self.organizations + self.common_names

    def says(self, words: str) -> bool:
        """Whether an organisation or common name holds these words, whole and in any case."""
        found = re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.IGNORECASE)
        return any(found.search(text) for text in self.texts)


@dataclass(frozen=True, slots=True)
class LogTimestamp:
    """A promise of a certificate log (RFC 6962 3.2). ``log`` is the log's id, hexadecimal.

    Neither the signature nor the log's name is looked at: that needs a list of logs.
    """

    log: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CertificateParts:
    """Extensions beside the names; all empty where the extensions cannot be read.

    ``timestamps`` are those embedded (RFC 6962 3.3). ``must_staple`` is the status_request feature
    of RFC 7633. ``ocsp_urls`` and ``issuer_urls`` come from the authority information access,
    ``policies`` are object identifiers.
    """

    timestamps: tuple[LogTimestamp, ...] = ()
    must_staple: bool = False
    ocsp_urls: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()


def name_parts(name: x509.Name) -> NameParts:
    """The parts of a distinguished name."""
    return NameParts(
        common_names=_attributes(name, NameOID.COMMON_NAME),
        organizations=_attributes(name, NameOID.ORGANIZATION_NAME),
        countries=_attributes(name, NameOID.COUNTRY_NAME),
    )


def read_parts(certificate: x509.Certificate) -> CertificateParts:
    """The extensions that a certificate carries beside its names."""
    try:
        return _parts([extension.value for extension in certificate.extensions])
    except UNREADABLE:
        return CertificateParts()


def key_digest(certificate: x509.Certificate) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, hexadecimal; '' for a key that cannot be read."""
    try:
        key = certificate.public_key()
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UNREADABLE:
        return ""
    return hashlib.sha256(der).hexdigest()


def log_timestamps(found: Iterable[SignedCertificateTimestamp]) -> tuple[LogTimestamp, ...]:
    """The timestamps of a list. Raises one of UNREADABLE for a time that cannot be."""
    return tuple(
        LogTimestamp(one.log_id.hex(), one.timestamp.replace(tzinfo=UTC))
        for one, _ in zip(found, range(MAX_ENTRIES), strict=False)
    )


def _parts(values: list[x509.ExtensionType]) -> CertificateParts:
    timestamps: tuple[LogTimestamp, ...] = ()
    must_staple = False
    ocsp_urls: tuple[str, ...] = ()
    issuer_urls: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    for value in values:
        match value:
            case x509.PrecertificateSignedCertificateTimestamps():
                timestamps = log_timestamps(value)
            case x509.TLSFeature():
                must_staple = x509.TLSFeatureType.status_request in value
            case x509.AuthorityInformationAccess():
                ocsp_urls = _urls(value, AuthorityInformationAccessOID.OCSP)
                issuer_urls = _urls(value, AuthorityInformationAccessOID.CA_ISSUERS)
            case x509.CertificatePolicies():
                policies = tuple(one.policy_identifier.dotted_string for one in value)
            case _:
                continue
    return CertificateParts(timestamps, must_staple, ocsp_urls, issuer_urls, policies[:MAX_ENTRIES])


def _urls(access: x509.AuthorityInformationAccess, method: ObjectIdentifier) -> tuple[str, ...]:
    found = (
        one.access_location.value
        for one in access
        if one.access_method == method
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    )
    return tuple(url[:_TEXT_LENGTH] for url in found)[:MAX_ENTRIES]


def _attributes(name: x509.Name, kind: ObjectIdentifier) -> tuple[str, ...]:
    values = (attribute.value for attribute in name.get_attributes_for_oid(kind))
    texts = (value if isinstance(value, str) else value.hex() for value in values)
    return tuple(text[:_TEXT_LENGTH] for text in texts)[:MAX_ENTRIES]
