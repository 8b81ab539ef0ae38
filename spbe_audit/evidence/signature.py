"""Verifies signatures on certificates and OCSP answers, whatever their algorithm's strength."""

from __future__ import annotations

from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ObjectIdentifier, SignatureAlgorithmOID

INTRINSIC = "intrinsic"

UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for DER that it cannot make sense of (found by feeding it mutations)."""


class _Scheme(NamedTuple):
    """A signature algorithm: its name, the family of its keys, and its hash."""

    name: str
    family: str
    digest: str


# RFC 3279, RFC 4055, RFC 5758, RFC 8410, RFC 9881 and NIST's registrations. The library reads some
# of these and not others; the oldest must be named all the same.
_SCHEMES = {
    "1.2.840.113549.1.1.2": _Scheme("md2WithRSAEncryption", "RSA", "md2"),
    "1.2.840.113549.1.1.3": _Scheme("md4WithRSAEncryption", "RSA", "md4"),
    "1.2.840.113549.1.1.4": _Scheme("md5WithRSAEncryption", "RSA", "md5"),
    "1.2.840.113549.1.1.5": _Scheme("sha1WithRSAEncryption", "RSA", "sha1"),
    "1.3.14.3.2.29": _Scheme("sha1WithRSASignature", "RSA", "sha1"),
    "1.2.840.113549.1.1.14": _Scheme("sha224WithRSAEncryption", "RSA", "sha224"),
    "1.2.840.113549.1.1.11": _Scheme("sha256WithRSAEncryption", "RSA", "sha256"),
    "1.2.840.113549.1.1.12": _Scheme("sha384WithRSAEncryption", "RSA", "sha384"),
    "1.2.840.113549.1.1.13": _Scheme("sha512WithRSAEncryption", "RSA", "sha512"),
    "2.16.840.1.101.3.4.3.14": _Scheme("rsassa-pkcs1v15-sha3-256", "RSA", "sha3-256"),
    "2.16.840.1.101.3.4.3.15": _Scheme("rsassa-pkcs1v15-sha3-384", "RSA", "sha3-384"),
    "2.16.840.1.101.3.4.3.16": _Scheme("rsassa-pkcs1v15-sha3-512", "RSA", "sha3-512"),
    "1.2.840.10040.4.3": _Scheme("dsa-with-sha1", "DSA", "sha1"),
    "2.16.840.1.101.3.4.3.1": _Scheme("dsa-with-sha224", "DSA", "sha224"),
    "2.16.840.1.101.3.4.3.2": _Scheme("dsa-with-sha256", "DSA", "sha256"),
    "1.2.840.10045.4.1": _Scheme("ecdsa-with-SHA1", "EC", "sha1"),
    "1.2.840.10045.4.3.1": _Scheme("ecdsa-with-SHA224", "EC", "sha224"),
    "1.2.840.10045.4.3.2": _Scheme("ecdsa-with-SHA256", "EC", "sha256"),
    "1.2.840.10045.4.3.3": _Scheme("ecdsa-with-SHA384", "EC", "sha384"),
    "1.2.840.10045.4.3.4": _Scheme("ecdsa-with-SHA512", "EC", "sha512"),
    "1.3.101.112": _Scheme("Ed25519", "Ed", INTRINSIC),
    "1.3.101.113": _Scheme("Ed448", "Ed", INTRINSIC),
    "2.16.840.1.101.3.4.3.17": _Scheme("ML-DSA-44", "ML-DSA", INTRINSIC),
    "2.16.840.1.101.3.4.3.18": _Scheme("ML-DSA-65", "ML-DSA", INTRINSIC),
    "2.16.840.1.101.3.4.3.19": _Scheme("ML-DSA-87", "ML-DSA", INTRINSIC),
}

_HASHES: dict[str, hashes.HashAlgorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        hashes.MD5(),  # noqa: S303 - to verify what others signed with it
        hashes.SHA1(),  # noqa: S303 - to verify what others signed with it
        hashes.SHA224(),
        hashes.SHA256(),
        hashes.SHA384(),
        hashes.SHA512(),
        hashes.SHA3_256(),
        hashes.SHA3_384(),
        hashes.SHA3_512(),
    )
}


def signature_scheme(certificate: x509.Certificate) -> tuple[str, str | None]:
    """The name of the signature's algorithm, and of its hash; None for one that is not known.

    The hash is "intrinsic" where the algorithm brings its own (Ed25519, ML-DSA).
    """
    identifier = certificate.signature_algorithm_oid
    if identifier == SignatureAlgorithmOID.RSASSA_PSS:
        pss = _pss(certificate)
        return "RSASSA-PSS", pss[1].name if pss else None
    scheme = _SCHEMES.get(identifier.dotted_string)
    return (scheme.name, scheme.digest) if scheme else (identifier.dotted_string, None)


def signature_holds(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Whether the issuer's key made the signature; None when that cannot be verified here.

    The library's own verify_directly_issued_by refuses MD5 and SHA-1. Whether a signature is made
    with a strong algorithm is another question than who made it.
    """
    try:
        algorithm = _algorithm(certificate.signature_algorithm_oid, _pss(certificate))
        signed = _Signed(certificate.signature, certificate.tbs_certificate_bytes, *algorithm)
        return _verified(signed, issuer.public_key())
    except InvalidSignature:
        return False
    except UNREADABLE:
        return None


