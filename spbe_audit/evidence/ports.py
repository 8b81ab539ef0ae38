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
    declares for this address, those of every service on it. ``previous_open`` are the ports that
    were open in the last finished run which asked this address, None when there was none, and
    ``previous_asked`` those that it asked, in range notation.
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
    previous_open: tuple[int, ...] | None = None
    previous_asked: str = ""

    def newly_open(self) -> tuple[int, ...]:
        """The ports that the earlier run asked and found not open, and that are open now."""
        earlier = set(self.previous_open or ())
        return tuple(
            one.port
            for one in self.open
            if one.port not in earlier and stands_in(one.port, self.previous_asked)
        )

    def seems_all_open(self, *, asked: int, share: float) -> bool:
        """Whether the address answers for any port, as tarpits and some firewalls do.

        Believed when more than ``share`` of at least ``asked`` ports were open.
        """
        return self.asked_count >= asked and len(self.open) > share * self.asked_count


def stands_in(port: int, ranges: str) -> bool:
    """Whether a port is among those of a range notation; what cannot be read holds none."""
    for part in ranges.split(","):
        first, _, last = part.strip().partition("-")
        ends = (first, last or first)
        if all(end.isdecimal() for end in ends) and int(ends[0]) <= port <= int(ends[1]):
            return True
    return False
