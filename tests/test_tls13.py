"""TLS 1.3 under its encryption: a handshake that was printed, and real servers."""

from __future__ import annotations

import asyncio
import base64
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.tls13.encrypted_flight import (
    EncryptedFlight,
)
from spbe_audit.probes.tls.tls13.fields import vector
from spbe_audit.probes.tls.tls13.handshake import read_encrypted
from spbe_audit.probes.tls.tls13.key_schedule import (
    application_secrets,
    finished_mac,
    handshake_secrets,
    suite_of,
    traffic_key,
)
from spbe_audit.probes.tls.tls13.key_shares import (
    SUPPORTED,
    KeyShares,
    UnsupportedGroupError,
    new_shares,
)
from spbe_audit.probes.tls.tls13.record_layer import (
    AlertError,
)
from tests import rfc8448
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.daemons import s_server
from tests.servers.nginx import Nginx, free_ports, nginx
from tests.servers.process import is_up, stop
from tests.servers.tls13_peer import (
    X25519,
)
from tests.tls13_client import (
    NAME,
    SUITES,
    Script,
    follow,
    hello_with,
    identity,
    ours,
    printed_shares,
)

SUITE_NAMES = (
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:"
    "TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"
)
GROUP_NAMES = "X25519:X448:P-256:P-384:P-521:ffdhe2048:ffdhe3072:ffdhe4096"
NGINX = """
ssl_certificate CERTIFICATE;
ssl_certificate_key KEY;
ssl_protocols TLSv1.3;
server { listen 127.0.0.1:PORT_0 ssl http2; return 200 ok; }
server { listen 127.0.0.1:PORT_1 ssl; ssl_early_data on; return 200 ok; }
server { listen 127.0.0.1:PORT_2 ssl; ssl_session_tickets off; return 200 ok; }
server { listen 127.0.0.1:PORT_3 ssl; ssl_client_certificate CERTIFICATE;
         ssl_verify_client optional; return 200 ok; }
server { listen 127.0.0.1:PORT_4 ssl; ssl_ecdh_curve secp384r1; return 200 ok; }
"""
PLAIN, EARLY, NO_TICKETS, ASKS, P_384 = range(5)


def ask(
    port: int, hello: bytes, shares: KeyShares, *, finish: bool = True, exchange: float = 5
) -> EncryptedFlight:
    """One handshake with a server on loopback."""

    async def asked() -> EncryptedFlight:
        contact = Contact(
            NAME, "127.0.0.1", port, Door(deadlines=Deadlines(connect=2, exchange=exchange))
        )
        async with contact.visit() as line:
            await line.send(b"\x16\x03\x01" + vector(hello))
            heard = await line.receive()
            return await read_encrypted(line, hello, shares, heard, finish=finish)

    return asyncio.run(asked())


def ask_all(port: int, **options: Any) -> EncryptedFlight:
    shares = new_shares([X25519])
    return ask(port, hello_with(shares, **options), shares)


# ---------------------------------------------------------------- the printed handshake


def test_the_printed_handshake() -> None:
    script = Script(rfc8448.TICKET_RECORD)
    heard = rfc8448.SERVER_HELLO_RECORD + rfc8448.FLIGHT_RECORD
    flight = follow(script, rfc8448.CLIENT_HELLO, printed_shares(), heard, finish=True)
    assert script.sent.startswith(rfc8448.CLIENT_FINISHED_RECORD)
    assert len(script.sent) == len(rfc8448.CLIENT_FINISHED_RECORD) + 24
    assert (flight.suite, flight.group, flight.signature_scheme) == (0x1301, 29, 0x0804)
    assert (flight.early_data, flight.tickets) == (True, 1)
    assert [len(one) for one in flight.chain] == [432]
    assert (flight.alpn, flight.ocsp_staple, flight.signed_timestamps) == ("", None, None)


def test_the_printed_keys() -> None:
    suite = suite_of(0x1301)
    peer = rfc8448.SERVER_HELLO_RECORD[-38:-6]
    assert printed_shares().shared_secret(X25519, peer) == rfc8448.SHARED_SECRET
    secrets = handshake_secrets(suite, rfc8448.SHARED_SECRET, rfc8448.HASH_OF_HELLOS)
    assert secrets.client == rfc8448.CLIENT_HANDSHAKE_SECRET
    assert secrets.server == rfc8448.SERVER_HANDSHAKE_SECRET
    assert secrets.master == rfc8448.MASTER_SECRET
    key = (rfc8448.SERVER_HANDSHAKE_KEY, rfc8448.SERVER_HANDSHAKE_IV)
    assert traffic_key(suite, secrets.server) == key
    mac = finished_mac(suite, secrets.client, rfc8448.HASH_OF_FINISHED)
    assert mac == rfc8448.CLIENT_FINISHED
    data = application_secrets(suite, secrets.master, rfc8448.HASH_OF_FINISHED)
    assert data.client == rfc8448.CLIENT_DATA_SECRET
    assert data.server == rfc8448.SERVER_DATA_SECRET


