"""The scope rule: which names and addresses an engagement lets us touch.

A host name is in scope when a name pattern matches it, or when it is a literal address inside a
listed network. Where networks are listed, every address connected to must be inside one of them;
where only names are listed, what they resolve to is in scope except private, loopback and
link-local addresses. An engagement binds everything, loopback too; with none, only loopback.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from spbe_audit.errors import Refusal
from spbe_audit.targets import Engagement

IpAddress = IPv4Address | IPv6Address


@lru_cache(maxsize=4096)
def literal_address(host: str) -> IpAddress | None:
    """The address that a host is written as; None for a name. IPv4-mapped IPv6 is unwrapped."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def name_matches(pattern: str, host: str) -> bool:
    """Whether a scope pattern covers a host name; "*." covers every depth below, not the apex."""
    host = host.rstrip(".").lower()
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def refuse_window(engagement: Engagement | None, now: datetime) -> Refusal | None:
    """Why scanning is not allowed at this moment, or None."""
    if engagement is None or engagement.valid_from <= now <= engagement.valid_until:
        return None
    begin, end, today = (
        moment.isoformat(timespec="seconds")
        for moment in (engagement.valid_from, engagement.valid_until, now)
    )
    return Refusal(
        subject=f"engagement {engagement.letter}",
        reason=f"it is valid from {begin} until {end}, and now is {today}",
        advice="Ask for an engagement that covers today, and set engagement.valid accordingly",
    )


def refuse_host(engagement: Engagement | None, host: str) -> Refusal | None:
    """Why a host, as written in a URL, may not be contacted, or None."""
    address = literal_address(host)
    if address is not None:
        return refuse_address(engagement, host, address)
    if engagement is None:
        return None
    if any(name_matches(pattern, host) for pattern in engagement.names):
        return None
    return Refusal(
        subject=host,
        reason=f"no name in the scope of {engagement.letter} matches it",
        advice=f'If the letter covers it, add "{host}" to engagement.scope',
    )


def refuse_address(engagement: Engagement | None, host: str, address: IpAddress) -> Refusal | None:
    """Why an address that ``host`` leads to may not be connected to, or None."""
    problem = _address_problem(engagement, host, address)
    if problem is None:
        return None
    reason, advice = problem
    subject = host if literal_address(host) == address else f"{host} ({address})"
    return Refusal(subject=subject, reason=reason, advice=advice)


def _address_problem(
    engagement: Engagement | None, host: str, address: IpAddress
) -> tuple[str, str] | None:
    if engagement is None:
        return None if address.is_loopback else _NO_ENGAGEMENT
    advice = f'If the letter covers it, add "{address}" to engagement.scope'
    if engagement.networks:
        if any(address in network for network in engagement.networks):
            return None
        return f"its address is in no network of the scope of {engagement.letter}", advice
    if literal_address(host) is not None:
        return f"the scope of {engagement.letter} lists names only", advice
    if address.is_private or address.is_loopback or address.is_link_local:
        return "the name leads to a private, loopback or link-local address", advice
    return None


_NO_ENGAGEMENT = (
    "there is no engagement, and without one only loopback is scanned",
    "Add an engagement section with the assignment letter and its scope",
)
