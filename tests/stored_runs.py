"""Evidence files made by hand: a run each week, with what services showed in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from spbe_audit.evidence import Attempt, Endpoint, Failure, FailureKind, Probe, Tool
from spbe_audit.store import RunPlan, Store
from spbe_audit.targets import Agency, Intensity, Service, TargetList
from spbe_audit.testing import build_evidence

FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)
WEEK = timedelta(days=7)

Shown = Mapping[str, Mapping[str, Any] | None]
"""What a service shows to each probe, laid over the healthy; None is no answer."""


def service(service_id: str) -> Service:
    """A service of the agency of its name's first letters."""
    url = f"https://{service_id}.example.go.id/"
    return Service(id=service_id, name=service_id, url=url, display_url=url, agency="dinas")


def add_run(
    store: Store,
    week: int,
    shown: Mapping[str, Shown],
    *,
    finished: bool = True,
    policy: str = "spbe",
    families: tuple[str, ...] = ("ports", "http"),
) -> str:
    """Write the run of a week; gives its id."""
    started = FIRST + week * WEEK
    services = tuple(service(one) for one in shown)
    plan = RunPlan(
        id=f"{started:%Y%m%dT%H%M%SZ}-{week:06}",
        started=started,
        targets=TargetList(agencies=(Agency("dinas", "Dinas Contoh", services),)),
        policy=policy,
        intensity=Intensity.STANDARD,
        families=families,
        scanner="0.1.0",
    )
    writer = store.begin(plan)
    for service_id, probes in shown.items():
        links = {}
        for name, overrides in probes.items():
            probe = Probe(name)
            links[probe] = [writer.add_attempt(_attempt(probe, service_id, overrides, started))]
        writer.add_service(service_id, links)
    if finished:
        writer.finish(started + timedelta(hours=1))
    return plan.id


def _attempt(
    probe: Probe, service_id: str, overrides: Mapping[str, Any] | None, started: datetime
) -> Attempt:
    result = (
        Failure(FailureKind.TIMEOUT, "no answer")
        if overrides is None
        else build_evidence(probe.value, overrides)
    )
    return Attempt(
        probe=probe,
        endpoint=Endpoint(
            key=f"{probe.value} {service_id}", host=service_id, port=443, address="203.0.113.10"
        ),
        started=started,
        duration=1.0,
        tool=Tool("spbe-audit", "0.1.0"),
        result=result,
        number=1,
        connections=1,
    )
