"""How each TLS scanner is run as a whole command, and which suites it says are accepted.

Every scanner is asked for the same facts, as far as it knows them: versions, suites, groups,
certificate, renegotiation, compression, fallback, early data, extended master secret. nmap's script
tells only versions, suites, compression and order.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.delay_link import SERVER_NETWORK
from spbe_audit.evidence import TlsEvidence, TlsVersion
from spbe_audit.store import Store

Suites = frozenset[tuple[str, str]]
"""Accepted suites as (version, IANA name)."""

Found = Mapping[str, Suites]
"""What a scanner found, by address."""

_SSLYZE_SCANS = (
    "sslv2 sslv3 tlsv1 tlsv1_1 tlsv1_2 tlsv1_3 certinfo elliptic_curves reneg compression fallback"
    " early_data ems"
)
_TESTSSL_CHECKS = ("-p", "-E", "-S", "-f", "-R", "-C", "-Z")
_TESTSSL_SUITE = re.compile(r"cipher-(\w+?)_x\w+", re.ASCII)
_AS_WRITTEN = {
    "SSLv2": TlsVersion.SSL_2_0,
    "SSLv3": TlsVersion.SSL_3_0,
    "TLSv1": TlsVersion.TLS_1_0,
    "TLSv1.0": TlsVersion.TLS_1_0,
    "TLSv1.1": TlsVersion.TLS_1_1,
    "TLSv1.2": TlsVersion.TLS_1_2,
    "TLSv1.3": TlsVersion.TLS_1_3,
    "ssl2": TlsVersion.SSL_2_0,
    "ssl3": TlsVersion.SSL_3_0,
    "tls1": TlsVersion.TLS_1_0,
    "tls1_1": TlsVersion.TLS_1_1,
    "tls1_2": TlsVersion.TLS_1_2,
    "tls1_3": TlsVersion.TLS_1_3,
}


@dataclass(frozen=True, slots=True)
class Work:
    """What one run of a scanner has to do, and the empty folder that it may write to.

    ``letter`` says whether the endpoints lie outside loopback, where ours wants an engagement.
    """

    addresses: tuple[str, ...]
    port: int
    folder: Path
    letter: bool = False

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints as address:port."""
        return tuple(f"{address}:{self.port}" for address in self.addresses)

    def list(self, prefix: str = "") -> str:
        """The path of a file with one endpoint a line."""
        path = self.folder / "endpoints.txt"
        path.write_text("".join(f"{prefix}{endpoint}\n" for endpoint in self.endpoints))
        return str(path)


@dataclass(frozen=True, slots=True)
class Tool:
    """A scanner.

    ``start`` does nothing but start and end; ``command`` is the whole command; ``found`` reads what
    it wrote. ``at_once`` says how many connections it opens to one server at the same time.
    ``most`` and ``most_delayed`` are how many endpoints it can be given without taking hours;
    ``once`` that one round has to do; ``whole`` that it looks for every suite, and is no second way
    to run a scanner that does.
    """

    label: str
    at_once: str
    version: Callable[[], str]
    start: Callable[[Work], list[str]]
    command: Callable[[Work], list[str]]
    found: Callable[[Work], Found]
    most: int = 100_000
    most_delayed: int = 100_000
    once: bool = False
    whole: bool = True
    ours: bool = False


def _our_command(work: Work, intensity: str) -> list[str]:
    return [*_our_look(work), "--file", work.list(), "--intensity", intensity]


def _our_start(work: Work) -> list[str]:
    """All but the looking: an address of documentation (RFC 5737) is refused as out of scope."""
    return [*_our_look(work), "192.0.2.1:443"]


def _our_look(work: Work) -> list[str]:
    command = [*_SPBE_AUDIT, "tls", "--json"]
    return [*command, "--targets", _our_targets(work)] if work.letter else command


def _our_scan(work: Work) -> list[str]:
    asked = ["--only", "tls", "--only", "certificate", "--intensity", "standard"]
    targets = _our_targets(work) if work.letter else work.list("https://")
    kept = ["--output", str(work.folder / "report"), "--store", str(work.folder / "evidence.db")]
    return [*_SPBE_AUDIT, "scan", targets, *asked, *kept, "--quiet"]


