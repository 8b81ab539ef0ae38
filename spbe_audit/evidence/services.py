"""What speaks on the open ports of an address, beside the web service itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from spbe_audit.evidence.tls import TlsEvidence


@dataclass(frozen=True, slots=True)
class SshOffer:
    """The algorithm lists of an SSH server's KEXINIT (RFC 4253, 7.1)."""

    key_exchange: tuple[str, ...]
    host_key: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    compression: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortService:
    """What one open port said.

    ``protocol`` is what it turned out to speak ("ssh", "http", "tls", "ftp", ...) or ''; ``banner``
    its first printable words; ``failure`` a FailureKind value when nothing was learned.
    """

    port: int
    protocol: str = ""
    banner: str = ""
    software: str = ""
    version: str = ""
    ssh: SshOffer | None = None
    tls: TlsEvidence | None = None
    anonymous_login: bool | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class ServicesEvidence:
    """The services of one address. ``left_out`` are open ports that were not asked, by budget."""

    address: str
    collected_at: datetime
    services: tuple[PortService, ...]
    left_out: tuple[int, ...] = ()
