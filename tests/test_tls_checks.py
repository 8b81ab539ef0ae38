"""The checks on the TLS handshake, asked of real servers that have the fault, and of good ones."""

from __future__ import annotations

import base64
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from spbe_audit.catalogue import load_catalogue, load_check
from spbe_audit.check import Outcome, Verdict
from spbe_audit.evidence import TlsEvidence, dh_primes
from spbe_audit.policy import load_policy
from spbe_audit.targets import Intensity
from spbe_audit.testing.cases import build_evidence
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.daemons import s_server
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import RawServer, raw_server
from tests.tls_visit import NAME, evidence, probe

CHECKS = (
    "version_tolerance",
    "authenticated_encryption",
    "server_preference",
    "key_exchange_strength",
    "key_exchange_groups",
    "signature_algorithms",
    "compression",
    "secure_renegotiation",
    "client_renegotiation",
    "fallback_scsv",
    "extended_master_secret",
    "early_data",
    "heartbleed",
    "ccs_injection",
    "robot",
    "ticketbleed",
    "known_attacks",
)
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server {
  listen 127.0.0.1:PORT_0 ssl;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
  return 200 ok;
}
server {
  listen 127.0.0.1:PORT_1 ssl;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_ciphers AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA:@SECLEVEL=0;
  ssl_prefer_server_ciphers on;
  ssl_dhparam DIRECTORY/dh.pem;
  ssl_ecdh_curve secp384r1:prime192v1;
  return 200 ok;
}
server {
  listen 127.0.0.1:PORT_2 ssl;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA;
  ssl_early_data on;
  return 200 ok;
}
"""
_ALLOW_CLIENT_RENEGOTIATION = 1 << 8  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION, which Python has not


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(make_authority(), (NAME,), key="rsa2048")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    directory = tmp_path_factory.mktemp("nginx")
    (directory / "dh.pem").write_text(dh_parameters("nginx"))
    with nginx(directory, NGINX, ports=3, identity=identity) as server:
        yield server


@pytest.fixture(scope="module")
def good(web: Nginx) -> TlsEvidence:
    return evidence(probe(web.ports[0], intensity=Intensity.THOROUGH))


@pytest.fixture(scope="module")
def poor(web: Nginx) -> TlsEvidence:
    return evidence(probe(web.ports[1], intensity=Intensity.THOROUGH))


def dh_parameters(name: str) -> str:
    """DH parameters in PEM, with a prime that is known by this name and the generator 2."""
    table = dh_primes._known_primes()  # noqa: SLF001 - the only list of bad primes at hand
    (prime,) = (prime for prime, known in table.items() if known.name == name)
    data = prime.to_bytes(prime.bit_length() // 8 + 1)
    body = b"\x02\x82" + len(data).to_bytes(2) + data + b"\x02\x01\x02"
    text = base64.encodebytes(b"\x30\x82" + len(body).to_bytes(2) + body).decode()
    return f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n"


def ask(name: str, tls: TlsEvidence, **params: Any) -> Outcome:
    check = load_check(f"tls.{name}").check
    return check.run((tls,), check.params_type(**params))


def verdicts(tls: TlsEvidence) -> Mapping[str, str]:
    """Every verdict but pass, as the reason where there is one."""
    outcomes = {name: ask(name, tls) for name in CHECKS}
    return {
        name: outcome.reason or outcome.verdict.value
        for name, outcome in outcomes.items()
        if outcome.verdict is not Verdict.PASS
    }


def test_a_good_server_passes_everything(good: TlsEvidence) -> None:
    assert verdicts(good) == {}
    assert ask("authenticated_encryption", good, extent="only").verdict is Verdict.PASS


def test_a_poor_server_fails_what_it_should(poor: TlsEvidence) -> None:
    failed = (
        "authenticated_encryption",
        "server_preference",
        "key_exchange_strength",
        "key_exchange_groups",
        "signature_algorithms",
        "known_attacks",
    )
    assert verdicts(poor) == dict.fromkeys(failed, "fail")
    strength = ask("key_exchange_strength", poor).facts
    assert strength["problems"] == ("dh_short", "common_prime", "curve_short")
    assert strength["groups"] == ("DH 1024 (nginx)", "ECDH 192 (secp192r1)")
    assert ask("authenticated_encryption", poor).facts == {
        "problem": "not_preferred",
        "suites": ("TLS_RSA_WITH_AES_128_CBC_SHA",),
    }
    assert ask("signature_algorithms", poor).facts["algorithms"] == ("rsa_pkcs1_sha1",)
    assert ask("known_attacks", poor).facts["attacks"] == ("BEAST", "LOGJAM", "LUCKY13")


def test_early_data_and_a_client_that_chooses(web: Nginx) -> None:
    tls = evidence(probe(web.ports[2]))
    assert ask("early_data", tls).verdict is Verdict.FAIL
    assert ask("server_preference", tls).facts == {
        "problem": "client_chooses",
        "suites": ("TLS_RSA_WITH_AES_128_CBC_SHA",),
    }
    assert ask("authenticated_encryption", tls).verdict is Verdict.PASS


def test_a_light_scan_leaves_the_attacks_out(web: Nginx) -> None:
    found = verdicts(evidence(probe(web.ports[0], intensity=Intensity.LIGHT)))
    attacks = ("heartbleed", "ccs_injection", "robot", "ticketbleed", "client_renegotiation")
    assert found == dict.fromkeys(attacks, "not_asked_at_this_intensity")


def test_tls_1_3_only(tmp_path: Path, identity: Identity) -> None:
    with s_server(tmp_path, identity, "-tls1_3") as port:
        found = verdicts(evidence(probe(port)))
    gone = ("compression", "secure_renegotiation", "client_renegotiation", "signature_algorithms")
    flaws = ("heartbleed", "ccs_injection", "robot", "ticketbleed")
    assert found == {
        **dict.fromkeys((*gone, "extended_master_secret"), "tls_1_3_only"),
        **dict.fromkeys(flaws, "not_asked_at_this_intensity"),
        "fallback_scsv": "one_version",
    }


def test_renegotiation_by_the_client_and_a_number_that_is_no_prime(
    tmp_path: Path, identity: Identity
) -> None:
    (tmp_path / "dh.pem").write_text(dh_parameters("socat 1.7.3.0"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.write(tmp_path))
    context.options = (context.options & ~ssl.OP_NO_RENEGOTIATION) | _ALLOW_CLIENT_RENEGOTIATION
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE+AESGCM:@SECLEVEL=0")
    context.load_dh_params(str(tmp_path / "dh.pem"))

    def behave(connection: socket.socket, _server: RawServer) -> None:
        with suppress(OSError):
            while connection.recv(4096):
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(behave, tls=context) as server:
        tls = evidence(probe(server.port, intensity=Intensity.THOROUGH))
    assert ask("client_renegotiation", tls).verdict is Verdict.FAIL
    assert ask("secure_renegotiation", tls).verdict is Verdict.PASS
    strength = ask("key_exchange_strength", tls, minimum_dh_bits=1024)
    assert strength.facts["problems"] == ("composite",)
    assert ask("key_exchange_groups", tls).facts["groups"] == ()
    assert ask("early_data", tls).reason == "no_tls_1_3"


def test_without_extended_master_secret(
    tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "openssl.cnf"
    settings.write_text(
        "openssl_conf = main\n[main]\nssl_conf = ssl\n[ssl]\nsystem_default = own\n"
        "[own]\nOptions = -ExtendedMasterSecret\n"
    )
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "OPENSSL_CONF", str(settings))
        server = s_server(tmp_path, identity, "-tls1_2")
        port = server.__enter__()
    try:
        tls = evidence(probe(port))
    finally:
        server.__exit__(None, None, None)
    assert ask("extended_master_secret", tls).verdict is Verdict.FAIL


# ---------------------------------------------------------------- a policy without Python


def test_the_profile_of_mozilla(good: TlsEvidence, poor: TlsEvidence) -> None:
    policy = load_policy("mozilla-tls-intermediate", catalogue=load_catalogue())
    asked = {
        one.check: one
        for one in policy.requirements
        if one.check.startswith("tls.") and one.check != "tls.other_ports"
    }
    assert all(not one.controls for one in policy.requirements)

    def failing(tls: TlsEvidence) -> set[str]:
        return {
            check
            for check, one in asked.items()
            if load_check(check).check.run((tls,), one.params).verdict is Verdict.FAIL
        }

    assert failing(good) == set()
    healthy = build_evidence("tls")
    assert isinstance(healthy, TlsEvidence)
    assert failing(healthy) == set()
    assert {
        "tls.protocol_versions",
        "tls.authenticated_encryption",
        "tls.forward_secrecy",
        "tls.key_exchange_strength",
    } <= failing(poor)
    with_cbc = build_evidence(
        "tls",
        {
            "suites": {
                "TLS 1.2": [
                    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
                ],
                "TLS 1.3": ["TLS_AES_128_GCM_SHA256"],
            }
        },
    )
    assert isinstance(with_cbc, TlsEvidence)
    assert "tls.authenticated_encryption" in failing(with_cbc)
