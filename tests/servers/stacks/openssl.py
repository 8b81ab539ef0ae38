"""OpenSSL's own s_server of this system, which takes one connection at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from spbe_audit.evidence import TlsVersion
from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import (
    EVERYTHING,
    MODERN,
    TLS_1_0_TO_1_3,
    Stack,
    needs,
    running,
)

_TLS_1_3_SUITES = (
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
    ":TLS_AES_128_CCM_SHA256:TLS_AES_128_CCM_8_SHA256"
)


@contextmanager
def _serve(directory: Path, *, ciphers: str, options: str = "") -> Iterator[int]:
    keys = write_keys(directory)
    fixed = ["-www", "-quiet", "-cipher", ciphers, *options.format(dh=keys.dh).split()]
    fixed += ["-cert", str(keys.rsa.certificate), "-key", str(keys.rsa.key)]
    fixed += ["-dcert", str(keys.ecdsa.certificate), "-dkey", str(keys.ecdsa.key)]

    def command(port: int) -> list[str]:
        return ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", *fixed]

    with running(directory, command) as port:
        yield port


STACKS = (
    Stack(
        "OpenSSL 3 s_server",
        TLS_1_0_TO_1_3,
        needs("openssl", package="openssl"),
        partial(
            _serve,
            ciphers=EVERYTHING,
            options=f"-dhparam {{dh}} -psk 01020304 -ciphersuites {_TLS_1_3_SUITES}",
        ),
    ),
    Stack(
        "OpenSSL 3 s_server modern",
        (TlsVersion.TLS_1_2, TlsVersion.TLS_1_3),
        needs("openssl", package="openssl"),
        partial(_serve, ciphers=MODERN, options="-no_tls1 -no_tls1_1 -serverpref"),
    ),
)
