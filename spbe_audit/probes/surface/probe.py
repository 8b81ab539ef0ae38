"""Asks a web server for a page that is not there, for well-known paths, and for its methods."""

from __future__ import annotations

from spbe_audit.evidence import Attempt, Endpoint, Failure, FailureKind, HttpEvidence, Probe, Tool
from spbe_audit.network import Door
from spbe_audit.targets import Intensity, Service
from spbe_audit.version import VERSION


async def probe_surface(
    service: Service, *, http: HttpEvidence, door: Door, secret: bytes, intensity: Intensity
) -> Attempt:
    """One visit to what a web server shows beside its pages. Never raises for the network."""
    endpoint = Endpoint(key=f"surface {service.url}", host=service.host, url=service.url)
    failure = Failure(FailureKind.TOOL_MISSING, "not built yet")
    del http, secret, intensity
    own = Tool("spbe-audit", VERSION)
    return Attempt(Probe.SURFACE, endpoint, door.clock(), 0.0, own, failure)
