"""One finding as a report shows it: the formal parts, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spbe_audit.catalogue import Catalogue
from spbe_audit.check import Verdict
from spbe_audit.check_texts import CheckTexts
from spbe_audit.finding import Assessment, Finding
from spbe_audit.regulation import Confidence, Control, Regulation
from spbe_audit.report.labels import Labels, Translated
from spbe_audit.report.wording import (
    Piece,
    command_line,
    joined,
    problem_codes,
    sentence,
    software_name,
)
from spbe_audit.targets import Service


@dataclass(frozen=True, slots=True)
class Citation:
    """A clause as it is cited; ``confidence`` always stands beside it."""

    id: str
    instrument: str
    clause: str
    title: str
    confidence: Confidence | None
    revoked: bool

    @property
    def full(self) -> str:
        """Instrument and clause in one line."""
        return f"{self.instrument} {self.clause}".strip()


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines to write for one server software."""

    software: str
    lines: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """The words of a finding in one language. ``finding`` is kept for codes and numbers."""

    finding: Finding
    title: str
    condition: tuple[Piece, ...]
    consequence: str
    remedy: str
    seen_snippet: Snippet | None
    other_snippets: tuple[Snippet, ...]
    citations: tuple[Citation, ...]
    command: str
    references: tuple[str, ...]
    anchor: str = ""

    @property
    def condition_text(self) -> str:
        """The condition as plain text."""
        return joined(self.condition)


