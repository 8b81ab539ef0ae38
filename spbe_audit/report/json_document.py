"""audit.json: the whole assessment for machines, by a schema that other programs can rely on.

Keys and codes are English in every language; titles are in the report's language.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from math import isfinite
from textwrap import indent

from spbe_audit.check import Fact
from spbe_audit.finding import (
    AgencyAssessment,
    AspectResult,
    Assessment,
    ControlResult,
    Finding,
    ManualAnswer,
    Score,
    ServiceAssessment,
)
from spbe_audit.report.change_records import change_record, comparison_record
from spbe_audit.report.entered_records import follow_up_record, waiver_record
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.labels import TEMPLATES, Labels

SCHEMA_VERSION = "1.0"

Json = Mapping[str, object]


def json_schema() -> str:
    """The schema of this document and of findings.jsonl, as it is published."""
    return (files(TEMPLATES) / "audit.schema.json").read_text(encoding="utf-8")


def json_chunks(assessment: Assessment, narrator: Narrator) -> Iterator[str]:
    """The document piece by piece, so that it is never in memory as a whole.

    The text is ASCII: every other character is escaped, and so loses nothing and hides nothing.
    """
    singles, lists = (
        document_head(assessment, narrator.labels),
        document_lists(assessment, narrator),
    )
    yield "{\n"
    for key, value in singles.items():
        yield f"  {json.dumps(key)}: {_nested(value, 2).lstrip()},\n"
    for number, (key, items) in enumerate(lists.items(), start=1):
        yield f"  {json.dumps(key)}: "
        yield from _list_chunks(items)
        yield "\n" if number == len(lists) else ",\n"
    yield "}\n"


def _list_chunks(items: Iterable[Json]) -> Iterator[str]:
    empty = True
    for item in items:
        yield "[\n" if empty else ",\n"
        yield _nested(item, 4)
        empty = False
    yield "[]" if empty else "\n  ]"


def _nested(value: object, depth: int) -> str:
    return indent(json.dumps(value, indent=2, allow_nan=False), " " * depth)


def _plain(fact: Fact) -> object:
    """A fact as JSON has words for it: what is not a number there is told as text."""
    if isinstance(fact, Mapping):
        return {str(key): _plain(value) for key, value in fact.items()}
    if isinstance(fact, tuple | list):
        return [_plain(item) for item in fact]
    if isinstance(fact, float) and not isfinite(fact):
        return str(fact)
    return fact


def document_head(assessment: Assessment, labels: Labels) -> dict[str, object]:
    """What is there once: the version, the language, who allowed it, the policy, the run."""
    return {
        "schema_version": SCHEMA_VERSION,
        "language": labels.language,
        "time_zone": labels.zone_name,
        "engagement": _engagement(assessment, labels),
        "policy": {
            "id": assessment.policy.id,
            "title": labels.choose(assessment.policy.title),
            "digest": assessment.policy.digest,
        },
        "run": _run(assessment, labels),
        "score": _score(assessment.score),
        "comparison": _comparison(assessment, labels),
    }


def _comparison(assessment: Assessment, labels: Labels) -> Json | None:
    comparison = assessment.comparison
    return comparison_record(comparison, labels) if comparison else None


def document_lists(assessment: Assessment, narrator: Narrator) -> dict[str, Iterable[Json]]:
    """What there are many of, each made when it is asked for."""
    return {
        "aspects": (_aspect(aspect, narrator.labels) for aspect in assessment.aspects),
        "agencies": (_agency(agency, narrator.labels) for agency in assessment.agencies),
        "services": (_service(service, narrator.labels) for service in assessment.services),
        "controls": (_control(result, narrator) for result in assessment.controls),
        "findings": (
            _finding(finding, narrator)
            for service in assessment.services
            for finding in service.findings
        ),
        "waivers": (waiver_record(use) for use in assessment.waivers),
        "changes": _changes(assessment, narrator.labels),
    }


def _changes(assessment: Assessment, labels: Labels) -> Iterator[Json]:
    changes = assessment.comparison.changes if assessment.comparison else ()
    return (change_record(change, labels) for change in changes)


def _engagement(assessment: Assessment, labels: Labels) -> Json | None:
    engagement = assessment.engagement
    if engagement is None:
        return None
    return {
        "letter": engagement.letter,
        "issued_by": engagement.issued_by,
        "valid": {
            "from": _time(engagement.valid_from, labels),
            "until": _time(engagement.valid_until, labels),
        },
        "scope": [*engagement.names, *map(str, engagement.networks)],
        "contact": engagement.contact,
    }


def _run(assessment: Assessment, labels: Labels) -> Json:
    run = assessment.run
    return {
        "id": run.id,
        "started": _time(run.started, labels),
        "finished": _time(run.finished, labels),
        "intensity": run.intensity,
        "families": list(run.families),
        "tools": dict(sorted(run.tools.items())),
        "footprint": dict(sorted(run.footprint.items())),
        "digest": run.digest,
        "retest_of": run.retest_of or None,
    }


def _agency(agency: AgencyAssessment, labels: Labels) -> Json:
    return {
        "id": agency.agency.id,
        "name": agency.agency.name,
        "services": [service.service.id for service in agency.services],
        "score": _score(agency.score),
        "aspects": [_aspect(aspect, labels) for aspect in agency.aspects],
    }


def _service(service: ServiceAssessment, labels: Labels) -> Json:
    return {
        "id": service.service.id,
        "name": service.service.name,
        "agency": service.service.agency,
        "url": service.service.url,
        "kind": service.service.kind,
        "score": _score(service.score),
        "aspects": [_aspect(aspect, labels) for aspect in service.aspects],
    }


def _aspect(aspect: AspectResult, labels: Labels) -> Json:
    return {
        "id": aspect.id,
        "title": labels.choose(aspect.title),
        "score": _score(aspect.score),
    }


def _control(result: ControlResult, narrator: Narrator) -> Json:
    citation = narrator.citation_of(result.control)
    return {
        "id": result.control.id,
        "regulation": result.control.regulation,
        "citation": citation.full,
        "title": citation.title,
        "confidence": result.control.confidence.value,
        "strength": result.control.strength.value,
        "revoked": citation.revoked,
        "status": result.status.value,
        **_score(result.score),
        "requirements": list(result.requirements),
        "manual_answer": _manual_answer(result.answer),
    }


def _manual_answer(answer: ManualAnswer | None) -> Json | None:
    if answer is None:
        return None
    return {
        "status": answer.status.value,
        "by": answer.by,
        "date": answer.date.isoformat(),
        "reference": answer.reference,
        "note": answer.note,
        "agency": answer.agency or None,
    }


def _finding(finding: Finding, narrator: Narrator) -> Json:
    return {
        "id": finding.id,
        "service": finding.service,
        "agency": finding.agency,
        "url": finding.url,
        "check": finding.check,
        "requirement": finding.requirement,
        "title": narrator.title(finding.check),
        "verdict": finding.verdict.value,
        "reason": finding.reason,
        "severity": finding.severity.value,
        "controls": list(finding.controls),
        "facts": _plain(finding.facts),
        "evidence": finding.evidence[-1] if finding.evidence else None,
        **_all_evidence(finding.evidence),
        "observed_at": _time(finding.observed_at, narrator.labels),
        "attempts": finding.attempts,
        "waivers": [waiver.number for waiver in finding.waivers],
        "follow_up": follow_up_record(finding.follow_up, narrator.labels),
    }


def _all_evidence(digests: Sequence[str]) -> Json:
    return {"evidence_all": list(digests)} if len(digests) > 1 else {}


def _score(score: Score) -> Json:
    return {
        "passed": score.passed,
        "failed": score.failed,
        "unknown": score.unknown,
        "not_applicable": score.not_applicable,
        "waived": score.waived,
        "compliance": _share(score.compliance),
        "compliance_after_waivers": _share(score.compliance_after_waivers),
        "coverage": _share(score.coverage),
    }


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _time(moment: datetime | None, labels: Labels) -> str | None:
    return None if moment is None else moment.astimezone(labels.zone).isoformat(timespec="seconds")
