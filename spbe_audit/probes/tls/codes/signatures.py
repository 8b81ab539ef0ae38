"""Every signature scheme (IANA, TLS SignatureScheme): code, name, and the order of the offer."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

# RFC 5246, 7.4.1.4.1: until TLS 1.2 a scheme is a pair, and an ECDSA one names no curve.
_HASHES = {1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}
_KEYS = {1: "rsa_pkcs1", 2: "dsa", 3: "ecdsa"}
_PAIRS = {
    hash_code << 8 | key_code: f"{key}_{hash_name}"
    for (hash_code, hash_name), (key_code, key) in product(_HASHES.items(), _KEYS.items())
}

SCHEMES: Mapping[int, str] = {
    **_PAIRS,
    0x0420: "rsa_pkcs1_sha256_legacy",
    0x0520: "rsa_pkcs1_sha384_legacy",
    0x0620: "rsa_pkcs1_sha512_legacy",
    0x0704: "eccsi_sha256",
    0x0705: "iso_ibs1",
    0x0706: "iso_ibs2",
    0x0707: "iso_chinese_ibs",
    0x0708: "sm2sig_sm3",
    0x0709: "gostr34102012_256a",
    0x070A: "gostr34102012_256b",
    0x070B: "gostr34102012_256c",
    0x070C: "gostr34102012_256d",
    0x070D: "gostr34102012_512a",
    0x070E: "gostr34102012_512b",
    0x070F: "gostr34102012_512c",
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
    0x081A: "ecdsa_brainpoolP256r1tls13_sha256",
    0x081B: "ecdsa_brainpoolP384r1tls13_sha384",
    0x081C: "ecdsa_brainpoolP512r1tls13_sha512",
    0x0840: "gostr34102012_256",
    0x0841: "gostr34102012_512",
    0x0904: "mldsa44",
    0x0905: "mldsa65",
    0x0906: "mldsa87",
    0x0911: "slhdsa_sha2_128s",
    0x0912: "slhdsa_sha2_128f",
    0x0913: "slhdsa_sha2_192s",
    0x0914: "slhdsa_sha2_192f",
    0x0915: "slhdsa_sha2_256s",
    0x0916: "slhdsa_sha2_256f",
    0x0917: "slhdsa_shake_128s",
    0x0918: "slhdsa_shake_128f",
    0x0919: "slhdsa_shake_192s",
    0x091A: "slhdsa_shake_192f",
    0x091B: "slhdsa_shake_256s",
    0x091C: "slhdsa_shake_256f",
    # Codes of private use that OpenSSL had before RFC 9189, by its names.
    0xEDED: "gostr34102001_gostr3411",
    0xEEEE: "gostr34102012_256_gostr34112012_256",
    0xEFEF: "gostr34102012_512_gostr34112012_512",
}
"""The name of each code; a pair is named by its key and its hash, of any curve."""

SHA1_SCHEMES: tuple[int, ...] = (0x0201, 0x0203, 0x0202)
"""What signs a SHA-1 hash."""

MD5_SCHEMES: tuple[int, ...] = (0x0101, 0x0102, 0x0103)
"""What signs an MD5 hash."""

_PSS_AND_EDWARDS = (0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0807, 0x0808)

ALL_SCHEMES: tuple[int, ...] = (
    *(0x0403, 0x0503, 0x0603),
    *_PSS_AND_EDWARDS,
    *(0x0401, 0x0501, 0x0601),
    *(0x0708, 0x0840, 0x0841, 0xEEEE, 0xEFEF, 0xEDED),
    *(0x0402, 0x0502, 0x0602, 0x0303, 0x0301, 0x0302),
    *SHA1_SCHEMES,
    *MD5_SCHEMES,
)
"""What a client of TLS 1.2 offers to learn which one the server takes, strongest first."""

TLS_1_3_SCHEMES: tuple[int, ...] = (
    *(0x0403, 0x0503, 0x0603),
    *_PSS_AND_EDWARDS,
    *range(0x0904, 0x0907),
    *range(0x0911, 0x091D),
    *range(0x081A, 0x081D),
    *range(0x0708, 0x0710),
    *(0x0401, 0x0501, 0x0601),
    *SHA1_SCHEMES[:2],
)
"""What a client of TLS 1.3 offers so that no key of a server's goes unseen (RFC 8446, 4.2.3)."""


def scheme_name(number: int) -> str:
    """The name of a signature scheme; its number where it has none."""
    return SCHEMES.get(number, f"0x{number:04x}")
