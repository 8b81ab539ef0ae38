"""Reads a stapled OCSP answer (RFC 6960, RFC 6066 8) and finds out who signed it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from cryptography import x509
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from spbe_audit.evidence.certificate import (
    MAX_CERTIFICATES,
    MalformedCertificateError,
    parse_certificate,
)
from spbe_audit.evidence.certificate_parts import LogTimestamp, log_timestamps
from spbe_audit.evidence.signature import UNREADABLE, answer_signature_holds, signature_holds
from spbe_audit.evidence.trust import trusted_cas

MAX_ANSWERS = 64
"""How many certificates of one OCSP answer are looked at; the rest is ignored."""

_MAX_RESPONDERS = 8


class StapleProblem(StrEnum):
    """Why a stapled answer says nothing about the certificate; the value is a reason code.

    NOT_SUCCESSFUL: the responder gave an error instead of an answer. The last two are limits of
    ours, not faults of the server.
    """

    MALFORMED = "malformed_answer"
    NOT_SUCCESSFUL = "not_successful"
    OTHER_CERTIFICATE = "other_certificate"
    BAD_SIGNATURE = "bad_signature"
    ISSUER_NOT_KNOWN = "issuer_not_found"
    UNVERIFIABLE = "unverifiable_signature"


class RevocationStatus(StrEnum):
    """What an answer says of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class AnswerSigner(StrEnum):
    """Who signed an answer: the certificate's issuer, or a responder that the issuer named."""

    ISSUER = "issuer"
    DELEGATE = "delegate"


@dataclass(frozen=True, slots=True)
class Staple:
    """A stapled answer about one certificate; times are UTC.

    ``status`` to ``timestamps`` are set only where ``problem`` is None. ``next_update`` and
    ``revoked_at`` are None where the answer does not tell. ``timestamps`` are those of certificate
    logs that the answer carries (RFC 6962 3.3).
    """

    problem: StapleProblem | None = None
    status: RevocationStatus | None = None
    signer: AnswerSigner | None = None
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    timestamps: tuple[LogTimestamp, ...] = ()


def read_staple(
    staple: bytes, chain: Sequence[bytes], *, anchors: Sequence[bytes] = (), at: datetime
) -> Staple:
    """What a stapled answer says of the leaf of a chain (DER, leaf first).

    The signature must be that of the leaf's issuer, or of a responder whose certificate the issuer
    signed for this purpose and which is valid ``at`` that instant (RFC 6960 4.2.2.2). ``anchors``
    are trusted CAs beside Mozilla's. Raises MalformedCertificateError for an unreadable leaf.
    """
    leaf = parse_certificate(chain[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(staple, leaf, _issuer(leaf, chain, anchors), at)
        except UNREADABLE:
            return Staple(StapleProblem.MALFORMED)


def _read(
    staple: bytes, leaf: x509.Certificate, issuer: x509.Certificate | None, at: datetime
) -> Staple:
    answer = ocsp.load_der_ocsp_response(staple)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return Staple(StapleProblem.NOT_SUCCESSFUL)
    about = (one for one in islice(answer.responses, MAX_ANSWERS))
    ours = next((one for one in about if one.serial_number == leaf.serial_number), None)
    if ours is None:
        return Staple(StapleProblem.OTHER_CERTIFICATE)
    if issuer is None:
        return Staple(StapleProblem.ISSUER_NOT_KNOWN)
    signer = _signer(answer, issuer, at)
    if isinstance(signer, StapleProblem):
        return Staple(signer)
    return Staple(
        status=RevocationStatus(ours.certificate_status.name.lower()),
        signer=signer,
        this_update=ours.this_update_utc,
        next_update=ours.next_update_utc,
        revoked_at=ours.revocation_time_utc,
        timestamps=_timestamps(answer),
    )


def _issuer(
    leaf: x509.Certificate, chain: Sequence[bytes], anchors: Sequence[bytes]
) -> x509.Certificate | None:
    """The CA that signed the leaf, among those sent and those trusted."""
    sent = []
    for der in chain[:MAX_CERTIFICATES]:
        try:
            sent.append(parse_certificate(der))
        except MalformedCertificateError:
            continue
    named = [certificate for certificate in sent if certificate.subject == leaf.issuer]
    candidates = (*named, *trusted_cas(leaf.issuer, anchors))
    return next((one for one in candidates if signature_holds(leaf, one)), None)


def _signer(
    answer: ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime
) -> AnswerSigner | StapleProblem:
    held = answer_signature_holds(answer, issuer)
    if held:
        return AnswerSigner.ISSUER
    for responder in answer.certificates[:_MAX_RESPONDERS]:
        if _may_answer(responder, issuer, at):
            held = answer_signature_holds(answer, responder)
            if held:
                return AnswerSigner.DELEGATE
    return StapleProblem.UNVERIFIABLE if held is None else StapleProblem.BAD_SIGNATURE


def _may_answer(responder: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
    """Whether the issuer made this certificate for answering in its place."""
    try:
        usages = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return (
        ExtendedKeyUsageOID.OCSP_SIGNING in usages
        and responder.issuer == issuer.subject
        and responder.not_valid_before_utc <= at <= responder.not_valid_after_utc
        and signature_holds(responder, issuer) is True
    )


def _timestamps(answer: ocsp.OCSPResponse) -> tuple[LogTimestamp, ...]:
    try:
        extensions = answer.single_extensions
        found = extensions.get_extension_for_class(x509.SignedCertificateTimestamps).value
        return log_timestamps(found)
    except (x509.ExtensionNotFound, *UNREADABLE):
        # The library reads these only where the answer is about one certificate.
        return ()
