"""What each scanner says of one TLS server, in words that can be compared.

Everything is told as facts by name: "versions" and "suites TLS 1.2" as sets of names, yes-or-no
facts as booleans. A fact that a tool does not tell, or could not find out, is left out.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from spbe_audit.catalogue import load_check
from spbe_audit.check import Verdict
from spbe_audit.evidence import TlsEvidence, TlsVersion
from spbe_audit.network import Deadlines, Door
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity
from tests.oracles.tls_servers import NAME

Fact = bool | frozenset[str]
Facts = dict[str, Fact]

ATTACKS = ("POODLE", "BEAST", "FREAK", "LOGJAM", "DROWN", "LUCKY13", "SWEET32")
_CHECKS = {
    "compression off": "compression",
    "secure renegotiation": "secure_renegotiation",
    "client renegotiation refused": "client_renegotiation",
    "fallback refused": "fallback_scsv",
    "extended master secret": "extended_master_secret",
    "early data off": "early_data",
    "no Heartbleed": "heartbleed",
    "no CCS injection": "ccs_injection",
    "no ROBOT": "robot",
    "no Ticketbleed": "ticketbleed",
    "tolerance": "version_tolerance",
}
_TESTSSL_VERSIONS = {
    "SSLv2": TlsVersion.SSL_2_0,
    "SSLv3": TlsVersion.SSL_3_0,
    "TLS1": TlsVersion.TLS_1_0,
    "TLS1_1": TlsVersion.TLS_1_1,
    "TLS1_2": TlsVersion.TLS_1_2,
    "TLS1_3": TlsVersion.TLS_1_3,
}
_TESTSSL_FACTS: Mapping[str, tuple[str, Callable[[str], bool | None]]] = {
    "CRIME_TLS": ("compression off", lambda text: text.startswith("not vulnerable")),
    "secure_renego": ("secure renegotiation", lambda text: text.startswith("supported")),
    "secure_client_renego": (
        "client renegotiation refused",
        lambda text: text.startswith("not vulnerable"),
    ),
    "fallback_SCSV": (
        "fallback refused",
        lambda text: None if text.startswith("no ") else text.startswith("supported"),
    ),
    "heartbleed": ("no Heartbleed", lambda text: text.startswith("not vulnerable")),
    "CCS": ("no CCS injection", lambda text: text.startswith("not vulnerable")),
    "ROBOT": ("no ROBOT", lambda text: text.startswith("not vulnerable")),
    "ticketbleed": ("no Ticketbleed", lambda text: text.startswith(("not vulnerable", "no "))),
    "GREASE": ("tolerance", lambda text: text.startswith("No bugs")),
    "cipher_order": ("own order", lambda text: text == "server"),
    "POODLE_SSL": ("POODLE", lambda text: not text.startswith("not vulnerable")),
    "BEAST": ("BEAST", lambda text: not text.startswith("not vulnerable")),
    "FREAK": ("FREAK", lambda text: not text.startswith("not vulnerable")),
    "DROWN": ("DROWN", lambda text: not text.startswith("not vulnerable")),
    "LUCKY13": ("LUCKY13", lambda text: not text.startswith("not vulnerable")),
    "SWEET32": ("SWEET32", lambda text: not text.startswith("not vulnerable")),
}
_SSLYZE_FACTS: Mapping[str, tuple[tuple[str, Callable[[Any], bool | None]], ...]] = {
    "tls_compression": (("compression off", lambda r: not r["supports_compression"]),),
    "session_renegotiation": (
        ("secure renegotiation", lambda r: r["supports_secure_renegotiation"]),
        (
            "client renegotiation refused",
            lambda r: not r["is_vulnerable_to_client_renegotiation_dos"],
        ),
    ),
    "tls_fallback_scsv": (("fallback refused", lambda r: r["supports_fallback_scsv"]),),
    "tls_extended_master_secret": (
        ("extended master secret", lambda r: r["supports_ems_extension"]),
    ),
    "tls_1_3_early_data": (("early data off", lambda r: not r["supports_early_data"]),),
    "heartbleed": (("no Heartbleed", lambda r: not r["is_vulnerable_to_heartbleed"]),),
    "openssl_ccs_injection": (
        ("no CCS injection", lambda r: not r["is_vulnerable_to_ccs_injection"]),
    ),
    "robot": (("no ROBOT", lambda r: r["robot_result"].startswith("NOT_VULNERABLE")),),
}
_TESTSSL_SUITE = re.compile(r"cipher-(\w+?)_x\w+")
_SAME_GROUP = {"prime256v1": "secp256r1", "prime192v1": "secp192r1", "X25519": "x25519"}
_SAME_GROUP |= {"X448": "x448"}
_TOOL_SECONDS = 600


def ours(port: int, _folder: Path) -> Facts:
    """What our own probe and checks say."""
    door = Door(deadlines=Deadlines(tls=120))
    visit = probe_tls(
        host=NAME, port=port, address="127.0.0.1", door=door, intensity=Intensity.THOROUGH
    )
    tls = asyncio.run(visit).result
    if not isinstance(tls, TlsEvidence):
        raise SystemExit(f"our own probe failed: {tls}")
    facts: Facts = {"versions": frozenset(version.value for version in tls.versions)}
    facts |= {f"suites {v.value}": frozenset(names) for v, names in tls.suites.items()}
    facts["groups"] = frozenset(tls.groups or ())
    if tls.server_preference is not None:
        facts["own order"] = tls.server_preference
    for name, check in _CHECKS.items():
        verdict = _verdict(check, tls)
        if verdict in {Verdict.PASS, Verdict.FAIL}:
            facts[name] = verdict is Verdict.PASS
    attacks = _attacks(tls)
    facts |= {attack: attack in attacks for attack in ATTACKS}
    strength = load_check("tls.key_exchange_strength").check
    problems = strength.run((tls,), strength.params_type()).facts.get("problems")
    facts["common prime"] = isinstance(problems, tuple) and "common_prime" in problems
    return facts


def sslyze(port: int, folder: Path) -> Facts:
    """What sslyze's own command says."""
    file = folder / "sslyze.json"
    scans = "sslv2 sslv3 tlsv1 tlsv1_1 tlsv1_2 tlsv1_3 elliptic_curves fallback compression reneg "
    scans += "early_data heartbleed openssl_ccs robot ems"
    command = [sys.executable, "-m", "sslyze", f"--json_out={file}", "--mozilla_config=disable"]
    _run([*command, *(f"--{scan}" for scan in scans.split()), f"127.0.0.1:{port}"])
    results = json.loads(file.read_text())["server_scan_results"][0]["scan_result"]
    facts: Facts = {}
    versions = set()
    for version in TlsVersion:
        name = version.value.lower().replace(" ", "_").replace(".", "_")
        found = results[f"{name}_cipher_suites"]["result"]["accepted_cipher_suites"]
        if found:
            versions.add(version.value)
            names = (suite["cipher_suite"]["name"] for suite in found)
            facts[f"suites {version.value}"] = frozenset(names)
    facts["versions"] = frozenset(versions)
    curves = results["elliptic_curves"]["result"]
    facts["groups"] = _groups(curve["name"] for curve in curves["supported_curves"] or ())
    for scan, questions in _SSLYZE_FACTS.items():
        result = results[scan]["result"]
        for name, read in questions if result else ():
            _note(facts, name, read(result))
    return facts


