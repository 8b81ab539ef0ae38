"""The checks and the clauses as SARIF has them: rules in both languages, and taxonomies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spbe_audit.check_texts import CheckTexts
from spbe_audit.finding import Assessment
from spbe_audit.regulation import Control, Regulation
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.json_stream import Json, Opened
from spbe_audit.report.labels import LANGUAGES, Translated
from spbe_audit.severity import Severity

TOOL = "spbe-audit"
RANKS = {
    Severity.CRITICAL: 100,
    Severity.HIGH: 75,
    Severity.MEDIUM: 50,
    Severity.LOW: 25,
    Severity.INFO: 0,
}
"""The order of severities on SARIF's scale of 0 to 100; the distances mean nothing."""

_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_BANDS = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.5",
    Severity.LOW: "2.0",
    Severity.INFO: "0.0",
}
"""Code hosts read a severity from the band that this number lies in; it is no CVSS score."""


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The checks that were asked, in order, with the gravest severity and the clauses of each."""

    checks: tuple[str, ...]
    rule_index: Mapping[str, int]
    severities: Mapping[str, Severity]
    controls: Mapping[str, tuple[str, ...]]
    places: Mapping[str, Json]

    def taxa(self, controls: Sequence[str]) -> list[Json]:
        """References to those of the controls that a catalogue holds."""
        return [self.places[control] for control in controls if control in self.places]


def rulebook(assessment: Assessment) -> Rulebook:
    """What the rules of a log are: every check that gave an answer, passed ones too."""
    severities: dict[str, Severity] = {}
    controls: dict[str, dict[str, None]] = {}
    for service in assessment.services:
        for finding in service.findings:
            known = severities.get(finding.check, finding.severity)
            severities[finding.check] = min(known, finding.severity, key=lambda one: one.rank)
            controls.setdefault(finding.check, {}).update(dict.fromkeys(finding.controls))
    checks = tuple(sorted(severities))
    return Rulebook(
        checks=checks,
        rule_index={check: index for index, check in enumerate(checks)},
        severities=severities,
        controls={check: tuple(sorted(cited)) for check, cited in controls.items()},
        places=_places(assessment.regulations),
    )


def level_of(severity: Severity) -> str:
    """The level of a failing result (3.27.10)."""
    return _LEVELS[severity]


def rule(check: str, book: Rulebook, narrator: Narrator) -> Json:
    """A check as a reporting descriptor (3.49), in the language of the report."""
    severity = book.severities[check]
    texts = _texts(check, narrator)
    references = texts.references if texts else ()
    link = next((one for one in references if one.startswith("https://")), None)
    relationships = [
        {"target": place, "kinds": ["relevant"]} for place in book.taxa(book.controls[check])
    ]
    return {
        **_described(check, narrator, narrator.labels.language),
        **({"helpUri": link} if link else {}),
        "defaultConfiguration": {"level": level_of(severity), "rank": RANKS[severity]},
        **({"relationships": relationships} if relationships else {}),
        "properties": {
            "tags": ["security", spelt_out(check.partition(".")[0])],
            "severity": severity.value,
            "security-severity": _BANDS[severity],
        },
    }


def translation(book: Rulebook, narrator: Narrator) -> Json:
    """The words of the rules in the other language (3.14.9), in the same order."""
    (other,) = [language for language in LANGUAGES if language != narrator.labels.language]
    return {
        "name": TOOL,
        "language": other,
        "contents": ["localizedData"],
        "associatedComponent": {"name": TOOL},
        "translationMetadata": {"name": f"{TOOL} ({other})"},
        "rules": (_described(check, narrator, other) for check in book.checks),
    }


def taxonomy(regulation: Regulation, narrator: Narrator) -> Opened:
    """A regulation as a taxonomy (3.14.8), its clauses as taxa, each with its confidence."""
    choose = narrator.labels.choose
    return Opened(
        {
            "name": regulation.id,
            "fullName": choose(regulation.title),
            "shortDescription": message(choose(regulation.short_title)),
            "isComprehensive": False,
            "properties": {
                "status": regulation.status,
                "confidence": regulation.confidence.value,
            },
            "taxa": (_taxon(control, narrator) for control in regulation.controls),
        }
    )


def message(*paragraphs: str) -> Json:
    """A message string: braces are doubled (3.11.5) and nothing in it is a link (3.11.6)."""
    plain = "\n\n".join(map(spelt_out, paragraphs)).replace("{", "{{").replace("}", "}}")
    return {"text": plain.replace("](", "] (")}


def _taxon(control: Control, narrator: Narrator) -> Json:
    citation = narrator.citation_of(control)
    return {
        "id": control.id,
        "shortDescription": message(citation.full),
        "fullDescription": message(citation.title),
        "properties": {
            "confidence": control.confidence.value,
            "strength": control.strength.value,
        },
    }


def _places(regulations: Sequence[Regulation]) -> dict[str, Json]:
    """Where each control stands among the taxonomies."""
    return {
        control.id: {
            "id": control.id,
            "index": index,
            "toolComponent": {"name": regulation.id, "index": number},
        }
        for number, regulation in enumerate(regulations)
        for index, control in enumerate(regulation.controls)
    }


def _described(check: str, narrator: Narrator, language: str) -> dict[str, object]:
    """The id of a rule with its words in one language; a check without words has its id only."""
    texts = _texts(check, narrator)
    described: dict[str, object] = {"id": spelt_out(check)}
    if texts is None:
        return described
    consequence, remedy = _one_line(texts.why, language), _one_line(texts.remedy.text, language)
    return {
        **described,
        "shortDescription": message(_one_line(texts.title, language)),
        "fullDescription": message(_one_line(texts.question, language)),
        "help": message(consequence, remedy),
    }


def _texts(check: str, narrator: Narrator) -> CheckTexts | None:
    return narrator.catalogue.get(check).texts if check in narrator.catalogue else None


def _one_line(text: Translated, language: str) -> str:
    return " ".join(text.in_language(language).split())
