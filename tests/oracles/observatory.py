"""Compares our verdicts with those of MDN HTTP Observatory, on the same nginx on loopback.

python -m tests.oracles.observatory [--cache DIR]

The Observatory is installed from npm, without its install scripts, into a cache folder. The exit
code is 0 when the two differ just where docs/oracles.md says that they do.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.serialization import Encoding

from spbe_audit import ScanOptions, Verdict, evaluate, load_policy, load_targets, scan
from tests.oracles.observatory_sites import SAME_QUESTION, SITES, Site
from tests.servers.certificates import Identity, make_authority, make_leaf
from tests.servers.nginx import Nginx, nginx

PACKAGE = "@mdn/mdn-http-observatory"
VERSION = "1.4.8"
HOST = "127.0.0.1"

_INSTALL_SECONDS = 600
_SCAN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One test of the Observatory on one site, beside our checks on it.

    ``ours`` maps the check to its verdict; ``known`` is the heading that explains a difference.
    """

    site: str
    test: str
    result: str
    passes: bool
    ours: Mapping[str, Verdict]
    known: str

    @property
    def agrees(self) -> bool:
        """Whether both find a fault, or neither does."""
        return self.passes is not any(told is Verdict.FAIL for told in self.ours.values())

    @property
    def expected(self) -> bool:
        """Whether the row is as the documentation has it."""
        return self.agrees is not bool(self.known)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cache", type=Path, default=_default_cache(), metavar="DIR")
    cache = parser.parse_args(arguments).cache
    install(cache)
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as (server, authority):
        theirs = observatory_verdicts(cache, server, authority)
        ours = our_verdicts(Path(folder), server)
    rows = compared(theirs, ours)
    sys.stdout.write(table(rows))
    return 0 if all(row.expected for row in rows) else 1


