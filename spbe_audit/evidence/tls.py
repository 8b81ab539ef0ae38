"""What a TLS endpoint offers, whichever engine asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class TlsVersion(StrEnum):
    """Protocol versions, oldest first."""

    SSL_2_0 = "SSL 2.0"
    SSL_3_0 = "SSL 3.0"
    TLS_1_0 = "TLS 1.0"
    TLS_1_1 = "TLS 1.1"
    TLS_1_2 = "TLS 1.2"
    TLS_1_3 = "TLS 1.3"


class SuiteListing(StrEnum):
    """How the suites were listed: all of them, or one of each kind that a check tells apart."""

    EVERY = "every"
    EACH_KIND = "each_kind"


class TlsQuestion(StrEnum):
    """What takes connections of its own to find out, beside versions, suites and certificates.

    The value is the name of the answer in ``unknown`` of TlsEvidence, most often a field of it;
    UNNAMED is the certificate without SNI.
    """

    PREFERENCE = "server_preference"
    GROUPS = "groups"
    WEAK_GROUPS = "groups.weak"
    SIGNATURES = "key_exchange_signatures"
    INTOLERANCES = "intolerances"
    FALLBACK = "fallback_scsv"
    UNNAMED = "chains.unnamed"


class TlsAnswer(StrEnum):
    """What came back when a handshake was begun."""

    HANDSHAKE = "handshake"
    ALERT = "alert"
    PLAIN_HTTP = "plain_http"
    OTHER_PROTOCOL = "other_protocol"


@dataclass(frozen=True, slots=True)
class KeyExchange:
    """Parameters of one ephemeral key exchange, as the server sent them.

    ``kind`` is "DH" or "ECDH"; ``bits`` is the size of the prime or of the curve; ``group`` is the
    IANA name where there is one; ``prime`` is hexadecimal, for DH only.
    """

    kind: str
    bits: int
    group: str | None = None
    prime: str | None = None


@dataclass(frozen=True, slots=True)
class CertificateChain:
    """A chain as the server sent it: DER, leaf first. ``server_name`` is the SNI, None without."""

    certificates: tuple[bytes, ...]
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class TlsEvidence:
    """The facts about one TLS endpoint.

    A field that is None was not asked or not answered. Facts that were asked but could not be
    established stand in ``unknown`` with the reason, under the field's name (``versions`` and
    ``suites`` under ``versions.TLS 1.0`` and the like, a flaw under ``flaws.heartbleed``, a part of
    the groups under ``groups.hybrid`` and ``groups.weak``); they must never be read as absent.
    Suites carry their IANA names; where ``server_preference`` is true the server's favourite comes
    first, and the others in its order as far as that was seen.
    ``key_exchange_signatures`` are the algorithms (IANA names) that the server was seen to sign its
    TLS 1.2 key exchange with, also when nothing but SHA-1 or MD5 was offered. ``intolerances`` name
    what breaks the handshake, though it means nothing to the server: "modern_hello" (one that
    offers TLS 1.3 as well), "unknown_version", "grease", "long_hello". ``flaws`` are "heartbleed",
    "ccs_injection", "robot" and "ticketbleed".
    ``starttls`` is the protocol in which the conversation began, None where TLS speaks first.
    ``alpn`` is what the server chose of "h2" and "http/1.1", '' for nothing; ``signed_timestamps``
    the list of SCTs that came in a TLS extension (RFC 6962, 3.3). ``slowed_to`` is how many
    connections at once the engine came down to after the server had begun to turn it away.
    ``trust_anchors`` are CA certificates (DER) that the agency adds to the pinned store.
    """

    server_name: str
    address: str
    port: int
    collected_at: datetime
    engine: str
    starttls: str | None = None
    answer: TlsAnswer = TlsAnswer.HANDSHAKE
    answer_detail: str = ""
    versions: tuple[TlsVersion, ...] = ()
    suites: Mapping[TlsVersion, tuple[str, ...]] = field(default_factory=dict)
    suite_listing: SuiteListing = SuiteListing.EVERY
    server_preference: bool | None = None
    groups: tuple[str, ...] | None = None
    key_exchanges: tuple[KeyExchange, ...] = ()
    key_exchange_signatures: tuple[str, ...] | None = None
    intolerances: tuple[str, ...] | None = None
    chains: tuple[CertificateChain, ...] = ()
    trust_anchors: tuple[bytes, ...] = ()
    ocsp_staple: bytes | None = None
    signed_timestamps: bytes | None = None
    alpn: str | None = None
    client_certificate_asked: bool | None = None
    compression: bool | None = None
    secure_renegotiation: bool | None = None
    client_renegotiation: bool | None = None
    fallback_scsv: bool | None = None
    extended_master_secret: bool | None = None
    encrypt_then_mac: bool | None = None
    session_tickets: bool | None = None
    early_data: bool | None = None
    flaws: Mapping[str, bool] = field(default_factory=dict)
    slowed_to: int | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def offered(self) -> bool:
        """Whether a handshake succeeded."""
        return self.answer is TlsAnswer.HANDSHAKE

    @property
    def only_tls_1_3(self) -> bool:
        """Whether TLS 1.3 is accepted and surely nothing else."""
        return self.versions == (TlsVersion.TLS_1_3,) and not self.versions_unknown()

    def accepted_suites(self) -> tuple[str, ...]:
        """All accepted suites over all versions, each once, in order of first sight."""
        return tuple(dict.fromkeys(name for names in self.suites.values() for name in names))

    def versions_unknown(self) -> tuple[str, ...]:
        """The versions about which the engine could not get an answer."""
        prefix = "versions."
        return tuple(key.removeprefix(prefix) for key in self.unknown if key.startswith(prefix))
