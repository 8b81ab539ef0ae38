"""The TLS servers that scanners are measured on: one nginx, three kinds, any address.

Each kind has a port of its own on every address, so any address of the network is an endpoint.
Without a delay scanner and server share a namespace and its loopback; with one, each has its own.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from benchmarks.delay_link import SERVER_NETWORK, DelayLink, delay_link
from benchmarks.namespaces import Namespace, namespace
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.process import is_up, stop

LOOPBACK_NETWORK = IPv4Network("127.1.0.0/16")
NAME = "layanan.test"


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to configure the server; ``port`` is where it listens."""

    port: int
    about: str
    directives: str


KINDS: Mapping[str, Kind] = {
    "modern": Kind(
        443,
        "TLS 1.2 and 1.3, Mozilla's intermediate suites, RSA certificate, default curves",
        """
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!PSK:!aNULL;
        """,
    ),
    "old": Kind(
        444,
        "TLS 1.0 to 1.3, AES with CBC and static RSA too, the server chooses, RSA certificate",
        """
        ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
        ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AES:!AESCCM:@SECLEVEL=0;
        ssl_prefer_server_ciphers on;
        """,
    ),
    "weak": Kind(
        445,
        "TLS 1.0 to 1.3, every suite that OpenSSL has, RSA and ECDSA certificates",
        """
        ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
        ssl_ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0;
        ssl_certificate DIRECTORY/ec.pem; ssl_certificate_key DIRECTORY/ec.key;
        """,
    ),
}
_NGINX = """
daemon off;
user root;
worker_processes 2;
pid DIRECTORY/nginx.pid;
error_log DIRECTORY/error.log crit;
events { worker_connections 8192; multi_accept on; }
http {
  access_log off;
  client_body_temp_path DIRECTORY/body;
  proxy_temp_path DIRECTORY/proxy;
  fastcgi_temp_path DIRECTORY/fastcgi;
  uwsgi_temp_path DIRECTORY/uwsgi;
  scgi_temp_path DIRECTORY/scgi;
  ssl_dhparam DIRECTORY/dh.pem;
  SERVERS
}
"""
_SERVER = """
server {
  listen 0.0.0.0:PORT ssl backlog=4096;
  ssl_certificate DIRECTORY/rsa.pem; ssl_certificate_key DIRECTORY/rsa.key;
  DIRECTIVES
  return 200 ok;
}
"""
# RFC 7919, ffdhe2048.
_DH_PARAMETERS = """-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""


@dataclass(frozen=True, slots=True)
class Lab:
    """Servers that are up. ``client`` is where scanners run; ``link`` is None on loopback."""

    client: Namespace
    network: IPv4Network
    link: DelayLink | None

    def addresses(self, count: int) -> tuple[IPv4Address, ...]:
        """That many addresses, each of which answers on the port of every kind."""
        return tuple(self.network[number] for number in range(1, count + 1))


@contextmanager
def lab(round_trip: float) -> Iterator[Lab]:
    """Run the servers until the block ends, ``round_trip`` seconds away; 0 for loopback.

    Raises NamespaceError, and SystemExit where nginx does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tls-lab-")))
        server = stack.enter_context(namespace())
        stack.enter_context(_nginx(server, folder))
        if not round_trip:
            yield Lab(server, LOOPBACK_NETWORK, None)
            return
        client = stack.enter_context(namespace())
        link = stack.enter_context(delay_link(client, server, round_trip))
        yield Lab(client, SERVER_NETWORK, link)


@contextmanager
def _nginx(inside: Namespace, folder: Path) -> Iterator[None]:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(program).exists():
        raise SystemExit("nginx is not installed: apt install nginx-light")
    configuration = _write_files(folder)
    command = [program, "-p", str(folder), "-c", str(configuration), "-e", f"{folder}/start.log"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(inside.command(command), stderr=quiet)  # noqa: S603 - words are ours
    try:
        with inside.entered():
            up = is_up(process, [kind.port for kind in KINDS.values()])
        if not up:
            told = (folder / "start.log").read_text("utf-8", "replace")
            raise SystemExit(f"nginx did not start: {told[-2000:]}")
        yield
    finally:
        stop(process)


def _write_files(folder: Path) -> Path:
    """Certificates, parameters and the configuration, whose path is given back."""
    root = make_authority(key="rsa2048")
    authority = make_authority("Test Issuing CA", issuer=root, key="rsa2048")
    make_leaf(authority, (NAME,), key="rsa2048").write(folder, "rsa")
    make_leaf(authority, (NAME,), key="ec256").write(folder, "ec")
    (folder / "dh.pem").write_text(_DH_PARAMETERS)
    servers = (
        _SERVER.replace("PORT", str(kind.port)).replace("DIRECTIVES", kind.directives)
        for kind in KINDS.values()
    )
    text = _NGINX.replace("SERVERS", "".join(servers)).replace("DIRECTORY", str(folder))
    configuration = folder / "nginx.conf"
    configuration.write_text(text)
    return configuration
