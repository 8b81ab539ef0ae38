"""Which TCP ports of an address are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class OpenPort:
    """A port that accepted a connection. ``service`` is what its number stands for, or ''."""

    port: int
    service: str = ""
    banner: str = ""


@dataclass(frozen=True, slots=True)
class PortsEvidence:
    """The open ports of one address among those that were asked.

    ``asked`` is in range notation ("22,80,8000-8010"); ``asked_count`` says how many that is.
    ``closed`` and ``filtered`` are counts. ``declared`` are the ports that the target list
    declares for this address, those of every service on it.
    """

    address: str
    collected_at: datetime
    engine: str
    asked: str
    asked_count: int
    open: tuple[OpenPort, ...]
    closed: int
    filtered: int
    declared: tuple[int, ...]

    def seems_all_open(self, *, asked: int, share: float) -> bool:
        """Whether the address answers for any port, as tarpits and some firewalls do.

        Believed when more than ``share`` of at least ``asked`` ports were open.
        """
        return self.asked_count >= asked and len(self.open) > share * self.asked_count
