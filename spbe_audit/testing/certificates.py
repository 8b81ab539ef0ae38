"""Certificate chains for cases: made from a few words, alike in every run.

    build_chain({"not_after": -3})                      a leaf that expired three days ago
    build_chain({"issuer": "intermediate"})             a leaf and the CA between it and the root
    build_chain({"self_signed": True, "key": "rsa2048"})

Every key and serial number is fixed and ECDSA signs deterministically, so that the same words give
the same bytes. Only RSA keys are made anew in each process, when a case first asks for one. None
of these keys is good for anything but cases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from math import prod
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from pydantic import BaseModel, ConfigDict, Field

EPOCH = datetime(2026, 1, 15, tzinfo=UTC)
"""The instant that days in a specification count from: when the evidence of cases was collected."""

HOST = "portal.example.go.id"

KeyName = Literal["p192", "p256", "p384", "ed25519", "rsa1024", "rsa2048", "rsa3072"]
OddKeyName = Literal["roca2048", "x25519"]
HashName = Literal["md5", "sha1", "sha256", "sha384", "sha512"]
Damage = Literal["signature", "algorithm", "der"]
Sent = Literal["leaf", "between", "root", "stranger"]
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
PublicKey = (
    ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey | x25519.X25519PublicKey
)

_CURVES: Mapping[str, ec.EllipticCurve] = {
    "p192": ec.SECP192R1(),
    "p256": ec.SECP256R1(),
    "p384": ec.SECP384R1(),
}
_HASHES: Mapping[str, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ROOTS: Mapping[str, str] = {
    "trusted": "Example Root CA",
    "untrusted": "Unknown Root CA",
    "stranger": "Stranger Root CA",
}
_ECDSA_WITH_SHA256 = bytes.fromhex("06082a8648ce3d040302")
_NO_ALGORITHM = bytes.fromhex("06082a8648ce3d04037f")
_SHA256_WITH_RSA = bytes.fromhex("06092a864886f70d01010b")
_WEAK: Mapping[str, tuple[hashes.HashAlgorithm, bytes]] = {
    "md5": (hashes.MD5(), bytes.fromhex("06092a864886f70d010104")),  # noqa: S303 - a bad example
    "sha1": (hashes.SHA1(), bytes.fromhex("06092a864886f70d010105")),  # noqa: S303 - a bad example
}


class CaSpec(BaseModel):
    """The CA between the leaf and the root. ``sent`` tells whether the server sends it.

    ``damage`` breaks its certificate, as that of the leaf. With ``organization`` its name is that
    of a company; the country goes with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sent: bool = True
    common_name: str = "Example Issuing CA"
    organization: str = ""
    country: str = "ID"
    ca: bool = True
    not_before: float = -365
    not_after: float = 365
    key: KeyName = "p256"
    hash: HashName = "sha256"
    damage: Damage | None = None


class ChainSpec(BaseModel):
    """A chain as a server sends it.

    Days count from the collection of the evidence. ``sans`` are host names and IP addresses,
    "DNS:" or "IP:" before one forces its kind; None means the subject alone, an empty list means
    no extension. ``issuer`` "intermediate" is trusted, through the CA of ``intermediate``.
    ``key`` "roca2048" is one of the flawed generator of CVE-2017-15361, "x25519" one that is no
    signing key; neither can sign. ``logs`` are numbers of certificate logs, each with a timestamp
    in the leaf; ``must_staple`` is the feature of RFC 7633. ``order`` says what is sent, leaf
    first: "between" are all CAs below the root, "stranger" is a CA that issued none of them.
    ``damage`` breaks the leaf: its signature, the name of its signature's algorithm (of ECDSA with
    SHA-256), or its DER.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = HOST
    sans: tuple[str, ...] | None = None
    not_before: float = -30
    not_after: float = 335
    key: KeyName | OddKeyName = "p256"
    hash: HashName = "sha256"
    self_signed: bool = False
    issuer: Literal["trusted", "untrusted", "intermediate"] = "trusted"
    intermediate: CaSpec = Field(default_factory=CaSpec)
    ca: bool = False
    root_sent: bool = False
    order: tuple[Sent, ...] = ()
    logs: tuple[int, ...] = ()
    must_staple: bool = False
    damage: Damage | None = None


class Signer(BaseModel):
    """Who signs: a name and a key."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    name: x509.Name
    key: PrivateKey


def build_chain(spec: Mapping[str, object]) -> tuple[bytes, ...]:
    """The chain of a specification (the fields of ChainSpec) as DER, leaf first.

    Raises ValueError (pydantic's) for a field that does not exist or a value of the wrong kind.
    """
    wanted = ChainSpec.model_validate(dict(spec))
    root = _root("untrusted" if wanted.issuer == "untrusted" else "trusted")
    issuer, between = _own_issuer(wanted) if wanted.self_signed else _issuers(wanted, root)
    leaf = _damaged(_sign(_leaf(wanted), issuer, wanted.hash), wanted.damage)
    if wanted.order:
        stranger = _root_der(_root("stranger"))
        parts = {"leaf": (leaf,), "between": between, "root": (_root_der(root),)}
        parts["stranger"] = (stranger,)
        return tuple(der for part in wanted.order for der in parts[part])
    roots = (_root_der(root),) if wanted.root_sent else ()
    return (leaf, *between, *roots)


