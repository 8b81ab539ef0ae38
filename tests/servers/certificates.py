"""Certificates for test servers, made on the spot with any flaw that a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KeyKind = Literal["ec256", "ec384", "rsa1024", "rsa2048"]
HashKind = hashes.SHA256 | hashes.SHA384 | hashes.SHA512

_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_SHA1_WITH_RSA = bytes.fromhex("06092a864886f70d010105")


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, its key, and the certificates above it (the root left out)."""

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def chain_pem(self) -> bytes:
        """The certificate and those above it, as a server's file wants them."""
        chain = (self.certificate, *self.above)
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in chain)

    @property
    def key_pem(self) -> bytes:
        """The private key, without a passphrase."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def write(self, directory: Path, name: str = "server") -> tuple[Path, Path]:
        """Write NAME.pem (chain) and NAME.key, and return both paths."""
        chain, key = directory / f"{name}.pem", directory / f"{name}.key"
        chain.write_bytes(self.chain_pem)
        key.write_bytes(self.key_pem)
        return chain, key


def make_key(kind: KeyKind = "ec256") -> PrivateKey:
    """A new private key."""
    match kind:
        case "ec256":
            return ec.generate_private_key(ec.SECP256R1())
        case "ec384":
            return ec.generate_private_key(ec.SECP384R1())
        case "rsa1024":
            return rsa.generate_private_key(65537, 1024)  # noqa: S505 - the flaw that is tested
        case "rsa2048":
            return rsa.generate_private_key(65537, 2048)


def make_authority(
    name: str = "Test Root CA",
    *,
    issuer: Identity | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    key: KeyKind = "ec256",
) -> Identity:
    """A CA: a root without ``issuer``, an intermediate with one."""
    private_key = make_key(key)
    builder = _builder(name, private_key, issuer, valid_from, valid_until)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return _signed(builder, private_key, issuer, hashes.SHA256())


def make_leaf(
    issuer: Identity | None,
    names: Sequence[str] = ("localhost", "127.0.0.1"),
    *,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    key: KeyKind = "ec256",
    hash_algorithm: HashKind | None = None,
) -> Identity:
    """A server certificate for names and IP addresses; self-signed without ``issuer``.

    Valid from yesterday for 90 days unless told otherwise.
    """
    private_key = make_key(key)
    common_name = names[0] if names else "no name"
    builder = _builder(common_name, private_key, issuer, valid_from, valid_until)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )
    if names:
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    return _signed(builder, private_key, issuer, hash_algorithm or hashes.SHA256())


def with_sha1_signature(leaf: Identity, issuer: Identity | None) -> Identity:
    """The same certificate signed with SHA-1, which the library itself refuses to do.

    The signing key (the leaf's own without ``issuer``) must be RSA; both names of the algorithm
    have the same length, so nothing else in the DER moves.
    """
    signer = (issuer or leaf).key
    if not isinstance(signer, rsa.RSAPrivateKey):
        raise TypeError("only an RSA key can sign here")
    body = leaf.certificate.tbs_certificate_bytes.replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    signature = signer.sign(body, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - the flaw tested
    start = leaf.der.index(leaf.certificate.tbs_certificate_bytes)
    tail = leaf.der[start + len(body) : -len(signature)].replace(_SHA256_WITH_RSA, _SHA1_WITH_RSA)
    der = leaf.der[:start] + body + tail + signature
    return Identity(x509.load_der_x509_certificate(der), leaf.key, leaf.above)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    name: str,
    key: PrivateKey,
    issuer: Identity | None,
    valid_from: datetime | None,
    valid_until: datetime | None,
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.key if issuer else key
    begins = valid_from or datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(valid_until or begins + timedelta(days=90))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )


def _signed(
    builder: x509.CertificateBuilder,
    key: PrivateKey,
    issuer: Identity | None,
    algorithm: HashKind,
) -> Identity:
    certificate = builder.sign(issuer.key if issuer else key, algorithm)
    above: tuple[x509.Certificate, ...] = ()
    if issuer and issuer.certificate.issuer != issuer.certificate.subject:
        above = (issuer.certificate, *issuer.above)
    return Identity(certificate, key, above)
