"""What is known of primes and groups of the key exchange."""

from __future__ import annotations

import subprocess

import pytest

from spbe_audit.evidence import (
    HYBRID_GROUPS,
    PrimeFlaw,
    curve_bits,
    dh_primes,
    is_binary_curve,
    is_composite,
    is_hybrid,
    known_prime,
)

KNOWN = dh_primes._known_primes()  # noqa: SLF001 - the whole table is tested
BY_NAME = {known.name: prime for prime, known in KNOWN.items()}


def fermat(number: int) -> bool:
    """Whether a number looks like a prime, by another test than the one that is tested."""
    return pow(2, number - 1, number) == 1


def test_every_name_stands_for_one_prime() -> None:
    assert len(BY_NAME) == len(KNOWN) == 24


@pytest.mark.parametrize("name", [name for name in BY_NAME if BY_NAME[name].bit_length() < 4000])
def test_a_wrong_digit_would_show(name: str) -> None:
    prime = BY_NAME[name]
    flaw = KNOWN[prime].flaw
    assert fermat(prime) is (flaw is not PrimeFlaw.COMPOSITE)
    assert is_composite(prime) is (flaw is PrimeFlaw.COMPOSITE)
    if flaw in {None, PrimeFlaw.COMMON}:
        assert fermat(prime // 2), "the prime is a safe one"


@pytest.mark.parametrize(
    ("group", "name"),
    [
        ("ffdhe2048", "ffdhe2048"),
        ("ffdhe3072", "ffdhe3072"),
        ("ffdhe4096", "ffdhe4096"),
        ("ffdhe6144", "ffdhe6144"),
        ("ffdhe8192", "ffdhe8192"),
        ("modp_1536", "RFC 3526, group 5"),
        ("modp_2048", "RFC 3526, group 14"),
        ("modp_3072", "RFC 3526, group 15"),
        ("modp_4096", "RFC 3526, group 16"),
        ("modp_6144", "RFC 3526, group 17"),
        ("modp_8192", "RFC 3526, group 18"),
        ("dh_1024_160", "RFC 5114, group 22"),
        ("dh_2048_224", "RFC 5114, group 23"),
        ("dh_2048_256", "RFC 5114, group 24"),
    ],
)
def test_openssl_has_the_same_primes(group: str, name: str) -> None:
    command = ["openssl", "genpkey", "-genparam", "-algorithm", "DHX" if "dh_" in group else "DH"]
    command += ["-pkeyopt", f"group:{group}"]
    made = subprocess.run(command, capture_output=True, check=True)
    command = ["openssl", "asn1parse"]
    shown = subprocess.run(command, input=made.stdout, capture_output=True, check=True)
    integers = [
        int(line.rpartition(b":")[2], 16)
        for line in shown.stdout.splitlines()
        if b"INTEGER" in line and b"cons" not in line
    ]
    assert BY_NAME[name] in integers


def test_what_the_flaws_are() -> None:
    flawed = {name: known.flaw for known in KNOWN.values() if (name := known.name) and known.flaw}
    assert flawed["RFC 2409, group 2"] is PrimeFlaw.COMMON
    assert flawed["RFC 5114, group 23"] is PrimeFlaw.SMALL_SUBGROUP
    assert flawed["socat 1.7.3.0"] is PrimeFlaw.COMPOSITE
    safe = {name for name in BY_NAME if name not in flawed}
    assert safe == {f"ffdhe{bits}" for bits in (2048, 3072, 4096, 6144, 8192)} | {
        f"RFC 3526, group {number}" for number in (14, 15, 16, 17, 18)
    }
    assert known_prime(BY_NAME["ffdhe2048"] + 2) is None


@pytest.mark.parametrize("prime", [2, 3, 79, 83, 2**61 - 1, 2**127 - 1, 2**521 - 1, 2**2203 - 1])
def test_primes(prime: int) -> None:
    assert is_composite(prime) is False


@pytest.mark.parametrize(
    "number",
    [
        0,
        1,
        4,
        83 * 89,
        561 * 2**20,
        3215031751,  # a strong pseudoprime to the bases 2, 3, 5 and 7
        (6 * 52 + 1) * (12 * 52 + 1) * (18 * 52 + 1),
        (2**127 - 1) * (2**521 - 1),
        2**2203 - 3,
    ],
)
def test_composite_numbers(number: int) -> None:
    assert is_composite(number) is True


def test_a_number_that_is_too_long_is_not_judged() -> None:
    assert is_composite(2**8192 + 1) is None
    assert is_composite(2**8192 - 1) is True


@pytest.mark.parametrize(
    ("name", "bits", "binary"),
    [
        ("secp256r1", 256, False),
        ("prime192v1", 192, False),
        ("brainpoolP384r1", 384, False),
        ("sect571k1", 571, True),
        ("c2pnb163v1", 163, True),
        ("c2tnb239v1", 239, True),
        ("x25519", 255, False),
        ("x448", 448, False),
        ("X25519MLKEM768", None, False),
        ("ffdhe2048", None, False),
        ("", None, False),
    ],
)
def test_names_of_groups(name: str, bits: int | None, binary: bool) -> None:  # noqa: FBT001 - a table
    assert (curve_bits(name), is_binary_curve(name)) == (bits, binary)
    assert is_hybrid(name) is (name in HYBRID_GROUPS.values())
