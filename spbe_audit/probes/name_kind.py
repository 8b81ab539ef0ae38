"""Tells which hosts the public DNS may be asked about."""

from __future__ import annotations

from spbe_audit.evidence import NameKind
from spbe_audit.scope import literal_address

_SPECIAL_USE = frozenset(
    {"localhost", "test", "invalid", "example", "local", "internal", "onion", "alt", "home.arpa"}
)
"""RFC 6761, 6762, 7686, 8375, 9476, and .internal, which ICANN reserved for private use."""


def name_kind(host: str) -> NameKind:
    """What kind of host this is; a name without a dot is known in the local network only."""
    name = host.rstrip(".").lower()
    if literal_address(name) is not None:
        return NameKind.ADDRESS
    special = "." not in name or any(
        name == suffix or name.endswith(f".{suffix}") for suffix in _SPECIAL_USE
    )
    return NameKind.SPECIAL_USE if special else NameKind.DOMAIN
