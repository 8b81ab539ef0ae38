"""A real BIND on loopback: authoritative for the zones of a test, and for nothing else."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

ADDRESS = "127.0.0.1"
_STARTUP = 15.0
_ATTEMPTS = 3

_CONTROLS = "controls { };\n"
_OPTIONS = {
    "pid-file": "none",
    "lock-file": "none",
    "session-keyfile": "none",
    "listen-on-v6": "{ none; }",
    "interface-interval": "0",
    "recursion": "no",
    "notify": "no",
    "empty-zones-enable": "no",
    "dnssec-validation": "no",
}


@contextmanager
def bind(
    zones: Mapping[str, str],
    directory: Path,
    *,
    options: Mapping[str, str] | None = None,
    statements: str = "",
) -> Iterator[tuple[str, int]]:
    """Serve zones (name to the text of a zone file); yields the address and port to ask.

    ``options`` are laid over those of an authoritative server; ``statements`` stand beside them.
    """
    for _ in range(_ATTEMPTS):
        port = _free_port()
        text = _configuration(port, directory, options or {}) + statements
        with _started(zones, directory, text) as process:
            if _answers(process, next(iter(zones)), port):
                yield ADDRESS, port
                return
    raise AssertionError(f"named did not start: {(directory / 'log').read_text()}")


def _configuration(port: int, directory: Path, options: Mapping[str, str]) -> str:
    every = {
        "directory": f'"{directory}"',
        "listen-on": f"port {port} {{ {ADDRESS}; }}",
        **_OPTIONS,
        **options,
    }
    lines = "".join(f"  {name} {value};\n" for name, value in every.items())
    return f"{_CONTROLS}options {{\n{lines}}};\n"


@contextmanager
def _started(
    zones: Mapping[str, str], directory: Path, text: str
) -> Iterator[subprocess.Popen[bytes]]:
    for number, (name, content) in enumerate(zones.items()):
        (directory / f"zone{number}").write_text(content)
        text += f'zone "{name}" {{ type primary; file "zone{number}"; }};\n'
    configuration = directory / "named.conf"
    configuration.write_text(text)
    command = ["/usr/sbin/named", "-g", "-n", "1", "-c", str(configuration)]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            yield process
        finally:
            process.kill()


def _answers(process: subprocess.Popen[bytes], zone: str, port: int) -> bool:
    query = dns.message.make_query(zone, "SOA")
    give_up = time.monotonic() + _STARTUP
    while process.poll() is None and time.monotonic() < give_up:
        try:
            if dns.query.udp(query, ADDRESS, port=port, timeout=0.2).answer:
                return True
        except (dns.exception.DNSException, OSError):
            time.sleep(0.05)
    return False


def _free_port() -> int:
    """A port that is free for both TCP and UDP at this moment."""
    while True:
        with socket.create_server((ADDRESS, 0)) as tcp:
            port = int(tcp.getsockname()[1])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                try:
                    udp.bind((ADDRESS, port))
                except OSError:
                    continue
                return port
