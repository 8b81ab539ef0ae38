"""How large an evidence file becomes in a year, and what comparing its runs costs.

    python -m benchmarks.history [--runs 52] [--services 500] [--agencies 25] [--keep FILE]

The evidence is made up, of every kind and of the size of real one, and goes into the file as a scan
writes it. Each week some services change and some do not answer. Printed are the file's size, the
time to judge one run (as every scan does), of `diff` when all runs are judged, of `diff` after the
policy changed, of the report with its trends, and of `verify` and `store prune`.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from spbe_audit.catalogue import load_catalogue
from spbe_audit.evaluation import evaluate
from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Failure,
    FailureKind,
    Probe,
    Tool,
    attempt_to_json,
)
from spbe_audit.history import Historian, with_history
from spbe_audit.policy import load_policy
from spbe_audit.report.write import write_report
from spbe_audit.scan_options import FAMILIES
from spbe_audit.store import PruneLimits, RunPlan, RunWriter, Store
from spbe_audit.store.database import connect
from spbe_audit.store.pruning import size_of
from spbe_audit.targets import Agency, Intensity, Service, TargetList
from spbe_audit.testing import build_evidence

_FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)
_WEEK = timedelta(days=7)
_MIB = 1024 * 1024

_ASKED = {"asked": "1-9000", "asked_count": 9000}
_VARIANTS: Mapping[Probe, tuple[Mapping[str, Any], ...]] = {
    Probe.TLS: (
        {},
        {"versions": ["TLS 1.0", "TLS 1.2"]},
        {"certificate": {"key": "rsa1024"}},
        {"suites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]},
    ),
    Probe.HTTP: (
        {},
        {"headers": {"Strict-Transport-Security": None}},
        {"headers": {"Content-Security-Policy": None, "Server": "Apache/2.4.57 (Debian)"}},
        {"cookies": ["PHPSESSID=a; Path=/", "bahasa=id; Path=/; Secure"]},
    ),
    Probe.PORTS: (
        {"open": [80, 443], **_ASKED},
        {"open": [22, 80, 443], **_ASKED},
        {"open": [80, 443, 3306, 8081], **_ASKED},
    ),
    Probe.DNS: ({}, {"records": {"CAA": []}}, {"records": {"TXT": []}}),
    Probe.UPTIME: ({}, {"samples": ["up", "up", "up"]}),
    Probe.SURFACE: ({},),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to be written."""

    runs: int
    services: int
    agencies: int


def targets_of(size: Size) -> TargetList:
    """The agencies with their services."""
    return TargetList(
        agencies=tuple(
            Agency(
                f"instansi-{number:02}",
                f"Dinas Nomor {number}",
                tuple(_service(one, number) for one in range(number, size.services, size.agencies)),
            )
            for number in range(size.agencies)
        )
    )


def _service(number: int, agency: int) -> Service:
    url = f"https://layanan-{number:04}.example.go.id/"
    return Service(
        id=f"layanan-{number:04}",
        name=f"Layanan {number}",
        url=url,
        display_url=url,
        agency=f"instansi-{agency:02}",
    )


def fill(store: Store, size: Size) -> None:
    """Write all runs, oldest first."""
    targets = targets_of(size)
    for week in range(size.runs):
        started = _FIRST + week * _WEEK
        plan = RunPlan(
            id=f"{started:%Y%m%dT%H%M%SZ}-{week:06}",
            started=started,
            targets=targets,
            policy="spbe",
            intensity=Intensity.STANDARD,
            families=tuple(FAMILIES),
            scanner="0.1.0",
        )
        writer = store.begin(plan)
        for service in targets.services:
            _scan(writer, service, week)
        writer.finish(started + timedelta(hours=2))


def _scan(writer: RunWriter, service: Service, week: int) -> None:
    silent = _chance(service.id, "silent", week) < 0.02  # noqa: PLR2004 - one in fifty
    links = {}
    for probe, variants in _VARIANTS.items():
        age = week // (4 + int(_chance(service.id, probe, "pace") * 12))
        chosen = int(_chance(service.id, probe, age) ** 2 * len(variants))
        document = _document(probe, None if silent else chosen)
        key = f"{probe.value} {service.id}"
        endpoint = {**document["endpoint"], "key": key, "host": service.id}
        links[probe] = [writer.append("attempt", key, {**document, "endpoint": endpoint})]
    writer.add_service(service.id, links)


