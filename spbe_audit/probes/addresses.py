"""Asks every address of a name, and its bare or www twin, the same short question."""

from __future__ import annotations

from spbe_audit.evidence import Attempt, Endpoint, Failure, FailureKind, Probe, Tool
from spbe_audit.network import Door
from spbe_audit.targets import Service
from spbe_audit.version import VERSION


async def probe_addresses(service: Service, *, door: Door) -> Attempt:
    """One visit to each address of a service's name. Never raises for the network."""
    endpoint = Endpoint(key=f"addresses {service.url}", host=service.host, url=service.url)
    failure = Failure(FailureKind.TOOL_MISSING, "not built yet")
    own = Tool("spbe-audit", VERSION)
    return Attempt(Probe.ADDRESSES, endpoint, door.clock(), 0.0, own, failure)
