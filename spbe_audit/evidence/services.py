"""What speaks on the open ports of an address, beside the web service itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from spbe_audit.evidence.ports import PortsEvidence
from spbe_audit.evidence.tls import TlsEvidence

HTTP_PROGRAM_PORTS = frozenset(
    {
        *(631, 2082, 2083, 2086, 2087, 2095, 2096, 2222, 2375, 2376, 2379, 4646, 4848, 5601, 5800),
        *(5984, 5985, 5986, 6443, 6984, 7001, 7002, 7080, 7474, 8086, 8161, 8200, 8500, 8501),
        *(8529, 8983, 9200, 9990, 10000, 10250, 10255, 15672, 16992, 16993, 20000, 28017, 50000),
    }
)
"""Ports other than those of web sites whose usual program is spoken to in HTTP."""

_PROTOCOL_NAMES: Mapping[str, str] = {
    "memcached": "Memcached",
    "mongodb": "MongoDB",
    "mysql": "MySQL",
    "postgresql": "PostgreSQL",
    "redis": "Redis",
    "rsync": "rsync",
    "telnet": "Telnet",
    "xmpp-server": "XMPP (server)",
}
"""Those that are not written in capitals."""


@dataclass(frozen=True, slots=True)
class SshOffer:
    """The algorithm lists of an SSH server's KEXINIT (RFC 4253, 7.1), both directions together."""

    key_exchange: tuple[str, ...]
    host_key: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compression: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortService:
    """What one open port said.

    ``protocol`` is what it turned out to speak ("ssh", "http", "tls", "ftp", ...) or ''; ``banner``
    its first printable words; ``software`` and ``version`` what it calls itself. ``starttls`` says
    whether a protocol that begins without TLS (mail, FTP, LDAP, XMPP, PostgreSQL, MySQL) offers to
    go over to it, ``clear_login`` whether mail or FTP offers a login before that;
    ``anonymous_login`` whether FTP lets anybody in, which is never tried. ``tls`` is what is
    offered from the first byte, or after going over. ``failure`` is a FailureKind value when
    nothing was learned, or nothing of the TLS that is spoken.
    """

    port: int
    protocol: str = ""
    banner: str = ""
    software: str = ""
    version: str = ""
    ssh: SshOffer | None = None
    tls: TlsEvidence | None = None
    starttls: bool | None = None
    clear_login: bool | None = None
    anonymous_login: bool | None = None
    failure: str | None = None

    @property
    def program(self) -> str:
        """The name of what answers: the software behind HTTP and TLS, or else the protocol."""
        if self.protocol in {"http", "tls"} and self.software:
            return self.software
        return _PROTOCOL_NAMES.get(self.protocol, self.protocol.upper())

    @property
    def has_tls(self) -> bool:
        """Whether TLS is spoken, from the first byte or after going over to it."""
        return self.protocol == "tls" or self.starttls is True

    def is_one_of(self, programs: Collection[str]) -> bool:
        """Whether its protocol or its software is among some, which are written in lower case."""
        return self.protocol in programs or self.software.lower() in programs


@dataclass(frozen=True, slots=True)
class ServicesEvidence:
    """The services of one address. ``left_out`` are open ports that were not asked, by budget."""

    address: str
    collected_at: datetime
    services: tuple[PortService, ...]
    left_out: tuple[int, ...] = ()

    def on(self, port: int) -> PortService | None:
        """What one port said; None where it was not asked."""
        return next((one for one in self.services if one.port == port), None)


@dataclass(frozen=True, slots=True)
class FoundProgram:
    """An open port and the program that is taken to answer there.

    ``told`` is what the port said of itself, None where its number alone speaks.
    """

    port: int
    name: str
    told: PortService | None = None

    def as_fact(self) -> Mapping[str, int | str | None]:
        """The port, the program and its first words, for a sentence."""
        banner = self.told.banner if self.told else ""
        return {"port": self.port, "service": self.name, "banner": banner or None}


def find_programs(
    ports: PortsEvidence,
    services: ServicesEvidence,
    *,
    numbers: Mapping[int, str],
    programs: Collection[str],
) -> tuple[FoundProgram, ...]:
    """The open ports where one of some programs answers, by their number or by what they said.

    The number decides where a port said nothing that tells, or was not asked; a port that speaks
    something else than its number stands for is judged by what it speaks.
    """
    found = (_program_on(one.port, services.on(one.port), numbers, programs) for one in ports.open)
    return tuple(program for program in found if program)


def _program_on(
    port: int, told: PortService | None, numbers: Mapping[int, str], programs: Collection[str]
) -> FoundProgram | None:
    by_number = numbers.get(port)
    if told is None or not told.protocol:
        return FoundProgram(port, by_number) if by_number else None
    if told.is_one_of(programs):
        return FoundProgram(port, told.program, told)
    return FoundProgram(port, by_number, told) if by_number and _may_be(port, told) else None


def _may_be(port: int, told: PortService) -> bool:
    """Whether what a port said leaves its number standing: TLS always does, HTTP on some."""
    return told.protocol == "tls" or (told.protocol == "http" and port in HTTP_PROGRAM_PORTS)
