"""Servers with known TLS properties on loopback, for scanners to be compared on."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import free_ports, nginx
from tests.servers.raw import RawServer, raw_server

NAME = "layanan.test"

_NGINX = {
    "good": """
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
""",
    "client chooses": """
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA:AES128-SHA;
  ssl_early_data on;
""",
    "old order": """
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_ciphers AES128-SHA:ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA:@SECLEVEL=0;
  ssl_prefer_server_ciphers on;
  ssl_dhparam DIRECTORY/dh.pem;
  ssl_ecdh_curve secp384r1:prime192v1;
""",
    "everything": """
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0;
""",
    "static RSA": """
  ssl_protocols TLSv1.2;
  ssl_ciphers AES256-SHA256:AES128-SHA:@SECLEVEL=0;
  ssl_prefer_server_ciphers on;
""",
}
# RFC 2409, group 2.
_DH_1024 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""
_NO_EMS = """openssl_conf = main
[main]
ssl_conf = ssl
[ssl]
system_default = own
[own]
Options = -ExtendedMasterSecret
"""
_ALLOW_CLIENT_RENEGOTIATION = 1 << 8  # SSL_OP_ALLOW_CLIENT_RENEGOTIATION, which Python has not
_START_LIMIT = 10.0


@contextmanager
def servers(folder: Path) -> Iterator[Mapping[str, int]]:
    """Every server, by name with its port, until the block ends."""
    identity = make_leaf(make_authority(), (NAME, "127.0.0.1"), key="rsa2048")
    (folder / "dh.pem").write_text(_DH_1024)
    head = "ssl_certificate CERTIFICATE; ssl_certificate_key KEY;"
    blocks = (
        f"server {{ listen 127.0.0.1:PORT_{number} ssl; {text} return 200 ok; }}"
        for number, text in enumerate(_NGINX.values())
    )
    with ExitStack() as stack:
        web = nginx(folder, head + "\n".join(blocks), ports=len(_NGINX), identity=identity)
        ports = dict(zip(_NGINX, stack.enter_context(web).ports, strict=True))
        ports["only TLS 1.3"] = stack.enter_context(_only_tls_1_3(folder, identity))
        ports["no EMS"] = stack.enter_context(_without_ems(folder, identity))
        ports["renegotiates"] = stack.enter_context(_renegotiates(folder, identity))
        yield ports


@contextmanager
def _s_server(
    folder: Path, identity: Identity, *options: str, settings: str | None = None
) -> Iterator[int]:
    certificate, key = identity.write(folder, "s_server")
    (port,) = free_ports(1)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-www", *options]
    command += ["-cert", str(certificate), "-key", str(key)]
    environment = dict(os.environ)
    if settings:
        file = folder / "openssl.cnf"
        file.write_text(settings)
        environment["OPENSSL_CONF"] = str(file)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=quiet, stdout=quiet, stderr=quiet, env=environment
    ) as process:
        try:
            _wait_for(port)
            yield port
        finally:
            process.kill()


def _wait_for(port: int) -> None:
    limit = time.monotonic() + _START_LIMIT
    while time.monotonic() < limit:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("openssl s_server did not start")


@contextmanager
def _only_tls_1_3(folder: Path, identity: Identity) -> Iterator[int]:
    suites = "TLS_AES_128_CCM_SHA256:TLS_AES_256_GCM_SHA384"
    with _s_server(folder, identity, "-tls1_3", "-ciphersuites", suites) as port:
        yield port


@contextmanager
def _without_ems(folder: Path, identity: Identity) -> Iterator[int]:
    with _s_server(folder, identity, "-tls1_2", settings=_NO_EMS) as port:
        yield port


@contextmanager
def _renegotiates(folder: Path, identity: Identity) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.write(folder, "renegotiates"))
    context.options = (context.options & ~ssl.OP_NO_RENEGOTIATION) | _ALLOW_CLIENT_RENEGOTIATION
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def behave(connection: socket.socket, _server: RawServer) -> None:
        with suppress(OSError):
            while connection.recv(4096):
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with raw_server(behave, tls=context) as server:
        yield server.port
