"""The code points of TLS, held against the lists of other tools, and the order of the offers."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from sslyze.plugins.openssl_cipher_suites.cipher_suites import CipherSuitesRepository
from sslyze.server_connectivity import TlsVersionEnum
from tls_parser.cipher_suites import CipherSuites  # type: ignore[import-untyped]  # no types, no stubs

from spbe_audit.evidence import curve_bits, is_binary_curve, is_hybrid, read_suite
from spbe_audit.probes.tls.client_hello import ClientHello
from spbe_audit.probes.tls.codes.groups import (
    FFDHE_GROUPS,
    GROUPS,
    HYBRID,
    LEGACY_GROUPS,
    TLS_1_3_GROUPS,
    WEAK_GROUPS,
)
from spbe_audit.probes.tls.codes.registered_suites import REGISTERED_SUITES
from spbe_audit.probes.tls.codes.signatures import (
    ALL_SCHEMES,
    MD5_SCHEMES,
    SCHEMES,
    SHA1_SCHEMES,
    TLS_1_3_SCHEMES,
    scheme_name,
)
from spbe_audit.probes.tls.codes.suites import (
    COMMON_SUITES,
    EMPTY_RENEGOTIATION_INFO_SCSV,
    FALLBACK_SCSV,
    GREASE,
    LEGACY_SUITES,
    SSL2_KINDS,
    SUITES,
    TLS_1_3_SUITES,
)

NMAP = Path("/usr/share/nmap/nselib/tls.lua")
TESTSSL = Path("/etc/testssl/cipher-mapping.txt")

OTHER_NAMES: Mapping[str, str] = {
    # tls_parser puts the mark of the drafts in front, testssl.sh writes OLD.
    "OLD_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": SUITES[0xCC13],
    "OLD_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": SUITES[0xCC14],
    "OLD_TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256": SUITES[0xCC15],
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD": SUITES[0xCC13],
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256_OLD": SUITES[0xCC14],
    "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256_OLD": SUITES[0xCC15],
    # The draft of the 56-bit suites names the mode.
    "TLS_RSA_EXPORT1024_WITH_RC2_56_MD5": SUITES[0x0061],
    # Nmap names both owners of the code; IANA gave it to Kerberos.
    "TLS_KRB5_WITH_DES_CBC_SHA-or-SSL_FORTEZZA_KEA_WITH_RC4_128_SHA": SUITES[0x001E],
    # Nmap takes three names from drafts that forgot to write WITH, or misplaced it.
    "TLS_ECMQV_ECDSA_NULL_SHA-draft": SUITES[0x004F],
    "TLS_ECMQV_ECNRA_NULL_SHA-draft": SUITES[0x0053],
    "TLS_ECDH_anon_NULL_WITH_SHA-draft": SUITES[0x0057],
    # Nmap names the suites of RFC 9150 after what they do.
    "TLS_AKE_WITH_NULL_SHA256": SUITES[0xC0B4],
    "TLS_AKE_WITH_NULL_SHA384": SUITES[0xC0B5],
}
"""The names of other tools that say the same as ours; what follows a rule is in _ours."""

UNLISTED = {
    EMPTY_RENEGOTIATION_INFO_SCSV: "a signal and no suite",
    0xFF00: "OpenSSL has it between TEMP_GOST_TLS, which no build ever set",
    0xFF01: "as 0xFF00",
    0xFF02: "as 0xFF00",
    0xFF03: "as 0xFF00",
}
"""The codes in the lists of others that are not in ours, with the reason."""

SHARED_NAMES = {
    0xFFE0: "testssl.sh gives it the name of 0xFEFF, which NSS tells apart as OLDFIPS",
    0xFFE1: "as 0xFFE0, of 0xFEFE",
}
"""The codes to which others give a name that is another code's, with the reason."""


