"""stunnel, on the OpenSSL of this system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import EVERYTHING, TLS_1_0_TO_1_3, Stack, needs, program, running

_CONFIGURATION = """
foreground = yes
pid =
debug = warning
[all]
accept = 127.0.0.1:{port}
exec = /bin/cat
execArgs = cat
cert = {keys.rsa.both}
sslVersionMin = TLSv1
ciphers = {ciphers}
securityLevel = 0
TIMEOUTidle = 10
"""


@contextmanager
def _serve(directory: Path) -> Iterator[int]:
    keys = write_keys(directory)
    file = directory / "stunnel.conf"

    def command(port: int) -> list[str]:
        file.write_text(_CONFIGURATION.format(port=port, ciphers=EVERYTHING, keys=keys))
        return [program("stunnel4") or "stunnel4", str(file)]

    with running(directory, command) as port:
        yield port


STACKS = (Stack("stunnel", TLS_1_0_TO_1_3, needs("stunnel4", package="stunnel4"), _serve),)
