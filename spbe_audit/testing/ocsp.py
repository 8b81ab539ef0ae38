"""Stapled OCSP answers for cases, about the leaf of a chain of testing.certificates.

build_staple({"status": "revoked"}, {"must_staple": True})
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from pydantic import BaseModel, ConfigDict

from spbe_audit.testing.certificates import (
    EPOCH,
    Signer,
    build_chain,
    certificate_of,
    responder,
    signer_of,
    stranger,
)


class StapleSpec(BaseModel):
    """An answer. Days count from the collection of the evidence; ``next_update`` may be none.

    ``signer`` "impostor" has a certificate of the issuer's, but none that lets it answer;
    "stranger" is another CA. ``about`` tells whose certificate the answer names. ``error`` is an
    error of the responder in place of an answer; ``damage`` cuts the DER in half.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["good", "revoked", "unknown"] = "good"
    this_update: float = -1
    next_update: float | None = 6
    signer: Literal["issuer", "delegate", "impostor", "stranger"] = "issuer"
    about: Literal["leaf", "another"] = "leaf"
    error: bool = False
    damage: bool = False


_STATUSES = {
    "good": ocsp.OCSPCertStatus.GOOD,
    "revoked": ocsp.OCSPCertStatus.REVOKED,
    "unknown": ocsp.OCSPCertStatus.UNKNOWN,
}


def build_staple(spec: Mapping[str, object], chain: Mapping[str, object]) -> bytes:
    """The answer (DER) of a specification about the leaf of another (for build_chain).

    Raises ValueError (pydantic's) for a field that does not exist or a value of the wrong kind.
    """
    wanted = StapleSpec.model_validate(dict(spec))
    if wanted.error:
        error = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
        return error.public_bytes(Encoding.DER)
    leaf = x509.load_der_x509_certificate(build_chain(chain)[0])
    der = _signed(_builder(wanted, leaf, signer_of(chain)), wanted, signer_of(chain))
    return der[: len(der) // 2] if wanted.damage else der


def _builder(spec: StapleSpec, leaf: x509.Certificate, issuer: Signer) -> ocsp.OCSPResponseBuilder:
    revoked = spec.status == "revoked"
    key = x509.SubjectKeyIdentifier.from_public_key(issuer.key.public_key())
    name = hashes.Hash(hashes.SHA1())  # noqa: S303 - by which RFC 6960 names an issuer
    name.update(issuer.name.public_bytes())
    end = spec.next_update
    return ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=name.finalize(),
        issuer_key_hash=key.digest,
        serial_number=leaf.serial_number + (spec.about == "another"),
        algorithm=hashes.SHA1(),  # noqa: S303 - as above
        cert_status=_STATUSES[spec.status],
        this_update=EPOCH + timedelta(days=spec.this_update),
        next_update=None if end is None else EPOCH + timedelta(days=end),
        revocation_time=EPOCH - timedelta(days=2) if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )


def _signed(builder: ocsp.OCSPResponseBuilder, spec: StapleSpec, issuer: Signer) -> bytes:
    signer = stranger() if spec.signer == "stranger" else issuer
    bearer = certificate_of(signer)
    if spec.signer in {"delegate", "impostor"}:
        may_answer = spec.signer == "delegate"
        signer, bearer = responder("Example Responder", issuer, may_answer=may_answer)
        builder = builder.certificates([bearer])
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, bearer)
    digest = None if isinstance(signer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer.key, digest).public_bytes(Encoding.DER)
