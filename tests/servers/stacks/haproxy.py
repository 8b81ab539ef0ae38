"""HAProxy, on the OpenSSL of this system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import EVERYTHING, TLS_1_0_TO_1_3, Stack, needs, program, running

_CONFIGURATION = """
global
  ssl-default-bind-options ssl-min-ver TLSv1.0
  ssl-default-bind-ciphers {ciphers}
  ssl-dh-param-file {dh}
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 10s
frontend all
  bind 127.0.0.1:{port} ssl crt {rsa.both} crt {ecdsa.both} crt {dsa.both}
  http-request return status 200
"""
# It loads keys under the system's security level, before it reads the list of suites.
_SYSTEM = """
openssl_conf = main
[main]
ssl_conf = ssl
[ssl]
system_default = lax
[lax]
CipherString = ALL:@SECLEVEL=0
"""


@contextmanager
def _serve(directory: Path) -> Iterator[int]:
    keys = write_keys(directory)
    file = directory / "haproxy.cfg"

    def command(port: int) -> list[str]:
        text = _CONFIGURATION.format(
            port=port,
            ciphers=EVERYTHING,
            rsa=keys.rsa,
            ecdsa=keys.ecdsa,
            dsa=keys.dsa,
            dh=keys.dh,
        )
        file.write_text(text)
        return [program("haproxy") or "haproxy", "-db", "-f", str(file)]

    system = directory / "openssl.cnf"
    system.write_text(_SYSTEM)
    with running(directory, command, environment={"OPENSSL_CONF": str(system)}) as port:
        yield port


STACKS = (Stack("HAProxy", TLS_1_0_TO_1_3, needs("haproxy", package="haproxy"), _serve),)
