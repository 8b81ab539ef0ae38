"""A real Apache on free loopback ports, with the configuration that a test gives.

with apache(tmp_path, "<VirtualHost 127.0.0.1:PORT_0> ... </VirtualHost>") as server:
    ...  # server.ports[0], server.directory / "access.log"
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.nginx import free_ports
from tests.servers.process import is_up, stop

_TRIES = 5
_MODULES = Path("/usr/lib/apache2/modules")
_LOADED = (
    "mpm_event authn_core authn_file authz_core authz_host authz_user auth_basic alias autoindex"
    " dav dav_fs dir headers mime rewrite setenvif status"
)
_CONFIGURATION = """
ServerName 127.0.0.1
ServerRoot {directory}
PidFile {directory}/apache.pid
DavLockDB {directory}/dav
ErrorLog {directory}/error.log
LogFormat "%m %U" plain
CustomLog {directory}/access.log plain
StartServers 1
ThreadsPerChild 25
MaxRequestWorkers 25
{modules}
TypesConfig /etc/mime.types
{listen}
{configuration}
"""


@dataclass(frozen=True, slots=True)
class Apache:
    """A running Apache; its log holds a line "METHOD /path" for each request."""

    ports: tuple[int, ...]
    directory: Path

    def requests(self) -> list[tuple[str, str]]:
        """The method and the path of each request so far, in order."""
        lines = (self.directory / "access.log").read_text().splitlines()
        return [(line.partition(" ")[0], line.partition(" ")[2]) for line in lines]


@contextmanager
def apache(directory: Path, configuration: str, *, ports: int = 1) -> Iterator[Apache]:
    """Run Apache with ``configuration``, until the block ends.

    PORT_0, PORT_1, ... stand for free ports, DIRECTORY for the given one.
    """
    process, chosen = _start(directory, configuration.replace("DIRECTORY", str(directory)), ports)
    try:
        yield Apache(chosen, directory)
    finally:
        stop(process)


def check_configuration(directory: Path, configuration: str) -> str:
    """What Apache says against a configuration; '' where it accepts it."""
    file = _write(directory, configuration, free_ports(1))
    command = [_program(), "-t", "-f", str(file)]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    return tried.stderr if tried.returncode else ""


def _program() -> str:
    return shutil.which("apache2") or "/usr/sbin/apache2"


def _write(directory: Path, configuration: str, ports: tuple[int, ...]) -> Path:
    loaded = [f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _LOADED.split()]
    for number in reversed(range(len(ports))):
        configuration = configuration.replace(f"PORT_{number}", str(ports[number]))
    file = directory / "apache.conf"
    file.write_text(
        _CONFIGURATION.format(
            directory=directory,
            modules="\n".join(loaded),
            listen="\n".join(f"Listen 127.0.0.1:{port}" for port in ports),
            configuration=configuration,
        )
    )
    return file


def _start(
    directory: Path, text: str, count: int
) -> tuple[subprocess.Popen[bytes], tuple[int, ...]]:
    log = directory / "start.log"
    for _ in range(_TRIES):
        chosen = free_ports(count)
        file = _write(directory, text, chosen)
        process = subprocess.Popen([_program(), "-f", str(file), "-DFOREGROUND", "-E", str(log)])
        if is_up(process, chosen):
            return process, chosen
        stop(process)
    raise AssertionError("Apache did not start: " + log.read_text()[-2000:])
