"""The survey of real servers: what it lists in full and in brief, and what of it a check judges."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from spbe_audit.catalogue import load_catalogue
from spbe_audit.check import Check, Outcome, Verdict
from spbe_audit.evidence import SuiteListing, TlsEvidence, TlsQuestion, TlsVersion
from spbe_audit.network import Deadlines, Door
from spbe_audit.policy import load_policy, tls_questions
from spbe_audit.probes.tls.asker import Asker, NoAnswerError
from spbe_audit.probes.tls.codes.suites import SUITES
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.offer import TLS_1_2, all_of
from spbe_audit.probes.tls.pace import Pace
from spbe_audit.probes.tls.suite_kinds import marks, one_of_each_kind
from spbe_audit.targets import Intensity
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.daemons import s_server
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import closes, raw_server
from tests.tls_visit import NAME, PATIENT, evidence, probe

WEAK, MODERN, OLD, NEWEST, TWO_KEYS = range(5)
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
server {
  listen 127.0.0.1:PORT_0 ssl;
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0;
  ssl_dhparam DIRECTORY/dh.pem;
}
server {
  listen 127.0.0.1:PORT_1 ssl;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE+AESGCM;
  ssl_early_data on;
}
server {
  listen 127.0.0.1:PORT_2 ssl;
  ssl_protocols TLSv1 TLSv1.1;
  ssl_ciphers AES256-SHA:ECDHE-RSA-AES128-SHA:@SECLEVEL=0;
  ssl_prefer_server_ciphers on;
}
server { listen 127.0.0.1:PORT_3 ssl; ssl_protocols TLSv1.3; }
server {
  listen 127.0.0.1:PORT_4 ssl;
  ssl_certificate DIRECTORY/other.pem;
  ssl_certificate_key DIRECTORY/other.key;
  ssl_protocols TLSv1.2;
}
"""
OAKLEY_2 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""
NOT_LISTED = {"tls.key_exchange_groups"}
"""Checks that need a list which a light scan does not make."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx")
    authority = make_authority()
    certificate, key = make_leaf(authority, (NAME,)).write(folder, "other")
    (folder / "other.pem").write_bytes(certificate.read_bytes())
    (folder / "other.key").write_bytes(key.read_bytes())
    (folder / "dh.pem").write_text(OAKLEY_2)
    identity = make_leaf(authority, (NAME,), key="rsa2048")
    with nginx(folder, NGINX, ports=5, identity=identity) as server:
        yield server


@pytest.fixture(scope="module")
def checks() -> Mapping[str, Check]:
    """The checks of TLS that a light scan answers."""
    return {
        check.id: check
        for check in load_catalogue().checks
        if check.needs == (TlsEvidence,) and check.family == "tls" and check.id not in NOT_LISTED
    }


def judged(tls: TlsEvidence, checks: Mapping[str, Check]) -> dict[str, Verdict]:
    parameters = {one.check: one.params for one in load_policy("spbe").requirements}
    outcomes: dict[str, Outcome] = {
        name: check.run((tls,), parameters.get(name, check.params_type()))
        for name, check in checks.items()
    }
    return {name: outcome.verdict for name, outcome in outcomes.items()}


# ---------------------------------------------------------------- in full and in brief


@pytest.mark.parametrize(
    "port", [WEAK, MODERN, OLD, NEWEST, TWO_KEYS], ids=["weak", "modern", "old", "newest", "ecdsa"]
)
def test_one_of_each_kind_is_judged_as_all_of_them(
    web: Nginx, checks: Mapping[str, Check], port: int
) -> None:
    questions = tls_questions(load_policy("spbe"), load_catalogue())
    full = probe(web.ports[port])
    light = probe(web.ports[port], intensity=Intensity.LIGHT, questions=questions)
    assert judged(evidence(light), checks) == judged(evidence(full), checks)
    assert evidence(light).suite_listing is SuiteListing.EACH_KIND
    assert evidence(light).versions == evidence(full).versions
    assert light.connections < full.connections


def test_each_kind_of_a_weak_server_is_shown(web: Nginx, checks: Mapping[str, Check]) -> None:
    tls = evidence(probe(web.ports[WEAK], intensity=Intensity.LIGHT))
    verdicts = judged(tls, checks)
    assert {
        "tls.anonymous_suites",
        "tls.null_suites",
        "tls.protocol_versions",
        "tls.forward_secrecy",
        "tls.key_exchange_strength",
        "tls.signature_algorithms",
    } <= {name for name, verdict in verdicts.items() if verdict is Verdict.FAIL}
    assert all(len(suites) < 12 for suites in tls.suites.values())


def test_all_suites_of_a_weak_server_are_listed(web: Nginx) -> None:
    """As many as openssl itself counts in what it was told to accept."""
    tls = evidence(probe(web.ports[WEAK]))
    assert tls.versions == tuple(TlsVersion)[2:]
    by_certificate = {
        name for name in tls.suites[TlsVersion.TLS_1_2] if "PSK" in name or "SRP" in name
    }
    assert not by_certificate  # for want of users and keys
    assert len(tls.suites[TlsVersion.TLS_1_2]) > 60
    assert set(tls.suites[TlsVersion.TLS_1_0]) < set(tls.suites[TlsVersion.TLS_1_2])
    assert ("DH", 1024) in {(k.kind, k.bits) for k in tls.key_exchanges}
    assert tls.unknown == {}


def test_each_mark_is_found_by_leaving_out_what_shows_nothing_new() -> None:
    """Whatever a server picks, everything that its suites show is shown."""
    for accepted in (tuple(SUITES)[start::7] for start in range(7)):
        left_over, left = one_of_each_kind(), tuple(accepted)
        shown: frozenset[str] = frozenset()
        while left:
            shown |= marks(left[0])
            left = left_over(left[0], left)
        assert shown == frozenset().union(*(marks(suite) for suite in accepted))


@pytest.mark.parametrize("question", list(TlsQuestion))
def test_what_is_not_asked_is_neither_known_nor_unknown(web: Nginx, question: TlsQuestion) -> None:
    """Each question can be left out alone, and then costs nothing."""
    everything = probe(web.ports[MODERN], intensity=Intensity.LIGHT)
    others = frozenset(TlsQuestion) - {question}
    attempt = probe(web.ports[MODERN], intensity=Intensity.LIGHT, questions=others)
    tls = evidence(attempt)
    assert tls.unknown == {}
    assert attempt.connections <= everything.connections
    match question:
        case TlsQuestion.SIGNATURES:
            assert tls.key_exchange_signatures is None
        case TlsQuestion.INTOLERANCES:
            assert tls.intolerances is None
        case TlsQuestion.FALLBACK:
            assert tls.fallback_scsv is None
        case TlsQuestion.PREFERENCE:
            assert tls.server_preference is None
        case TlsQuestion.UNNAMED:
            assert [chain.server_name for chain in tls.chains] == [NAME]
        case TlsQuestion.GROUPS | TlsQuestion.WEAK_GROUPS:
            assert tls.fallback_scsv is True


def test_thorough_looks_for_flaws_too(web: Nginx) -> None:
    attempt = probe(
        web.ports[OLD], intensity=Intensity.THOROUGH, deadlines=Deadlines(exchange=5, tls=40)
    )
    tls = evidence(attempt)
    assert tls.versions == (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1)
    assert set(tls.flaws) == {"ccs_injection", "heartbleed", "robot", "ticketbleed"}
    assert not any(tls.flaws.values())
    assert tls.client_renegotiation is False
    assert tls.unknown == {}
    assert attempt.tool.name == "spbe-audit"


# ---------------------------------------------------------------- facts of openssl's own server


def test_an_order_that_chacha_disturbs(tmp_path: Path) -> None:
    """A server may put ChaCha20 first for those who do, and still has an order of its own."""
    identity = make_leaf(make_authority(), (NAME,), key="rsa2048")
    suites = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256"
    options = ("-tls1_2", "-cipher", suites)
    with s_server(tmp_path, identity, *options, "-serverpref", "-prioritize_chacha") as port:
        tls = evidence(probe(port))
    assert tls.server_preference is True
    with s_server(tmp_path, identity, *options) as port:
        tls = evidence(probe(port))
    assert tls.server_preference is False


def test_what_a_hello_in_the_clear_shows(tmp_path: Path) -> None:
    identity = make_leaf(make_authority(), (NAME,), key="rsa2048")
    options = ("-tls1_2", "-cipher", "AES128-SHA", "-no_ticket", "-alpn", "h2")
    with s_server(tmp_path, identity, *options) as port:
        tls = evidence(probe(port))
    assert (tls.encrypt_then_mac, tls.extended_master_secret) == (True, True)
    assert (tls.session_tickets, tls.alpn) == (False, "h2")
    assert (tls.secure_renegotiation, tls.compression) == (True, False)
    assert (tls.ocsp_staple, tls.signed_timestamps) == (None, None)
    assert (tls.groups, tls.key_exchanges, tls.key_exchange_signatures) == ((), (), ())


# ---------------------------------------------------------------- asking


def test_an_asker_that_was_never_answered_holds_no_hang_up_against_the_server() -> None:
    async def scenario(port: int) -> None:
        contact = Contact(NAME, "127.0.0.1", port, Door(deadlines=PATIENT))
        asker = Asker(contact, Pace(2))
        with pytest.raises(NoAnswerError, match="hangs up on every hello"):
            await asker.ask(all_of(TLS_1_2, NAME).hello())

    with raw_server(closes()) as server:
        asyncio.run(scenario(server.port))


def test_a_name_that_cannot_be_sent_is_left_out(web: Nginx) -> None:
    tls = evidence(probe(web.ports[MODERN], host="l\u00e4yanan.test"))
    assert tls.offered
    assert {chain.server_name for chain in tls.chains} == {None}


def test_a_weak_curve_beside_a_key_for_ecdsa_alone(tmp_path: Path) -> None:
    identity = make_leaf(make_authority(), (NAME,), key="ec256")
    options = ("-tls1_2", "-groups", "P-256:prime192v1", "-cipher", "ALL:@SECLEVEL=0")
    with s_server(tmp_path, identity, *options) as port:
        tls = evidence(probe(port))
    assert set(tls.groups or ()) == {"secp192r1", "secp256r1"}
    assert "groups.weak" not in tls.unknown
