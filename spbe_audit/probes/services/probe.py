"""Listens to the open ports of an address: greetings, SSH algorithms, TLS."""

from __future__ import annotations

from spbe_audit.evidence import Attempt, Endpoint, Failure, FailureKind, PortsEvidence, Probe, Tool
from spbe_audit.network import Door
from spbe_audit.targets import Intensity
from spbe_audit.version import VERSION


async def probe_services(
    *,
    host: str,
    ports: PortsEvidence,
    own_ports: frozenset[int],
    door: Door,
    trust_anchors: tuple[bytes, ...] = (),
    intensity: Intensity = Intensity.STANDARD,
) -> Attempt:
    """One visit to the open ports of an address. Never raises for the network."""
    endpoint = Endpoint(key=f"services {ports.address}", host=host, address=ports.address)
    failure = Failure(FailureKind.TOOL_MISSING, "not built yet")
    del own_ports, trust_anchors, intensity
    own = Tool("spbe-audit", VERSION)
    return Attempt(Probe.SERVICES, endpoint, door.clock(), 0.0, own, failure)
