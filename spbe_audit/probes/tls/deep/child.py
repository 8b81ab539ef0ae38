"""The child: reads one job as a line of JSON, asks sslyze, writes one report as JSON.

It ends by itself when its parent closes stdin or dies, and when its time is over.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sslyze.server_connectivity import TlsVersionEnum

from spbe_audit.evidence import Failure, FailureKind, TlsEvidence
from spbe_audit.probes.tls.deep.crew import Crew, reason
from spbe_audit.probes.tls.deep.features import Facts, Picture, ask_features, draw_picture
from spbe_audit.probes.tls.deep.flaw_tests import ask_flaws, is_static_rsa, known_picture
from spbe_audit.probes.tls.deep.guard import Guard
from spbe_audit.probes.tls.deep.job import (
    CLIENT_RENEGOTIATION,
    ENGINE,
    FLAWS,
    GRACE,
    EngineJob,
    EngineReport,
    FlawsDocument,
    FlawsFound,
    JobDocument,
    KnownOffer,
    ReportDocument,
)
from spbe_audit.probes.tls.deep.order import Preference, find_preference
from spbe_audit.probes.tls.deep.server import VERSIONS, unknown_server
from spbe_audit.probes.tls.deep.suites import Support, scan_versions
from spbe_audit.targets import Intensity

_JOB_LIMIT = 64 * 2**10
_TIME_TO_REPORT = 0.3


def main() -> None:
    """Do the job on stdin, and end without waiting for threads that hang."""
    job = JobDocument.model_validate_json(sys.stdin.buffer.readline(_JOB_LIMIT)).root
    threading.Thread(target=_end_with_parent, daemon=True).start()
    threading.Thread(target=_end_when_late, args=(job.until + 2 * GRACE,), daemon=True).start()
    if job.known is None:
        document = ReportDocument(survey(job)).model_dump_json()
    else:
        document = FlawsDocument(find_flaws(job, job.known)).model_dump_json()
    sys.stdout.write(document)
    sys.stdout.flush()
    os._exit(0)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _end_when_late(end: float) -> None:
    time.sleep(max(0.0, end - time.monotonic()))
    os._exit(1)


def survey(job: EngineJob) -> EngineReport:
    """Ask for everything. From here on this process reaches no address but the job's."""
    guard, until = _guard(job)
    crew = Crew(guard, at_once=job.at_once, until=until)
    try:
        result = _observe(crew, job)
    except Exception as error:  # noqa: BLE001 - a defect here is a failed tool there
        text = f"sslyze failed with {type(error).__name__}: {reason(error)}"
        result = Failure(FailureKind.TOOL_FAILED, text)
    return EngineReport(result, guard.connections)


def find_flaws(job: EngineJob, known: KnownOffer) -> FlawsFound:
    """Look for flaws only, on one connection at a time."""
    guard, until = _guard(job)
    picture = known_picture(unknown_server(job), known)
    facts = ask_flaws(Crew(guard, at_once=1, until=until), picture, known.questions)
    return FlawsFound(
        flaws=facts.known["flaws"],
        client_renegotiation=facts.known.get(CLIENT_RENEGOTIATION),
        unknown=facts.unknown,
        connections=guard.connections,
    )


def _guard(job: EngineJob) -> tuple[Guard, float]:
    """The permit of this process, and when the last question has to be answered."""
    until = job.until - _TIME_TO_REPORT
    guard = Guard(
        job.address, job.port, per_second=job.per_second, patience=job.patience, until=until
    )
    guard.install()
    return guard, until


def _observe(crew: Crew, job: EngineJob) -> TlsEvidence | Failure:
    """Versions and suites first, then what hangs on them."""
    server = unknown_server(job)
    supports = scan_versions(crew, server)
    picture = draw_picture(crew, server, supports)
    if picture is None:
        if all(support.accepted is None for support in supports.values()):
            return _nothing_learned(list(supports.values()))
        return _evidence(job, supports, [])
    found = [ask_features(crew, picture, briefly=job.intensity is Intensity.LIGHT)]
    if job.intensity is not Intensity.LIGHT:
        found.append(_order(find_preference(crew, picture.server, supports), supports))
    if job.intensity is Intensity.THOROUGH:
        found.append(_flaws(crew, picture))
    return _evidence(job, supports, found)


def _flaws(crew: Crew, picture: Picture) -> Facts:
    """The flaws that versions and suites do not rule out; renegotiation is asked with the rest."""
    doubt = any(support.doubt for support in picture.supports.values())
    suites = [suite for support in picture.supports.values() for suite in support.suites]
    asked = set(FLAWS)
    if not doubt:
        asked = asked if picture.classic else set()
        asked -= set() if any(is_static_rsa(suite) for suite in suites) else {"robot"}
    facts = ask_flaws(crew, picture, [name for name in FLAWS if name in asked])
    ruled_out = dict.fromkeys(set(FLAWS) - asked, False)
    facts.known["flaws"] = dict(sorted({**facts.known["flaws"], **ruled_out}.items()))
    return facts


def _nothing_learned(supports: list[Support]) -> Failure:
    """The failure where not one version got an answer that could be believed."""
    hung_up = any(support.hung_up for support in supports)
    kind = FailureKind.RESET if hung_up else FailureKind.TIMEOUT
    return Failure(kind, f"no handshake got an answer: {supports[0].doubt}")


def _evidence(
    job: EngineJob, supports: Mapping[TlsVersionEnum, Support], found: list[Facts]
) -> TlsEvidence:
    accepted = [version for version in reversed(VERSIONS) if supports[version].accepted]
    known: dict[str, Any] = {
        "versions": tuple(VERSIONS[version] for version in accepted),
        "suites": {VERSIONS[v]: tuple(s.name for s in supports[v].suites) for v in accepted},
    }
    unknown = {
        f"{'suites' if support.accepted else 'versions'}.{VERSIONS[version]}": support.doubt
        for version, support in supports.items()
        if support.doubt
    }
    for facts in found:
        known |= facts.known
        unknown |= facts.unknown
    return TlsEvidence(
        server_name=job.host,
        address=job.address,
        port=job.port,
        collected_at=datetime.now(UTC),
        engine=ENGINE,
        unknown=dict(sorted(unknown.items())),
        **known,
    )


def _order(preference: Preference, supports: Mapping[TlsVersionEnum, Support]) -> Facts:
    """The suites in the server's order, where it has one."""
    if preference.doubt:
        return Facts(unknown={"server_preference": preference.doubt})
    suites = {
        VERSIONS[version]: preference.orders.get(
            version, tuple(suite.name for suite in supports[version].suites)
        )
        for version in reversed(VERSIONS)
        if supports[version].accepted
    }
    return Facts({"server_preference": preference.own, "suites": suites})


if __name__ == "__main__":
    main()
