"""Reads what the name of a key exchange group says about it."""

from __future__ import annotations

import re

HYBRID_GROUPS = {
    0x11EC: "X25519MLKEM768",
    0x11EB: "SecP256r1MLKEM768",
    0x11ED: "SecP384r1MLKEM1024",
    0x11E9: "SecP256r1MLKEM512",
    0x11EA: "MLKEM512X25519",
    0x11EE: "curveSM2MLKEM768",
    0x6399: "X25519Kyber768Draft00",
    0x639A: "SecP256r1Kyber768Draft00",
}
"""Groups that hold against quantum computers too, by number (IANA, TLS Supported Groups)."""

_BITS = {"x25519": 255, "x448": 448}
_NUMBERED = re.compile(r"(?:sec[pt]|prime|brainpoolP|c2[pt]nb)(\d+)\w*", re.ASCII)
_BINARY = re.compile(r"(?:sect|c2[pt]nb)\d", re.ASCII)


def curve_bits(name: str) -> int | None:
    """The size of the field of an elliptic curve; None where the name does not tell."""
    found = _NUMBERED.fullmatch(name)
    return int(found[1]) if found else _BITS.get(name)


def is_binary_curve(name: str) -> bool:
    """Whether a curve is over a field of characteristic two, which RFC 8422 has deprecated."""
    return bool(_BINARY.match(name))


def is_hybrid(name: str) -> bool:
    """Whether a group joins a curve with a key exchange that quantum computers do not break."""
    return name in HYBRID_GROUPS.values()
