"""hitch, on the OpenSSL of this system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import EVERYTHING, TLS_1_0_TO_1_3, Stack, needs, program, running

_CONFIGURATION = """
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:9"
pem-file = "{pem}"
tls-protos = TLSv1.0 TLSv1.1 TLSv1.2 TLSv1.3
ciphers = "{ciphers}"
daemon = off
workers = 1
{user}
"""


@contextmanager
def _serve(directory: Path) -> Iterator[int]:
    keys = write_keys(directory)
    # It refuses to work as root, and nobody else may become another user.
    user = 'user = "nobody"' if os.geteuid() == 0 else ""
    file = directory / "hitch.conf"

    def command(port: int) -> list[str]:
        text = _CONFIGURATION.format(port=port, ciphers=EVERYTHING, pem=keys.rsa.both, user=user)
        file.write_text(text)
        return [program("hitch") or "hitch", f"--config={file}"]

    with running(directory, command) as port:
        yield port


STACKS = (Stack("hitch", TLS_1_0_TO_1_3, needs("hitch", package="hitch"), _serve),)