def signer_of(spec: Mapping[str, object]) -> Signer:
    """Who signed the leaf of a specification."""
    wanted = ChainSpec.model_validate(dict(spec))
    root = _root("untrusted" if wanted.issuer == "untrusted" else "trusted")
    return (_own_issuer(wanted) if wanted.self_signed else _issuers(wanted, root))[0]


def stranger() -> Signer:
    """A CA that has to do with no chain."""
    return _root("stranger")


def certificate_of(signer: Signer) -> x509.Certificate:
    """A certificate that a signer made for itself."""
    builder = _builder(signer.name, signer.key.public_key(), -3650, 3650)
    return x509.load_der_x509_certificate(_sign(_with_role(builder, ca=True), signer, "sha256"))


def responder(name: str, issuer: Signer, *, may_answer: bool) -> tuple[Signer, x509.Certificate]:
    """One who signs OCSP answers in the place of an issuer, with or without leave to do so."""
    own = Signer(name=_name(name), key=_key("p256", name))
    builder = _builder(own.name, own.key.public_key(), -30, 30)
    if may_answer:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
        builder = builder.add_extension(purpose, critical=False)
    return own, x509.load_der_x509_certificate(_sign(builder, issuer, "sha256"))


def _own_issuer(spec: ChainSpec) -> tuple[Signer, tuple[bytes, ...]]:
    """The leaf itself as the one who signs it, and nothing else to send."""
    return Signer(name=_name(spec.subject), key=_key(spec.key, "leaf")), ()


def _issuers(spec: ChainSpec, root: Signer) -> tuple[Signer, tuple[bytes, ...]]:
    """Who signs the leaf, and the CA certificates that are sent, nearest to the leaf first."""
    issuer, sent = root, []
    if spec.issuer == "intermediate":
        above = root
        if spec.intermediate.hash in _WEAK:
            above, der = _ca("Example Legacy CA", CaSpec(key="rsa2048"), root)
            sent.append(der)
        issuer, der = _ca(spec.intermediate.common_name, spec.intermediate, above)
        sent += [der] if spec.intermediate.sent else []
    if spec.hash in _WEAK and not isinstance(issuer.key, rsa.RSAPrivateKey):
        # Only a key that is RSA signs with MD5 and SHA-1 here; the roots are not.
        issuer, der = _ca("Example RSA Issuing CA", CaSpec(key="rsa2048"), issuer)
        sent.append(der)
    return issuer, tuple(reversed(sent))


def _ca(common_name: str, spec: CaSpec, above: Signer) -> tuple[Signer, bytes]:
    """A CA below another, and its certificate."""
    name = _name(common_name, spec.organization, spec.country)
    own = Signer(name=name, key=_key(spec.key, common_name))
    builder = _builder(own.name, own.key.public_key(), spec.not_before, spec.not_after)
    builder = _with_role(builder, ca=spec.ca)
    return own, _damaged(_sign(builder, above, spec.hash), spec.damage)


def _leaf(spec: ChainSpec) -> x509.CertificateBuilder:
    key = _public_key(spec.key, "leaf")
    builder = _builder(_name(spec.subject), key, spec.not_before, spec.not_after)
    builder = _with_role(builder, ca=spec.ca)
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = builder.add_extension(server, critical=False)
    sans = (spec.subject,) if spec.sans is None else spec.sans
    if sans:
        names = x509.SubjectAlternativeName([_alternative_name(name) for name in sans])
        builder = builder.add_extension(names, critical=False)
    if spec.must_staple:
        feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
        builder = builder.add_extension(feature, critical=False)
    if spec.logs:
        stamps = x509.UnrecognizedExtension(
            ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS, _timestamps(spec.logs)
        )
        builder = builder.add_extension(stamps, critical=False)
    return builder


def _timestamps(logs: tuple[int, ...]) -> bytes:
    """A list of timestamps (RFC 6962 3.2, 3.3) of the day the evidence begins, as an OCTET STRING.

    A log is known by its number; nobody could verify the signatures.
    """
    at = int(EPOCH.timestamp() * 1000).to_bytes(8)
    signature = b"\x04\x03" + (8).to_bytes(2) + bytes(8)
    stamps = (b"\x00" + bytes([log]) * 32 + at + bytes(2) + signature for log in logs)
    listed = b"".join(len(stamp).to_bytes(2) + stamp for stamp in stamps)
    content = len(listed).to_bytes(2) + listed
    size = len(content).to_bytes(2).lstrip(b"\x00")
    prefix = bytes([0x80 | len(size)]) if size[0] >= 0x80 or len(size) > 1 else b""  # noqa: PLR2004 - the long form of DER
    return b"\x04" + prefix + size + content


