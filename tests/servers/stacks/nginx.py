"""nginx, on the OpenSSL of this system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from spbe_audit.evidence import TlsVersion
from tests.servers.nginx import nginx
from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import EVERYTHING, MODERN, TLS_1_0_TO_1_3, Stack, needs

_SERVER = """
server {{
  listen 127.0.0.1:PORT_0 ssl;
  ssl_certificate {rsa.certificate}; ssl_certificate_key {rsa.key};
  ssl_certificate {ecdsa.certificate}; ssl_certificate_key {ecdsa.key};
  {more}
  return 200 ok;
}}
"""
_ALL = f"""
  ssl_certificate {{dsa.certificate}}; ssl_certificate_key {{dsa.key}};
  ssl_dhparam {{dh}};
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
  ssl_ciphers {EVERYTHING};
"""
_STRICT = f"""
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers {MODERN};
  ssl_prefer_server_ciphers on;
"""


@contextmanager
def _serve(directory: Path, *, more: str) -> Iterator[int]:
    keys = write_keys(directory)
    named = {"rsa": keys.rsa, "ecdsa": keys.ecdsa, "dsa": keys.dsa, "dh": keys.dh}
    text = _SERVER.format(more=more.format(**named), **named)
    with nginx(directory, text) as server:
        yield server.ports[0]


STACKS = (
    Stack(
        "nginx",
        TLS_1_0_TO_1_3,
        needs("nginx", package="nginx-light"),
        partial(_serve, more=_ALL),
    ),
    Stack(
        "nginx modern",
        (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3),
        needs("nginx", package="nginx-light"),
        partial(_serve, more=_STRICT),
    ),
)
