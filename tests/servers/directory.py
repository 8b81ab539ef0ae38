"""A real slapd (OpenLDAP) on a free loopback port, with nothing but its root entry.

with slapd(tmp_path, identity) as port: ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import Identity
from tests.servers.daemons import ADDRESS, daemon

_TLS = """
TLSCertificateFile {chain}
TLSCertificateKeyFile {key}
TLSVerifyClient never
"""


@contextmanager
def slapd(directory: Path, identity: Identity | None = None) -> Iterator[int]:
    """A real slapd; StartTLS with an identity."""
    configuration = directory / "slapd.conf"
    configuration.write_text(f"pidfile {directory}/pid\n")
    if identity:
        chain, key = identity.write(directory)
        with configuration.open("a") as file:
            file.write(_TLS.format(chain=chain, key=key))

    def command(port: int) -> Sequence[str]:
        own = ["-f", str(configuration), "-h", f"ldap://{ADDRESS}:{port}/"]
        return ["/usr/sbin/slapd", "-d", "0", *own]

    with daemon(command, directory / "log") as port:
        yield port
