"""The certificate checks against real servers, and the rules for public CAs without one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome
from spbe_audit.evidence import (
    Authority,
    ChainShape,
    MalformedCertificateError,
    TlsEvidence,
    authority_of,
    chain_shape,
    read_certificate,
    trust,
)
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity
from spbe_audit.testing.cases import build_evidence
from spbe_audit.testing.certificates import TRUSTED_ROOT, build_chain
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import Nginx, nginx

NAME = "layanan.test"
ROOT_NAME = "CN=Test Root CA"
MUTATIONS = 400
SERVER = """
server {
  listen 127.0.0.1:PORT_%d ssl;
  ssl_certificate DIRECTORY/%s.pem;
  ssl_certificate_key DIRECTORY/server.key;
  return 200 ok;
}
"""
CHAINS = ("whole", "bare", "rooted", "swapped", "crowded")
DEFAULTS = """
server {
  listen 127.0.0.1:PORT_5 ssl default_server;
  ssl_certificate DIRECTORY/inside.pem;
  ssl_certificate_key DIRECTORY/inside.key;
}
server {
  listen 127.0.0.1:PORT_5 ssl;
  server_name layanan.test;
  ssl_certificate CERTIFICATE;
  ssl_certificate_key KEY;
}
server { listen 127.0.0.1:PORT_6 ssl default_server; ssl_reject_handshake on; }
server {
  listen 127.0.0.1:PORT_6 ssl;
  server_name layanan.test;
  ssl_certificate CERTIFICATE;
  ssl_certificate_key KEY;
}
"""


@pytest.fixture(scope="module")
def root() -> Identity:
    return make_authority()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, root: Identity) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    between = make_authority("Test Intermediate", issuer=root)
    leaf = make_leaf(between, (NAME, "127.0.0.1"))
    stranger = make_authority("Stranger CA")
    parts = {
        "whole": (leaf, between),
        "bare": (leaf,),
        "rooted": (leaf, between, root),
        "swapped": (leaf, root, between),
        "crowded": (leaf, between, stranger),
    }
    for name, chain in parts.items():
        _write(folder / f"{name}.pem", chain)
    make_leaf(root, ("srv-db01.corp.local", "10.1.2.3")).write(folder, "inside")
    servers = "".join(SERVER % (number, name) for number, name in enumerate(CHAINS))
    with nginx(folder, servers + DEFAULTS, ports=7, identity=leaf) as server:
        yield server


def _write(path: Path, chain: tuple[Identity, ...]) -> None:
    path.write_bytes(b"".join(one.certificate.public_bytes(Encoding.PEM) for one in chain))


def visit(port: int, root: Identity, host: str = NAME) -> TlsEvidence:
    attempt = asyncio.run(
        probe_tls(
            host=host,
            port=port,
            address="127.0.0.1",
            door=Door(deadlines=Deadlines(connect=5, exchange=5, tls=50)),
            trust_anchors=(root.der,),
            intensity=Intensity.LIGHT,
        )
    )
    assert isinstance(attempt.result, TlsEvidence), attempt.result
    return attempt.result


def judge(check_id: str, tls: TlsEvidence, **params: object) -> Outcome:
    check = load_check(check_id).check
    return check.run((tls,), check.params_type.model_validate(params))


# --- servers


@pytest.mark.parametrize(
    ("chain", "problems"),
    [
        ("whole", None),
        ("bare", ("missing",)),
        ("rooted", ("root_sent",)),
        ("swapped", ("misordered", "root_sent")),
        ("crowded", ("extra",)),
    ],
)
def test_the_chain_that_nginx_sends(
    web: Nginx, root: Identity, chain: str, problems: tuple[str, ...] | None
) -> None:
    tls = visit(web.ports[CHAINS.index(chain)], root)
    outcome = judge("certificate.chain_order", tls)
    assert outcome.facts.get("problems") == problems
    assert outcome.verdict.value == ("fail" if problems else "pass")
    if chain == "bare":
        assert outcome.facts["missing"] == "CN=Test Intermediate"


def test_a_default_certificate_that_tells_of_the_inside(web: Nginx, root: Identity) -> None:
    outcome = judge("certificate.default_certificate", visit(web.ports[5], root))
    assert outcome.verdict.value == "fail"
    assert outcome.facts["internal"] == ("srv-db01.corp.local", "10.1.2.3")


def test_a_server_that_shows_nothing_without_a_name(web: Nginx, root: Identity) -> None:
    outcome = judge("certificate.default_certificate", visit(web.ports[6], root))
    assert outcome.reason == "no_default_certificate"


def test_a_service_that_is_known_by_its_address(web: Nginx, root: Identity) -> None:
    tls = visit(web.ports[0], root, host="127.0.0.1")
    outcome = judge("certificate.default_certificate", tls)
    assert (outcome.verdict.value, outcome.facts["internal"]) == ("pass", ())
    assert outcome.facts["names"] == (NAME, "127.0.0.1")


def test_what_else_is_said_of_a_real_certificate(web: Nginx, root: Identity) -> None:
    tls = visit(web.ports[0], root)
    assert judge("certificate.lifetime", tls).reason == "private_authority"
    assert (
        judge("certificate.lifetime", tls, public_roots=(ROOT_NAME,)).facts["lifetime_days"] == 91
    )
    public = judge("certificate.transparency", tls, public_roots=(ROOT_NAME,))
    assert (public.verdict.value, public.facts["logs"]) == ("fail", 0)
    issuer = judge("certificate.issuer", tls).facts
    assert (issuer["issuer"], issuer["root"], issuer["trusted"]) == (
        "CN=Test Intermediate",
        ROOT_NAME,
        True,
    )
    assert judge("certificate.revocation", tls).reason == "no_staple"


# --- who stands behind a chain


def _tls(**overrides: object) -> TlsEvidence:
    evidence = build_evidence("tls", overrides)
    assert isinstance(evidence, TlsEvidence)
    return evidence


def test_the_rules_for_public_cas_hold_below_a_public_root(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert authority_of(_tls()) is Authority.AGENCY
    assert authority_of(_tls(trusted=False)) is Authority.NOBODY
    assert authority_of(_tls(certificate={"damage": "algorithm"})) is Authority.UNVERIFIABLE
    # Only real CAs issue below the pinned store, so one of ours is put into it for once.
    store = (x509.load_der_x509_certificate(TRUSTED_ROOT),)
    monkeypatch.setattr("spbe_audit.evidence.trust._mozilla", lambda: store)
    monkeypatch.setattr(
        "spbe_audit.evidence.trust._anchors",
        trust._anchors.__wrapped__,  # noqa: SLF001 - the cache must not outlive this test
    )
    tls = _tls(trusted=False, certificate={"logs": [1, 2], "not_after": 400})
    assert authority_of(tls) is Authority.PUBLIC
    assert judge("certificate.lifetime", tls).facts["lifetime_days"] == 431
    assert judge("certificate.lifetime", tls).verdict.value == "fail"
    assert judge("certificate.transparency", tls).verdict.value == "pass"
    assert judge("certificate.transparency", _tls(trusted=False)).verdict.value == "fail"
    agreement = load_check("certificate.caa_agreement").check
    outcome = agreement.run((tls, build_evidence("dns")), agreement.params_type())
    assert (outcome.verdict.value, outcome.reason) == ("unknown", "issuer_not_known")


# --- the parts of certificates, and odd chains


def test_the_parts_of_a_certificate() -> None:
    spec = {
        "logs": [3],
        "must_staple": True,
        "issuer": "intermediate",
        "intermediate": {"common_name": "R12", "organization": "Let's Encrypt", "country": "US"},
    }
    leaf = read_certificate(build_chain(spec)[0])
    assert leaf.parts.must_staple
    assert [stamp.log for stamp in leaf.parts.timestamps] == ["03" * 32]
    issuer = leaf.issuer_parts
    assert (issuer.common_names, issuer.organizations, issuer.countries) == (
        ("R12",),
        ("Let's Encrypt",),
        ("US",),
    )
    assert issuer.says("let's encrypt")
    assert issuer.says("R12")
    assert not issuer.says("R1")
    assert not issuer.says("encry")
    plain = read_certificate(build_chain({})[0])
    assert (plain.parts.timestamps, plain.parts.must_staple) == ((), False)
    assert plain.key_digest == leaf.key_digest
    assert plain.key_digest != read_certificate(build_chain({"key": "p384"})[0]).key_digest


def test_a_chain_of_many_copies_costs_little() -> None:
    leaf, between = build_chain({"issuer": "intermediate"})
    shape = chain_shape((leaf, *[between] * 500), (TRUSTED_ROOT,))
    assert len(shape.extra) == 30
    assert not shape.misordered
    assert not shape.missing


def test_two_ways_to_a_root_may_be_sent_together() -> None:
    """The CA between, once below each root: RFC 8446 allows it, and neither is needless."""
    leaf, between = build_chain({"issuer": "intermediate"})
    other = make_authority("Cross Root")
    crossed = x509.load_der_x509_certificate(between)
    builder = (
        x509.CertificateBuilder()
        .subject_name(crossed.subject)
        .issuer_name(other.certificate.subject)
        .public_key(crossed.public_key())
        .serial_number(7)
        .not_valid_before(crossed.not_valid_before_utc)
        .not_valid_after(crossed.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    algorithm = other.certificate.signature_hash_algorithm
    assert algorithm is not None
    cross = builder.sign(other.key, algorithm).public_bytes(Encoding.DER)  # type: ignore[arg-type] # SHA-256
    assert chain_shape((leaf, between, cross), (TRUSTED_ROOT,)) == ChainShape()
    assert chain_shape((leaf, cross), (TRUSTED_ROOT,)).missing == "CN=Cross Root"


def test_mangled_chains_are_described_or_refused() -> None:
    chance = random.Random(20260115)  # noqa: S311 - the same mutations in every run
    whole = build_chain({"issuer": "intermediate", "root_sent": True, "logs": [1, 2]})
    refused = 0
    for _ in range(MUTATIONS):
        chain = [bytearray(der) for der in whole]
        victim = chance.choice(chain)
        for _ in range(chance.choice([1, 2, 4])):
            victim[chance.randrange(len(victim))] = chance.choice([0, 255, chance.randrange(256)])
        try:
            chain_shape([bytes(der) for der in chain], (TRUSTED_ROOT,))
        except MalformedCertificateError:
            refused += 1
    assert 0 < refused < MUTATIONS
