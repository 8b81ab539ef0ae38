"""audit.sarif: findings and open questions in SARIF 2.1.0, for code hosts and finding trackers.

What passed or does not apply is left out: a log of results that nobody has to act on grows by the
service and is read by none of them. Section numbers are those of the SARIF 2.1.0 standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from spbe_audit.check import Verdict
from spbe_audit.finding import Assessment, Finding, RunSummary, ServiceAssessment
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.json_stream import Json, Opened, streamed
from spbe_audit.report.sarif_rules import (
    RANKS,
    TOOL,
    Rulebook,
    level_of,
    message,
    rule,
    rulebook,
    taxonomy,
    translation,
)
from spbe_audit.version import VERSION

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_KINDS = {Verdict.FAIL: "fail", Verdict.UNKNOWN: "open"}
_URI = re.compile(r"https?://(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")


def sarif_chunks(assessment: Assessment, narrator: Narrator) -> Iterator[str]:
    """The log piece by piece. ASCII; the same assessment gives the same log."""
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": iter([Opened(_run(assessment, narrator))]),
    }
    yield from streamed(Opened(log))
    yield "\n"


def _run(assessment: Assessment, narrator: Narrator) -> Json:
    book = rulebook(assessment)
    run = assessment.run
    return {
        "tool": Opened({"driver": Opened(_driver(assessment, book, narrator))}),
        "language": narrator.labels.language,
        "automationDetails": {"id": f"{TOOL}/{spelt_out(assessment.policy.id)}/{run.id}"},
        "invocations": [_invocation(run)],
        "properties": _run_properties(assessment),
        "taxonomies": (taxonomy(one, narrator) for one in assessment.regulations),
        "translations": iter([Opened(translation(book, narrator))]),
        "logicalLocations": (_logical_location(one) for one in assessment.services),
        "results": _results(assessment, book, narrator),
    }


def _driver(assessment: Assessment, book: Rulebook, narrator: Narrator) -> Json:
    return {
        "name": TOOL,
        "version": assessment.run.tools.get(TOOL, VERSION),
        "language": narrator.labels.language,
        "supportedTaxonomies": [
            {"name": regulation.id, "index": index}
            for index, regulation in enumerate(assessment.regulations)
        ],
        "rules": (rule(check, book, narrator) for check in book.checks),
    }


def _invocation(run: RunSummary) -> Json:
    """When the evidence was collected; a run that was cut short did not succeed (3.20.14)."""
    ended = {} if run.finished is None else {"endTimeUtc": _utc(run.finished)}
    return {
        "startTimeUtc": _utc(run.started),
        **ended,
        "executionSuccessful": run.finished is not None,
        "properties": {
            "intensity": run.intensity,
            "families": list(run.families),
            "tools": dict(sorted(run.tools.items())),
            "footprint": dict(sorted(run.footprint.items())),
        },
    }


def _run_properties(assessment: Assessment) -> Json:
    engagement = assessment.engagement
    return {
        "runDigest": assessment.run.digest,
        "policy": assessment.policy.id,
        "policyDigest": assessment.policy.digest,
        "assignmentLetter": spelt_out(engagement.letter) if engagement else None,
    }


def _logical_location(service: ServiceAssessment) -> Json:
    one = service.service
    return {
        "name": spelt_out(one.name),
        "fullyQualifiedName": _qualified_name(one.agency, one.id),
        "kind": "resource",
    }


def _qualified_name(agency: str, service: str) -> str:
    return spelt_out(f"{agency}/{service}")


def _results(assessment: Assessment, book: Rulebook, narrator: Narrator) -> Iterator[Json]:
    for number, service in enumerate(assessment.services):
        for finding in service.findings:
            if finding.verdict in _KINDS:
                yield _result(finding, number, book, narrator)


def _result(finding: Finding, number: int, book: Rulebook, narrator: Narrator) -> Json:
    failed = finding.verdict is Verdict.FAIL
    seen = finding.observed_at
    return {
        "ruleId": spelt_out(finding.check),
        "ruleIndex": book.rule_index[finding.check],
        "kind": _KINDS[finding.verdict],
        "level": level_of(finding.severity) if failed else "none",
        "rank": RANKS[finding.severity],
        "message": message(narrator.condition(finding) or narrator.title(finding.check)),
        "locations": [_location(finding, number)],
        "partialFingerprints": {"serviceRequirement/v1": spelt_out(finding.id)},
        "taxa": book.taxa(finding.controls),
        **({} if seen is None else {"provenance": {"lastDetectionTimeUtc": _utc(seen)}}),
        **({"suppressions": _suppressions(finding)} if finding.waived else {}),
        "properties": _result_properties(finding),
    }


def _suppressions(finding: Finding) -> list[Json]:
    """The waivers of a result: accepted, and kept outside of the log and the code (3.35)."""
    return [
        {
            "kind": "external",
            "status": "accepted",
            "justification": spelt_out(waiver.reason),
            "properties": {
                "reference": spelt_out(waiver.reference),
                "owner": spelt_out(waiver.owner),
                "approver": spelt_out(waiver.approver),
                "granted": waiver.granted.isoformat(),
                "expires": waiver.expires.isoformat(),
            },
        }
        for waiver in finding.waivers
    ]


def _location(finding: Finding, number: int) -> Json:
    """The service, and its URL where that is one: what is not a URI may not stand as one."""
    logical = {"fullyQualifiedName": _qualified_name(finding.agency, finding.service)}
    location: dict[str, object] = {"logicalLocations": [{**logical, "index": number}]}
    if _is_uri(finding.url):
        location["physicalLocation"] = {"artifactLocation": {"uri": finding.url}}
    return location


def _is_uri(url: str) -> bool:
    if not _URI.fullmatch(url):
        return False
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False


def _result_properties(finding: Finding) -> Mapping[str, object]:
    """What SARIF has no place for: the words of audit.json."""
    return {
        "agency": spelt_out(finding.agency),
        "service": spelt_out(finding.service),
        "requirement": spelt_out(finding.requirement),
        "verdict": finding.verdict.value,
        "reason": None if finding.reason is None else spelt_out(finding.reason),
        "severity": finding.severity.value,
        "controls": list(finding.controls),
        "evidence": list(finding.evidence),
        "attempts": finding.attempts,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
