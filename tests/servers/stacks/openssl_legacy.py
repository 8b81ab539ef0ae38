"""OpenSSL 1.0.2l and 0.9.8e, from the libraries that two old releases of psycopg2 carry."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from spbe_audit.evidence import TlsVersion
from tests.servers.stacks.fetched import old_libraries
from tests.servers.stacks.keys import KeyFile, KeyFiles, write_dh_certificate, write_keys
from tests.servers.stacks.stack import SSL_3_TO_TLS_1_2, Stack, running

OF_1_0_2, OF_0_9_8 = "2.7.3.2", "2.7"
"""The releases of psycopg2 with OpenSSL 1.0.2l and 0.9.8e."""

_SERVER = Path(__file__).with_name("openssl_legacy_server.py")


def _missing(version: str) -> str:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "its libraries are for Linux on x86-64"
    if not old_libraries(version).is_dir():
        return f"psycopg2 {version} not fetched: python -m tests.servers.stacks"
    return ""


@contextmanager
def _serve(directory: Path, *, version: str, method: str, kinds: Sequence[str]) -> Iterator[int]:
    keys = write_keys(directory)
    files = [getattr(keys, kind) for kind in kinds]
    with _running(directory, version, method, keys, files) as port:
        yield port


@contextmanager
def _serve_static_dh(directory: Path) -> Iterator[int]:
    keys = write_keys(directory)
    files = [write_dh_certificate(directory, keys, signer) for signer in (keys.rsa, keys.dsa)]
    with _running(directory, OF_1_0_2, "SSLv23_server_method", keys, files) as port:
        yield port


@contextmanager
def _running(
    directory: Path, version: str, method: str, keys: KeyFiles, files: Sequence[KeyFile]
) -> Iterator[int]:
    libraries = old_libraries(version)
    pairs = [str(path) for file in files for path in (file.certificate, file.key)]
    fixed = [str(libraries), method, str(keys.dh), *pairs]
    environment = {"LD_LIBRARY_PATH": str(libraries)}

    def command(port: int) -> list[str]:
        return [sys.executable, "-P", str(_SERVER), str(port), *fixed]

    with running(directory, command, environment=environment) as port:
        yield port


STACKS = (
    Stack(
        "OpenSSL 1.0.2l",
        SSL_3_TO_TLS_1_2,
        partial(_missing, OF_1_0_2),
        partial(
            _serve,
            version=OF_1_0_2,
            method="SSLv23_server_method",
            kinds=("rsa", "ecdsa", "dsa"),
        ),
    ),
    Stack(
        "OpenSSL 1.0.2l static DH",
        SSL_3_TO_TLS_1_2,
        partial(_missing, OF_1_0_2),
        _serve_static_dh,
    ),
    Stack(
        "OpenSSL 0.9.8e",
        (TlsVersion.SSL_3_0, TlsVersion.TLS_1_0),
        partial(_missing, OF_0_9_8),
        # Curves are left out of this build.
        partial(_serve, version=OF_0_9_8, method="SSLv23_server_method", kinds=("rsa", "dsa")),
    ),
    Stack(
        "OpenSSL 0.9.8e SSL 2",
        (TlsVersion.SSL_2_0,),
        partial(_missing, OF_0_9_8),
        partial(_serve, version=OF_0_9_8, method="SSLv2_server_method", kinds=("rsa",)),
    ),
)
