"""Counts what one scan sends to one service at each intensity, as the service itself sees it.

    python -m benchmarks.footprint

The service is a real nginx on loopback with TLS and a plain http port that redirects. Connections
are those that each probe recorded; requests are the lines of nginx's own log, by method. The table
in docs/intensity.md is this program's output.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from spbe_audit import ScanOptions, load_targets, scan
from spbe_audit.catalogue import load_catalogue
from spbe_audit.evidence import Probe
from spbe_audit.policy import load_policy, tls_questions
from spbe_audit.targets import Intensity
from tests.servers.certificates import make_authority, make_leaf
from tests.servers.nginx import nginx

SITE = """
log_format method '$request_method';
access_log DIRECTORY/requests.log method;
server {
    listen 127.0.0.1:PORT_0 ssl;
    ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    location = / { return 200 'a page'; }
    location / { return 404; }
}
server { listen 127.0.0.1:PORT_1; return 301 https://127.0.0.1:PORT_0$request_uri; }
"""
METHOD = re.compile(r"^[A-Z]+$")


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one scan cost one service."""

    intensity: Intensity
    connections: dict[Probe, int]
    requests: Counter[str]


def measure(intensity: Intensity) -> Footprint:
    """Scan a fresh nginx once at one intensity, under the policy spbe."""
    catalogue = load_catalogue()
    questions = tls_questions(load_policy("spbe", catalogue=catalogue), catalogue)
    authority = make_authority()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        identity = make_leaf(authority, ["127.0.0.1"])
        with nginx(directory, SITE, ports=2, identity=identity) as server:
            https, http = server.ports
            targets = directory / "targets.yaml"
            targets.write_text(
                "agencies:\n  - id: a\n    name: A\n    services:\n"
                f"      - {{id: s, name: S, url: 'https://127.0.0.1:{https}/',"
                f" http_port: {http}}}\n"
            )
            options = ScanOptions(
                intensity=intensity,
                uptime_interval=0.1,
                confirm_after=0.0,
                tls_questions=questions,
            )
            run = scan(load_targets(targets), options=options)
        (service,) = run.evidence.evidence()
        connections = {
            probe: sum(one.attempt.connections for one in recorded)
            for probe, recorded in service.attempts.items()
        }
        lines = (directory / "requests.log").read_text().splitlines()
    return Footprint(intensity, connections, Counter(one for one in lines if METHOD.match(one)))


def main() -> None:
    """Print the table."""
    measured = [measure(intensity) for intensity in Intensity]
    out = sys.stdout
    out.write("| sent to one service | " + " | ".join(one.intensity for one in measured) + " |\n")
    out.write("|---" * (len(measured) + 1) + "|\n")
    for probe in Probe:
        if any(probe in one.connections for one in measured):
            cells = (str(one.connections.get(probe, 0)) for one in measured)
            out.write(f"| connections: {probe} | " + " | ".join(cells) + " |\n")
    for method in sorted({method for one in measured for method in one.requests}):
        cells = (str(one.requests[method]) for one in measured)
        out.write(f"| HTTP requests: {method} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
