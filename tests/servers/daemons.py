"""Real daemons of Debian on free loopback ports: sshd, vsftpd, PostgreSQL, Redis, openssl s_server.

with redis(tmp_path) as port: ...

Each is started by hand in the foreground, and stopped by its own process when the block ends.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import Identity
from tests.servers.nginx import free_ports
from tests.servers.process import is_up, stop

ADDRESS = "127.0.0.1"
_TRIES = 3

_SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {key}
PidFile none
UsePAM no
PasswordAuthentication no
StrictModes no
LogLevel ERROR
{more}
"""
_VSFTPD = """
listen=YES
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=NO
local_enable=YES
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
secure_chroot_dir={directory}/empty
vsftpd_log_file={directory}/vsftpd.log
{more}
"""


@contextmanager
def sshd(directory: Path, more: str = "") -> Iterator[int]:
    """A real sshd with a fresh host key; ``more`` are lines of its configuration."""
    key = directory / "host_key"
    command_line = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)]
    subprocess.run(command_line, check=True)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd keeps itself before a login

    def command(port: int) -> Sequence[str]:
        configuration = directory / "sshd_config"
        configuration.write_text(_SSHD.format(port=port, key=key, more=more))
        return ["/usr/sbin/sshd", "-D", "-e", "-f", str(configuration)]

    with daemon(command, directory / "log") as port:
        yield port


@contextmanager
def vsftpd(directory: Path, more: str = "") -> Iterator[int]:
    """A real vsftpd that lets nobody in anonymously; ``more`` are lines of its configuration."""
    (directory / "empty").mkdir()

    def command(port: int) -> Sequence[str]:
        configuration = directory / "vsftpd.conf"
        text = _VSFTPD.format(port=port, directory=directory, more=more)
        if os.geteuid() != 0:
            text += "\nrun_as_launching_user=YES\n"
        configuration.write_text(text.lstrip())
        return ["/usr/sbin/vsftpd", str(configuration)]

    with daemon(command, directory / "log") as port:
        yield port


@contextmanager
def redis(directory: Path, *more: str) -> Iterator[int]:
    """A real Redis that keeps nothing; ``more`` are arguments of its command line."""

    def command(port: int) -> Sequence[str]:
        own = ["--bind", ADDRESS, "--port", str(port), "--save", "", "--appendonly", "no"]
        return ["redis-server", *own, "--dir", str(directory), *more]

    with daemon(command, directory / "log") as port:
        yield port


@contextmanager
def postgresql(directory: Path, identity: Identity | None = None) -> Iterator[int]:
    """A real PostgreSQL with an empty cluster, run by a user other than root; TLS if it can."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parts[4]))
    # Not below the test's own directory, which other users may not enter.
    cluster = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        user = _unprivileged(cluster)
        subprocess.run(
            [*user, str(programs / "initdb"), "-D", f"{cluster}/data", "-A", "trust", "-N"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=cluster,
        )
        more = ["-F", "-c", "shared_buffers=1MB"]
        if identity:
            more += _postgresql_tls(cluster, identity)

        def command(port: int) -> Sequence[str]:
            own = ["-D", f"{cluster}/data", "-p", str(port), "-h", ADDRESS, "-k", str(cluster)]
            return [*user, str(programs / "postgres"), *own, *more]

        with daemon(command, directory / "log") as port:
            yield port
    finally:
        shutil.rmtree(cluster, ignore_errors=True)


def _postgresql_tls(cluster: Path, identity: Identity) -> Sequence[str]:
    chain, key = identity.write(cluster)
    owner = cluster.stat()
    for path in (chain, key):
        os.chown(path, owner.st_uid, owner.st_gid)
    key.chmod(0o600)
    return ["-c", "ssl=on", "-c", f"ssl_cert_file={chain}", "-c", f"ssl_key_file={key}"]


@contextmanager
def s_server(directory: Path, identity: Identity, *more: str) -> Iterator[int]:
    """A real openssl s_server that answers HTTP inside TLS; ``more`` are its options."""
    chain, key = identity.write(directory, "s_server")

    def command(port: int) -> Sequence[str]:
        own = ["-accept", f"{ADDRESS}:{port}", "-cert", str(chain), "-key", str(key), "-www"]
        return ["openssl", "s_server", *own, *more]

    with daemon(command, directory / "log") as port:
        yield port


def _unprivileged(directory: Path) -> Sequence[str]:
    """What to put before a command that refuses to be run by root."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    os.chown(directory, user.pw_uid, user.pw_gid)
    return ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]


@contextmanager
def daemon(command: Callable[[int], Sequence[str]], log: Path) -> Iterator[int]:
    """Run a daemon on a free port; another port where somebody else took it meanwhile."""
    for _ in range(_TRIES):
        (port,) = free_ports(1)
        with log.open("ab") as output:
            process = subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            if is_up(process, [port]):
                yield port
                return
        finally:
            stop(process)
    raise AssertionError(f"it did not start: {log.read_text()[-2000:]}")
