"""How a scan is run: which families, how hard, how patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from spbe_audit.evidence import Probe, TlsQuestion
from spbe_audit.network import Budget, Deadlines
from spbe_audit.targets import Intensity

FAMILIES: Mapping[str, frozenset[Probe]] = {
    "tls": frozenset({Probe.TLS, Probe.ADDRESSES, Probe.SERVICES}),
    "certificate": frozenset({Probe.TLS, Probe.DNS}),
    "http": frozenset({Probe.HTTP, Probe.SURFACE, Probe.ADDRESSES}),
    "cookie": frozenset({Probe.HTTP}),
    "ports": frozenset({Probe.PORTS, Probe.SERVICES}),
    "dns": frozenset({Probe.DNS}),
    "uptime": frozenset({Probe.UPTIME}),
}
"""Which probes serve which family of checks. SERVICES needs PORTS, and is left out without it."""


THOROUGH_DEADLINES = Deadlines(tls=180.0, ports=420.0, service=900.0)
"""All ports of a silent host at the pace of the default budget take that long."""


def deadlines_for(intensity: Intensity) -> Deadlines:
    """How patient a scan is: the more it asks, the longer it may take."""
    return THOROUGH_DEADLINES if intensity is Intensity.THOROUGH else Deadlines()


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How a scan is run.

    ``families`` are keys of FAMILIES; ``services_at_once`` bounds how many services are visited
    side by side; ``uptime_interval`` and ``confirm_after``, the pause before failed probes are
    tried again, are in seconds. ``tls_questions`` are those of which a light scan asks no others.
    ``retest_of`` is noted in the run: see RunPlan. When ``time_budget`` seconds are over no more
    services are begun, and those under way have as long as one probe may take; None sets no end.
    """

    intensity: Intensity = Intensity.STANDARD
    families: tuple[str, ...] = tuple(FAMILIES)
    services_at_once: int = 64
    uptime_samples: int = 3
    uptime_interval: float = 2.0
    confirm_after: float = 2.0
    budget: Budget = field(default_factory=Budget)
    deadlines: Deadlines | None = None
    tls_questions: frozenset[TlsQuestion] = frozenset(TlsQuestion)
    retest_of: str = ""
    time_budget: float | None = None

    @property
    def patience(self) -> Deadlines:
        """The deadlines that were given, or those that the intensity calls for."""
        return self.deadlines or deadlines_for(self.intensity)

    @property
    def grace(self) -> float:
        """Seconds that services under way have left when the time budget is over."""
        limits = self.patience
        return max(limits.http, limits.tls, limits.dns, limits.ports, limits.uptime)

    @property
    def probes(self) -> frozenset[Probe]:
        """The probes that the families need."""
        return frozenset().union(*(FAMILIES[family] for family in self.families))