@dataclass(frozen=True)
class Narrator:
    """Puts findings into words: the checks' texts, the clauses and a language.

    ``evidence_file`` is the name of the file that the evidence stands in, '' where it is not known.
    """

    catalogue: Catalogue
    labels: Labels
    regulations: Mapping[str, Regulation]
    clauses: Mapping[str, Control]
    evidence_file: str = ""
    _citations: dict[str, Citation] = field(default_factory=dict, repr=False, compare=False)
    _shared: dict[tuple[str, tuple[str, ...], str | None], dict[str, Any]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _snippets: dict[str, Mapping[str, Snippet]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def title(self, check_id: str) -> str:
        """The title of a check; its id where its words are not installed."""
        texts = self._texts(check_id)
        return self.labels.choose(texts.title) if texts else check_id

    def remedy(self, check_id: str) -> str:
        """What to do about a failing check; empty where its words are not installed."""
        texts = self._texts(check_id)
        return self.labels.choose(texts.remedy.text) if texts else ""

    def consequence(self, check_id: str) -> str:
        """What can happen where a check fails; empty where its words are not installed."""
        texts = self._texts(check_id)
        return self.labels.choose(texts.why) if texts else ""

    def condition(self, finding: Finding) -> str:
        """What was observed, or why it was not, as plain text."""
        return joined(self.condition_pieces(finding))

    def condition_pieces(self, finding: Finding) -> tuple[Piece, ...]:
        """What was observed, or why it was not: our words and the facts in them."""
        return self._condition(finding, self._texts(finding.check))

    def reason(self, finding: Finding) -> tuple[Piece, ...]:
        """Why a question stayed open, with the finding's facts."""
        return sentence(
            self._reason_template(finding.reason or "", finding.check), finding.facts, self.labels
        )

    def reason_in_general(self, code: str, checks: tuple[str, ...]) -> str:
        """Why questions stayed open, for many findings at once: their facts are left out."""
        template = self._reason_template(code, checks[0] if len(checks) == 1 else "")
        return joined(sentence(re.sub(r"\{\w+\}", "…", template), {}, self.labels))

    def view(self, finding: Finding, service: Service, software: str | None) -> FindingView:
        """A finding in words. ``software`` is the server that the service shows, if any."""
        key = finding.check, finding.controls, software
        if key not in self._shared:
            self._shared[key] = self._shared_parts(finding, software)
        return FindingView(
            finding=finding,
            condition=self.condition_pieces(finding),
            command=self.command(finding, service),
            **self._shared[key],
        )

    def _shared_parts(self, finding: Finding, software: str | None) -> dict[str, Any]:
        """The parts of a view that all findings of a check have in common."""
        snippets = dict(self.snippets(finding.check))
        return {
            "title": self.title(finding.check),
            "consequence": self.consequence(finding.check),
            "remedy": self.remedy(finding.check),
            "seen_snippet": snippets.pop(software, None) if software else None,
            "other_snippets": tuple(snippets.values()),
            "citations": tuple(map(self.citation, finding.controls)),
            "references": self.references(finding.check),
        }

    def snippets(self, check_id: str) -> Mapping[str, Snippet]:
        """The lines to write, by the key of their software, in the order of the check's file."""
        if check_id not in self._snippets:
            self._snippets[check_id] = _snippets(self._texts(check_id))
        return self._snippets[check_id]

    def command(self, finding: Finding, service: Service) -> str:
        """The command that repeats an observation; empty where its words are not installed."""
        texts = self._texts(finding.check)
        return command_line(texts.reproduce, finding, service) if texts else ""

    def references(self, check_id: str) -> tuple[str, ...]:
        """What a check goes back to."""
        texts = self._texts(check_id)
        return texts.references if texts else ()

    def citation(self, control_id: str) -> Citation:
        """A clause by its id; one that no catalogue holds is shown by its id alone."""
        if control_id not in self._citations:
            self._citations[control_id] = self._citation(control_id)
        return self._citations[control_id]

    def citation_of(self, control: Control) -> Citation:
        """A clause with the regulation that it stands in."""
        if control.id not in self._citations:
            self._citations[control.id] = self._citation_of(control)
        return self._citations[control.id]

    def _citation(self, control_id: str) -> Citation:
        if control_id not in self.clauses:
            return Citation(control_id, "", control_id, "", None, revoked=False)
        return self._citation_of(self.clauses[control_id])

    def _citation_of(self, control: Control) -> Citation:
        regulation = self.regulations.get(control.regulation)
        return Citation(
            id=control.id,
            instrument=self.labels.choose(regulation.short_title) if regulation else "",
            clause=self.labels.choose(control.citation),
            title=self.labels.choose(control.title),
            confidence=control.confidence,
            revoked=regulation is not None and regulation.status == "revoked",
        )

    def _condition(self, finding: Finding, texts: CheckTexts | None) -> tuple[Piece, ...]:
        if finding.verdict in {Verdict.UNKNOWN, Verdict.NOT_APPLICABLE}:
            return self.reason(finding)
        if texts is None:
            return (Piece(self.labels("no_text")),)
        if finding.verdict is Verdict.PASS:
            return sentence(self._raw(texts.passed), finding.facts, self.labels)
        return sentence(self._raw(texts.failed), finding.facts, self.labels) + self._problems(
            finding, texts
        )

    def _problems(self, finding: Finding, texts: CheckTexts) -> tuple[Piece, ...]:
        """What exactly is amiss: the words of the problem codes among the facts."""
        pieces: list[Piece] = []
        for code in problem_codes(finding.facts):
            if code in texts.reasons:
                words = self._raw(texts.reasons[code])
                pieces += [Piece(" "), *sentence(words, finding.facts, self.labels)]
        return tuple(pieces)

    def _reason_template(self, code: str, check_id: str) -> str:
        """The check's own words for a reason, else the shared ones, else the code itself."""
        texts = self._texts(check_id)
        if texts and code in texts.reasons:
            return self._raw(texts.reasons[code])
        if code in self.labels.reasons:
            return self.labels.reasons[code]
        return self.labels("reason_without_text", code=code or "–")  # noqa: RUF001 - the dash of an empty cell

    def _raw(self, text: Translated) -> str:
        return text.in_language(self.labels.language)

    def _texts(self, check_id: str) -> CheckTexts | None:
        return self.catalogue.get(check_id).texts if check_id in self.catalogue else None


def narrator_for(
    assessment: Assessment, catalogue: Catalogue, labels: Labels, *, evidence_file: str = ""
) -> Narrator:
    """The narrator of one assessment."""
    return Narrator(
        evidence_file=evidence_file,
        catalogue=catalogue,
        labels=labels,
        regulations={regulation.id: regulation for regulation in assessment.regulations},
        clauses={
            control.id: control
            for regulation in assessment.regulations
            for control in regulation.controls
        },
    )


def _snippets(texts: CheckTexts | None) -> dict[str, Snippet]:
    """The lines to write, by the key of their software, in the order of the check's file."""
    if texts is None:
        return {}
    return {
        key: Snippet(software_name(key), lines.strip("\n"))
        for key, lines in texts.remedy.snippets.items()
    }