def _our_targets(work: Work) -> str:
    """The path of a target list under an engagement whose scope are the endpoints' addresses."""
    today = datetime.now(UTC).date()
    services = "".join(
        f"      - {{id: s{number}, name: s{number}, url: 'https://{endpoint}/'}}\n"
        for number, endpoint in enumerate(work.endpoints)
    )
    path = work.folder / "targets.yaml"
    path.write_text(
        "engagement:\n  letter: BENCHMARK\n  issued_by: benchmark\n  contact: a@example.id\n"
        f"  valid: {{from: {today - timedelta(days=1)}, until: {today + timedelta(days=1)}}}\n"
        f"  scope: [{SERVER_NETWORK}]\n"
        f"agencies:\n  - id: a\n    name: a\n    services:\n{services}"
    )
    return str(path)


def _our_found(work: Work) -> Found:
    lines = (work.folder / "output.txt").read_text("utf-8").splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    results = [one["result"] for one in told]
    return {one["address"]: _pairs(one["suites"]) for one in results if one.get("suites")}


def _our_scan_found(work: Work) -> Found:
    with Store.open(work.folder / "evidence.db") as store:
        evidence = [
            recorded.attempt.result
            for service in store.run().evidence()
            for attempts in service.attempts.values()
            for recorded in attempts
        ]
    seen = (tls for tls in evidence if isinstance(tls, TlsEvidence))
    return {tls.address: _pairs(tls.suites) for tls in seen}


def _pairs(suites: Mapping[Any, Iterable[str]]) -> Suites:
    return frozenset((str(version), name) for version, names in suites.items() for name in names)


def _sslyze_arguments(work: Work) -> list[str]:
    asked = [f"--{scan}" for scan in _SSLYZE_SCANS.split()]
    output = str(work.folder / "sslyze.json")
    listed = ["--targets_in", work.list()]
    return [*asked, "--mozilla_config", "disable", "--json_out", output, *listed]


def _sslyze_found(work: Work) -> Found:
    results = json.loads((work.folder / "sslyze.json").read_text("utf-8"))["server_scan_results"]
    found = {}
    for told in results:
        if told["scan_result"]:
            suites = {
                version: _sslyze_suites(told["scan_result"], version) for version in TlsVersion
            }
            found[told["server_location"]["ip_address"]] = _pairs(suites)
    return found


def _sslyze_suites(scans: Mapping[str, Any], version: TlsVersion) -> list[str]:
    name = version.value.lower().replace(" ", "_").replace(".", "_")
    result = scans[f"{name}_cipher_suites"]["result"] or {}
    return [one["cipher_suite"]["name"] for one in result.get("accepted_cipher_suites", ())]


def _nmap_command(work: Work) -> list[str]:
    listed = work.folder / "addresses.txt"
    listed.write_text("".join(f"{address}\n" for address in work.addresses))
    asked = ["-Pn", "-n", "-sT", "-p", str(work.port), "--script", "ssl-enum-ciphers"]
    return ["nmap", *asked, "-oX", str(work.folder / "nmap.xml"), "-iL", str(listed)]


def _nmap_found(work: Work) -> Found:
    tree = ET.parse(work.folder / "nmap.xml")  # noqa: S314 - written by the program just run
    found = {}
    for host in tree.iterfind("host"):
        address = host.find("address")
        tables = host.findall(".//script[@id='ssl-enum-ciphers']/table")
        names = "table[@key='ciphers']/table/elem[@key='name']"
        if address is not None and tables:
            found[address.attrib["addr"]] = frozenset(
                (_version(table.attrib["key"]), (e.text or "").replace("TLS_AKE_WITH_", "TLS_"))
                for table in tables
                for e in table.iterfind(names)
            )
    return found


def _sslscan_command(work: Work) -> list[str]:
    output = f"--xml={work.folder / 'sslscan.xml'}"
    return ["sslscan", "--no-colour", "--no-heartbleed", output, f"--targets={work.list()}"]


def _sslscan_found(work: Work) -> Found:
    tree = ET.parse(work.folder / "sslscan.xml")  # noqa: S314 - written by the program just run
    return {
        test.attrib["host"]: frozenset(
            (_version(one.attrib["sslversion"]), _name(one.attrib["id"]))
            for one in test.iterfind("cipher")
        )
        for test in tree.iterfind("ssltest")
    }


def _testssl_command(work: Work) -> list[str]:
    output = ["--jsonfile", str(work.folder / "testssl.json"), "--quiet", "--color", "0"]
    silent = ["--warnings", "off", "--nodns", "none"]
    return [_testssl(), *output, *silent, *_TESTSSL_CHECKS, work.endpoints[0]]