def _ours(name: str) -> str:
    """The name of another tool as we write it."""
    if name in OTHER_NAMES:
        return OTHER_NAMES[name]
    name = name.replace("TLS_AKE_WITH_", "TLS_")
    plain = name.removesuffix("-draft")
    # A draft's name needs its mark only where the same name has a code of its own.
    drafted = f"{plain}_DRAFT"
    return drafted if plain != name and drafted in SUITES.values() else plain


def _differences(theirs: Mapping[int, str]) -> dict[int, tuple[str, str | None]]:
    """Each of their names that is not ours, beside ours, without the differences explained."""
    known = UNLISTED.keys() | SHARED_NAMES.keys()
    found = {code: (name, SUITES.get(code)) for code, name in theirs.items() if code not in known}
    return {code: pair for code, pair in found.items() if _ours(pair[0]) != pair[1]}


def _nmap_table(name: str) -> dict[int, str]:
    if not NMAP.exists():
        pytest.skip("nmap is not installed")
    table = re.search(rf"^{name} = {{(.*?)^}}", NMAP.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert table
    entry = re.compile(r'^\s*(?:\[")?([\w-]+)(?:"\])?\s*=\s*(0x[0-9A-F]+|\d+)\s*,', re.MULTILINE)
    return {int(code, 0): named for named, code in entry.findall(table[1])}


def _testssl_table(length: int) -> dict[int, str]:
    if not TESTSSL.exists():
        pytest.skip("testssl.sh is not installed")
    entry = re.compile(r"^ +((?:0x[0-9A-F]{2},?)+) - \S+ +(\S+)", re.MULTILINE)
    found = entry.findall(TESTSSL.read_text("utf-8"))
    codes = ((bytes.fromhex(re.sub("0x|,", "", code)), name) for code, name in found)
    return {int.from_bytes(code): name for code, name in codes if len(code) == length}


def test_every_name_can_be_read() -> None:
    names = (*SUITES.values(), *SSL2_KINDS.values())
    assert [name for name in names if not read_suite(name).readable] == []


def test_no_two_codes_have_one_name() -> None:
    for table in (SUITES, SSL2_KINDS, GROUPS, SCHEMES):
        assert len(set(table.values())) == len(table)


def test_iana_has_registered_as_many() -> None:
    # 356 entries with a name in September 2026, two of which are signals.
    assert len(REGISTERED_SUITES) == 354


def test_signals_and_grease_are_no_suites() -> None:
    assert (GREASE[0], GREASE[1], GREASE[-1], len(GREASE)) == (0x0A0A, 0x1A1A, 0xFAFA, 16)
    assert not SUITES.keys() & {EMPTY_RENEGOTIATION_INFO_SCSV, FALLBACK_SCSV, *GREASE}
    assert not (GROUPS.keys() | SCHEMES.keys()) & set(GREASE)


def test_the_two_offers_share_out_all_suites() -> None:
    assert sorted(LEGACY_SUITES + TLS_1_3_SUITES) == sorted(SUITES)
    modern = {code for code, name in SUITES.items() if not read_suite(name).key_exchange}
    assert modern == set(TLS_1_3_SUITES)


def test_tls_parser_has_the_same_suites() -> None:
    theirs = {member.value: name for name, member in CipherSuites.__members__.items()}
    assert len(theirs) > 300
    assert _differences(theirs) == {}


@pytest.mark.parametrize("version", list(TlsVersionEnum), ids=lambda version: version.name)
def test_sslyze_names_no_suite_that_is_missing(version: TlsVersionEnum) -> None:
    theirs = {suite.name for suite in CipherSuitesRepository.get_all_cipher_suites(version)}
    ours = SSL2_KINDS if version is TlsVersionEnum.SSL_2_0 else SUITES
    assert theirs
    assert theirs - set(ours.values()) == set()


def test_nmap_has_the_same_suites() -> None:
    theirs = _nmap_table("CIPHERS")
    assert len(theirs) > 390
    assert _differences(theirs) == {}


def test_testssl_has_the_same_suites() -> None:
    # testssl.sh writes "-" where it knows the name of OpenSSL only.
    theirs = {code: name for code, name in _testssl_table(2).items() if name != "-"}
    assert len(theirs) > 340
    assert _differences(theirs) == {}
    assert _testssl_table(2).keys() - UNLISTED.keys() <= SUITES.keys()


def test_testssl_has_the_same_ssl_2_kinds() -> None:
    assert _testssl_table(3) == SSL2_KINDS


def test_every_explained_difference_is_one() -> None:
    lists = [_nmap_table("CIPHERS"), _testssl_table(2)]
    lists.append({member.value: name for name, member in CipherSuites.__members__.items()})
    named = {name for one in lists for name in one.values()}
    assert OTHER_NAMES.keys() - named == set()
    assert not UNLISTED.keys() & SUITES.keys()
    assert UNLISTED.keys() <= set().union(*lists)
    assert SHARED_NAMES.keys() <= SUITES.keys() & set().union(*lists)


def test_the_local_library_has_no_suite_that_is_missing() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    codes = {suite["id"] & 0xFFFF for suite in context.get_ciphers()}
    assert len(codes) > 30
    assert codes <= SUITES.keys()


def test_openssl_names_the_suites_alike() -> None:
    command = ["openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.findall(r"0x(..),0x(..) - (\S+)", listed)
    theirs = {int(high + low, 16): name for high, low, name in found}
    assert len(theirs) > 30
    assert _differences(theirs) == {}


def _grade(code: int) -> int:
    suite = read_suite(SUITES[code])
    weak = (suite.null, suite.anonymous, suite.export, suite.des == "DES", suite.rc4)
    if any(weak):
        return weak.index(True)
    if suite.short_blocks:
        return 5 if suite.des else 3
    return 6 + 2 * suite.forward_secret + suite.aead


@pytest.mark.parametrize(
    "offer", [LEGACY_SUITES, TLS_1_3_SUITES, COMMON_SUITES], ids=["legacy", "TLS 1.3", "common"]
)
def test_an_offer_starts_with_the_weakest(offer: tuple[int, ...]) -> None:
    grades = [_grade(code) for code in offer]
    assert grades == sorted(grades)
    assert len(set(grades)) > 1
    assert len(set(offer)) == len(offer)
    assert not any("CHACHA20" in SUITES[code] for code in (offer[0], offer[-1]))


def test_the_old_offer_ends_with_what_servers_should_prefer() -> None:
    assert SUITES[LEGACY_SUITES[0]] == "TLS_NULL_WITH_NULL_NULL"
    assert SUITES[LEGACY_SUITES[-1]] == "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
    assert SUITES[TLS_1_3_SUITES[-1]] == "TLS_AES_256_GCM_SHA384"


def test_the_short_offer_leaves_room_for_the_rest_of_a_small_hello() -> None:
    # Room for a name of 35 letters, four groups, and eleven signature schemes.
    extensions = {0: bytes(40), 10: bytes(10), 11: bytes(2), 13: bytes(24)}
    hello = ClientHello(0x0303, b"", COMMON_SUITES, extensions)
    assert len(hello.record()) < 256
    assert len(COMMON_SUITES) > 25
    assert set(COMMON_SUITES) <= set(LEGACY_SUITES)


@pytest.mark.parametrize(
    "generation",
    [
        {0x0003, 0x0004, 0x0009, 0x000A},  # SSL 3.0 in browsers and servers of the nineties
        {0x000A, 0x0005, 0x002F, 0x0035},  # Windows Server 2003 and 2008, OpenSSL 0.9.8, Java 6
        {0x0013, 0x0032},  # a key for DSA
        {0xC009, 0xC00A, 0xC02B, 0xC02C},  # a key for ECDSA
        {0xC02F, 0xC030, 0xCCA8},  # only what is recommended today
        {0x009E, 0x009F},  # Diffie-Hellman without curves
    ],
)
def test_each_generation_of_servers_has_a_suite_of_the_short_offer(generation: set[int]) -> None:
    assert generation <= set(COMMON_SUITES)


def test_nmap_has_the_same_groups() -> None:
    theirs = _nmap_table("ELLIPTIC_CURVES")
    # Nmap writes X25519 and X448 with a prefix; two codes stand for curves that servers describe.
    described = {0xFF01, 0xFF02}
    names = {code: name.removeprefix("ecdh_") for code, name in theirs.items()}
    assert described <= names.keys()
    assert {code: names[code] for code in names.keys() - described} == {
        code: name for code, name in GROUPS.items() if code <= 260
    }


def test_openssl_knows_every_curve_that_it_has_by_our_names() -> None:
    listed = subprocess.run(
        ["openssl", "ecparam", "-list_curves"], capture_output=True, text=True, check=True
    ).stdout
    theirs = set(re.findall(r"^ +(\w+) *:", listed, re.MULTILINE))
    # OpenSSL names two curves after X9.62, and has none under 160 bits or of WTLS in TLS.
    theirs = (theirs - {"prime192v1", "prime256v1"}) | {"secp192r1", "secp256r1"}
    curves = {name for code, name in GROUPS.items() if code <= 28}
    assert curves - theirs == set()


def test_the_groups_of_a_version_are_all_known_and_told_once() -> None:
    for offer in (TLS_1_3_GROUPS, LEGACY_GROUPS, FFDHE_GROUPS, HYBRID, WEAK_GROUPS):
        assert len(set(offer)) == len(offer)
        assert set(offer) <= GROUPS.keys()
    assert set(TLS_1_3_GROUPS) | set(LEGACY_GROUPS) == GROUPS.keys()
    assert not set(TLS_1_3_GROUPS) & set(WEAK_GROUPS)
    assert not set(LEGACY_GROUPS) & {*HYBRID, *range(512, 515), *range(31, 34)}


def test_groups_are_of_the_kind_that_their_names_say() -> None:
    assert list(WEAK_GROUPS) == list(range(1, 20))
    assert all(is_hybrid(GROUPS[code]) for code in HYBRID)
    assert [code for code, name in GROUPS.items() if name.startswith("ffdhe")] == list(FFDHE_GROUPS)
    curves = [name for code, name in GROUPS.items() if code <= 33]
    assert all(curve_bits(name) for name in curves)
    assert [name for name in curves if is_binary_curve(name)] == curves[:14]


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0x0101, "rsa_pkcs1_md5"),
        (0x0202, "dsa_sha1"),
        (0x0303, "ecdsa_sha224"),
        (0x0401, "rsa_pkcs1_sha256"),
        (0x0403, "ecdsa_sha256"),
        (0x0603, "ecdsa_sha512"),
        (0x0708, "sm2sig_sm3"),
        (0x0804, "rsa_pss_rsae_sha256"),
        (0x0807, "ed25519"),
        (0x0840, "gostr34102012_256"),
        (0x0905, "mldsa65"),
        (0x091C, "slhdsa_shake_256f"),
        (0x0400, "0x0400"),
        (0xFE01, "0xfe01"),
    ],
)
def test_a_signature_scheme_has_a_name(number: int, name: str) -> None:
    assert scheme_name(number) == name


def test_the_offers_of_signatures_are_known_and_told_once() -> None:
    for offer in (ALL_SCHEMES, TLS_1_3_SCHEMES, SHA1_SCHEMES, MD5_SCHEMES):
        assert len(set(offer)) == len(offer)
        assert set(offer) <= SCHEMES.keys()
    by_hash = {
        word: {code for code, name in SCHEMES.items() if name.endswith(f"_{word}")}
        for word in ("sha1", "md5")
    }
    assert by_hash == {"sha1": set(SHA1_SCHEMES), "md5": set(MD5_SCHEMES)}


def test_the_offer_of_tls_1_2_holds_every_pair_and_ends_with_the_weak() -> None:
    pairs = {code for code in SCHEMES if code >> 8 <= 6 and code & 0xFF <= 3}
    assert pairs <= set(ALL_SCHEMES)
    weak = SHA1_SCHEMES + MD5_SCHEMES
    assert ALL_SCHEMES[-len(weak) :] == weak