def _builder(
    subject: x509.Name, key: PublicKey, not_before: float, not_after: float
) -> x509.CertificateBuilder:
    text = f"{subject.rfc4514_string()} {not_before} {not_after}"
    serial = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) | 1
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(EPOCH + timedelta(days=not_before))
        .not_valid_after(EPOCH + timedelta(days=not_after))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _sign(builder: x509.CertificateBuilder, issuer: Signer, hash_name: str) -> bytes:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    builder = builder.issuer_name(issuer.name).add_extension(identifier, critical=False)
    if hash_name in _WEAK:
        return _sign_weakly(builder, issuer.key, hash_name)
    if isinstance(issuer.key, ed25519.Ed25519PrivateKey):
        return builder.sign(issuer.key, None).public_bytes(Encoding.DER)
    deterministic = True if isinstance(issuer.key, ec.EllipticCurvePrivateKey) else None
    digest = _HASHES[hash_name]
    certificate = builder.sign(issuer.key, digest, ecdsa_deterministic=deterministic)
    return certificate.public_bytes(Encoding.DER)


def _sign_weakly(builder: x509.CertificateBuilder, key: PrivateKey, hash_name: str) -> bytes:
    """Sign with a hash that the library refuses: exchange the algorithm's name, sign anew.

    The names of the algorithms and the signatures have equal lengths, so the DER keeps its shape.
    """
    if not isinstance(key, rsa.RSAPrivateKey):
        message = f"{hash_name} signatures of cases are made with RSA keys only"
        raise ValueError(message)  # noqa: TRY004 - two words of a case that do not go together
    digest, identifier = _WEAK[hash_name]
    strong = builder.sign(key, hashes.SHA256())
    signed = strong.tbs_certificate_bytes
    weak = signed.replace(_SHA256_WITH_RSA, identifier)
    der = strong.public_bytes(Encoding.DER).replace(signed, weak)
    der = der.replace(_SHA256_WITH_RSA, identifier)
    return der.replace(strong.signature, key.sign(weak, padding.PKCS1v15(), digest))


def _damaged(der: bytes, damage: str | None) -> bytes:
    if damage == "signature":
        return der[:-1] + bytes([der[-1] ^ 1])
    if damage == "algorithm":
        return der.replace(_ECDSA_WITH_SHA256, _NO_ALGORITHM)
    return der[: len(der) // 2] if damage == "der" else der


def _root(kind: str) -> Signer:
    common_name = _ROOTS[kind]
    return Signer(name=_name(common_name), key=_key("p256", common_name))


def _root_der(root: Signer) -> bytes:
    return certificate_of(root).public_bytes(Encoding.DER)


def _with_role(builder: x509.CertificateBuilder, *, ca: bool) -> x509.CertificateBuilder:
    """Say what the certificate is for, as the rules for public CAs demand it."""
    constraints = x509.BasicConstraints(ca=ca, path_length=None)
    usage = x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)


def _alternative_name(text: str) -> x509.GeneralName:
    kind, _, rest = text.partition(":")
    if kind == "DNS":
        return x509.DNSName(rest)
    literal = rest if kind == "IP" else text
    try:
        return x509.IPAddress(ip_address(literal))
    except ValueError:
        return x509.DNSName(text)


def _name(common_name: str, organization: str = "", country: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        parts.insert(0, x509.NameAttribute(NameOID.COUNTRY_NAME, country))
    return x509.Name(parts)


def _public_key(kind: str, owner: str) -> PublicKey:
    """The public key of one owner."""
    if kind == "roca2048":
        return rsa.RSAPublicNumbers(65537, _roca_modulus()).public_key()
    if kind == "x25519":
        return x25519.X25519PublicKey.from_public_bytes(hashlib.sha256(owner.encode()).digest())
    return _key(kind, owner).public_key()


def _roca_modulus() -> int:
    """A modulus of 2048 bits with the structure of CVE-2017-15361, as k * M + 65537**a mod M."""
    small = [n for n in range(2, 702) if all(n % below for below in range(2, n))]
    product = prod(small)
    factors = [
        product * ((3 << 1022) // product + number) + pow(65537, number, product)
        for number in (11, 222)
    ]
    return prod(factors)


@cache
def _key(kind: str, owner: str) -> PrivateKey:
    """The key of one owner. Elliptic keys follow from the owner's name."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(kind[3:]))
    seed = hashlib.sha256(f"spbe-audit {kind} {owner}".encode()).digest()
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    number = int.from_bytes(seed[:20])  # below the order of each of the curves
    return ec.derive_private_key(number, _CURVES[kind])


TRUSTED_ROOT = _root_der(_root("trusted"))
"""The root (DER) that the chains of cases lead to, unless their issuer is untrusted."""
