"""How one kind of evidence came about, in words: the visits, and what they brought."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spbe_audit.evidence import Evidence, Failure, Probe
from spbe_audit.recorded_run import RecordedAttempt, ServiceEvidence, deciding_attempt
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import Labels

_CUT_CODE = re.compile(r"\[U?\+?[0-9A-F]*$")


@dataclass(frozen=True, slots=True)
class Told:
    """A reason: our words for it, and what the program noted, which is English in every report."""

    words: str
    noted: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of a probe; ``failure`` is None where it collected evidence."""

    moment: str
    tool: str
    target: str
    seconds: str
    connections: int
    digest: str
    failure: Told | None


@dataclass(frozen=True, slots=True)
class Observation:
    """What one probe made of a service; ``result`` is None where no visit collected anything."""

    result: Evidence | None
    deciding: Visit
    others: tuple[Visit, ...]

    @property
    def failure(self) -> Told | None:
        """Why there is no evidence; None where there is some."""
        return self.deciding.failure


def observed(collected: ServiceEvidence | None, probe: Probe, labels: Labels) -> Observation | None:
    """What a probe brought of a service; None where it was not part of the run."""
    attempts = collected.attempts.get(probe, ()) if collected else ()
    if not attempts:
        return None
    deciding = deciding_attempt(attempts)
    result = deciding.attempt.result
    return Observation(
        result=None if isinstance(result, Failure) else result,
        deciding=_visit(deciding, labels),
        others=tuple(_visit(one, labels) for one in attempts if one is not deciding),
    )


def told(code: str, labels: Labels, noted: str = "") -> Told:
    """Why something is not known. A code that has no words is a note of the program itself."""
    if code in labels.reasons:
        return Told(" ".join(labels.reasons[code].split()), clipped(noted, 200, labels))
    return Told(labels("fact_not_settled"), clipped(noted or code, 200, labels))


def clipped(text: str, most: int, labels: Labels) -> str:
    """At most ``most`` characters, the invisible ones spelt out; a longer text's length is told."""
    most = min(most, labels.longest_value)
    spelt = spelt_out(text[: most + 1])
    if len(text) <= most and len(spelt) <= most:
        return spelt
    return _CUT_CODE.sub("", spelt[:most]) + labels("shortened", n=len(text))


def _visit(recorded: RecordedAttempt, labels: Labels) -> Visit:
    attempt, failure = recorded.attempt, recorded.attempt.failure
    endpoint = attempt.endpoint
    where = endpoint.address or endpoint.host
    if endpoint.port:
        where = f"[{where}]:{endpoint.port}" if ":" in where else f"{where}:{endpoint.port}"
    return Visit(
        moment=labels.moment(attempt.started),
        tool=clipped(f"{attempt.tool.name} {attempt.tool.version}", 80, labels),
        target=clipped(where, 120, labels),
        seconds=labels.number(round(attempt.duration, 2)),
        connections=attempt.connections,
        digest=recorded.digest,
        failure=told(failure.kind.value, labels, failure.text) if failure else None,
    )
