"""Everything that sslyze finds out about an endpoint: the second opinion on our own prober."""

from __future__ import annotations

from spbe_audit.evidence import Failure
from spbe_audit.network import Door
from spbe_audit.probes.tls.deep.errand import Errand, run_errand
from spbe_audit.probes.tls.deep.job import EngineReport
from spbe_audit.probes.tls.deep.process import ask_sslyze
from spbe_audit.targets import Intensity


async def survey(
    *, host: str, address: str, port: int, door: Door, intensity: Intensity, seconds: float
) -> EngineReport:
    """What sslyze finds within this time. What the network does is in the result, never raised."""
    errand = Errand(host, address, port, intensity)
    report = await run_errand(errand, door, seconds, ask_sslyze)
    return EngineReport(report) if isinstance(report, Failure) else report