@pytest.mark.parametrize("at", [0, 5, 300, -1])
def test_one_bit_of_the_printed_handshake(at: int) -> None:
    flight = bytearray(rfc8448.FLIGHT_RECORD)
    flight[at] ^= 1
    heard = rfc8448.SERVER_HELLO_RECORD + bytes(flight)
    with pytest.raises(BrokenFlightError):
        follow(Script(), rfc8448.CLIENT_HELLO, printed_shares(), heard)


# ---------------------------------------------------------------- key shares


@pytest.mark.parametrize("group", SUPPORTED)
def test_both_sides_come_to_the_same_secret(group: int) -> None:
    here, there = new_shares([group]), new_shares([group])
    keys = [shares.extension()[6:] for shares in (here, there)]
    assert here.extension()[:4] == (len(keys[0]) + 4).to_bytes(2) + group.to_bytes(2)
    secret = here.shared_secret(group, keys[1])
    assert secret == there.shared_secret(group, keys[0])
    assert any(secret)


POINT_OFF_THE_CURVE = b"\x04" + b"\x01" * 64
POINT_COMPRESSED = bytes.fromhex(
    "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
)
BYTES = {29: 32, 30: 56, 23: 65, 24: 97, 25: 133, 256: 256, 257: 384, 258: 512}


@pytest.mark.parametrize("group", SUPPORTED)
def test_what_is_no_key(group: int) -> None:
    shares = new_shares([group])
    length = BYTES[group]
    assert len(shares.extension()) == 2 + 4 + length
    honest = new_shares([group]).extension()[6:]
    for peer in (b"", b"\0", bytes(length), honest[:-1], honest + b"\0"):
        with pytest.raises(BrokenFlightError, match="is none of group"):
            shares.shared_secret(group, peer)


@pytest.mark.parametrize(
    ("group", "peer"),
    [
        (23, POINT_OFF_THE_CURVE),
        (23, POINT_COMPRESSED),
        (29, (1).to_bytes(32, "little")),  # a point of small order: the secret would be zero
        (30, (1).to_bytes(56, "little")),
        (256, (1).to_bytes(256)),
        (256, b"\xff" * 256),
    ],
)
def test_a_key_that_only_looks_like_one(group: int, peer: bytes) -> None:
    with pytest.raises(BrokenFlightError):
        new_shares([group]).shared_secret(group, peer)


def test_groups_that_are_not_there() -> None:
    with pytest.raises(UnsupportedGroupError, match="0x11ec"):
        new_shares([29, 0x11EC])
    with pytest.raises(BrokenFlightError, match="0x0017"):
        new_shares([29]).shared_secret(23, bytes(65))


def test_private_keys_are_not_printed() -> None:
    assert repr(new_shares([29, 256])) == "KeyShares()"


# ---------------------------------------------------------------- real servers


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    directory = tmp_path_factory.mktemp("nginx")
    with nginx(directory, NGINX, ports=5, identity=identity()) as server:
        yield server


@pytest.fixture(scope="module")
def openssl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("openssl")
    options = ("-ciphersuites", SUITE_NAMES, "-groups", GROUP_NAMES)
    with s_server(directory, identity(), *options) as port:
        yield port


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite(openssl: int, suite: int) -> None:
    flight = ask_all(openssl, suites=[suite])
    assert flight.suite == suite
    assert flight.chain == (identity().der,)  # s_server sends only the first of its file
    assert (flight.signature_scheme, flight.client_certificate_asked) == (0x0403, False)
    assert (flight.early_data, flight.tickets > 0) == (False, True)


def der(one: Any) -> bytes:
    data = one.public_bytes(Encoding.DER)
    assert isinstance(data, bytes)
    return data


@pytest.mark.parametrize("group", SUPPORTED)
def test_every_group(openssl: int, group: int) -> None:
    shares = new_shares([group])
    assert ask(openssl, hello_with(shares, groups=[group]), shares).group == group


@pytest.mark.parametrize("group", SUPPORTED)
@pytest.mark.parametrize("suite", [0x1302, 0x1303])
def test_every_group_when_the_server_has_to_ask(openssl: int, group: int, suite: int) -> None:
    none = new_shares([])
    flight = ask(openssl, hello_with(none, groups=[group], suites=[suite]), none)
    assert (flight.group, flight.suite, flight.tickets > 0) == (group, suite, True)


def test_a_server_that_wants_another_group_than_we_have_a_key_for(web: Nginx) -> None:
    for session in (b"", b"s" * 32):
        flight = ask_all(web.ports[P_384], session=session)
        assert (flight.group, flight.tickets > 0) == (24, True)


def test_a_server_that_wants_a_cookie(tmp_path: Path) -> None:
    with s_server(tmp_path, identity(), "-tls1_3", "-stateless") as port:
        assert ask_all(port).tickets > 0
        none = new_shares([])
        assert ask(port, hello_with(none), none).tickets > 0


