"""What is known of the primes of Diffie-Hellman groups, and whether a number is one at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

_GUARD_BITS = 64
_SIEVE = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79)
_LONGEST_BITS = 8192
_ROUNDS_TIMES_BITS = 16_384

# Size in bits and the number that makes the prime a safe one: RFC 2409 section 6, RFC 3526.
_PI_GROUPS = {
    768: ("RFC 2409, group 1", 149_686),
    1024: ("RFC 2409, group 2", 129_093),
    1536: ("RFC 3526, group 5", 741_804),
    2048: ("RFC 3526, group 14", 124_476),
    3072: ("RFC 3526, group 15", 1_690_314),
    4096: ("RFC 3526, group 16", 240_904),
    6144: ("RFC 3526, group 17", 929_484),
    8192: ("RFC 3526, group 18", 4_743_158),
}
# The same for RFC 7919, appendix A.
_E_GROUPS = {
    2048: ("ffdhe2048", 560_316),
    3072: ("ffdhe3072", 2_625_351),
    4096: ("ffdhe4096", 5_736_041),
    6144: ("ffdhe6144", 15_705_020),
    8192: ("ffdhe8192", 10_965_728),
}
_COMMON_BELOW_BITS = 2048

# Built into software that many servers still run: one computation breaks them all (Logjam).
_BUILT_IN = {
    "mod_ssl 2.2": """
        d67de440cbbbdc1936d693d34afd0ad50c84d239a45f520bb88174cb98bce951849f912e639c72fb
        13b4b4d7177e16d55ac179ba420b2a29fe324a467a635e81ff5901377beddcfd33168a461aad3b72
        dae8860078045b07a7dbca7874087d1510ea9fcc9ddd330507dd62db88aeaa747de0f4d6e2bd68b0
        e7393e0f24218eb3
    """,
    "mod_ssl 2.2, another": """
        e6969d3d495be32c7cf180c3bdd4798e91b7818251bb055e2a2064904a79a770fa15a259cbd523a6
        a6ef09c43048d5a22f971f3c20129b48000e6edd061cbc053e371d794e5327df611ebbbe1bac9b5c
        6044cf023d76e05eea9bad991b13a63c974e9ef1839eb5db125136f7262e56a8871538dfd823c650
        5085e21f0dd5c86b
    """,
    "nginx": """
        bbbc2dcad84674907c43fcf580e9cfdbd958a3f568b42d4b08eed4eb0fb3504c6c030276e710800c
        5ccbbaa8922614c5beeca565a5fdf1d287a2bc049be6778060e91a92a757e3048f68b076f7d36cc8
        f29ba5df81dc2ca725ece66270cc9a5035d8ceceef9ea0274a63ab1e58fafd4988d0f65d146757da
        071df045cfe16b9b
    """,
    "HAProxy": """
        faf92a222aa77fe1674e53f75613c3b1e3296b66316a7fb3c2686bcb1d57391d1fff1cc9a6a49882
        315d25ff8ae0739681c88379c15a04f8370da83dae74bcdbb6a475d9718aa0179e2dc8a8df2c5f82
        95f8929ba7335f8971c82d6b1886c49422a5528df6f6d237920fa5ccdb7b1d3da131b7808f0b675e
        36a5600cf195338b
    """,
    "OpenSSL": """
        97f64261cab505dd2828e13f1d68b6d3dbd0f313047f40e856da58cb13b8a1bf2b783a4c6d59d5f9
        2afc6cff3d693f78b23d4f3160a9502e3efaf7ab5e1ad5a65e554313828da83b9ff2d941dee95689
        fadaea0936addf1971fe635b20af470364603c2de059f54b650ad8fa0cf70121c74799d7587132be
        9b999bb9b787e8ab
    """,
    "SKIP": """
        f488fd584e49dbcd20b49de49107366b336c380d451d0f7c88b31c7c5b2d8ef6f3c923c043f0a55b
        188d8ebb558cb85d38d334fd7c175743a31d186cde33212cb52aff3ce1b1294018118d7c84a70a72
        d686c40319c807297aca950cd9969fabd00a509b0246d3083d66a45d419f9c7cbd894b221926baab
        a25ec355e92f78c7
    """,
}
# DSA groups: the order of the group has small factors, and RFC 8247 advises against them.
_SMALL_SUBGROUP = {
    "Java (Sun)": """
        fd7f53811d75122952df4a9c2eece4e7f611b7523cef4400c31e3f80b6512669455d402251fb593d
        8d58fabfc5f5ba30f6cb9b556cd7813b801d346ff26660b76b9950a5a49f9fe8047b1022c24fbba9
        d7feb7c61bf83b57e7c6a8a6150f04fb83f6d3c51ec3023554135a169132f675f3ae2b61d72aeff2
        2203199dd14801c7
    """,
    "RFC 5114, group 22": """
        b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d18
        9838ef1e2ee652c013ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a7372
        4effd6fae5644738faa31a4ff55bccc0a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708
        df1fb2bc2e4a4371
    """,
    "RFC 5114, group 23": """
        ad107e1e9123a9d0d660faa79559c51fa20d64e5683b9fd1b54b1597b61d0a75e6fa141df95a56db
        af9a3c407ba1df15eb3d688a309c180e1de6b85a1274a0a66d3f8152ad6ac2129037c9edefda4df8
        d91e8fef55b7394b7ad5b7d0b6c12207c9f98d11ed34dbf6c6ba0b2c8bbc27be6a00e0a0b9c49708
        b3bf8a317091883681286130bc8985db1602e714415d9330278273c7de31efdc7310f7121fd5a074
        15987d9adc0a486dcdf93acc44328387315d75e198c641a480cd86a1b9e587e8be60e69cc928b2b9
        c52172e413042e9b23f10b0e16e79763c9b53dcf4ba80a29e3fb73c16b8e75b97ef363e2ffa31f71
        cf9de5384e71b81c0ac4dffe0c10e64f
    """,
    "RFC 5114, group 24": """
        87a8e61db4b6663cffbbd19c651959998ceef608660dd0f25d2ceed4435e3b00e00df8f1d61957d4
        faf7df4561b2aa3016c3d91134096faa3bf4296d830e9a7c209e0c6497517abd5a8a9d306bcf67ed
        91f9e6725b4758c022e0b1ef4275bf7b6c5bfc11d45f9088b941f54eb1e59bb8bc39a0bf12307f5c
        4fdb70c581b23f76b63acae1caa6b7902d52526735488a0ef13c6d9a51bfa4ab3ad8347796524d8e
        f6a167b5a41825d967e144e5140564251ccacb83e6b486f6b3ca3f7971506026c0b857f689962856
        ded4010abd0be621c3a3960a54e710c375f26375d7014103a4b54330c198af126116d2276e11715f
        693877fad7ef09cadb094ae91e1a1597
    """,
}
# CVE-2016-2217: shipped as a prime.
_COMPOSITE = {
    "socat 1.7.3.0": """
        cc17f2dc96df59a446c53e0eb826550ce388c1cea7bcb3bf1694d8a945a2cea95b22255f9259941c
        22bfcbc8c857cbbfbc0ee840f98703bf609b08c68e99c605fc00d66d90a8f5f8d38d43c88f7abdbb
        28ac04694a0b867337f06d4f04f6f5afbfab8ece75534d7f7d17780e12464aaf9599efbca6c54177
        437ab9ec8e073c6d
    """,
}


class PrimeFlaw(StrEnum):
    """Why a prime must not be used, whatever its length."""

    COMMON = "common_prime"
    SMALL_SUBGROUP = "small_subgroup"
    COMPOSITE = "composite"


@dataclass(frozen=True, slots=True)
class KnownPrime:
    """A prime with a name. ``flaw`` is None for those that are safe to share."""

    name: str
    flaw: PrimeFlaw | None = None


def known_prime(prime: int) -> KnownPrime | None:
    """Where a prime comes from, when that is known."""
    return _known_primes().get(prime)


@cache
def ffdhe_prime(bits: int) -> int:
    """The prime of this size that RFC 7919 has. Raises KeyError for a size that it has not."""
    return _group_prime(bits, _scaled_e, _E_GROUPS[bits][1])


@lru_cache(maxsize=256)
def is_composite(number: int) -> bool | None:
    """Whether a number is surely no prime; None for one too long to be tested.

    Trial division, then Miller-Rabin with bases that follow from the number, so that the answer is
    the same every time and nobody can choose a number that suits the bases. A composite number
    that was made to deceive passes with a chance of at most 1 in 16, at 2048 bits 1 in 65,536.
    """
    if number.bit_length() > _LONGEST_BITS:
        return None
    if number < 2:  # noqa: PLR2004 - the smallest prime
        return True
    for small in _SIEVE:
        if number % small == 0:
            return number != small
    rounds = max(2, min(16, _ROUNDS_TIMES_BITS // number.bit_length()))
    return any(_witnesses(number, _base(number, turn)) for turn in range(rounds))


def _witnesses(number: int, base: int) -> bool:
    """Whether this base proves that an odd number is composite (FIPS 186-5, B.3.1)."""
    twos = ((number - 1) & -(number - 1)).bit_length() - 1
    power = pow(base, (number - 1) >> twos, number)
    if power in (1, number - 1):
        return False
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return False
    return True


def _base(number: int, turn: int) -> int:
    text = number.to_bytes((number.bit_length() + 7) // 8) + bytes([turn])
    return 2 + int.from_bytes(hashlib.sha256(text).digest()) % (number - 3)


@cache
def _known_primes() -> Mapping[int, KnownPrime]:
    known = {}
    for digits, groups in ((_scaled_pi, _PI_GROUPS), (_scaled_e, _E_GROUPS)):
        for bits, (name, number) in groups.items():
            flaw = PrimeFlaw.COMMON if bits < _COMMON_BELOW_BITS else None
            known[_group_prime(bits, digits, number)] = KnownPrime(name, flaw)
    for listed, flaw in (
        (_BUILT_IN, PrimeFlaw.COMMON),
        (_SMALL_SUBGROUP, PrimeFlaw.SMALL_SUBGROUP),
        (_COMPOSITE, PrimeFlaw.COMPOSITE),
    ):
        for name, text in listed.items():
            known[int("".join(text.split()), 16)] = KnownPrime(name, flaw)
    return known


def _group_prime(bits: int, digits: Callable[[int], int], number: int) -> int:
    """2^b - 2^(b-64) - 1 + 2^64 * ([2^(b-130) c] + k), where c is pi or e."""
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((digits(bits - 130) + number) << 64)


def _scaled_pi(bits: int) -> int:
    """The whole part of 2^bits * pi, by Machin's formula."""
    one = 1 << (bits + _GUARD_BITS)
    return 4 * (4 * _arctan_of_inverse(5, one) - _arctan_of_inverse(239, one)) >> _GUARD_BITS


def _arctan_of_inverse(number: int, one: int) -> int:
    power = total = one // number
    divisor, sign = 3, -1
    while power:
        power //= number * number
        total += sign * (power // divisor)
        divisor, sign = divisor + 2, -sign
    return total


def _scaled_e(bits: int) -> int:
    """The whole part of 2^bits * e."""
    term = total = 1 << (bits + _GUARD_BITS)
    divisor = 1
    while term:
        term //= divisor
        total += term
        divisor += 1
    return total >> _GUARD_BITS