def nmap(port: int, folder: Path) -> Facts:
    """What nmap's scripts say."""
    file = folder / "nmap.xml"
    scripts = "ssl-enum-ciphers,ssl-heartbleed,ssl-ccs-injection"
    _run(["nmap", "-Pn", "-n", "-p", str(port), "--script", scripts, "-oX", str(file), "127.0.0.1"])
    tree = ET.parse(file)  # noqa: S314 - written by the program that was just run
    facts: Facts = {}
    versions, orders, compressors = set(), set(), set()
    listed = tree.find(".//script[@id='ssl-enum-ciphers']")
    for table in listed if listed is not None else ():
        version = str(table.get("key")).replace("SSLv3", "SSL 3.0").replace("TLSv", "TLS ")
        if table.tag != "table":
            continue
        versions.add(version)
        names = [
            e.text or "" for e in table.iterfind("table[@key='ciphers']/table/elem[@key='name']")
        ]
        facts[f"suites {version}"] = frozenset(n.replace("TLS_AKE_WITH_", "TLS_") for n in names)
        orders |= {e.text for e in table.iterfind("elem[@key='cipher preference']")}
        compressors |= {e.text for e in table.iterfind("table[@key='compressors']/elem")}
    facts["versions"] = frozenset(versions)
    if orders & {"server", "client"}:
        facts["own order"] = "server" in orders
    if compressors:
        facts["compression off"] = compressors == {"NULL"}
    for script, name in (("heartbleed", "no Heartbleed"), ("ccs-injection", "no CCS injection")):
        said = tree.find(f".//script[@id='ssl-{script}']")
        facts[name] = said is None or "VULNERABLE" not in str(said.get("output"))
    return facts


