"""Real mail servers of Debian on free loopback ports: Exim for SMTP, Dovecot for IMAP and POP3.

with exim(tmp_path, identity) as port: ...
with dovecot(tmp_path, "imap", identity) as port: ...
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from tests.servers.certificates import Identity
from tests.servers.daemons import daemon

_EXIM = """
spool_directory = {directory}/spool
log_file_path = {directory}/%slog
pid_file_path = {directory}/pid
primary_hostname = mail.test
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
host_lookup =
rfc1413_hosts =
acl_smtp_rcpt = deny
never_users =
exim_user = {user}
exim_group = {group}
{tls}
"""
_EXIM_TLS = """
tls_advertise_hosts = *
tls_certificate = {chain}
tls_privatekey = {key}
"""
_DOVECOT = """
protocols = {protocol}
base_dir = {directory}/base
state_dir = {directory}/state
log_path = /dev/stderr
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {login_user}
service {protocol}-login {{
  chroot =
  inet_listener {protocol} {{
    port = {port}
  }}
  inet_listener {protocol}s {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = nopassword=n
}}
{tls}
"""
_DOVECOT_TLS = """
ssl = yes
ssl_cert = <{chain}
ssl_key = <{key}
"""
_DOVECOT_DH = "ssl_dh = </usr/share/dovecot/dh.pem"


@contextmanager
def exim(directory: Path, identity: Identity | None = None) -> Iterator[int]:
    """A real Exim that takes no mail; STARTTLS with an identity."""
    tls = "tls_advertise_hosts ="
    if identity:
        chain, key = identity.write(directory)
        tls = _EXIM_TLS.format(chain=chain, key=key)

    def command(port: int) -> Sequence[str]:
        configuration = directory / "exim.conf"
        text = _EXIM.format(directory=directory, port=port, tls=tls, **_ourselves())
        configuration.write_text(text)
        return ["/usr/sbin/exim4", "-C", str(configuration), "-bdf"]

    with daemon(command, directory / "log") as port:
        yield port


@contextmanager
def dovecot(
    directory: Path,
    protocol: Literal["imap", "pop3"],
    identity: Identity | None = None,
    *,
    dh: bool = True,
) -> Iterator[int]:
    """A real Dovecot for one protocol, where nobody has a mailbox; STARTTLS with an identity.

    Without DH parameters it still chooses DHE, and then hangs up.
    """
    tls = "ssl = no"
    if identity:
        chain, key = identity.write(directory)
        tls = _DOVECOT_TLS.format(chain=chain, key=key) + (_DOVECOT_DH if dh else "")
    # Its sockets' paths must be short, and open to the user who does the talking: root must not.
    home = Path(tempfile.mkdtemp(prefix="dovecot-"))
    home.chmod(0o755)

    def command(port: int) -> Sequence[str]:
        configuration = directory / "dovecot.conf"
        ours = _ourselves()
        login_user = "nobody" if os.geteuid() == 0 else ours["user"]
        told = {"directory": home, "protocol": protocol, "port": port, "tls": tls, **ours}
        configuration.write_text(_DOVECOT.format(login_user=login_user, **told))
        return ["/usr/sbin/dovecot", "-F", "-c", str(configuration)]

    try:
        with daemon(command, directory / "log") as port:
            yield port
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ourselves() -> dict[str, str]:
    """The user and the group by which the test runs, as a configuration wants them."""
    user = pwd.getpwuid(os.geteuid())
    return {"user": user.pw_name, "group": grp.getgrgid(user.pw_gid).gr_name}
