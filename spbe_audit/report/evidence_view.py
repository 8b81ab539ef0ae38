"""What was observed at one service, as its page shows it: every kind of evidence in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from spbe_audit.catalogue import Catalogue
from spbe_audit.evidence import (
    AddressesEvidence,
    AvailabilityEvidence,
    DnsEvidence,
    Evidence,
    HttpEvidence,
    PortsEvidence,
    Probe,
    ServicesEvidence,
    SurfaceEvidence,
    TlsEvidence,
    UptimeEvidence,
)
from spbe_audit.recorded_run import ServiceEvidence
from spbe_audit.report.certificate_view import CertificatesView, certificates_view
from spbe_audit.report.dns_view import DnsView, dns_view
from spbe_audit.report.finding_view import FindingView
from spbe_audit.report.header_view import AddressLine, HttpView, address_lines, http_view
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import Observation, observed
from spbe_audit.report.ports_view import PortsView, ports_view
from spbe_audit.report.surface_view import SurfaceView, surface_view
from spbe_audit.report.tls_view import TlsView, tls_view
from spbe_audit.report.uptime_view import HistoryView, UptimeView, history_view, uptime_view

_Kind = TypeVar("_Kind")
_View = TypeVar("_View")


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """What each probe saw; None where it saw nothing or was not part of the run.

    ``visits`` tells by the probe's name how it came about, or why there is nothing.
    """

    visits: Mapping[str, Observation]
    tls: TlsView | None
    certificates: CertificatesView | None
    http: HttpView | None
    addresses: tuple[AddressLine, ...] | None
    surface: SurfaceView | None
    ports: PortsView | None
    dns: DnsView | None
    uptime: UptimeView | None
    history: HistoryView | None


def evidence_view(
    collected: ServiceEvidence,
    findings: Sequence[FindingView],
    catalogue: Catalogue,
    labels: Labels,
) -> EvidenceView:
    """The evidence of a service in words. ``findings`` are its faults and observations."""
    visits = {probe.value: one for probe in Probe if (one := observed(collected, probe, labels))}
    results = {name: one.result for name, one in visits.items()}

    def shown(probe: Probe, kind: type[_Kind], view: Callable[[_Kind], _View]) -> _View | None:
        return _shown(results.get(probe), kind, view)

    own = (collected.service.port, collected.service.http_port)
    services = shown(Probe.SERVICES, ServicesEvidence, lambda one: one)
    return EvidenceView(
        visits=visits,
        tls=shown(Probe.TLS, TlsEvidence, lambda one: tls_view(one, labels)),
        certificates=shown(Probe.TLS, TlsEvidence, lambda one: certificates_view(one, labels)),
        http=shown(
            Probe.HTTP, HttpEvidence, lambda one: http_view(one, findings, catalogue, labels)
        ),
        addresses=shown(Probe.ADDRESSES, AddressesEvidence, lambda one: address_lines(one, labels)),
        surface=shown(Probe.SURFACE, SurfaceEvidence, lambda one: surface_view(one, labels)),
        ports=shown(
            Probe.PORTS, PortsEvidence, lambda one: ports_view(one, services, labels, own=own)
        ),
        dns=shown(Probe.DNS, DnsEvidence, lambda one: dns_view(one, labels)),
        uptime=shown(Probe.UPTIME, UptimeEvidence, lambda one: uptime_view(one, labels)),
        history=_shown(
            collected.derived.get(Probe.AVAILABILITY),
            AvailabilityEvidence,
            lambda one: history_view(one, labels),
        ),
    )


def _shown(
    result: Evidence | None, kind: type[_Kind], view: Callable[[_Kind], _View]
) -> _View | None:
    return view(result) if isinstance(result, kind) else None
