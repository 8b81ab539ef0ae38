"""GnuTLS's own gnutls-serv. It listens on every address: it has no option for one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import TLS_1_0_TO_1_3, Stack, needs, running

_PRIORITY = (
    "NORMAL:+VERS-ALL:+ARCFOUR-128:+3DES-CBC:+CAMELLIA-128-CBC:+CAMELLIA-256-CBC"
    ":+CAMELLIA-128-GCM:+CAMELLIA-256-GCM:+AES-128-CCM-8:+AES-256-CCM-8:+MD5:+SHA256:+SHA384"
    ":+DHE-DSS:+ANON-DH:+ANON-ECDH:+PSK:+DHE-PSK:+ECDHE-PSK"
    ":+SIGN-DSA-SHA1:+SIGN-DSA-SHA256"
)
# Each of these keeps TLS 1.3 away.
_OLD = f"{_PRIORITY}:+NULL:+RSA-PSK:+SRP:+SRP-RSA:+SRP-DSS"


@contextmanager
def _serve(directory: Path, *, priority: str) -> Iterator[int]:
    keys = write_keys(directory)
    secrets = directory / "psk.txt"
    secrets.write_text("client:01020304\n")
    fixed = ["--quiet", "--http", "--disable-client-cert", f"--priority={priority}"]
    fixed += [f"--dhparams={keys.dh}", f"--pskpasswd={secrets}", *_srp(directory)]
    for kind in (keys.rsa, keys.ecdsa, keys.dsa):
        fixed += [f"--x509certfile={kind.certificate}", f"--x509keyfile={kind.key}"]

    def command(port: int) -> list[str]:
        return ["gnutls-serv", f"--port={port}", *fixed]

    with running(directory, command) as port:
        yield port


def _srp(directory: Path) -> list[str]:
    """The options that name a file of SRP verifiers, with one user, and its parameters."""
    users, parameters = directory / "srp.txt", directory / "srp.conf"
    tool = ["srptool", f"--passwd-conf={parameters}"]
    _run(*tool, f"--create-conf={parameters}")
    _run(*tool, f"--passwd={users}", "--username=client", given="secret\nsecret\n")
    return [f"--srppasswd={users}", f"--srppasswdconf={parameters}"]


def _run(*command: str, given: str = "") -> None:
    subprocess.run(command, check=True, capture_output=True, input=given, text=True)


_MISSING = needs("gnutls-serv", "srptool", package="gnutls-bin")

STACKS = (
    Stack("GnuTLS", TLS_1_0_TO_1_3, _MISSING, partial(_serve, priority=_PRIORITY)),
    Stack(
        "GnuTLS to TLS 1.2",
        TLS_1_0_TO_1_3[:-1],
        _MISSING,
        partial(_serve, priority=_OLD),
    ),
)
