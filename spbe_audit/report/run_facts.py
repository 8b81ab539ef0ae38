"""What every document says of the run itself: who allowed it, when it was, what it sent."""

from __future__ import annotations

import shlex

from spbe_audit.finding import Assessment, RunSummary
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.labels import Labels
from spbe_audit.targets import Engagement

_FOOTPRINT = ("services", "addresses", "attempts", "connections", "requests")
_MEANINGS = (
    ("verdict_pass", "meaning_pass"),
    ("verdict_fail", "meaning_fail"),
    ("status_partly_conforming", "meaning_partly"),
    ("verdict_not_applicable", "meaning_not_applicable"),
    ("verdict_unknown", "meaning_unknown"),
    ("status_not_examined", "meaning_not_examined"),
    ("status_manual", "meaning_manual"),
)


def cover_lines(assessment: Assessment, labels: Labels) -> list[tuple[str, str]]:
    """The cover: who allowed what, and what was done."""
    run = assessment.run
    families = ", ".join(run.families)
    return [
        *_engagement_lines(assessment, labels),
        (labels("policy"), f"{labels.choose(assessment.policy.title)} ({assessment.policy.id})"),
        (labels("scan_time"), scan_time(run, labels)),
        (
            labels("coverage_of_run"),
            labels(
                "agencies_and_services",
                agencies=len(assessment.agencies),
                services=len(assessment.services),
            ),
        ),
        *_retest_lines(run, labels),
        (labels("intensity"), labels(f"intensity_{run.intensity}")),
        (labels("families"), families or labels("word_none")),
        (labels("run_id"), run.id),
    ]


def verify_command(narrator: Narrator) -> str:
    """The command that verifies the evidence, with the name of its file where that is known."""
    known = narrator.evidence_file
    file = shlex.quote(known) if known else narrator.labels("evidence_file_place")
    return f"spbe-audit verify --store {file}"


def _retest_lines(run: RunSummary, labels: Labels) -> list[tuple[str, str]]:
    """That only open findings were tested again, where that is so."""
    if not run.retest_of:
        return []
    return [(labels("retest_of"), labels("retest_of_text", run=run.retest_of))]


def scan_time(run: RunSummary, labels: Labels) -> str:
    """From when until when, or that the run was cut short."""
    start = labels.moment(run.started)
    if run.finished is None:
        return labels("unfinished", start=start)
    return labels("from_until", start=start, end=labels.moment(run.finished))


def footprint_lines(run: RunSummary, labels: Labels) -> list[tuple[str, int]]:
    """The counts of the run: the known ones first, any other by its own name."""
    counts = run.footprint
    known = [(labels(f"footprint_{key}"), counts[key]) for key in _FOOTPRINT if key in counts]
    return known + sorted((key, n) for key, n in counts.items() if key not in _FOOTPRINT)


def word_meanings(labels: Labels) -> list[tuple[str, str]]:
    """The words of the answers and of the controls, each with what it means here."""
    return [(labels(word), labels(meaning)) for word, meaning in _MEANINGS]


def identity_lines(assessment: Assessment, labels: Labels) -> list[tuple[str, str]]:
    """The policy and the run by name and digest."""
    policy, run = assessment.policy, assessment.run
    return [
        (labels("policy_id"), policy.id),
        (labels("policy_digest"), policy.digest),
        (labels("run_id"), run.id),
        (labels("run_digest"), run.digest),
    ]


def scope_text(engagement: Engagement) -> str:
    """The names and networks that an assignment letter lists."""
    return ", ".join([*engagement.names, *map(str, engagement.networks)])


def _engagement_lines(assessment: Assessment, labels: Labels) -> list[tuple[str, str]]:
    engagement = assessment.engagement
    if engagement is None:
        return [(labels("letter"), labels("no_engagement"))]
    validity = labels(
        "from_until",
        start=labels.moment(engagement.valid_from),
        end=labels.moment(engagement.valid_until),
    )
    return [
        (labels("letter"), engagement.letter),
        (labels("issued_by"), engagement.issued_by),
        (labels("validity"), validity),
        (labels("scope"), scope_text(engagement)),
        (labels("contact"), engagement.contact),
    ]
