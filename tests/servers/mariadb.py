"""A real MariaDB on a free loopback port, without a single table.

with mariadb(tmp_path, identity) as port: ...
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import Identity
from tests.servers.daemons import ADDRESS, daemon

_SETTINGS = """
[mariadbd]
user={user}
datadir={home}/data
tmpdir={home}
socket={home}/socket
pid-file={home}/pid
bind-address={address}
port={port}
skip-grant-tables
skip-networking=0
innodb=OFF
default-storage-engine=Aria
{tls}
"""


@contextmanager
def mariadb(directory: Path, identity: Identity | None = None) -> Iterator[int]:
    """A real MariaDB; TLS with an identity."""
    tls = ""
    if identity:
        chain, key = identity.write(directory)
        tls = f"ssl-cert={chain}\nssl-key={key}\n"
    # The path of its socket must be short, which those of a test are not.
    home = Path(tempfile.mkdtemp(prefix="mariadb-"))
    (home / "data").mkdir()

    def command(port: int) -> Sequence[str]:
        settings = directory / "my.cnf"
        told = {"home": home, "address": ADDRESS, "port": port, "tls": tls}
        settings.write_text(_SETTINGS.format(user=pwd.getpwuid(os.geteuid()).pw_name, **told))
        return ["/usr/sbin/mariadbd", f"--defaults-file={settings}"]

    try:
        with daemon(command, directory / "log") as port:
            yield port
    finally:
        shutil.rmtree(home, ignore_errors=True)
