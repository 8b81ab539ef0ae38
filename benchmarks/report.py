"""How long the pages of a large report take, how much memory, and how large they become.

    python -m benchmarks.report [--services 2000] [--agencies 40] [--faults 50] [--language id]

The assessment is made up: every requirement of the default policy is answered for every service,
``--faults`` of them with a fault, and facts fill the sentences of the checks; there is no evidence
behind the answers. Printed are the time to write the pages, the peak of the process's memory before
and after, and the largest page.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spbe_audit.catalogue import Catalogue, load_catalogue
from spbe_audit.check import Fact, Verdict
from spbe_audit.check_texts import CheckTexts, placeholders
from spbe_audit.finding import (
    AgencyAssessment,
    Assessment,
    Finding,
    PolicySummary,
    RunSummary,
    ServiceAssessment,
)
from spbe_audit.policy import Policy, Requirement, load_policy
from spbe_audit.report.summaries import is_fault
from spbe_audit.report.write import write_report
from spbe_audit.roll_up import RollUp, Tally
from spbe_audit.targets import Agency, Engagement, Service

_STARTED = datetime(2026, 11, 20, 1, tzinfo=UTC)
_ENDED = _STARTED + timedelta(hours=6)
_SERVERS = ("nginx/1.24.0", "Apache/2.4.62 (Debian)", "Microsoft-IIS/10.0", "LiteSpeed")
_KIB = 1024
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    """How large the made-up assessment is; ``faults`` are those of one service."""

    services: int
    agencies: int
    faults: int


def assessment_of(size: Size, policy: Policy, catalogue: Catalogue) -> Assessment:
    """An assessment of that size, the same in every run."""
    roll_up, total = RollUp(policy), Tally()
    agencies = []
    for number in range(size.agencies):
        each = range(number, size.services, size.agencies)
        agency = _agency(number, each)
        sum_of_agency = Tally()
        judged = []
        for service, index in zip(agency.services, each, strict=True):
            findings = _findings(service, index, size.faults, policy, catalogue)
            tally = roll_up.tally(findings)
            sum_of_agency.add(tally)
            judged.append(
                ServiceAssessment(
                    service,
                    findings,
                    roll_up.score(tally.all),
                    roll_up.aspects(tally),
                    roll_up.controls(tally),
                )
            )
        total.add(sum_of_agency)
        agencies.append(
            AgencyAssessment(
                agency,
                tuple(judged),
                roll_up.score(sum_of_agency.all),
                roll_up.aspects(sum_of_agency),
                roll_up.controls(sum_of_agency),
            )
        )
    return Assessment(
        engagement=_engagement(),
        policy=PolicySummary(policy.id, policy.title, policy.digest),
        run=_run(size),
        agencies=tuple(agencies),
        regulations=policy.regulations,
        score=roll_up.score(total.all),
        aspects=roll_up.aspects(total),
        controls=roll_up.controls(total),
    )


def _agency(number: int, indices: Sequence[int]) -> Agency:
    agency_id = f"instansi-{number:03}"
    services = []
    for index in indices:
        url = f"https://layanan-{index:04}.example.go.id/"
        services.append(
            Service(
                id=f"layanan-{index:04}",
                name=f"Layanan Nomor {index} bagi Masyarakat",
                url=url,
                display_url=url.rstrip("/"),
                agency=agency_id,
            )
        )
    return Agency(agency_id, f"Dinas Nomor {number} Provinsi Kepulauan", tuple(services))


def _findings(
    service: Service, index: int, faults: int, policy: Policy, catalogue: Catalogue
) -> tuple[Finding, ...]:
    """Every requirement answered; which of them fail moves on from service to service."""
    counted = len(policy.requirements)
    answered = [
        _finding(
            service,
            requirement,
            _verdict((place * 7 + index * 3) % counted, faults),
            catalogue.get(requirement.check).texts,
            _SERVERS[index % len(_SERVERS)],
        )
        for place, requirement in enumerate(policy.requirements)
    ]
    order = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE)
    return tuple(
        sorted(answered, key=lambda one: (order.index(one.verdict), one.severity.rank, one.check))
    )


def _verdict(place: int, faults: int) -> Verdict:
    if place < faults:
        return Verdict.FAIL
    if place % 9 == 0:
        return Verdict.UNKNOWN
    return Verdict.NOT_APPLICABLE if place % 7 == 0 else Verdict.PASS


def _finding(
    service: Service, requirement: Requirement, verdict: Verdict, texts: CheckTexts, server: str
) -> Finding:
    reasons = {Verdict.UNKNOWN: "timeout", Verdict.NOT_APPLICABLE: "no_tls"}
    return Finding(
        id=f"{service.id}-{requirement.id}",
        agency=service.agency,
        service=service.id,
        url=service.url,
        requirement=requirement.id,
        check=requirement.check,
        verdict=verdict,
        reason=reasons.get(verdict),
        severity=requirement.severity,
        controls=requirement.controls,
        facts=_facts(texts, server) if verdict in {Verdict.FAIL, Verdict.PASS} else {},
        evidence=("0123456789abcdef" * 4,),
        observed_at=_STARTED + timedelta(seconds=len(requirement.id)),
        attempts=2 if verdict is Verdict.FAIL else 1,
    )


def _facts(texts: CheckTexts, server: str) -> Mapping[str, Fact]:
    names = (*placeholders(texts.failed.id), *placeholders(texts.passed.id))
    return dict.fromkeys(names, ("TLS 1.0", "X-Content-Type-Options: nosniff")) | {"server": server}


def _engagement() -> Engagement:
    return Engagement(
        letter="ST-012/ITDA/2026",
        issued_by="Inspektur Daerah",
        valid_from=_STARTED - timedelta(days=5),
        valid_until=_STARTED + timedelta(days=30),
        names=("*.example.go.id",),
        networks=(),
        contact="csirt@example.go.id",
    )


def _run(size: Size) -> RunSummary:
    return RunSummary(
        id="20261120T010000Z-0001",
        started=_STARTED,
        finished=_ENDED,
        digest="ab" * 32,
        tools={"spbe-audit": "0.1.0"},
        footprint={"services": size.services, "connections": size.services * 40},
        intensity="standard",
        families=("dns", "tls", "certificate", "http", "cookie", "ports", "uptime"),
    )


@dataclass(frozen=True, slots=True)
class Cost:
    """What the pages cost; ``cpu_seconds`` and the peak of memory are those of this process."""

    seconds: float
    cpu_seconds: float
    peak_before: int
    peak_after: int
    sizes: Mapping[str, int]


def write_pages(assessment: Assessment, catalogue: Catalogue, language: str, folder: Path) -> Cost:
    """Write all pages into a folder, and measure."""
    before = _peak_bytes()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    write_report(
        assessment,
        output=folder,
        formats=("html",),
        language=language,
        catalogue=catalogue,
        time_zone="Asia/Jakarta",
    )
    return Cost(
        seconds=time.perf_counter() - begun,
        cpu_seconds=time.process_time() - begun_cpu,
        peak_before=before,
        peak_after=_peak_bytes(),
        sizes={
            str(page.relative_to(folder)): page.stat().st_size for page in folder.rglob("*.html")
        },
    )


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def _lines(size: Size, assessment: Assessment, cost: Cost) -> Sequence[str]:
    findings = assessment.findings
    largest = max(cost.sizes, key=lambda page: cost.sizes[page])
    return (
        f"services            {size.services} of {size.agencies} agencies",
        f"answers             {len(findings)}",
        f"faults              {sum(map(is_fault, findings))}",
        f"time                {cost.seconds:.1f} s, of which computing {cost.cpu_seconds:.1f} s",
        f"memory, answers     {cost.peak_before / _MIB:.0f} MiB at most",
        f"memory, pages       {cost.peak_after / _MIB:.0f} MiB at most",
        f"pages               {len(cost.sizes)}, {sum(cost.sizes.values()) / _MIB:.0f} MiB",
        f"largest page        {cost.sizes[largest]} bytes ({largest})",
    )


def main() -> None:
    """Make the assessment, write its pages, print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--services", type=int, default=2000)
    parser.add_argument("--agencies", type=int, default=40)
    parser.add_argument("--faults", type=int, default=50, help="of each service, observations too")
    parser.add_argument("--language", choices=("id", "en", "id,en"), default="id")
    given = parser.parse_args()
    size = Size(given.services, given.agencies, given.faults)
    catalogue = load_catalogue()
    assessment = assessment_of(size, load_policy("spbe", catalogue=catalogue), catalogue)
    with tempfile.TemporaryDirectory() as folder:
        cost = write_pages(assessment, catalogue, given.language, Path(folder))
    sys.stdout.write("\n".join(_lines(size, assessment, cost)) + "\n")


if __name__ == "__main__":
    main()
