"""NSS's own selfserv. It listens on every address: it has no option for one."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.servers.stacks.keys import PASSWORD, KeyFiles, write_keys
from tests.servers.stacks.stack import SSL_3_TO_TLS_1_2, TLS_1_0_TO_1_3, Stack, needs, running


@contextmanager
def _serve(directory: Path, *, versions: str) -> Iterator[int]:
    database = _database(directory, write_keys(directory))
    suites = "".join(f":{code:04X}" for code in _implemented())
    fixed = ["-d", database, "-n", "rsa", "-e", "ecdsa", "-S", "dsa", "-w", PASSWORD]
    fixed += ["-V", versions, "-c", suites, "-H", "1", "-W", "1", "-t", "64"]

    def command(port: int) -> list[str]:
        return ["selfserv", "-p", str(port), *fixed]

    with running(directory, command) as port:
        yield port


def _implemented() -> list[int]:
    """The codes of all suites of the NSS of this system, on or off by default."""
    library = ctypes.CDLL("libssl3.so")
    count = ctypes.c_uint16.in_dll(library, "SSL_NumImplementedCiphers").value
    return list((ctypes.c_uint16 * count).in_dll(library, "SSL_ImplementedCiphers"))


def _database(directory: Path, keys: KeyFiles) -> str:
    """A key store with the three certificates, under the names of their kinds."""
    folder = directory / "nss"
    folder.mkdir()
    secret = directory / "password"
    secret.write_text(PASSWORD)
    name = f"sql:{folder}"
    _run("certutil", "-N", "-d", name, "-f", str(secret))
    for kind in (keys.rsa, keys.ecdsa, keys.dsa):
        file = str(kind.pkcs12)
        _run("pk12util", "-i", file, "-d", name, "-k", str(secret), "-w", str(secret))
    return name


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


_MISSING = needs("selfserv", "certutil", "pk12util", package="libnss3-tools")

# It does not do both SSL 3.0 and TLS 1.3.
STACKS = (
    Stack("NSS to TLS 1.2", SSL_3_TO_TLS_1_2, _MISSING, partial(_serve, versions="ssl3:tls1.2")),
    Stack("NSS", TLS_1_0_TO_1_3, _MISSING, partial(_serve, versions="tls1.0:tls1.3")),
)
