"""What a server says under the encryption, read message by message (RFC 8446, 4.3, 4.4, 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.tls13.fields import Fields

ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_REQUEST = 8, 11, 13
NEW_SESSION_TICKET, CERTIFICATE_VERIFY, FINISHED = 4, 15, 20

_STATUS_REQUEST, _ALPN, _SIGNED_TIMESTAMPS, _EARLY_DATA = 5, 16, 18, 42
_OCSP = 1
_EARLY_DATA_BYTES = 4
_MOST_CERTIFICATES = 100


@dataclass(frozen=True, slots=True)
class EncryptedFlight:
    """All that one handshake of TLS 1.3 tells.

    ``alpn`` is the protocol that the server chose, '' for none; ``chain`` its certificates in DER,
    leaf first; ``signed_timestamps`` the list of RFC 6962, 3.3. ``early_data`` tells whether its
    session tickets allow data before the handshake is over; None where no ticket told, though one
    might have come. ``tickets`` counts those that came while we listened.
    """

    suite: int
    group: int
    alpn: str
    chain: tuple[bytes, ...]
    ocsp_staple: bytes | None
    signed_timestamps: bytes | None
    client_certificate_asked: bool
    signature_scheme: int | None
    early_data: bool | None = None
    tickets: int = 0


@dataclass(frozen=True, slots=True)
class SentCertificates:
    """A Certificate message: the chain, and what came along with the leaf."""

    chain: tuple[bytes, ...]
    ocsp_staple: bytes | None = None
    signed_timestamps: bytes | None = None


@dataclass(frozen=True, slots=True)
class SentProof:
    """A CertificateVerify message: a signature over the transcript, and its scheme."""

    scheme: int
    signature: bytes


def read_encrypted_extensions(body: bytes) -> str:
    """The protocol that was chosen (RFC 7301, 3.1), '' for none. Raises BrokenFlightError."""
    fields = Fields(body)
    chosen = fields.extensions().get(_ALPN)
    fields.end()
    if chosen is None:
        return ""
    outer = Fields(chosen)
    inner = Fields(outer.vector(2))
    name = inner.vector(1)
    inner.end()
    outer.end()
    if not name.isascii() or not name.decode("ascii").isprintable() or not name:
        raise BrokenFlightError("the server chose an application protocol that has no name")
    return name.decode("ascii")


def check_certificate_request(body: bytes) -> None:
    """Whether this is a CertificateRequest of a handshake (4.3.2). Raises BrokenFlightError."""
    fields = Fields(body)
    if fields.vector(1):
        raise BrokenFlightError("the request for a certificate has a context")
    fields.extensions()
    fields.end()


def read_certificates(body: bytes) -> SentCertificates:
    """Read the Certificate message of a server (4.4.2). Raises BrokenFlightError."""
    fields = Fields(body)
    if fields.vector(1):
        raise BrokenFlightError("the certificate of the server has a context")
    entries = Fields(fields.vector(3))
    fields.end()
    chain: list[bytes] = []
    of_leaf: dict[int, bytes] = {}
    while entries.left():
        certificate, extensions = entries.vector(3), entries.extensions()
        if not certificate:
            raise BrokenFlightError("a certificate is empty")
        of_leaf = of_leaf if chain else extensions
        chain.append(certificate)
        if len(chain) > _MOST_CERTIFICATES:
            raise BrokenFlightError("the chain of certificates is longer than any we read")
    if not chain:
        raise BrokenFlightError("the server sent no certificate")
    return SentCertificates(tuple(chain), _staple(of_leaf), _timestamps(of_leaf))


def _staple(extensions: dict[int, bytes]) -> bytes | None:
    """The OCSP answer (4.4.2.1), None where there is none, or one of another kind."""
    if _STATUS_REQUEST not in extensions:
        return None
    fields = Fields(extensions[_STATUS_REQUEST])
    if fields.number(1) != _OCSP:
        return None
    answer = fields.vector(3)
    fields.end()
    return answer or None


def _timestamps(extensions: dict[int, bytes]) -> bytes | None:
    """The whole list of signed timestamps, its length included (RFC 6962, 3.3)."""
    return extensions.get(_SIGNED_TIMESTAMPS) or None


def read_proof(body: bytes) -> SentProof:
    """Read a CertificateVerify message (4.4.3). Raises BrokenFlightError."""
    fields = Fields(body)
    proof = SentProof(fields.number(2), fields.vector(2))
    fields.end()
    return proof


def read_ticket(body: bytes) -> bool:
    """Whether a NewSessionTicket (4.6.1) allows early data. Raises BrokenFlightError."""
    fields = Fields(body)
    fields.take(4 + 4)  # lifetime and age
    fields.vector(1)
    if not fields.vector(2):
        raise BrokenFlightError("a session ticket is empty")
    allowed = fields.extensions().get(_EARLY_DATA)
    fields.end()
    if allowed is None:
        return False
    if len(allowed) != _EARLY_DATA_BYTES:
        raise BrokenFlightError("the allowance for early data is no number")
    return int.from_bytes(allowed) > 0
