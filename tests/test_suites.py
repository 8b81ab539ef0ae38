"""What a suite name says, and what is not settled about the suites of an endpoint."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from spbe_audit.evidence import (
    LEGACY_VERSIONS,
    TlsEvidence,
    TlsVersion,
    read_suite,
    suites_that,
    unsettled_suites,
    versions_accepting,
)
from spbe_audit.testing.cases import build_evidence

PROPERTIES = ("null", "anonymous", "export", "rc4", "DES", "3DES", "aead", "forward_secret")

SUITES: Mapping[str, set[str]] = {
    "TLS_AES_128_GCM_SHA256": {"aead", "forward_secret"},
    "TLS_AES_128_CCM_8_SHA256": {"aead", "forward_secret"},
    "TLS_CHACHA20_POLY1305_SHA256": {"aead", "forward_secret"},
    "TLS_SM4_GCM_SM3": {"aead", "forward_secret"},
    "TLS_AEGIS_128L_SHA256": {"aead", "forward_secret"},
    "TLS_ASCONAEAD128_ASCONHASH256": {"aead", "forward_secret"},
    "TLS_AES_128_CCM_ASCONHASH256": {"aead", "forward_secret"},
    "TLS_GOSTR341112_256_WITH_KUZNYECHIK_MGM_L": {"aead", "forward_secret"},
    "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC": set(),
    "ECDHE_SM4_GCM_SM3": {"aead", "forward_secret"},
    "ECC_SM4_CBC_SM3": set(),
    "IBSDH_SM4_CBC_SM3": {"forward_secret"},
    "RSA_SM1_SHA1": set(),
    "TLS_SHA256_SHA256": {"null", "forward_secret"},
    "TLS_AKE_WITH_AES_256_GCM_SHA384": {"aead", "forward_secret"},
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": {"aead", "forward_secret"},
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": {"aead", "forward_secret"},
    "TLS_DHE_RSA_WITH_AES_256_CCM": {"aead", "forward_secret"},
    "TLS_DHE_RSA_WITH_AES_128_CBC_SHA": {"forward_secret"},
    "TLS_ECDHE_RSA_WITH_NULL_SHA": {"null", "forward_secret"},
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA": {"rc4", "forward_secret"},
    "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA": {"3DES", "forward_secret"},
    "TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA": {"export", "DES", "forward_secret"},
    "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256": {"aead", "forward_secret"},
    "TLS_PSK_DHE_WITH_AES_128_CCM_8": {"aead", "forward_secret"},
    "TLS_ECDHE_PSK_WITH_NULL_SHA256": {"null", "forward_secret"},
    "TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA": {"forward_secret"},
    "TLS_ECCPWD_WITH_AES_128_GCM_SHA256": {"aead", "forward_secret"},
    "TLS_DH_anon_WITH_RC4_128_MD5": {"anonymous", "rc4", "forward_secret"},
    "TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA": {"anonymous", "export", "DES", "forward_secret"},
    "TLS_ECDH_anon_WITH_NULL_SHA": {"anonymous", "null", "forward_secret"},
    "TLS_NULL_WITH_NULL_NULL": {"anonymous", "null"},
    "TLS_RSA_WITH_AES_128_GCM_SHA256": {"aead"},
    "TLS_RSA_WITH_AES_128_CBC_SHA": set(),
    "TLS_RSA_WITH_DES_CBC_SHA": {"DES"},
    "TLS_RSA_WITH_IDEA_CBC_SHA": set(),
    "TLS_RSA_WITH_NULL_MD5": {"null"},
    "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5": {"export"},
    "TLS_RSA_EXPORT1024_WITH_RC4_56_SHA": {"export", "rc4"},
    "TLS_KRB5_EXPORT_WITH_RC4_40_SHA": {"export", "rc4"},
    "TLS_KRB5_WITH_3DES_EDE_CBC_MD5": {"3DES"},
    "TLS_DH_RSA_WITH_AES_128_CBC_SHA": set(),
    "TLS_ECDH_ECDSA_WITH_RC4_128_SHA": {"rc4"},
    "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256": {"aead"},
    "TLS_RSA_PSK_WITH_AES_128_CBC_SHA256": set(),
    "SSL_RSA_FIPS_WITH_DES_CBC_SHA": {"DES"},
    "SSL_FORTEZZA_KEA_WITH_NULL_SHA": {"null"},
    "SSL_CK_RC4_128_WITH_MD5": {"rc4"},
    "SSL_CK_RC4_128_EXPORT40_WITH_MD5": {"rc4", "export"},
    "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5": {"export"},
    "SSL_CK_DES_64_CBC_WITH_MD5": {"DES"},
    "SSL_CK_DES_192_EDE3_CBC_WITH_MD5": {"3DES"},
    "SSL_CK_NULL_WITH_MD5": {"null"},
    "SSL2_RC4_128_WITH_MD5": {"rc4"},
}


@pytest.mark.parametrize(("name", "expected"), SUITES.items(), ids=SUITES)
def test_a_name_says_what_the_suite_is(name: str, expected: set[str]) -> None:
    suite = read_suite(name)
    found = {word for word in PROPERTIES if suite.des == word or getattr(suite, word, False)}
    assert suite.readable
    assert found == expected


@pytest.mark.parametrize(
    ("name", "cbc", "short_blocks"),
    [
        ("TLS_AES_128_GCM_SHA256", False, False),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", True, False),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", True, True),
        ("TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5", True, True),
        ("TLS_RSA_WITH_IDEA_CBC_SHA", True, True),
        ("TLS_GOSTR341001_WITH_28147_CNT_IMIT", False, True),
        ("SSL_CK_DES_192_EDE3_CBC_WITH_MD5", True, True),
        ("TLS_RSA_WITH_RC4_128_SHA", False, False),
        ("TLS_GOSTR341112_256_WITH_MAGMA_MGM_S", False, True),
        ("ECC_SM1_SM3", True, False),
        ("ECC_SM4_GCM_SM3", False, False),
    ],
)
def test_a_name_says_how_blocks_are_used(name: str, cbc: bool, short_blocks: bool) -> None:  # noqa: FBT001 - a table
    suite = read_suite(name)
    assert (suite.cbc, suite.short_blocks) == (cbc, short_blocks)


@pytest.mark.parametrize(
    "name", ["", "0xC0FF", "ECDHE-RSA-AES128-SHA", "TLS_FALLBACK_SCSV", "TLS_"]
)
def test_a_name_of_no_known_form_says_nothing(name: str) -> None:
    suite = read_suite(name)
    assert not suite.readable
    assert not any(getattr(suite, word, False) for word in PROPERTIES)
    assert suite.des is None


def _tls(**overrides: object) -> TlsEvidence:
    evidence = build_evidence("tls", overrides)
    assert isinstance(evidence, TlsEvidence)
    return evidence


def test_versions_of_a_suite_are_told_oldest_first() -> None:
    suites = {
        "TLS 1.2": ["TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_AES_128_CBC_SHA"],
        "TLS 1.0": ["TLS_RSA_WITH_RC4_128_SHA"],
        "TLS 1.1": ["TLS_RSA_WITH_AES_128_CBC_SHA"],
    }
    tls = _tls(versions=["TLS 1.0", "TLS 1.1", "TLS 1.2"], suites=suites)
    found = suites_that(tls, lambda suite: suite.rc4)
    assert found == ("TLS_RSA_WITH_RC4_128_SHA",)
    assert versions_accepting(tls, found) == ("TLS 1.0", "TLS 1.2")


def test_nothing_is_unsettled_where_each_accepted_version_has_its_suites() -> None:
    assert unsettled_suites(_tls()) == ()


@pytest.mark.parametrize("key", ["versions.TLS 1.3", "suites.TLS 1.3"])
def test_a_version_may_be_left_out_of_the_question(key: str) -> None:
    tls = _tls(unknown={key: "timeout"})
    assert unsettled_suites(tls) == ("TLS 1.3",)
    assert unsettled_suites(tls, LEGACY_VERSIONS) == ()


def test_an_endpoint_that_accepts_no_version_is_not_settled_at_all() -> None:
    assert unsettled_suites(_tls(versions=[])) == tuple(version.value for version in TlsVersion)
