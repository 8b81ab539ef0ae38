"""lighttpd with mod_openssl, on the OpenSSL of this system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import EVERYTHING, TLS_1_0_TO_1_3, Stack, needs, program, running

_MODULE = Path("/usr/lib/lighttpd/mod_openssl.so")
_CONFIGURATION = """
server.document-root = "{directory}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules = ("mod_openssl")
server.errorlog = "{directory}/error.log"
ssl.engine = "enable"
ssl.pemfile = "{keys.rsa.certificate}"
ssl.privkey = "{keys.rsa.key}"
ssl.dh-file = "{keys.dh}"
ssl.openssl.ssl-conf-cmd = (
  "MinProtocol" => "TLSv1",
  "MaxProtocol" => "TLSv1.3",
  "CipherString" => "{ciphers}",
)
"""


def _missing() -> str:
    if not _MODULE.exists():
        return "mod_openssl not installed: apt install lighttpd-mod-openssl"
    return needs("lighttpd", package="lighttpd")()


@contextmanager
def _serve(directory: Path) -> Iterator[int]:
    keys = write_keys(directory)
    file = directory / "lighttpd.conf"

    def command(port: int) -> list[str]:
        text = _CONFIGURATION.format(directory=directory, port=port, ciphers=EVERYTHING, keys=keys)
        file.write_text(text)
        return [program("lighttpd") or "lighttpd", "-D", "-f", str(file)]

    with running(directory, command) as port:
        yield port


STACKS = (Stack("lighttpd", TLS_1_0_TO_1_3, _missing, _serve),)