def install(cache: Path) -> None:
    """Install the Observatory into a folder, unless it is there. Raises SystemExit."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is not installed: apt install nodejs npm")
    home = cache / "node_modules" / PACKAGE
    if not (home / "package.json").is_file():
        cache.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]
        subprocess.run(
            [*command, str(cache), f"{PACKAGE}@{VERSION}"],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=_INSTALL_SECONDS,
        )
    # Its install script would fetch the browsers' list; no site of ours is on it.
    (home / "conf" / "hsts-preload.json").write_text("{}")
    driver = Path(__file__).with_name("observatory_scan.mjs")
    (cache / driver.name).write_text(driver.read_text("utf-8"), "utf-8")


def observatory_verdicts(cache: Path, server: Nginx, authority: Path) -> dict[str, Any]:
    """What the Observatory says of each site: {site: {test: {"result", "pass"}}}."""
    asked = [
        {"name": site.name, "host": HOST, "httpsPort": https, "httpPort": http}
        for site, https, http in _ports(server)
    ]
    told = subprocess.run(
        ["node", str(cache / "observatory_scan.mjs")],
        input=json.dumps(asked),
        env={**os.environ, "NODE_EXTRA_CA_CERTS": str(authority)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=_SCAN_SECONDS,
    )
    verdicts: dict[str, Any] = json.loads(told.stdout)
    return verdicts


def our_verdicts(folder: Path, server: Nginx) -> dict[str, dict[str, Verdict]]:
    """What our checks say of each site under the default policy: {site: {check: verdict}}."""
    services = [
        {
            "id": _id(site),
            "name": site.name,
            "url": f"https://{HOST}:{https}/",
            "http_port": http,
        }
        for site, https, http in _ports(server)
    ]
    targets = folder / "targets.yaml"
    agency = {"id": "oracle", "name": "Oracle", "services": services}
    targets.write_text(yaml.safe_dump({"agencies": [agency]}), "utf-8")
    options = ScanOptions(families=("http", "cookie"), confirm_after=0.2)
    run = scan(load_targets(targets), options=options)
    told: dict[str, dict[str, Verdict]] = {}
    for finding in evaluate(run.evidence, load_policy("spbe")).findings:
        told.setdefault(finding.service, {})[finding.check] = finding.verdict
    return {site.name: told[_id(site)] for site in SITES}


def compared(
    theirs: Mapping[str, Any], ours: Mapping[str, Mapping[str, Verdict]]
) -> tuple[Row, ...]:
    """Each test of the Observatory on each site, where we have a check that asks the same."""
    rows = []
    for site in SITES:
        for test, checks in SAME_QUESTION.items():
            verdicts = {
                check: ours[site.name][check] for check in checks if check in ours[site.name]
            }
            told = theirs[site.name][test]
            known = site.differs.get(test, "")
            if verdicts:
                rows.append(
                    Row(site.name, test, str(told["result"]), bool(told["pass"]), verdicts, known)
                )
    return tuple(rows)


def table(rows: Sequence[Row]) -> str:
    """The rows that differ or are not as documented, and the counts per test."""
    lines = [f"{'site':26} {'Observatory':62} ours"]
    for row in rows:
        if row.agrees and row.expected:
            continue
        said = f"{'pass' if row.passes else 'FAIL'} {row.result}"
        verdicts = ", ".join(f"{check} {told.value}" for check, told in row.ours.items())
        lines.append(f"{row.site:26} {said:62} {verdicts}")
        note = f"as documented: {row.known}" if row.expected else "NOT AS DOCUMENTED"
        lines.append(f"{'':26} {note}")
    head = f"{'test':32} {'both pass':>10} {'both fail':>10} {'differ':>7}"
    counts = [_counted(test, [row for row in rows if row.test == test]) for test in SAME_QUESTION]
    return "\n".join([*lines, "", head, *counts, _counted("all", rows), ""])


def _counted(name: str, rows: Sequence[Row]) -> str:
    agreed = [row.passes for row in rows if row.agrees]
    differ = len(rows) - len(agreed)
    return f"{name:32} {agreed.count(True):>10} {agreed.count(False):>10} {differ:>7}"


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "spbe-audit" / f"observatory-{VERSION}"


@contextmanager
def _served(folder: Path) -> Iterator[tuple[Nginx, Path]]:
    """All sites in one nginx, and the file of the CA that the trusted ones stand under."""
    authority = make_authority()
    file = folder / "authority.pem"
    file.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    make_leaf(None, (HOST,)).write(folder, "untrusted")
    text = "\n".join(_site_text(site, number) for number, site in enumerate(SITES))
    with nginx(folder, text, ports=2 * len(SITES), identity=_leaf(authority)) as server:
        yield server, file


def _leaf(authority: Identity) -> Identity:
    return make_leaf(authority, (HOST, "localhost"))


def _site_text(site: Site, number: int) -> str:
    """The two servers of a site: https on an even port, plain http on the next."""
    https, http = f"PORT_{2 * number}", f"PORT_{2 * number + 1}"
    pair = ("CERTIFICATE", "KEY")
    certificate, key = (
        pair if site.trusted else ("DIRECTORY/untrusted.pem", "DIRECTORY/untrusted.key")
    )
    headers = "\n".join(
        f'add_header {name} "{_quoted(value)}" always;' for name, value in site.sent
    )
    return f"""
server {{
  listen {HOST}:{https} ssl; server_tokens off;
  ssl_certificate {certificate}; ssl_certificate_key {key};
  default_type "text/html; charset=utf-8";
  {headers}
  location / {{ return 200 '{site.page}'; }}
}}
server {{
  listen {HOST}:{http}; server_tokens off; default_type text/html;
  location / {{ {site.plain.replace("HTTPS", https)} }}
}}
"""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _ports(server: Nginx) -> Iterator[tuple[Site, int, int]]:
    for number, site in enumerate(SITES):
        yield site, server.ports[2 * number], server.ports[2 * number + 1]


def _id(site: Site) -> str:
    return site.name.replace(" ", "-")


if __name__ == "__main__":
    sys.exit(main())
