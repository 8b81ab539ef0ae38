"""Which suites each scanner finds on one TLS server, as code points.

Every tool's names are read by a list that is not ours, so that a wrong name of ours shows: nmap's
by its own list, sslyze's by that as well; sslscan tells code points. Where a tool tells of a
version but of no suite, the version stands with no suites.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from spbe_audit.evidence import TlsEvidence, TlsVersion
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.codes.suites import SSL2_KINDS, SUITES
from spbe_audit.probes.tls.probe import probe_tls
from tests.servers.stacks.keys import NAME

Found = Mapping[TlsVersion, frozenset[int]]

_ADDRESS = "127.0.0.1"
_NMAP_LISTS = (
    Path("/usr/share/nmap/nselib/tls.lua"),
    Path("/usr/local/share/nmap/nselib/tls.lua"),
)
_NMAP_ENTRY = re.compile(
    r'^(?:\[")?((?:TLS|SSL)_[\w-]+)(?:"\])?\s*=\s*0x([0-9A-Fa-f]{4}),', re.MULTILINE
)
_NMAP_TLS_1_3 = re.compile(r"^TLS_AKE_WITH_")
# nmap's names for kinds of SSL 2.0 go without their beginning.
_SSL2_NAMES = {name: code for code, name in SSL2_KINDS.items()}
_SSL2_NAMES |= {name.replace("SSL_CK", "SSL2"): code for code, name in SSL2_KINDS.items()}
_NAMES: Mapping[int, str] = {**SSL2_KINDS, **SUITES}
_SECONDS = 300


def ours(port: int, _folder: Path) -> Found:
    """What our own probe finds at intensity standard."""
    door = Door(deadlines=Deadlines(tls=120))
    tls = asyncio.run(probe_tls(host=NAME, port=port, address=_ADDRESS, door=door)).result
    if not isinstance(tls, TlsEvidence):
        sys.stderr.write(f"our own probe failed: {tls}\n")
        return {}
    for fact, reason in tls.unknown.items():
        sys.stderr.write(f"our own probe could not establish {fact}: {reason}\n")
    codes = {name: code for code, name in _NAMES.items()}
    suites = {version: tls.suites.get(version, ()) for version in tls.versions}
    return {version: frozenset(codes[n] for n in names) for version, names in suites.items()}


def sslyze(port: int, folder: Path) -> Found:
    """What sslyze's own command finds."""
    file = folder / "sslyze.json"
    scans = ("sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3")
    options = [f"--json_out={file}", "--mozilla_config=disable", *(f"--{scan}" for scan in scans)]
    _run([sys.executable, "-m", "sslyze", *options, f"{NAME}:{port}{{{_ADDRESS}}}"])
    server = json.loads(file.read_text())["server_scan_results"][0]
    found = {}
    for version in TlsVersion if server["scan_result"] else ():
        name = version.value.lower().replace(" ", "_").replace(".", "_")
        told = server["scan_result"][f"{name}_cipher_suites"]
        if told["status"] != "COMPLETED":
            sys.stderr.write(f"sslyze, {version}: {told['error_reason']}\n")
            continue
        accepted = told["result"]["accepted_cipher_suites"]
        if accepted:
            found[version] = frozenset(_code(suite["cipher_suite"]["name"]) for suite in accepted)
    return found


def nmap(port: int, folder: Path) -> Found:
    """What nmap's scripts ssl-enum-ciphers and sslv2 find."""
    file = folder / "nmap.xml"
    scripts = ["--script", "ssl-enum-ciphers,+sslv2", "--script-args", f"tls.servername={NAME}"]
    _run(["nmap", "-Pn", "-n", "-p", str(port), *scripts, "-oX", str(file), _ADDRESS])
    tree = ET.parse(file)  # noqa: S314 - written by the program that was just run
    found = {}
    for table in tree.iterfind(".//script[@id='ssl-enum-ciphers']/table"):
        version = TlsVersion(_spaced(str(table.get("key"))))
        names = table.iterfind("table[@key='ciphers']/table/elem[@key='name']")
        found[version] = frozenset(_code(element.text or "") for element in names)
    told = tree.find(".//script[@id='sslv2']")
    if told is not None:
        names = told.iterfind(".//table[@key='ciphers']/elem")
        found[TlsVersion.SSL_2_0] = frozenset(_code(element.text or "") for element in names)
    return found


def sslscan(port: int, folder: Path) -> Found:
    """What sslscan finds."""
    file = folder / "sslscan.xml"
    left_out = "check-certificate compression fallback groups heartbleed renegotiation"
    options = [
        f"--xml={file}",
        f"--sni-name={NAME}",
        *(f"--no-{what}" for what in left_out.split()),
    ]
    _run(["sslscan", *options, f"{_ADDRESS}:{port}"])
    tree = ET.parse(file)  # noqa: S314 - written by the program that was just run
    found: dict[TlsVersion, frozenset[int]] = {}
    for element in tree.iterfind(".//protocol[@enabled='1']"):
        version = f"{element.get('type', '').upper()} {element.get('version')}"
        found[TlsVersion(version if "." in version else f"{version}.0")] = frozenset()
    for element in tree.iterfind(".//cipher"):
        version = TlsVersion(_spaced(element.get("sslversion", "")))
        code = int(element.get("id", ""), 16)
        found[version] = found.get(version, frozenset()) | {code}
    return found


TOOLS: Mapping[str, tuple[Callable[[int, Path], Found], Callable[[], str]]] = {
    "sslyze": (sslyze, lambda: ""),
    "nmap": (nmap, lambda: "" if shutil.which("nmap") else "apt install nmap"),
    "sslscan": (sslscan, lambda: "" if shutil.which("sslscan") else "apt install sslscan"),
}
"""The scanners of others, and what to do where one is not installed."""


def suite_name(code: int) -> str:
    """The name of a code point, by our own list."""
    return _NAMES.get(code, f"0x{code:04X}")


def _spaced(name: str) -> str:
    """TLSv1.2 as TLS 1.2, SSLv3 as SSL 3.0."""
    kind, _, number = name.partition("v")
    return f"{kind} {number if '.' in number else number + '.0'}"


def _code(name: str) -> int:
    plain = _NMAP_TLS_1_3.sub("TLS_", name)
    code = _SSL2_NAMES.get(name) or _nmap_codes().get(name) or _nmap_codes().get(plain)
    if code is None:
        raise SystemExit(f"no code point is known for {name}")
    return code


@cache
def _nmap_codes() -> Mapping[str, int]:
    for file in _NMAP_LISTS:
        if file.exists():
            entries = _NMAP_ENTRY.findall(file.read_text("utf-8", "replace"))
            codes = {name: int(code, 16) for name, code in entries}
            return codes | {_NMAP_TLS_1_3.sub("TLS_", name): code for name, code in codes.items()}
    raise SystemExit("nmap's list of suites is not installed: apt install nmap")


def _run(command: list[str]) -> None:
    quiet = subprocess.DEVNULL
    subprocess.run(command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=_SECONDS, check=False)