def answer_signature_holds(answer: ocsp.OCSPResponse, responder: x509.Certificate) -> bool | None:
    """Whether the responder's key signed an OCSP answer; None when that cannot be verified here.

    RSASSA-PSS cannot: the library does not tell the parameters of an answer's signature.
    """
    try:
        algorithm = _algorithm(answer.signature_algorithm_oid, None)
        signed = _Signed(answer.signature, answer.tbs_response_bytes, *algorithm)
        return _verified(signed, responder.public_key())
    except InvalidSignature:
        return False
    except UNREADABLE:
        return None


class _Signed(NamedTuple):
    """A signature over some bytes, with the family of keys, the hash and the RSA padding."""

    signature: bytes
    over: bytes
    family: str
    digest: hashes.HashAlgorithm | None
    rsa_padding: padding.PSS | padding.PKCS1v15


def _verified(signed: _Signed, key: object) -> bool | None:
    """True when the signature holds; raises InvalidSignature when it does not."""
    signature, over, family, digest, rsa_padding = signed
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        if family != "Ed":
            return False
        key.verify(signature, over)
        return True
    if digest is None:
        return None
    match key:
        case rsa.RSAPublicKey() if family == "RSA":
            key.verify(signature, over, rsa_padding, digest)
        case ec.EllipticCurvePublicKey() if family == "EC":
            key.verify(signature, over, ec.ECDSA(digest))
        case dsa.DSAPublicKey() if family == "DSA":
            key.verify(signature, over, digest)
        case _:
            return False
    return True


def _algorithm(
    identifier: ObjectIdentifier, pss: tuple[padding.PSS, hashes.HashAlgorithm] | None
) -> tuple[str, hashes.HashAlgorithm | None, padding.PSS | padding.PKCS1v15]:
    """The family of keys, the hash and the RSA padding that an identifier says were used."""
    if identifier == SignatureAlgorithmOID.RSASSA_PSS:
        return ("RSA", pss[1], pss[0]) if pss else ("RSA", None, padding.PKCS1v15())
    scheme = _SCHEMES.get(identifier.dotted_string)
    if scheme is None:
        return "", None, padding.PKCS1v15()
    return scheme.family, _HASHES.get(scheme.digest), padding.PKCS1v15()


def _pss(certificate: x509.Certificate) -> tuple[padding.PSS, hashes.HashAlgorithm] | None:
    try:
        parameters = certificate.signature_algorithm_parameters
        digest = certificate.signature_hash_algorithm
    except UNREADABLE:
        return None
    if isinstance(parameters, padding.PSS) and digest is not None:
        return parameters, digest
    return None
