"""A real nginx on free loopback ports, with the configuration that a test gives.

with nginx(tmp_path, "server { listen 127.0.0.1:PORT_0; return 200 'ok'; }") as server:
    ...  # server.ports[0]
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Identity
from tests.servers.process import is_up, stop

_TRIES = 5
_CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log {directory}/error.log notice;
events {{ worker_connections 256; }}
http {{
  access_log {directory}/access.log;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
{http}
}}
"""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx; ``directory`` holds its logs and is where DIRECTORY pointed."""

    ports: tuple[int, ...]
    directory: Path


@contextmanager
def nginx(
    directory: Path, http: str, *, ports: int = 1, identity: Identity | None = None
) -> Iterator[Nginx]:
    """Run nginx with ``http`` as the inside of its http block, until the block ends.

    PORT_0, PORT_1, ... stand for free ports, DIRECTORY for the given one, CERTIFICATE and KEY for
    the files of ``identity``. Ports that somebody else took in the meantime are chosen anew.
    """
    text = http.replace("DIRECTORY", str(directory))
    if identity:
        certificate, key = identity.write(directory)
        text = text.replace("CERTIFICATE", str(certificate)).replace("KEY", str(key))
    process, chosen = _start(directory, text, ports)
    try:
        yield Nginx(chosen, directory)
    finally:
        stop(process)


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of loopback that nobody listens on right now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return tuple(one.getsockname()[1] for one in sockets)
    finally:
        for one in sockets:
            one.close()


def _start(
    directory: Path, text: str, count: int
) -> tuple[subprocess.Popen[bytes], tuple[int, ...]]:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    for _ in range(_TRIES):
        chosen = free_ports(count)
        http = text
        for number in reversed(range(count)):
            http = http.replace(f"PORT_{number}", str(chosen[number]))
        configuration = directory / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(directory=directory, http=http))
        process = subprocess.Popen(
            [program, "-p", str(directory), "-c", str(configuration), "-e", f"{directory}/log"],
            stderr=subprocess.DEVNULL,
        )
        if is_up(process, chosen):
            return process, chosen
        stop(process)
    raise AssertionError("nginx did not start: " + (directory / "log").read_text()[-2000:])