@pytest.mark.parametrize("session", [b"", b"s" * 32])
def test_nginx(web: Nginx, session: bytes) -> None:
    flight = ask_all(web.ports[PLAIN], session=session)
    assert flight.chain == (identity().der, *(der(one) for one in identity().above))
    assert (flight.alpn, len(flight.chain)) == ("h2", 2)
    assert (flight.early_data, flight.client_certificate_asked) == (False, False)
    assert (flight.ocsp_staple, flight.signed_timestamps) == (None, None)


def test_only_the_flight(web: Nginx) -> None:
    shares = ours()
    flight = ask(web.ports[EARLY], hello_with(shares), shares, finish=False)
    assert (flight.alpn, flight.early_data, flight.tickets) == ("http/1.1", None, 0)
    assert flight.chain[0] == identity().der


def test_early_data(web: Nginx, tmp_path: Path) -> None:
    assert ask_all(web.ports[EARLY]).early_data is True
    with s_server(tmp_path, identity(), "-max_early_data", "16384") as port:
        assert ask_all(port).early_data is True


def test_no_tickets(web: Nginx, tmp_path: Path) -> None:
    assert ask_all(web.ports[NO_TICKETS]).early_data is False
    with s_server(tmp_path, identity(), "-num_tickets", "0") as port:
        flight = ask_all(port)
    assert (flight.early_data, flight.tickets) == (False, 0)


def test_a_server_that_would_like_a_certificate(web: Nginx) -> None:
    flight = ask_all(web.ports[ASKS])
    assert (flight.client_certificate_asked, flight.early_data) == (True, False)
    assert flight.tickets > 0


def test_a_server_that_insists_on_a_certificate(tmp_path: Path) -> None:
    options = ("-tls1_3", "-Verify", "1", "-max_early_data", "16384")
    with s_server(tmp_path, identity(), *options) as port:
        flight = ask_all(port)
    assert (flight.client_certificate_asked, flight.early_data, flight.tickets) == (True, None, 0)
    assert flight.chain[0] == identity().der


@pytest.mark.parametrize(
    ("kind", "scheme"), [("rsa2048", 0x0804), ("ec256", 0x0403), ("ec384", 0x0503)]
)
def test_the_scheme_of_the_signature(tmp_path: Path, kind: Any, scheme: int) -> None:
    with s_server(tmp_path, make_leaf(None, (NAME,), key=kind), "-tls1_3") as port:
        assert ask_all(port).signature_scheme == scheme


def staple(leaf: Identity, issuer: Identity) -> bytes:
    now = datetime.now(UTC)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf.certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA256(),
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=now,
        next_update=now + timedelta(days=1),
        revocation_time=None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate)
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_what_comes_along_with_the_certificate(tmp_path: Path) -> None:
    issuer = make_authority()
    leaf = make_leaf(issuer, (NAME,))
    answer, timestamps = staple(leaf, issuer), vector(vector(bytes(47)))
    (tmp_path / "staple.der").write_bytes(answer)
    info = (0x1080).to_bytes(4) + (18).to_bytes(2) + vector(timestamps)
    text = "SERVERINFOV2 FOR EXTENSION 18"
    body = base64.encodebytes(info).decode()
    (tmp_path / "info.pem").write_text(f"-----BEGIN {text}-----\n{body}-----END {text}-----\n")
    files = ("-status_file", f"{tmp_path}/staple.der", "-serverinfo", f"{tmp_path}/info.pem")
    with s_server(tmp_path, leaf, "-alpn", "http/1.1", *files) as port:
        flight = ask_all(port)
    assert flight.ocsp_staple == answer
    assert flight.signed_timestamps == timestamps
    assert flight.alpn == "http/1.1"


@contextmanager
def silent_after_handshake(directory: Path) -> Iterator[int]:
    """An s_server that waits for early data and then for its console: it never says goodbye."""
    chain, key = identity().write(directory)
    for _ in range(3):
        (port,) = free_ports(1)
        own = ["-accept", f"127.0.0.1:{port}", "-cert", str(chain), "-key", str(key)]
        process = subprocess.Popen(
            ["openssl", "s_server", *own, "-early_data", "-quiet"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if is_up(process, [port]):
                yield port
                return
        finally:
            stop(process)
            assert process.stdin
            process.stdin.close()
    raise AssertionError("it did not start")


def test_a_server_that_reads_early_data(tmp_path: Path) -> None:
    with silent_after_handshake(tmp_path) as port:
        assert ask_all(port).early_data is True


def test_a_version_that_is_not_meant(tmp_path: Path) -> None:
    with (
        s_server(tmp_path, identity(), "-tls1_2") as port,
        pytest.raises(AlertError, match="protocol_version"),
    ):
        ask_all(port)


def test_a_refusal_in_the_clear(openssl: int) -> None:
    with pytest.raises(AlertError, match="alert handshake_failure"):
        ask_all(openssl, suites=[0x1307])
