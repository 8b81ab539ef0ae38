"""All kinds of evidence together. Whoever needs one kind imports that one, which is quicker."""

from __future__ import annotations

from spbe_audit.evidence.addresses import AddressesEvidence
from spbe_audit.evidence.availability import AvailabilityEvidence
from spbe_audit.evidence.dns import DnsEvidence
from spbe_audit.evidence.http import HttpEvidence
from spbe_audit.evidence.key_use import KeyUseEvidence
from spbe_audit.evidence.ports import PortsEvidence
from spbe_audit.evidence.services import ServicesEvidence
from spbe_audit.evidence.surface import SurfaceEvidence
from spbe_audit.evidence.tls import TlsEvidence
from spbe_audit.evidence.uptime import UptimeEvidence

Evidence = (
    AddressesEvidence
    | AvailabilityEvidence
    | DnsEvidence
    | HttpEvidence
    | KeyUseEvidence
    | PortsEvidence
    | ServicesEvidence
    | SurfaceEvidence
    | TlsEvidence
    | UptimeEvidence
)
"""Everything that a check can ask for: what probes bring home, and what is derived from that."""
