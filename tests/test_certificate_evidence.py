"""Certificates are read from DER into facts, however odd or hostile they are."""

from __future__ import annotations

import random
import subprocess
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from spbe_audit.catalogue import load_check
from spbe_audit.check import NoParams, Verdict
from spbe_audit.evidence import (
    CertificateChain,
    MalformedCertificateError,
    NoLeaf,
    SentChain,
    TlsEvidence,
    find_trust_path,
    matching_name,
    read_certificate,
    read_chain,
    utc_text,
)
from spbe_audit.evidence.certificate import MAX_CERTIFICATES, is_roca
from spbe_audit.testing.cases import build_evidence
from spbe_audit.testing.certificates import EPOCH, TRUSTED_ROOT, build_chain

MUTATIONS = 2000


def _tls(**overrides: object) -> TlsEvidence:
    evidence = build_evidence("tls", overrides)
    assert isinstance(evidence, TlsEvidence)
    return evidence


def _with_chain(*certificates: bytes) -> TlsEvidence:
    tls = _tls()
    return TlsEvidence(
        server_name=tls.server_name,
        address=tls.address,
        port=tls.port,
        collected_at=tls.collected_at,
        engine=tls.engine,
        chains=(CertificateChain(certificates),),
    )


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _der(folder: Path, name: str) -> bytes:
    _openssl(folder, "x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
    return (folder / f"{name}.der").read_bytes()


def test_the_facts_of_an_ordinary_certificate() -> None:
    leaf = read_certificate(build_chain({"sans": ["a.example", "192.0.2.1", "2001:db8::1"]})[0])
    assert leaf.subject == "CN=portal.example.go.id"
    assert leaf.issuer == "CN=Example Root CA"
    assert leaf.names == ("a.example", "192.0.2.1", "2001:db8::1")
    assert utc_text(leaf.not_before) == "2025-12-16T00:00:00Z"
    assert leaf.lifetime == timedelta(days=365, seconds=1)
    assert leaf.key.label == "EC 256 (secp256r1)"
    assert (leaf.signature_algorithm, leaf.signature_hash) == ("ecdsa-with-SHA256", "sha256")
    assert (leaf.self_issued, leaf.self_signed) == (False, False)


@pytest.mark.parametrize(
    ("options", "key", "algorithm", "digest"),
    [
        (["-newkey", "rsa:1024", "-sha1"], "RSA 1024", "sha1WithRSAEncryption", "sha1"),
        (["-newkey", "rsa:1024", "-md5"], "RSA 1024", "md5WithRSAEncryption", "md5"),
        (
            ["-newkey", "rsa:2048", "-sha384", "-sigopt", "rsa_padding_mode:pss"],
            "RSA 2048",
            "RSASSA-PSS",
            "sha384",
        ),
        (
            ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048", "-sha256"],
            "RSA 2048",
            "RSASSA-PSS",
            "sha256",
        ),
        (
            ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha1"],
            "EC 384 (secp384r1)",
            "ecdsa-with-SHA1",
            "sha1",
        ),
        (["-newkey", "ed25519"], "Ed25519", "Ed25519", "intrinsic"),
        (["-newkey", "ed448"], "Ed448", "Ed448", "intrinsic"),
    ],
)
def test_a_self_signed_certificate_made_by_openssl(
    tmp_path: Path, options: list[str], key: str, algorithm: str, digest: str
) -> None:
    _openssl(
        tmp_path,
        *("req", "-x509", *options, "-nodes", "-keyout", "own.key", "-out", "own.pem"),
        *("-subj", "/C=ID/O=Example/CN=portal.example.go.id"),
    )
    certificate = read_certificate(_der(tmp_path, "own"))
    assert certificate.key.label == key
    assert (certificate.signature_algorithm, certificate.signature_hash) == (algorithm, digest)
    assert certificate.self_signed is True
    assert certificate.subject == "CN=portal.example.go.id,O=Example,C=ID"
    assert certificate.names == ()


def test_a_dsa_certificate(tmp_path: Path) -> None:
    _openssl(tmp_path, "dsaparam", "-out", "parameters.pem", "1024")
    _openssl(
        tmp_path,
        *("req", "-x509", "-newkey", "dsa:parameters.pem", "-nodes", "-keyout", "own.key"),
        *("-out", "own.pem", "-subj", "/CN=a", "-sha256"),
    )
    certificate = read_certificate(_der(tmp_path, "own"))
    assert certificate.key.label == "DSA 1024"
    assert (certificate.signature_algorithm, certificate.self_signed) == ("dsa-with-sha256", True)


def test_a_key_that_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    _openssl(
        tmp_path,
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *("-pkeyopt", "ec_param_enc:explicit", "-nodes", "-keyout", "own.key"),
        *("-out", "own.pem", "-subj", "/CN=a"),
    )
    certificate = read_certificate(_der(tmp_path, "own"))
    assert (certificate.key.algorithm, certificate.key.bits) == ("1.2.840.10045.2.1", None)
    assert certificate.self_signed is None


def test_a_signature_with_another_key_is_not_self_signed() -> None:
    leaf = read_certificate(build_chain({"subject": "Example Root CA"})[0])
    assert (leaf.self_issued, leaf.self_signed) == (True, False)


def test_a_name_that_is_not_ascii_leaves_the_rest_readable() -> None:
    leaf = build_chain({"subject": "x", "sans": ["portal.example.go.id"]})[0]
    odd = leaf.replace(b"portal.example.go.id", b"p\xf6rtal.example.go.id")
    certificate = read_certificate(odd)
    assert not certificate.extensions_readable
    assert certificate.names == ()
    assert utc_text(certificate.not_after) == "2026-12-16T00:00:00Z"
    check = load_check("certificate.hostname").check
    outcome = check.run((_with_chain(odd),), NoParams())
    assert (outcome.verdict, outcome.reason) == (Verdict.UNKNOWN, "malformed_certificate")


def test_a_long_name_is_shortened() -> None:
    name = "a" * 60
    leaf = build_chain({"subject": name, "sans": []})[0]
    assert read_certificate(leaf).subject == f"CN={name}"
    # A subject of many parts, as only a hostile issuer would write it.
    assert len(read_certificate(_many_parts()).subject) < 400


def _many_parts() -> bytes:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    unit = x509.NameAttribute(x509.oid.NameOID.ORGANIZATIONAL_UNIT_NAME, "u" * 60)
    name = x509.Name([unit] * 50)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(EPOCH).not_valid_after(EPOCH + timedelta(days=1))
    return builder.sign(key, None).public_bytes(Encoding.DER)


@pytest.mark.parametrize("der", [b"", b"0", b"not a certificate", TRUSTED_ROOT[:-1]])
def test_what_is_not_a_certificate(der: bytes) -> None:
    with pytest.raises(MalformedCertificateError):
        read_certificate(der)


def test_mutations_are_read_or_refused_and_never_break_out() -> None:
    chance = random.Random(20260115)  # noqa: S311 - the same mutations in every run
    chains = [
        build_chain({"issuer": "intermediate", "sans": ["*.a.example", "192.0.2.1"]}),
        build_chain({"self_signed": True, "key": "ed25519"}),
        (TRUSTED_ROOT,),
    ]
    refused = 0
    for _ in range(MUTATIONS):
        first, *rest = (bytearray(der) for der in chance.choice(chains))
        victim = chance.choice([first, *rest])
        for _ in range(chance.choice([1, 2, 4])):
            victim[chance.randrange(len(victim))] = chance.choice([0, 255, chance.randrange(256)])
        try:
            leaf = read_certificate(bytes(first))
        except MalformedCertificateError:
            refused += 1
            continue
        matching_name(leaf, "b.a.example")
        sent = tuple(bytes(der) for der in (first, *rest))
        find_trust_path(sent, anchors=(TRUSTED_ROOT,), at=EPOCH)
    assert 0 < refused < MUTATIONS


def test_an_odd_serial_number_warns_nobody() -> None:
    version = bytes.fromhex("a003020102")
    serial = TRUSTED_ROOT.index(version) + len(version) + 2  # past the tag and the length
    negative = TRUSTED_ROOT[:serial] + b"\x80" + TRUSTED_ROOT[serial + 1 :]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_certificate(negative).subject == "CN=Example Root CA"


def test_a_chain_is_read_up_to_a_limit() -> None:
    leaf = build_chain({})[0]
    chain = read_chain(_with_chain(leaf, b"x", *[TRUSTED_ROOT] * 100))
    assert isinstance(chain, SentChain)
    assert chain.malformed == 1
    assert len(chain.others) == MAX_CERTIFICATES - 2
    assert chain.below_root == (chain.leaf,)


def test_a_chain_without_a_readable_leaf() -> None:
    assert read_chain(_tls(certificate=None)) is NoLeaf.NO_CERTIFICATE
    assert read_chain(_with_chain(b"x", TRUSTED_ROOT)) is NoLeaf.MALFORMED


@pytest.mark.parametrize(
    ("name", "host", "matches"),
    [
        ("*.example.go.id", "a.example.go.id", True),
        ("*.example.go.id", "xn--bcher-kva.example.go.id", True),
        ("*.example.go.id", ".example.go.id", False),
        ("*.example.go.id", "*.example.go.id", True),
        ("a.example.go.id", "a.example.go.id.evil.example", False),
        ("a.example.go.id", "", False),
        ("a..go.id", "a..go.id", False),
        ("*.*.go.id", "a.b.go.id", False),
        ("192.0.2.1", "[192.0.2.1]", True),
        ("::1", "::1%lo", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("a.example", "b\udcff.example", False),
    ],
)
def test_which_names_cover_a_host(name: str, host: str, *, matches: bool) -> None:
    leaf = read_certificate(build_chain({"subject": "x", "sans": [name]})[0])
    assert (matching_name(leaf, host) is not None) is matches


def test_roca_is_told_from_an_ordinary_key() -> None:
    flawed = read_certificate(build_chain({"key": "roca2048"})[0])
    sound = read_certificate(build_chain({"key": "rsa2048"})[0])
    assert (flawed.key.label, flawed.key.roca) == ("RSA 2048", True)
    assert (sound.key.label, sound.key.roca) == ("RSA 2048", False)
    assert not any(is_roca(2**2047 + number) for number in range(1, 10_000, 2))


def test_times_are_written_in_utc() -> None:
    jakarta = datetime.fromisoformat("2026-01-15T07:00:00.9+07:00")
    assert utc_text(jakarta) == "2026-01-15T00:00:00Z"
    assert utc_text(datetime(2050, 1, 1, tzinfo=UTC)) == "2050-01-01T00:00:00Z"


def test_the_same_words_make_the_same_certificates() -> None:
    build = {"issuer": "intermediate", "root_sent": True, "key": "p384"}
    assert build_chain(build) == build_chain(build)
    assert len(build_chain(build)) == 3
    with pytest.raises(ValueError, match="colour"):
        build_chain({"colour": "blue"})
    with pytest.raises(ValueError, match="RSA keys only"):
        build_chain({"self_signed": True, "hash": "sha1"})
