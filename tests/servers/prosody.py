"""A real Prosody (XMPP) on two free loopback ports, where nobody has an account.

with prosody(tmp_path, identity) as (clients, servers): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import Identity
from tests.servers.daemons import ADDRESS, daemon
from tests.servers.nginx import free_ports

_SETTINGS = """
run_as_root = true
pidfile = "{directory}/pid"
data_path = "{directory}"
certificates = "{directory}"
log = {{ error = "*console" }}
interfaces = {{ "{address}" }}
c2s_ports = {{ {clients} }}
s2s_ports = {{ {servers} }}
modules_enabled = {{ "tls", "saslauth", "dialback" }}
{tls}
VirtualHost "{address}"
"""
_TLS = 'ssl = {{ certificate = "{chain}", key = "{key}" }}'
_NO_TLS = """
modules_disabled = { "tls" }
c2s_require_encryption = false
s2s_require_encryption = false
"""


@contextmanager
def prosody(directory: Path, identity: Identity | None = None) -> Iterator[tuple[int, int]]:
    """A real Prosody, its ports for clients and for servers; STARTTLS with an identity."""
    tls = _NO_TLS
    if identity:
        chain, key = identity.write(directory)
        tls = _TLS.format(chain=chain, key=key)
    servers = 0

    def command(clients: int) -> Sequence[str]:
        nonlocal servers
        (servers,) = free_ports(1)
        configuration = directory / "prosody.cfg.lua"
        told = {"directory": directory, "address": ADDRESS, "tls": tls}
        configuration.write_text(_SETTINGS.format(clients=clients, servers=servers, **told))
        return ["/usr/bin/prosody", "--config", str(configuration), "-F"]

    with daemon(command, directory / "log") as clients:
        yield clients, servers
