"""Does the server hold the key of the certificate that it shows (RFC 8446, 4.4.3)?"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.tls13.encrypted_flight import SentProof
from spbe_audit.probes.tls.tls13.subject_key import subject_public_key_info

_PREFIX = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
_Verify = Callable[[Any, bytes, bytes], None]


def check_key_proof(certificate: bytes, proof: SentProof, transcript: bytes) -> None:
    """Raise BrokenFlightError where the signature is surely not of the certificate's key.

    It costs less than opening the connection, and without it a server could show any certificate
    that it likes. A key or a scheme that the library does not know is let pass: that it cannot be
    verified here must not cost the other facts. Nothing is said about the chain: checks do that.
    """
    verify = _SCHEMES.get(proof.scheme)
    if verify is None:
        return
    try:
        with warnings.catch_warnings():  # what is odd about a certificate is for the checks to say
            warnings.simplefilter("ignore")
            key = load_der_public_key(subject_public_key_info(certificate))
            verify(key, proof.signature, _PREFIX + transcript)
    except InvalidSignature as error:
        raise BrokenFlightError("the server does not hold the key of its certificate") from error
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm):
        return


def _pss(algorithm: hashes.HashAlgorithm, key: Any, signature: bytes, signed: bytes) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        form = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        key.verify(signature, signed, form, algorithm)


def _ecdsa(algorithm: hashes.HashAlgorithm, key: Any, signature: bytes, signed: bytes) -> None:
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(algorithm))


def _edwards(key: Any, signature: bytes, signed: bytes) -> None:
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(signature, signed)


_SCHEMES: Mapping[int, _Verify] = {
    0x0403: partial(_ecdsa, hashes.SHA256()),
    0x0503: partial(_ecdsa, hashes.SHA384()),
    0x0603: partial(_ecdsa, hashes.SHA512()),
    0x0804: partial(_pss, hashes.SHA256()),
    0x0805: partial(_pss, hashes.SHA384()),
    0x0806: partial(_pss, hashes.SHA512()),
    0x0807: _edwards,
    0x0808: _edwards,
    0x0809: partial(_pss, hashes.SHA256()),
    0x080A: partial(_pss, hashes.SHA384()),
    0x080B: partial(_pss, hashes.SHA512()),
}
