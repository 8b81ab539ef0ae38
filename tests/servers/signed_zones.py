"""Zones that BIND's own tools sign, with every fault that a signed zone can have."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

ALGORITHM = "ECDSAP256SHA256"


@dataclass(frozen=True, slots=True)
class SignedZone:
    """A signed zone. ``ds`` are its DS records, in presentation form without the owner."""

    name: str
    text: str
    ds: tuple[str, ...]

    def delegation(self) -> str:
        """The DS records as lines of the parent's zone file."""
        return "".join(f"{_absolute(self.name)} DS {ds}\n" for ds in self.ds)


def sign_zone(
    name: str,
    text: str,
    directory: Path,
    *,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=30),
    nsec3: Iterable[str] = (),
    algorithm: str = ALGORITHM,
) -> SignedZone:
    """Sign a zone with a key of its own; ``begins`` and ``ends`` count from now.

    ``nsec3`` are options of dnssec-signzone for NSEC3: "-3 SALT", "-A" for opt-out.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = ["dnssec-keygen", "-q", "-a", algorithm, "-K", str(directory)]
    made += ["-b", "2048"] if algorithm.startswith(("RSA", "NSEC3RSA")) else []
    made += ["-3"] if nsec3 and "SHA1" in algorithm else []
    for role in (["-f", "KSK"], []):
        _run([*made, *role, _absolute(name)], directory)
    (directory / "plain").write_text(text)
    now = datetime.now(UTC)
    window = ["-s", _stamp(now + begins), "-e", _stamp(now + ends)]
    command = ["dnssec-signzone", "-q", "-S", "-P", "-K", str(directory), "-o", _absolute(name)]
    _run([*command, *window, *nsec3, "-f", "signed", "plain"], directory)
    (ksk,) = [key for key in directory.glob("K*.key") if " 257 " in key.read_text()]
    told = _run(["dnssec-dsfromkey", "-2", ksk.name], directory)
    records = tuple(re.findall(r"IN DS (.*)", told))
    return SignedZone(name, (directory / "signed").read_text(), records)


def _run(command: list[str], directory: Path) -> str:
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}"


def _absolute(name: str) -> str:
    return name if name.endswith(".") else f"{name}."
