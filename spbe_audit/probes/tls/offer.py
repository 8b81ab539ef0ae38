"""What one ClientHello offers, and how that is written down."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from spbe_audit.probes.tls.client_hello import (
    KEY_SHARE,
    NO_COMPRESSION,
    SESSION_TICKET,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    ClientHello,
    numbers,
    vector,
)
from spbe_audit.probes.tls.codes.groups import FFDHE_GROUPS, LEGACY_GROUPS, TLS_1_3_GROUPS
from spbe_audit.probes.tls.codes.signatures import ALL_SCHEMES
from spbe_audit.probes.tls.codes.suites import (
    COMMON_SUITES,
    EMPTY_RENEGOTIATION_INFO_SCSV,
    FALLBACK_SCSV,
    LEGACY_SUITES,
    TLS_1_3_SUITES,
)
from spbe_audit.probes.tls.suite_parts import part_of

SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 = range(0x0300, 0x0305)
SERVER_NAME, STATUS_REQUEST, POINT_FORMATS, ALPN = 0, 5, 11, 16
SIGNED_TIMESTAMPS, ENCRYPT_THEN_MAC, EXTENDED_MASTER_SECRET = 18, 22, 23
KEY_EXCHANGE_MODES, RENEGOTIATION_INFO = 45, 0xFF01
COMMON_GROUPS = (29, 23, 24)
NO_SHARES = b"\x00\x00"

_DEFLATE_OR_NONE = b"\x01\x00"
_OCSP = b"\x01\x00\x00\x00\x00"
_UNCOMPRESSED_POINTS = b"\x01\x00"
_WITH_KEY_EXCHANGE = b"\x01\x01"
_PROTOCOLS = b"\x02h2\x08http/1.1"
_SESSION_BYTES = 32
_CERTIFIED_SUITES = (
    *TLS_1_3_SUITES,
    *(s for s in reversed(LEGACY_SUITES) if part_of(s) not in {"anon", "PSK", "SRP", "KRB5"}),
)
_CLASSIC_GROUPS = tuple(group for group in LEGACY_GROUPS if group not in FFDHE_GROUPS)
# secp192r1, secp224r1, secp256k1 and brainpool: what old servers and their certificates may need.
_OLDER_GROUPS = (19, 21, 22, 26, 27, 28)


@dataclass(frozen=True, slots=True)
class Offer:
    """A ClientHello in the making: the newest version is ``version``, older ones are not refused.

    ``version`` TLS 1.3 alone refuses older ones, unless ``older_too``. ``shares`` is the body of
    the key share extension; without shares a server has to name its group (HelloRetryRequest,
    RFC 8446 4.1.4), and computes nothing. ``short`` leaves out whatever a server may choke on.
    """

    version: int
    server_name: str | None
    suites: tuple[int, ...]
    groups: tuple[int, ...]
    schemes: tuple[int, ...] = ALL_SCHEMES
    shares: bytes = NO_SHARES
    older_too: bool = False
    fallback: bool = False
    short: bool = False
    alpn: bool = False
    session: bytes = field(default=b"", repr=False)

    def hello(self) -> ClientHello:
        """The ClientHello that says it."""
        suites = self.suites + ((FALLBACK_SCSV,) if self.fallback else ())
        if self.version == SSL_3_0:
            suites += (EMPTY_RENEGOTIATION_INFO_SCSV,)
        compressions = NO_COMPRESSION
        if self.version < TLS_1_3 and not self.short:
            compressions = _DEFLATE_OR_NONE
        return ClientHello(
            version=min(self.version, TLS_1_2),
            session=os.urandom(_SESSION_BYTES) if self.version == TLS_1_3 else b"",
            suites=suites,
            extensions=self._extensions(),
            compressions=compressions,
        )

    def _extensions(self) -> dict[int, bytes]:
        if self.version == SSL_3_0:
            return {}
        found: dict[int, bytes] = {}
        if self.server_name:
            found[SERVER_NAME] = vector(b"\x00" + vector(self.server_name.encode("ascii")))
        found[RENEGOTIATION_INFO] = b"\x00"
        if self.groups:
            found[SUPPORTED_GROUPS] = vector(numbers(self.groups))
            found[POINT_FORMATS] = _UNCOMPRESSED_POINTS
        if self.version >= TLS_1_2:
            found[SIGNATURE_ALGORITHMS] = vector(numbers(self.schemes))
        if not self.short:
            found |= {EXTENDED_MASTER_SECRET: b"", ENCRYPT_THEN_MAC: b"", SESSION_TICKET: b""}
            found |= {STATUS_REQUEST: _OCSP, SIGNED_TIMESTAMPS: b""}
        if self.alpn:
            found[ALPN] = vector(_PROTOCOLS)
        if self.version == TLS_1_3:
            found |= self._newest_extensions()
        return found

    def _newest_extensions(self) -> dict[int, bytes]:
        versions = [TLS_1_3, TLS_1_2, TLS_1_1, TLS_1_0] if self.older_too else [TLS_1_3]
        return {
            KEY_EXCHANGE_MODES: _WITH_KEY_EXCHANGE,
            SUPPORTED_VERSIONS: vector(numbers(versions), length=1),
            KEY_SHARE: self.shares,
        }


def everything(server_name: str | None, shares: bytes, groups: tuple[int, ...]) -> Offer:
    """The first hello, as a client of today: all versions from TLS 1.0, and the best suites first.

    Those in which the server shows no certificate are left out; ``groups`` are for TLS 1.3.
    """
    return Offer(
        version=TLS_1_3,
        server_name=server_name,
        suites=_CERTIFIED_SUITES,
        groups=groups + _OLDER_GROUPS,
        shares=shares,
        older_too=True,
    )


def all_of(version: int, server_name: str | None) -> Offer:
    """All that there is to offer in one version."""
    newest = version == TLS_1_3
    return Offer(
        version=version,
        server_name=server_name,
        suites=TLS_1_3_SUITES if newest else LEGACY_SUITES,
        groups=TLS_1_3_GROUPS if newest else _CLASSIC_GROUPS,
    )


def little_of(version: int, server_name: str | None) -> Offer:
    """What no server should choke on: few suites, few groups, few extensions."""
    newest = version == TLS_1_3
    return Offer(
        version=version,
        server_name=server_name,
        suites=TLS_1_3_SUITES if newest else tuple(reversed(COMMON_SUITES)),
        groups=COMMON_GROUPS,
        short=True,
    )
