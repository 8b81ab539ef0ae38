"""Every cipher suite that a server may accept: its code, its name, and the order of the offer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spbe_audit.evidence import Suite, read_suite
from spbe_audit.probes.tls.codes.registered_suites import REGISTERED_SUITES
from spbe_audit.probes.tls.codes.unregistered_suites import UNREGISTERED_SUITES

EMPTY_RENEGOTIATION_INFO_SCSV = 0x00FF
"""Says that the client knows secure renegotiation (RFC 5746, 3.3)."""

FALLBACK_SCSV = 0x5600
"""Says that the client has gone back to an older version (RFC 7507)."""

GREASE = tuple(0x0A0A + 0x1010 * step for step in range(16))
"""Values that a server has to ignore, as suites, groups, extensions and versions (RFC 8701)."""

SUITES: Mapping[int, str] = {**REGISTERED_SUITES, **UNREGISTERED_SUITES}
"""The name of each code, without the signals and GREASE."""

SSL2_KINDS: Mapping[int, str] = {
    0x000000: "SSL_CK_NULL_WITH_MD5",
    0x010080: "SSL_CK_RC4_128_WITH_MD5",
    0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5",
    0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5",
    0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5",
    0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5",
    0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
    0x060140: "SSL_CK_DES_64_CBC_WITH_SHA",
    0x0700C0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5",
    0x0701C0: "SSL_CK_DES_192_EDE3_CBC_WITH_SHA",
    0x080080: "SSL_CK_RC4_64_WITH_MD5",
    0xFF8000: "SSL_CK_DES_64_CFB64_WITH_MD5_1",
    0xFF8010: "SSL_CK_NULL",
}
"""The cipher kinds of SSL 2.0, three bytes each: those of its draft, and those of SSLeay."""

_TLS_1_3 = frozenset(
    {
        *range(0x006E, 0x0072),
        *(0x00C6, 0x00C7),
        *range(0x1301, 0x1308),
        *(0xC0B4, 0xC0B5),
        *range(0xC103, 0xC107),
    }
)
_COMMON = frozenset(
    {
        *(0x0003, 0x0004, 0x0005, 0x0009, 0x000A, 0x0013, 0x0016, 0xC012),
        *(0x002F, 0x0032, 0x0033, 0x0035, 0x0039, 0x003C, 0x003D, 0x0067, 0x006B),
        *(0x009C, 0x009D, 0x009E, 0x009F),
        *(0xC009, 0xC00A, 0xC013, 0xC014, 0xC027),
        *(0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8),
    }
)
# From weak to strong, within suites that are alike in all else.
_CIPHERS = ("RC2", "RC4", "DES", "3DES", "CHACHA20", "CCM", "CBC", "ASCON", "AEGIS", "GCM")


def _weakest_first(codes: Iterable[int]) -> tuple[int, ...]:
    """Codes in an order that no careful server would have.

    A server that follows it shows that it follows its clients. ChaCha20 stands at neither end:
    some servers move it to the front when a client does (OpenSSL's PrioritizeChaCha).
    """
    return tuple(sorted(codes, key=lambda code: (*_strength(read_suite(SUITES[code])), code)))


def _strength(suite: Suite) -> tuple[int, ...]:
    ecdhe = suite.key_exchange.startswith("ECDHE") and not suite.key_exchange.endswith("PSK")
    ranks = [rank for rank, word in enumerate(_CIPHERS) if word in suite.cipher]
    return (
        _grade(suite),
        not suite.anonymous,
        ecdhe,
        max(ranks, default=0),
        "AES" in suite.cipher,
        "CCM_8" not in suite.cipher,
    )


def _grade(suite: Suite) -> int:
    weak = (
        suite.null,
        suite.anonymous,
        suite.export,
        suite.short_blocks and suite.des != "3DES",
        suite.rc4,
        suite.short_blocks,
    )
    if any(weak):
        return weak.index(True)
    return len(weak) + 2 * suite.forward_secret + suite.aead


LEGACY_SUITES: tuple[int, ...] = _weakest_first(SUITES.keys() - _TLS_1_3)
"""All that are not of TLS 1.3, weakest first: no encryption, no identity, export, ... , ECDHE."""

TLS_1_3_SUITES: tuple[int, ...] = _weakest_first(_TLS_1_3)
"""Those that TLS 1.3 negotiates (RFC 8446, 8998, 9150, 9367; AEGIS; Ascon), weakest first."""

COMMON_SUITES: tuple[int, ...] = _weakest_first(_COMMON)
"""Suites up to TLS 1.2 of which any server has one, few enough for a hello below 256 bytes."""
