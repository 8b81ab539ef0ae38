"""What an engine brings back from asking the ports of one address."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from spbe_audit.evidence import Tool

AT_ONCE = 200
"""Ports that are tried side by side; the door's sweep budget says how many begin in a second."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The answers to the ports that were really asked; ``asked`` is empty when time ran out first.

    ``closed`` and ``filtered`` are counts. ``connections`` counts what was begun, also for ports
    whose answer was not waited for.
    """

    engine: str
    tool: Tool
    asked: tuple[int, ...]
    open: tuple[int, ...]
    closed: int
    filtered: int
    connections: int


def only_an_address(text: str) -> IPv4Address | IPv6Address:
    """The address that a text is, and nothing besides: no zone, no port, no blank.

    Raises ValueError.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError(f"an address with a zone cannot be swept: {text!r}")
    return address
