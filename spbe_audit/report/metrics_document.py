"""Figures of a run for Prometheus, in the text format that its textfile collector reads.

Names and labels are stable. A series belongs to an agency or to an agency and a severity, never to
a service, so there are no more of them than agencies allow.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from spbe_audit.check import Verdict
from spbe_audit.errors import ReportError
from spbe_audit.finding import AgencyAssessment, Assessment, ServiceAssessment
from spbe_audit.news import Kind, News
from spbe_audit.over_time import State
from spbe_audit.report.summaries import is_counted
from spbe_audit.severity import Severity

LEVELS = tuple(severity for severity in Severity if severity is not Severity.INFO)

_READABLE_BY_ALL = 0o644
"""The collector is another user, and here are figures only."""

Labels = Mapping[str, str]
Sample = tuple[Labels, float]
_ByLevel = Mapping[tuple[str, Severity], int]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: when, with which exit code, and how many services it did not reach."""

    at: datetime
    exit_code: int
    not_reached: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    text: str
    samples: Sequence[Sample] = field(default_factory=tuple)

    def lines(self) -> Iterator[str]:
        """HELP, TYPE and every sample; nothing where there is none."""
        if not self.samples:
            return
        yield f"# HELP {self.name} {self.text}"
        yield f"# TYPE {self.name} gauge"
        for labels, value in self.samples:
            shown = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            yield f"{self.name}{{{shown}}} {value:.17g}" if shown else f"{self.name} {value:.17g}"


def metrics_text(assessment: Assessment, news: News, ending: Ending, *, open_now: _ByLevel) -> str:
    """All figures of a run, every line ended. ``open_now`` counts what stands and is not waived."""
    metrics = [
        *_of_run(assessment, ending),
        *_of_agencies(assessment),
        *_of_findings(assessment, news, open_now),
    ]
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def write_metrics(path: Path, text: str) -> None:
    """Put the figures in place of the older ones, whole or not at all. Raises ReportError."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".spbe-audit-")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                os.fchmod(file.fileno(), _READABLE_BY_ALL)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be written") from error


def refuse_metrics(path: Path) -> None:
    """Raise ReportError where the figures of a run could not be written afterwards."""
    if path.is_dir():
        raise _refused(path, "that is a folder")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        problem = "its folder cannot be written to" if path.parent.is_dir() else "it has no folder"
        raise _refused(path, problem)


def _refused(path: Path, problem: str) -> ReportError:
    return ReportError(
        f"{path}: the metrics cannot be written: {problem}",
        "Name a file in a folder that you can write to with --metrics.",
    )


def _of_run(assessment: Assessment, ending: Ending) -> Iterator[_Metric]:
    run = assessment.run
    plain = (
        ("run_start_timestamp_seconds", "When the run began.", run.started.timestamp()),
        (
            "run_duration_seconds",
            "Seconds from the beginning of the run until it was judged.",
            max(0.0, (ending.at - run.started).total_seconds()),
        ),
        ("run_finished", "1 when every service was reached, 0 otherwise.", bool(run.finished)),
        ("run_exit_code", "The exit code of the command.", ending.exit_code),
        ("run_connections", "Connections that were opened.", run.footprint.get("connections", 0)),
        (
            "run_services_not_reached",
            "Services for which the time budget did not suffice.",
            ending.not_reached,
        ),
        ("run_services_left_out", "Services outside the engagement.", ending.left_out),
    )
    for name, text, value in plain:
        yield _Metric(f"spbe_audit_{name}", text, [({}, float(value))])


def _of_agencies(assessment: Assessment) -> Iterator[_Metric]:
    agencies = [one for one in assessment.agencies if one.services]

    def metric(
        name: str, text: str, values: Iterable[tuple[AgencyAssessment, float | None]]
    ) -> _Metric:
        return _Metric(
            f"spbe_audit_{name}",
            text,
            [({"agency": one.agency.id}, value) for one, value in values if value is not None],
        )

    yield metric(
        "services", "Services of the target list.", ((one, len(one.services)) for one in agencies)
    )
    yield metric(
        "services_unreachable",
        "Services of which nothing could be judged but that they do not answer.",
        ((one, sum(map(_is_unreachable, one.services))) for one in agencies),
    )
    yield metric(
        "compliance_ratio",
        "Passed among those judged, waived ones counted as failed.",
        ((one, one.score.compliance) for one in agencies),
    )
    yield metric(
        "coverage_ratio",
        "Judged among those that apply.",
        ((one, one.score.coverage) for one in agencies),
    )
    yield metric(
        "questions_unknown",
        "Questions that could not be judged.",
        ((one, one.score.unknown) for one in agencies),
    )


def _is_unreachable(service: ServiceAssessment) -> bool:
    """Whether every answer but those about availability is unknown."""
    answers = {
        finding.verdict
        for finding in service.findings
        if is_counted(finding) and not finding.check.startswith("uptime.")
    }
    return Verdict.UNKNOWN in answers and not answers & {Verdict.PASS, Verdict.FAIL}


def _of_findings(assessment: Assessment, news: News, open_now: _ByLevel) -> Iterator[_Metric]:
    agencies = [one.agency.id for one in assessment.agencies if one.services]
    waived = Counter((one.agency, one.severity) for one in assessment.findings if one.waived)
    counted = (
        ("open", "Findings that stand and are not waived.", open_now),
        ("waived", "Findings that fail and are waived.", waived),
        ("new", "Findings that no run saw before.", news.counts(Kind.NEW)),
        ("regressed", "Findings that are back.", news.counts(Kind.REGRESSED)),
        (
            "waiver_expired",
            "Findings whose waiver has expired.",
            news.counts(Kind.WAIVER_EXPIRED),
        ),
        (
            "resolved",
            "Findings that were looked at again and are good.",
            _in_state(assessment, State.RESOLVED),
        ),
        (
            "not_retestable",
            "Findings that are open and gave no answer in this run.",
            _in_state(assessment, State.NOT_RETESTABLE),
        ),
    )
    for name, text, found in counted:
        samples = [
            ({"agency": agency, "severity": level.value}, float(found.get((agency, level), 0)))
            for agency in agencies
            for level in LEVELS
        ]
        yield _Metric(f"spbe_audit_findings_{name}", text, samples)


def _in_state(assessment: Assessment, state: State) -> _ByLevel:
    comparison = assessment.comparison
    changes = comparison.in_state(state) if comparison else ()
    return Counter((one.agency, one.severity) for one in changes)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


__all__ = ["Ending", "metrics_text", "refuse_metrics", "write_metrics"]
