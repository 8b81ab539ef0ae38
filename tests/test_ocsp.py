"""Stapled OCSP answers: made by openssl, sent by real servers, forged, and mangled."""

from __future__ import annotations

import asyncio
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome
from spbe_audit.evidence import (
    AnswerSigner,
    MalformedCertificateError,
    RevocationStatus,
    Staple,
    StapleProblem,
    TlsEvidence,
    read_staple,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity
from spbe_audit.testing.cases import build_evidence
from spbe_audit.testing.certificates import EPOCH, TRUSTED_ROOT, build_chain, signer_of
from spbe_audit.testing.ocsp import build_staple
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import free_ports, nginx

NAME = "layanan.test"
MUTATIONS = 600


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA of a test with what it needs to answer by openssl, in a folder of its own."""

    folder: Path
    root: Identity
    leaf: Identity

    @property
    def anchors(self) -> tuple[bytes, ...]:
        """The root, as an agency would add it."""
        return (self.root.der,)

    def answer(self, state: str = "V", *options: str, signer: str = "root") -> bytes:
        """The answer of ``openssl ocsp`` about the leaf; ``state`` is V, R or '' for unknown."""
        serial = f"{self.leaf.certificate.serial_number:X}"
        serial = serial if len(serial) % 2 == 0 else f"0{serial}"
        now = datetime.now(UTC)
        revoked = f"{now - timedelta(hours=2):%y%m%d%H%M%SZ}" if state == "R" else ""
        line = f"{state}\t{now + timedelta(days=60):%y%m%d%H%M%SZ}\t{revoked}\t{serial}\t"
        index = self.folder / "index.txt"
        index.write_text(f"{line}unknown\t/CN={NAME}\n" if state else "")
        command = ["openssl", "ocsp", "-index", str(index), "-CA", "root.pem", "-ndays", "3"]
        command += ["-issuer", "root.pem", "-cert", "leaf.pem", "-no_nonce", *options]
        command += ["-rsigner", f"{signer}.pem", "-rkey", f"{signer}.key"]
        command += ["-respout", "answer.der", "-noverify"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "answer.der").read_bytes()

    def read(self, answer: bytes, *, at: datetime | None = None) -> Staple:
        """What an answer says of the leaf, now or at another moment."""
        moment = at or datetime.now(UTC)
        return read_staple(answer, (self.leaf.der,), anchors=self.anchors, at=moment)


@pytest.fixture(scope="module", params=["ec256", "rsa2048"])
def authority(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Authority:
    return _authority(tmp_path_factory.mktemp("ca"), request.param)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return _authority(tmp_path_factory.mktemp("ca"), "rsa2048")


def _authority(folder: Path, key: Any) -> Authority:
    root = make_authority("Test Root CA", key=key)
    leaf = make_leaf(root, (NAME,))
    for name, identity in (("root", root), ("leaf", leaf)):
        identity.write(folder, name)
    for name, purpose, issuer in (
        ("delegate", ExtendedKeyUsageOID.OCSP_SIGNING, root),
        ("impostor", ExtendedKeyUsageOID.SERVER_AUTH, root),
        ("stranger", ExtendedKeyUsageOID.OCSP_SIGNING, make_authority("Test Root CA")),
    ):
        _responder(name, issuer, purpose).write(folder, name)
    return Authority(folder, root, leaf)


def _responder(
    name: str, issuer: Identity, purpose: x509.ObjectIdentifier, days: int = 90
) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    begins = datetime.now(UTC) - timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    return Identity(builder.sign(issuer.key, hashes.SHA256()), key)


# --- what openssl makes


def test_a_good_answer_of_openssl(authority: Authority) -> None:
    staple = authority.read(authority.answer())
    assert (staple.problem, staple.status) == (None, RevocationStatus.GOOD)
    assert staple.signer is AnswerSigner.ISSUER
    assert staple.this_update is not None
    assert staple.next_update is not None
    assert staple.next_update - staple.this_update == timedelta(days=3)
    assert (staple.revoked_at, staple.timestamps) == (None, ())


def test_a_revoked_certificate_and_one_that_is_not_known(authority: Authority) -> None:
    revoked = authority.read(authority.answer("R"))
    assert revoked.status is RevocationStatus.REVOKED
    assert revoked.revoked_at is not None
    assert revoked.revoked_at < datetime.now(UTC)
    assert authority.read(authority.answer("")).status is RevocationStatus.UNKNOWN


def test_who_may_answer_in_the_place_of_the_issuer(authority: Authority) -> None:
    assert authority.read(authority.answer(signer="delegate")).signer is AnswerSigner.DELEGATE
    for signer in ("impostor", "stranger"):
        staple = authority.read(authority.answer(signer=signer))
        assert staple == Staple(StapleProblem.BAD_SIGNATURE)


def test_a_responder_whose_time_is_over(one: Authority) -> None:
    answer = one.answer(signer="delegate")
    later = datetime.now(UTC) + timedelta(days=100)
    assert one.read(answer, at=later) == Staple(StapleProblem.BAD_SIGNATURE)


def test_an_answer_without_the_certificate_of_its_responder(one: Authority) -> None:
    answer = one.answer("V", "-resp_no_certs", signer="delegate")
    assert one.read(answer) == Staple(StapleProblem.BAD_SIGNATURE)
    assert one.read(one.answer("V", "-resp_no_certs")).signer is AnswerSigner.ISSUER


@pytest.mark.parametrize("digest", ["sha1", "sha384"])
def test_other_hashes(one: Authority, digest: str) -> None:
    assert one.read(one.answer("V", "-rmd", digest)).status is RevocationStatus.GOOD


def test_a_signature_that_cannot_be_verified_here(one: Authority) -> None:
    answer = one.answer("V", "-rsigopt", "rsa_padding_mode:pss")
    assert one.read(answer) == Staple(StapleProblem.UNVERIFIABLE)


def test_an_answer_about_another_certificate(one: Authority) -> None:
    other = make_leaf(one.root, (NAME,))
    staple = read_staple(one.answer(), (other.der,), anchors=one.anchors, at=datetime.now(UTC))
    assert staple == Staple(StapleProblem.OTHER_CERTIFICATE)


def test_the_issuer_is_found_where_it_was_sent_or_is_trusted(one: Authority) -> None:
    answer, now = one.answer(), datetime.now(UTC)
    assert read_staple(answer, (one.leaf.der,), at=now).problem is StapleProblem.ISSUER_NOT_KNOWN
    sent = (one.leaf.der, b"not a certificate", one.root.der)
    assert read_staple(answer, sent, at=now).status is RevocationStatus.GOOD
    # The same name and another key is another CA.
    namesake = make_authority("Test Root CA").der
    staple = read_staple(answer, (one.leaf.der, namesake), at=now)
    assert staple.problem is StapleProblem.ISSUER_NOT_KNOWN


# --- answers of other shapes


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content).to_bytes(3).lstrip(b"\x00") or b"\x00"
    prefix = bytes([0x80 | len(size)]) if len(content) > 127 else b""
    return bytes([tag]) + prefix + size + content


def _answer_with_timestamps(logs: tuple[int, ...], serial: int) -> bytes:
    """A good answer of the root of cases that carries timestamps (RFC 6962 3.3)."""
    stamps = [
        b"\x00"
        + bytes([log]) * 32
        + (1_760_000_000_000).to_bytes(8)
        + b"\0\0\x04\x03\0\x08"
        + bytes(8)
        for log in logs
    ]
    listed = b"".join(len(stamp).to_bytes(2) + stamp for stamp in stamps)
    content = _der(0x04, len(listed).to_bytes(2) + listed)
    oid = _der(0x06, bytes.fromhex("2b06010401d679020405"))
    extensions = _der(0xA1, _der(0x30, _der(0x30, oid, _der(0x04, content))))
    sha1 = _der(0x30, _der(0x06, bytes.fromhex("2b0e03021a")), _der(0x05))
    number = _der(0x02, serial.to_bytes(serial.bit_length() // 8 + 1))
    certificate_id = _der(0x30, sha1, _der(0x04, bytes(20)), _der(0x04, bytes(20)), number)
    when = _der(0x18, b"20260114000000Z")
    single = _der(0x30, certificate_id, _der(0x80), when, extensions)
    data = _der(0x30, _der(0xA2, _der(0x04, bytes(20))), when, _der(0x30, single))
    key = signer_of({}).key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signature = key.sign(data, ec.ECDSA(hashes.SHA256()))
    scheme = _der(0x30, _der(0x06, bytes.fromhex("2a8648ce3d040302")))
    basic = _der(0x30, data, scheme, _der(0x03, b"\x00", signature))
    kind = _der(0x06, bytes.fromhex("2b0601050507300101"))
    return _der(0x30, _der(0x0A, b"\x00"), _der(0xA0, _der(0x30, kind, _der(0x04, basic))))


def test_timestamps_of_logs_in_an_answer_count(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = build_chain({"logs": [1]})
    serial = x509.load_der_x509_certificate(chain[0]).serial_number
    answer = _answer_with_timestamps((1, 2), serial)
    staple = read_staple(answer, chain, anchors=(TRUSTED_ROOT,), at=EPOCH)
    assert staple.status is RevocationStatus.GOOD
    assert [stamp.log[:2] for stamp in staple.timestamps] == ["01", "02"]
    check = load_check("certificate.transparency").check
    params = check.params_type.model_validate({"public_roots": ("CN=Example Root CA",)})
    monkeypatch.setattr("spbe_audit.testing.evidence_certificates.build_staple", lambda *_: answer)
    tls = build_evidence("tls", {"certificate": {"logs": [1]}, "staple": {"status": "good"}})
    outcome = check.run((tls,), params)
    assert (outcome.verdict.value, outcome.facts["logs"]) == ("pass", 2)


def test_an_unreadable_leaf_is_no_matter_of_the_answer() -> None:
    with pytest.raises(MalformedCertificateError):
        read_staple(b"", (b"x",), at=EPOCH)


@pytest.mark.parametrize("answer", [b"", b"0", bytes(100), b"\x30\x03\x0a\x01\x09"])
def test_what_is_not_an_answer(answer: bytes) -> None:
    staple = read_staple(answer, build_chain({}), anchors=(TRUSTED_ROOT,), at=EPOCH)
    assert staple == Staple(StapleProblem.MALFORMED)


def test_mutations_are_read_or_refused_and_never_believed() -> None:
    chance = random.Random(20260115)  # noqa: S311 - the same mutations in every run
    chain = build_chain({})
    whole = [build_staple({"signer": signer}, {}) for signer in ("issuer", "delegate")]
    problems = set()
    for _ in range(MUTATIONS):
        mangled = bytearray(chance.choice(whole))
        for _ in range(chance.choice([1, 2, 4])):
            mangled[chance.randrange(len(mangled))] = chance.choice([0, 255, chance.randrange(256)])
        if bytes(mangled) in whole:
            continue
        staple = read_staple(bytes(mangled), chain, anchors=(TRUSTED_ROOT,), at=EPOCH)
        problems.add(staple.problem)
        # Only bytes outside of what is signed can change without harm.
        assert staple.problem or staple.status is RevocationStatus.GOOD
    assert {StapleProblem.MALFORMED, StapleProblem.BAD_SIGNATURE} <= problems


# --- servers


def _visit(port: int, anchors: tuple[bytes, ...]) -> TlsEvidence:
    attempt = asyncio.run(
        probe_tls(
            host=NAME,
            port=port,
            address="127.0.0.1",
            door=Door(deadlines=Deadlines(connect=5, exchange=5, tls=50)),
            trust_anchors=anchors,
            intensity=Intensity.LIGHT,
        )
    )
    assert isinstance(attempt.result, TlsEvidence), attempt.result
    return attempt.result


def _judged(tls: TlsEvidence) -> Outcome:
    check = load_check("certificate.revocation").check
    return check.run((tls,), check.params_type())


@contextmanager
def _openssl_server(authority: Authority, answer: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www"]
    command += ["-cert", "leaf.pem", "-key", "leaf.key", "-status_file", str(answer)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=authority.folder, stdin=quiet, stdout=quiet, stderr=quiet
    ) as process:
        try:
            _wait_for(port, process)
            yield port
        finally:
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + 15
    while process.poll() is None and time.monotonic() < give_up:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("openssl s_server did not start")


@pytest.mark.parametrize(("state", "verdict"), [("V", "pass"), ("R", "fail")])
def test_an_answer_that_openssl_staples(
    one: Authority, tmp_path: Path, state: str, verdict: str
) -> None:
    answer = tmp_path / "answer.der"
    answer.write_bytes(one.answer(state))
    with _openssl_server(one, answer) as port:
        tls = _visit(port, one.anchors)
    assert tls.ocsp_staple == answer.read_bytes()
    outcome = _judged(tls)
    assert outcome.verdict.value == verdict
    assert outcome.facts["signer"] == "issuer"


def test_must_staple_in_the_hands_of_nginx(one: Authority, tmp_path: Path) -> None:
    leaf = _must_staple(one)
    own = Authority(one.folder, one.root, leaf)
    (one.folder / "leaf.pem").write_bytes(leaf.chain_pem)
    try:
        (tmp_path / "answer.der").write_bytes(own.answer())
    finally:
        one.leaf.write(one.folder, "leaf")
    http = """
    ssl_certificate CERTIFICATE;
    ssl_certificate_key KEY;
    server { listen 127.0.0.1:PORT_0 ssl; return 200 ok;
             ssl_stapling on; ssl_stapling_file DIRECTORY/answer.der; }
    server { listen 127.0.0.1:PORT_1 ssl; return 200 ok; }
    """
    with nginx(tmp_path, http, ports=2, identity=leaf) as server:
        obeyed, ignored = (_judged(_visit(port, one.anchors)) for port in server.ports)
    assert (obeyed.verdict.value, obeyed.facts["must_staple"]) == ("pass", True)
    assert (ignored.verdict.value, ignored.facts["problems"]) == (
        "fail",
        ("must_staple_not_obeyed",),
    )


def _must_staple(one: Authority) -> Identity:
    plain = one.leaf.certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(plain.subject)
        .issuer_name(plain.issuer)
        .public_key(plain.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(plain.not_valid_before_utc)
        .not_valid_after(plain.not_valid_after_utc)
        .add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    )
    certificate = builder.sign(one.root.key, hashes.SHA256())
    return Identity(certificate, one.leaf.key)