def _chance(*parts: object) -> float:
    """A number from 0 to 1 that is the same in every run of this program."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32


@cache
def _document(probe: Probe, variant: int | None) -> dict[str, Any]:
    result = (
        Failure(FailureKind.TIMEOUT, "no answer")
        if variant is None
        else build_evidence(probe.value, _VARIANTS[probe][variant])
    )
    return attempt_to_json(
        Attempt(
            probe=probe,
            endpoint=Endpoint(key="", host="", port=443, address="203.0.113.10"),
            started=_FIRST,
            duration=1.0,
            tool=Tool("spbe-audit", "0.1.0"),
            result=result,
            number=1,
            connections=10,
        )
    )


@contextmanager
def _timed(what: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - begun:.1f} s")  # noqa: T201 - what it is for


def measure(path: Path, size: Size, *, out: Callable[[str], None] = print) -> None:
    """Fill a file and print what it costs to use it."""
    catalogue = load_catalogue()
    policy = load_policy("spbe", catalogue=catalogue)
    connection = connect(str(path))
    connection.execute("PRAGMA synchronous = OFF")  # only the making may be careless
    store = Store(connection, str(path))
    with _timed(f"writing {size.runs} runs of {size.services} services"):
        fill(store, size)
    out(f"evidence file: {path.stat().st_size / _MIB:.0f} MiB")
    historian = Historian(store, policy, catalogue)
    last = store.runs()[-1].id
    with _timed("judging one run"):
        assessment = evaluate(store.run(last), policy, catalogue=catalogue)
    with _timed("diff, every earlier run judged first"):
        historian.over_time(store.run(last))
    with _timed("keeping the findings of every run"):
        for info in store.runs():  # those of the last are as large as those of any
            store.save_findings(info.id, policy.id, assessment.findings)
    out(f"with judgements and findings: {_mib(store)} MiB")
    with _timed("diff, every run judged before"):
        found = historian.over_time(store.run(last))
    other = replace(policy, requirements=policy.requirements[1:])
    with _timed("diff after the policy changed"):
        Historian(store, other, catalogue).over_time(store.run(last))
    if found:
        counts = {state.value: n for state, n in found.comparison.counts().items() if n}
        out(f"changes: {counts}, points of the trend: {len(found.trend.points)}")
    with tempfile.TemporaryDirectory() as folder, _timed("report with trends, in one language"):
        write_report(
            with_history(assessment, found),
            output=Path(folder),
            formats=("html", "json"),
            language="id",
            catalogue=catalogue,
            time_zone="Asia/Jakarta",
            recorded=store.run(last),
        )
    measure_upkeep(store, keep_runs=max(1, size.runs // 4), out=out)
    store.close()


def measure_upkeep(store: Store, *, keep_runs: int, out: Callable[[str], None] = print) -> None:
    """Print what it costs to look after a file: `store info`, `verify`, `store prune`."""
    with _timed("store info"):
        store.contents()
    with _timed("verify"):
        breaches = store.verify()
    limits = PruneLimits(keep_runs=keep_runs)
    now = datetime.now(UTC)
    with _timed(f"store prune --keep-runs {keep_runs}, without verify"):
        cuts = store.prune(limits, at=now, by="0.1.0")
    before = _mib(store)
    with _timed("making the file smaller"):
        store.shrink()
    out(f"{len(cuts)} runs cut: {before} MiB before, {_mib(store)} MiB now")
    with _timed("verify after that"):
        breaches += store.verify()
    out("the chain verifies" if not breaches else f"broken: {breaches[0]}")


def _mib(store: Store) -> int:
    return round(size_of(store.path) / _MIB)


def main() -> None:
    """Read the size, measure, print."""
    parser = argparse.ArgumentParser(description="Measure a year of runs in one evidence file.")
    parser.add_argument("--runs", type=int, default=52)
    parser.add_argument("--services", type=int, default=500)
    parser.add_argument("--agencies", type=int, default=25)
    parser.add_argument("--keep", type=Path, metavar="FILE", help="keep the evidence file here")
    given = parser.parse_args()
    size = Size(given.runs, given.services, given.agencies)
    if given.keep:
        measure(given.keep, size)
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder) / "evidence.db", size)


if __name__ == "__main__":
    main()