def testssl(port: int, folder: Path) -> Facts:
    """What testssl.sh says, without any look-up in the DNS."""
    file = folder / f"testssl-{port}.json"
    program = shutil.which("testssl.sh") or "testssl"
    command = [program, "--jsonfile", str(file), "--quiet", "--color", "0", "--warnings", "off"]
    command += ["--nodns", "none", "-p", "-E", "-P", "-f", "-U", "-S", "-g", f"127.0.0.1:{port}"]
    _run(command)
    facts: Facts = {}
    suites: dict[str, set[str]] = {}
    versions = set()
    for entry in json.loads(file.read_text()):
        name, text = entry["id"], entry["finding"]
        if name in _TESTSSL_VERSIONS and text.startswith("offered"):
            versions.add(_TESTSSL_VERSIONS[name].value)
        elif name in _TESTSSL_FACTS:
            fact, read = _TESTSSL_FACTS[name]
            _note(facts, fact, read(text))
        elif found := _TESTSSL_SUITE.fullmatch(name):
            version = _TESTSSL_VERSIONS[found[1].upper().replace("SSLV", "SSLv")]
            suites.setdefault(f"suites {version.value}", set()).add(text.split()[-1])
        elif name == "PFS_ECDHE_curves":
            facts["groups"] = _groups(text.split())
        elif name == "TLS_extensions":
            facts["extended master secret"] = "extended master secret" in text
        elif name == "LOGJAM-common_primes":
            facts["common prime"] = entry["severity"] == "HIGH"
        elif name == "LOGJAM":
            facts["LOGJAM"] = not text.startswith("not vulnerable") or bool(facts.get("LOGJAM"))
    facts["versions"] = frozenset(versions)
    return facts | {version: frozenset(names) for version, names in suites.items()}


TOOLS: Mapping[str, tuple[Callable[[int, Path], Facts], Callable[[], bool]]] = {
    "sslyze": (sslyze, lambda: True),
    "nmap": (nmap, lambda: shutil.which("nmap") is not None),
    "testssl.sh": (
        testssl,
        lambda: bool(shutil.which("testssl.sh") or shutil.which("testssl")),
    ),
}
"""The scanners of others, and whether each is installed."""


def _verdict(check: str, tls: TlsEvidence) -> Verdict:
    entry = load_check(f"tls.{check}").check
    return entry.run((tls,), entry.params_type()).verdict


def _attacks(tls: TlsEvidence) -> tuple[str, ...]:
    entry = load_check("tls.known_attacks").check
    named = entry.run((tls,), entry.params_type()).facts.get("attacks", ())
    return tuple(str(name) for name in named) if isinstance(named, tuple) else ()


def _groups(names: Iterable[str]) -> frozenset[str]:
    return frozenset(_SAME_GROUP.get(name, name) for name in names)


def _note(facts: Facts, name: str, value: bool | None) -> None:  # noqa: FBT001 - it is the fact itself
    if value is not None:
        facts[name] = value


def _run(command: list[str]) -> None:
    quiet = subprocess.DEVNULL
    subprocess.run(
        command, stdin=quiet, stdout=quiet, stderr=quiet, timeout=_TOOL_SECONDS, check=False
    )
