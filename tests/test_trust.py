"""Paths to a trusted CA, with chains that the openssl command made."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from spbe_audit.evidence import (
    STORE_NAME,
    MalformedCertificateError,
    TrustPath,
    TrustProblem,
    find_trust_path,
    trust,
)
from spbe_audit.evidence.signature import signature_holds
from spbe_audit.evidence.trust import MAX_DEPTH, MAX_SIGNATURES
from spbe_audit.testing.certificates import EPOCH, TRUSTED_ROOT, build_chain

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
CA = "basicConstraints=critical,CA:TRUE"
SOON = datetime.now(UTC) + timedelta(days=1)


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _der(folder: Path, name: str) -> bytes:
    _openssl(folder, "x509", "-in", f"{name}.pem", "-outform", "DER", "-out", f"{name}.der")
    return (folder / f"{name}.der").read_bytes()


def _root(folder: Path, name: str, *options: str, key: Sequence[str] = EC) -> bytes:
    """A root as "openssl req -x509" makes it."""
    files = ("-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    _openssl(folder, "req", "-x509", *key, *files, "-subj", f"/CN={name}", *options)
    return _der(folder, name)


def _issue(  # a certificate is described by many small things
    folder: Path,
    name: str,
    issuer: str,
    *options: str,
    extensions: Sequence[str] = (),
    key: Sequence[str] = EC,
    subject: str = "",
) -> bytes:
    """A certificate as "openssl x509 -req" makes it: of version 1 when it has no extensions."""
    request = ("-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    _openssl(folder, "req", *key, *request, "-subj", f"/CN={subject or name}")
    (folder / f"{name}.ext").write_text("\n".join(extensions))
    extra = ("-extfile", f"{name}.ext") if extensions else ()
    days = () if "-days" in options else ("-days", "300")
    signer = ("-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial")
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem"),
        *(*signer, *days, *extra, *options),
    )
    return _der(folder, name)


def _judge(*chain: bytes, anchor: bytes | None = None, at: datetime = SOON) -> TrustPath:
    return find_trust_path(chain, anchors=(anchor,) if anchor else (), at=at)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


# --- trusted, though no public CA would do it so ------------------------------------------------


def test_plain_commands_and_a_weak_key(folder: Path) -> None:
    root = _root(folder, "Agency CA", key=("-newkey", "rsa:2048"))
    leaf = _issue(folder, "portal", "Agency CA", key=("-newkey", "rsa:1024"))
    path = _judge(leaf, anchor=root)
    assert path.trusted
    assert path.subjects == ("CN=portal", "CN=Agency CA")
    assert path.root == "CN=Agency CA"
    assert path.judged_at == SOON


@pytest.mark.parametrize("digest", ["-md5", "-sha1", "-sha224", "-sha512"])
def test_any_digest(folder: Path, digest: str) -> None:
    root = _root(folder, "Agency CA", key=("-newkey", "rsa:1024"))
    leaf = _issue(folder, "portal", "Agency CA", digest, extensions=["subjectAltName=DNS:portal"])
    assert _judge(leaf, anchor=root).trusted


@pytest.mark.parametrize(
    "key",
    [
        ("-newkey", "ed25519"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
        ("-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:1024"),
    ],
)
def test_any_key(folder: Path, key: Sequence[str]) -> None:
    root = _root(folder, "Agency CA", key=key)
    leaf = _issue(folder, "portal", "Agency CA", extensions=["subjectAltName=DNS:portal"], key=key)
    assert _judge(leaf, anchor=root).trusted


def test_a_root_of_the_oldest_format(folder: Path) -> None:
    _openssl(
        folder, "req", *EC, "-nodes", "-keyout", "old.key", "-out", "old.csr", "-subj", "/CN=o"
    )
    _openssl(folder, "x509", "-req", "-in", "old.csr", "-signkey", "old.key", "-out", "old.pem")
    root = _der(folder, "old")
    assert x509.load_der_x509_certificate(root).version is x509.Version.v1
    leaf = _issue(folder, "portal", "old")
    assert _judge(leaf, anchor=root).trusted
    # Elsewhere in a path the same certificate has no such standing.
    below = _judge(leaf, root)
    assert below.problem is TrustProblem.NOT_A_CA


def test_intermediates_in_any_order_with_others_between(folder: Path) -> None:
    root = _root(folder, "Root")
    other = _root(folder, "Other")
    first = _issue(folder, "First", "Root", extensions=[CA])
    second = _issue(folder, "Second", "First", extensions=[CA])
    leaf = _issue(folder, "portal", "Second", extensions=["subjectAltName=DNS:portal"])
    for sent in ([second, first], [root, other, first, other, second, second]):
        path = _judge(leaf, *sent, anchor=root)
        assert path.subjects == ("CN=portal", "CN=Second", "CN=First", "CN=Root")


def test_a_self_signed_leaf_that_the_agency_trusts(folder: Path) -> None:
    leaf = _root(folder, "portal", "-addext", "basicConstraints=CA:FALSE")
    assert _judge(leaf, anchor=leaf).subjects == ("CN=portal",)
    assert _judge(leaf).problem is TrustProblem.NO_ISSUER


def test_a_ca_of_the_public_store() -> None:
    root = x509.load_pem_x509_certificate(Path(certifi.where()).read_bytes())  # its first one
    path = _judge(root.public_bytes(Encoding.DER), at=root.not_valid_before_utc)
    assert path.trusted
    assert STORE_NAME.startswith("Mozilla (certifi 20")


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"issuer": "intermediate", "root_sent": True},
        {"sans": ["*.example.go.id"]},
        {"sans": ["192.0.2.1"]},
        {"not_after": -3},
    ],
)
def test_the_library_and_the_search_find_the_same_path(
    monkeypatch: pytest.MonkeyPatch, spec: dict[str, object]
) -> None:
    chain = build_chain(spec)
    with monkeypatch.context() as patched:
        patched.setattr(trust, "_Search", None)
        by_library = _judge(*chain, anchor=TRUSTED_ROOT, at=EPOCH)
    with monkeypatch.context() as patched:
        patched.setattr(trust, "_library_path", lambda *_: None)
        by_search = _judge(*chain, anchor=TRUSTED_ROOT, at=EPOCH)
    assert by_library.trusted
    assert by_library == by_search


def test_a_name_that_is_spelled_in_another_string_type(folder: Path) -> None:
    root = _root(folder, "Agency CA")
    leaf = _issue(folder, "portal", "Agency CA")
    respelled = leaf.replace(b"\x0c\x09Agency CA", b"\x13\x09Agency CA")
    assert respelled != leaf
    # The signature no longer holds, but the issuer is recognised by its name.
    assert _judge(respelled, anchor=root).problem is TrustProblem.BAD_SIGNATURE


# --- not trusted, and why -----------------------------------------------------------------------


def test_the_intermediate_is_missing(folder: Path) -> None:
    root = _root(folder, "Root")
    _issue(folder, "Issuing CA", "Root", extensions=[CA])
    leaf = _issue(folder, "portal", "Issuing CA")
    path = _judge(leaf, root, anchor=root)
    assert (path.problem, path.stopped_at) == (TrustProblem.ISSUER_NOT_FOUND, "CN=Issuing CA")
    assert path.subjects == ("CN=portal",)


def test_the_intermediate_cannot_be_read(folder: Path) -> None:
    root = _root(folder, "Root")
    between = _issue(folder, "Issuing CA", "Root", extensions=[CA])
    leaf = _issue(folder, "portal", "Issuing CA")
    assert _judge(leaf, between[:-1], anchor=root).problem is TrustProblem.MALFORMED


def test_a_root_that_nobody_trusts(folder: Path) -> None:
    root = _root(folder, "Root")
    between = _issue(folder, "Issuing CA", "Root", extensions=[CA])
    leaf = _issue(folder, "portal", "Issuing CA")
    for chain in ([leaf, between, root], [leaf, between]):
        path = _judge(*chain)
        assert (path.problem, path.stopped_at) == (TrustProblem.NO_ISSUER, "CN=Root")


@pytest.mark.parametrize(
    "extensions",
    [
        ["basicConstraints=critical,CA:FALSE"],
        ["subjectKeyIdentifier=hash"],
        [CA, "keyUsage=critical,digitalSignature,cRLSign"],
        [],
    ],
)
def test_the_intermediate_is_no_ca(folder: Path, extensions: list[str]) -> None:
    root = _root(folder, "Root")
    between = _issue(folder, "Issuing CA", "Root", extensions=extensions)
    leaf = _issue(folder, "portal", "Issuing CA", extensions=["subjectAltName=DNS:portal"])
    path = _judge(leaf, between, anchor=root)
    assert (path.problem, path.stopped_at) == (TrustProblem.NOT_A_CA, "CN=Issuing CA")


def test_the_path_length_is_kept(folder: Path) -> None:
    limit = ("-addext", "basicConstraints=critical,CA:TRUE,pathlen:0")
    root = _root(folder, "Root", *limit)
    assert _judge(_issue(folder, "direct", "Root"), anchor=root).trusted
    between = _issue(folder, "Issuing CA", "Root", extensions=[CA])
    leaf = _issue(folder, "portal", "Issuing CA")
    path = _judge(leaf, between, anchor=root)
    assert (path.problem, path.stopped_at) == (TrustProblem.PATH_TOO_LONG, "CN=Root")


def test_a_path_has_an_end(folder: Path) -> None:
    root = _root(folder, "CA 0")
    sent = [
        _issue(folder, f"CA {number}", f"CA {number - 1}", extensions=[CA])
        for number in range(1, MAX_DEPTH)
    ]
    deepest = _issue(folder, "deepest", f"CA {MAX_DEPTH - 2}")
    assert len(_judge(deepest, *sent, anchor=root).subjects) == MAX_DEPTH
    deeper = _issue(folder, "deeper", f"CA {MAX_DEPTH - 1}")
    path = _judge(deeper, *sent, anchor=root)
    assert path.problem is TrustProblem.PATH_TOO_LONG


def test_the_intermediate_has_expired(folder: Path) -> None:
    root = _root(folder, "Root", "-days", "3650")
    between = _issue(folder, "Issuing CA", "Root", "-days", "10", extensions=[CA])
    leaf = _issue(folder, "portal", "Issuing CA")
    later = SOON + timedelta(days=20)
    assert _judge(leaf, between, anchor=root).trusted
    path = _judge(leaf, between, anchor=root, at=later)
    assert (path.problem, path.stopped_at) == (
        TrustProblem.EXPIRED_INTERMEDIATE,
        "CN=Issuing CA",
    )
    renewed = _renewed(folder, "Issuing CA", "Root")
    assert _judge(leaf, between, renewed, anchor=root, at=later).trusted


def _renewed(folder: Path, name: str, issuer: str) -> bytes:
    """The same CA with the same key, for longer."""
    _openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-out", "renewed.pem", "-days", "300"),
        *("-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-extfile", f"{name}.ext"),
    )
    return _der(folder, "renewed")


def test_the_root_has_expired(folder: Path) -> None:
    root = _root(folder, "Root", "-days", "10")
    leaf = _issue(folder, "portal", "Root")
    path = _judge(leaf, anchor=root, at=SOON + timedelta(days=20))
    assert (path.problem, path.stopped_at) == (TrustProblem.EXPIRED_INTERMEDIATE, "CN=Root")


def test_a_leaf_outside_its_validity_is_judged_inside_it(folder: Path) -> None:
    root = _root(folder, "Root", "-days", "3650")
    leaf = _issue(folder, "portal", "Root", "-days", "5", extensions=["subjectAltName=DNS:portal"])
    parsed = x509.load_der_x509_certificate(leaf)
    late = _judge(leaf, anchor=root, at=SOON + timedelta(days=1000))
    assert (late.trusted, late.judged_at) == (True, parsed.not_valid_after_utc)
    early = _judge(leaf, anchor=root, at=SOON - timedelta(days=1000))
    assert (early.trusted, early.judged_at) == (True, parsed.not_valid_before_utc)


@pytest.mark.parametrize("key", [EC, ("-newkey", "ed25519"), ("-newkey", "rsa:1024")])
def test_another_ca_of_the_same_name(folder: Path, key: Sequence[str]) -> None:
    root = _root(folder, "Root")
    leaf = _issue(folder, "portal", "Root")
    impostor = _root(folder, "Root", key=key)
    path = _judge(leaf, anchor=impostor)
    assert (path.problem, path.stopped_at) == (TrustProblem.BAD_SIGNATURE, "CN=Root")
    # Where the true one is trusted too, the other does no harm.
    assert find_trust_path([leaf, impostor], anchors=[impostor, root], at=SOON).trusted


def test_a_leaf_for_clients(folder: Path) -> None:
    root = _root(folder, "Root")
    leaf = _issue(folder, "portal", "Root", extensions=["extendedKeyUsage=clientAuth"])
    assert _judge(leaf, anchor=root).problem is TrustProblem.WRONG_USAGE
    both = _issue(folder, "both", "Root", extensions=["extendedKeyUsage=clientAuth,serverAuth"])
    assert _judge(both, anchor=root).trusted


@pytest.mark.parametrize(
    ("names", "trusted"),
    [
        ("DNS:portal.example.go.id", True),
        ("DNS:example.go.id", True),
        ("DNS:portal.example.go.id,IP:192.0.2.7", True),
        ("DNS:portal.badexample.go.id", False),
        ("DNS:portal.example.go.id,DNS:portal.example.com", False),
        ("DNS:secret.example.go.id", False),
        ("IP:198.51.100.1", False),
        ("email:a@example.com", True),
    ],
)
def test_name_constraints(folder: Path, names: str, *, trusted: bool) -> None:
    root = _root(folder, "Root")
    allowed = "permitted;DNS:example.go.id,excluded;DNS:secret.example.go.id"
    networks = "permitted;IP:192.0.2.0/255.255.255.0"
    constraints = f"nameConstraints=critical,{allowed},{networks}"
    between = _issue(folder, "Issuing CA", "Root", extensions=[CA, constraints])
    leaf = _issue(folder, "portal", "Issuing CA", extensions=[f"subjectAltName={names}"])
    path = _judge(leaf, between, anchor=root)
    assert path.problem is (None if trusted else TrustProblem.NAME_NOT_PERMITTED)


def test_a_critical_extension_that_is_not_known(folder: Path) -> None:
    root = _root(folder, "Root")
    odd = "1.2.3.4.5=critical,ASN1:UTF8String:odd"
    leaf = _issue(folder, "portal", "Root", extensions=[odd])
    assert _judge(leaf, anchor=root).problem is TrustProblem.CRITICAL_EXTENSION
    ignored = _issue(folder, "ignored", "Root", extensions=[odd.replace("critical,", "")])
    assert _judge(ignored, anchor=root).trusted


def test_a_leaf_that_cannot_be_read() -> None:
    with pytest.raises(MalformedCertificateError):
        _judge(b"no certificate", TRUSTED_ROOT)


def test_a_maze_of_cross_signed_cas_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty CAs, each of which could have issued each: without a limit, 30! paths."""
    verified = []

    def counted(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
        verified.append(issuer)
        return signature_holds(certificate, issuer)

    monkeypatch.setattr(trust, "signature_holds", counted)
    path = _judge(*_maze(30), anchor=TRUSTED_ROOT, at=EPOCH)
    assert path.problem is TrustProblem.PATH_TOO_LONG
    assert len(verified) == MAX_SIGNATURES


def _maze(size: int) -> list[bytes]:
    key = ec.derive_private_key(7, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "Maze")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).not_valid_before(EPOCH - timedelta(days=1))
    builder = builder.not_valid_after(EPOCH + timedelta(days=1))
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    builder = builder.add_extension(constraints, critical=True)
    return [
        builder.serial_number(serial).sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        for serial in range(1, size + 1)
    ]
