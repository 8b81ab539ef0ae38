"""junit.xml: a suite for each service, a case for each requirement, for boards that show tests.

A fail is a failure, unknown an error (the question could not be asked), what does not apply is
skipped. So is a fail that is waived, which says until when and why. Attributes are those that
both the Ant and the Jenkins readers know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape

from spbe_audit.check import Verdict
from spbe_audit.finding import Assessment, Finding, ServiceAssessment
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.waiver_view import waiver_lines
from spbe_audit.report.wording import shortened

_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.UNKNOWN: "error",
    Verdict.NOT_APPLICABLE: "skipped",
}


def junit_chunks(assessment: Assessment, narrator: Narrator) -> Iterator[str]:
    """The document suite by suite."""
    everything = (one for service in assessment.services for one in service.findings)
    name = narrator.labels("report_title")
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites{_attributes({'name': name, **_counts(everything)})}>\n"
    for number, service in enumerate(assessment.services):
        yield from _suite(service, number, assessment, narrator)
    yield "</testsuites>\n"


def _suite(
    service: ServiceAssessment, number: int, assessment: Assessment, narrator: Narrator
) -> Iterator[str]:
    one = service.service
    attributes = {
        "name": one.id,
        "id": str(number),
        "package": one.agency,
        "hostname": one.host or one.id,
        "timestamp": _timestamp(assessment.run.started),
        **_counts(service.findings),
    }
    yield f"  <testsuite{_attributes(attributes)}>\n    <properties>\n"
    for name, value in _properties(service, assessment).items():
        yield f"      <property{_attributes({'name': name, 'value': value})}/>\n"
    yield "    </properties>\n"
    for finding in service.findings:
        yield _case(finding, narrator)
    yield "  </testsuite>\n"


def _counts(findings: Iterable[Finding]) -> dict[str, str]:
    """The numbers of a suite; no time is spent on a question that is asked of stored evidence."""
    elements = [_element(finding) for finding in findings]
    return {
        "tests": str(len(elements)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "skipped": str(elements.count("skipped")),
        "time": "0",
    }


def _element(finding: Finding) -> str | None:
    """The element that tells of an answer; None for one of which nothing has to be told."""
    return "skipped" if finding.waived else _ELEMENTS.get(finding.verdict)


def _properties(service: ServiceAssessment, assessment: Assessment) -> dict[str, str]:
    engagement, run = assessment.engagement, assessment.run
    allowed = (
        {
            "engagement.letter": engagement.letter,
            "engagement.issued_by": engagement.issued_by,
            "engagement.contact": engagement.contact,
        }
        if engagement
        else {}
    )
    return {
        "service.name": service.service.name,
        "service.url": service.service.url,
        **allowed,
        "policy.id": assessment.policy.id,
        "policy.digest": assessment.policy.digest,
        "run.id": run.id,
        "run.digest": run.digest,
    }


def _case(finding: Finding, narrator: Narrator) -> str:
    attributes = _attributes(
        {
            "name": finding.requirement,
            "classname": f"{finding.agency}.{finding.service}",
            "time": "0",
        }
    )
    element = _element(finding)
    if element is None:
        return f"    <testcase{attributes}/>\n"
    condition = narrator.condition(finding)
    waived = " ".join(waiver_lines(finding, narrator.labels))
    message = f"{waived} {narrator.title(finding.check)}: {condition}".strip()
    if element == "skipped":
        told = f"<skipped{_attributes({'message': message})}/>"
    else:
        kind = finding.severity.value if element == "failure" else finding.reason or ""
        opening = _attributes({"message": message, "type": kind})
        told = f"<{element}{opening}>{_details(finding, condition, narrator)}</{element}>"
    return f"    <testcase{attributes}>\n      {told}\n    </testcase>\n"


def _details(finding: Finding, condition: str, narrator: Narrator) -> str:
    """The parts of a finding, each on a line of its own."""
    labels = narrator.labels
    citations = "; ".join(narrator.citation(control).full for control in finding.controls)
    lines = [
        (labels("criteria"), citations or labels("good_practice")),
        (labels("condition"), condition),
        (labels("severity"), labels(f"severity_{finding.severity.value}")),
    ]
    if finding.verdict is Verdict.FAIL:
        lines.append((labels("recommendation"), narrator.remedy(finding.check)))
    lines += [
        (labels("url"), shortened(finding.url, labels)),
        (labels("observed_at"), labels.moment(finding.observed_at)),
        (labels("evidence"), " ".join(finding.evidence) or labels("word_none")),
    ]
    return "\n".join(_safe(f"{label}: {value}") for label, value in lines)


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f' {name}="{_safe(value)}"' for name, value in values.items())


def _safe(text: str) -> str:
    """Text in which every character is one that XML 1.0 allows, and none is markup."""
    return escape(spelt_out(text))


def _timestamp(moment: datetime) -> str:
    """A time in UTC without its zone, the only form that every reader of JUnit XML takes."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
