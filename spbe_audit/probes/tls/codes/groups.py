"""Every key exchange group (IANA, TLS Supported Groups): its code, its name, who may offer it."""

from __future__ import annotations

from collections.abc import Mapping

from spbe_audit.evidence import HYBRID_GROUPS, curve_bits, is_binary_curve

GROUPS: Mapping[int, str] = {
    1: "sect163k1",
    2: "sect163r1",
    3: "sect163r2",
    4: "sect193r1",
    5: "sect193r2",
    6: "sect233k1",
    7: "sect233r1",
    8: "sect239k1",
    9: "sect283k1",
    10: "sect283r1",
    11: "sect409k1",
    12: "sect409r1",
    13: "sect571k1",
    14: "sect571r1",
    15: "secp160k1",
    16: "secp160r1",
    17: "secp160r2",
    18: "secp192k1",
    19: "secp192r1",
    20: "secp224k1",
    21: "secp224r1",
    22: "secp256k1",
    23: "secp256r1",
    24: "secp384r1",
    25: "secp521r1",
    26: "brainpoolP256r1",
    27: "brainpoolP384r1",
    28: "brainpoolP512r1",
    29: "x25519",
    30: "x448",
    31: "brainpoolP256r1tls13",
    32: "brainpoolP384r1tls13",
    33: "brainpoolP512r1tls13",
    34: "GC256A",
    35: "GC256B",
    36: "GC256C",
    37: "GC256D",
    38: "GC512A",
    39: "GC512B",
    40: "GC512C",
    41: "curveSM2",
    256: "ffdhe2048",
    257: "ffdhe3072",
    258: "ffdhe4096",
    259: "ffdhe6144",
    260: "ffdhe8192",
    512: "MLKEM512",
    513: "MLKEM768",
    514: "MLKEM1024",
    **HYBRID_GROUPS,
}
"""The name of each code, without GREASE and the two codes of curves that the server describes."""

HYBRID: tuple[int, ...] = tuple(HYBRID_GROUPS)
"""A curve joined with a key exchange that quantum computers do not break."""

FFDHE_GROUPS: tuple[int, ...] = tuple(range(256, 261))
"""Groups of Diffie-Hellman over a prime field (RFC 7919)."""

_USUAL = (29, 23, 24, 25, 30)
_NATIONAL = tuple(range(34, 42))

TLS_1_3_GROUPS: tuple[int, ...] = (
    *_USUAL,
    *HYBRID,
    *FFDHE_GROUPS,
    *range(31, 34),
    *_NATIONAL,
    *range(512, 515),
)
"""What TLS 1.3 may negotiate (RFC 8446, RFC 8734, RFC 8998, RFC 9367, ML-KEM), usual ones first."""

LEGACY_GROUPS: tuple[int, ...] = (
    *_USUAL,
    *range(26, 29),
    *(22, 21, 20),
    *reversed(range(1, 20)),
    *_NATIONAL,
    *FFDHE_GROUPS,
)
"""What a client of TLS 1.2 and older may offer (RFC 8422, RFC 7027, RFC 7919), usual ones first."""

_SHORTEST_SOUND_BITS = 224


def _is_weak(name: str) -> bool:
    bits = curve_bits(name)
    return is_binary_curve(name) or (bits is not None and bits < _SHORTEST_SOUND_BITS)


WEAK_GROUPS: tuple[int, ...] = tuple(code for code, name in GROUPS.items() if _is_weak(name))
"""Curves over binary fields, or of fewer than 224 bits."""