def _testssl_found(work: Work) -> Found:
    suites = set()
    for entry in json.loads((work.folder / "testssl.json").read_text("utf-8")):
        if listed := _TESTSSL_SUITE.fullmatch(entry["id"]):
            suites.add((_version(listed[1]), entry["finding"].split()[-1]))
    return {work.addresses[0]: frozenset(suites)}


def _testssl() -> str:
    return shutil.which("testssl.sh") or "testssl"


def _version(written: str) -> str:
    known = _AS_WRITTEN.get(written)
    return known.value if known else written


def _name(code: str) -> str:
    """The IANA name of a suite that sslscan gives as 0xC02F; the code where OpenSSL has no name."""
    return _names_by_code().get(code.upper().removeprefix("0X").zfill(4), code)


@cache
def _names_by_code() -> Mapping[str, str]:
    listed = _told("openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    rows = (line.split() for line in listed.splitlines())
    return {row[0].replace("0x", "").replace(",", ""): row[2] for row in rows}


def _told(*command: str) -> str:
    """What a command prints; '' where it fails or does not exist."""
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(  # noqa: S603 - the words are this module's own
        command, capture_output=True, check=False, stdin=subprocess.DEVNULL
    )
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def _number(text: str) -> str:
    """The first thing in a text that looks like a version; '' where nothing does."""
    found = re.search(r"\d+(?:\.\d+)+", re.sub(r"\x1b\[[\d;]*m", "", text))
    return found[0] if found else ""


_SPBE_AUDIT = (sys.executable, "-m", "spbe_audit")
_SSLYZE = (sys.executable, "-m", "sslyze")
_SSLYZE_AT = Path(__file__).with_name("sslyze_at.py")
_SSLYZE_MORE = (sys.executable, "-P", str(_SSLYZE_AT), "10", "20")


def _our_version() -> str:
    return _number(_told(*_SPBE_AUDIT, "--version"))


def _sslyze_version() -> str:
    return _number(_told(*_SSLYZE, "--help")) if importlib.util.find_spec("sslyze") else ""


TOOLS: Mapping[str, Tool] = {
    "ours": Tool(
        label="spbe-audit",
        at_once="20 on loopback; elsewhere 10, and 50 new ones a second",
        version=_our_version,
        start=_our_start,
        command=lambda work: _our_command(work, "standard"),
        found=_our_found,
        ours=True,
    ),
    "ours-light": Tool(
        label="spbe-audit light",
        at_once="as above",
        version=_our_version,
        start=_our_start,
        command=lambda work: _our_command(work, "light"),
        found=_our_found,
        whole=False,
        ours=True,
    ),
    "ours-scan": Tool(
        label="spbe-audit scan",
        at_once="as above",
        version=_our_version,
        start=lambda _: [*_SPBE_AUDIT, "scan", "--help"],
        command=_our_scan,
        found=_our_scan_found,
        whole=False,
        ours=True,
    ),
    "sslyze": Tool(
        label="sslyze",
        at_once="5 (10 servers at once), its default",
        version=_sslyze_version,
        start=lambda _: [*_SSLYZE, "--help"],
        command=lambda work: [*_SSLYZE, *_sslyze_arguments(work)],
        found=_sslyze_found,
    ),
    "sslyze-10": Tool(
        label="sslyze, 10 at once",
        at_once="10 (20 servers at once), set through its API",
        version=_sslyze_version,
        start=lambda _: [*_SSLYZE, "--help"],
        command=lambda work: [*_SSLYZE_MORE, *_sslyze_arguments(work)],
        found=_sslyze_found,
    ),
    "nmap": Tool(
        label="nmap ssl-enum-ciphers",
        at_once="a few; about 12 over all servers",
        version=lambda: _number(_told("nmap", "--version")),
        start=lambda _: ["nmap", "--help"],
        command=_nmap_command,
        found=_nmap_found,
    ),
    "sslscan": Tool(
        label="sslscan",
        at_once="1",
        version=lambda: _number(_told("sslscan", "--version")),
        start=lambda _: ["sslscan", "--help"],
        command=_sslscan_command,
        found=_sslscan_found,
        most_delayed=1,
    ),
    "testssl": Tool(
        label="testssl.sh",
        at_once="1",
        version=lambda: _number(_told(_testssl(), "--version").partition("testssl")[2]),
        start=lambda _: [_testssl(), "--help"],
        command=_testssl_command,
        found=_testssl_found,
        most=1,
        most_delayed=1,
        once=True,
    ),
}
"""Every scanner, by the word that chooses it on the command line. The first is what the others
are compared with."""
