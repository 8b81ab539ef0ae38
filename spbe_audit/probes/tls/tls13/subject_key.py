"""Finds the public key in a certificate, without a parser of certificates (RFC 5280, 4.1)."""

from __future__ import annotations

_SEQUENCE, _EXPLICIT_VERSION = 0x30, 0xA0
_LONG_FORM = 0x80
_MOST_LENGTH_BYTES = 4
_BEFORE_THE_KEY = 5
"""Serial number, signature algorithm, issuer, validity, subject."""


def subject_public_key_info(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo, in DER. Raises ValueError for what is no certificate."""
    _, content, _ = _element(certificate, 0)
    _, fields, _ = _element(content, 0)
    tag, _, after = _element(fields, 0)
    at = after if tag == _EXPLICIT_VERSION else 0
    for _ in range(_BEFORE_THE_KEY):
        _, _, at = _element(fields, at)
    tag, _, after = _element(fields, at)
    if tag != _SEQUENCE:
        raise ValueError("the certificate has no public key")
    return fields[at:after]


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """The tag and content of one element, and where the next one begins."""
    if len(data) - at < 2:  # noqa: PLR2004 - a tag and a length
        raise ValueError("the certificate ends too early")
    tag, length, begin = data[at], data[at + 1], at + 2
    if length & _LONG_FORM:
        count = length & ~_LONG_FORM
        if not 0 < count <= _MOST_LENGTH_BYTES:
            raise ValueError("a length in the certificate is none")
        length, begin = int.from_bytes(data[begin : begin + count]), begin + count
    if begin + length > len(data):
        raise ValueError("the certificate ends too early")
    return tag, data[begin : begin + length], begin + length
