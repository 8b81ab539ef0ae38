"""The cases of a check: read, run, and held against the answer that they expect."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from spbe_audit.catalogue import CatalogueEntry
from spbe_audit.check import Check, Fact, Outcome, Verdict
from spbe_audit.check_texts import fill
from spbe_audit.errors import FileError
from spbe_audit.evidence import Evidence
from spbe_audit.resource_file import read_resource
from spbe_audit.testing.evidence import build_evidence
from spbe_audit.yaml_file import load_yaml


class Case(BaseModel):
    """One case: evidence laid over the healthy one, and the answer that is expected.

    ``evidence`` are overrides for the kind that the check needs; for a check of two kinds it is a
    mapping from each kind to its overrides. ``facts`` are facts that the outcome must hold at
    least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    evidence: Mapping[str, Any] = Field(default_factory=dict)
    params: Mapping[str, Any] = Field(default_factory=dict)
    verdict: Verdict
    reason: str | None = None
    facts: Mapping[str, Any] = Field(default_factory=dict)


class CaseFile(BaseModel):
    """The cases of one check. ``absent`` says why a verdict cannot occur and has no case."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cases: tuple[Case, ...]
    absent: Mapping[Verdict, str] = Field(default_factory=dict)


def load_cases(path: Path | Traversable) -> CaseFile:
    """The cases in a YAML file. Raises FileError with every mistake."""
    text = read_resource(path, error=FileError)
    return load_yaml(text, source=str(path), model=CaseFile, error=FileError)


def run_case(check: Check, case: Case) -> Outcome:
    """Ask the check of the case's evidence. Raises ValueError for evidence that cannot be built."""
    params = check.params_type.model_validate_json(json.dumps(dict(case.params)))
    return check.run(_evidence(check, case), params)


def check_case(entry: CatalogueEntry, case: Case) -> Outcome:
    """Run a case and compare; raises AssertionError that shows what differs."""
    outcome = run_case(entry.check, case)
    differences = [*_differences(case, outcome), *_unsayable(entry, outcome)]
    if differences:
        facts = json.dumps(_plain(outcome.facts), indent=2, ensure_ascii=False)
        lines = [f"{entry.check.id}: {case.name}", *(f"  {line}" for line in differences)]
        raise AssertionError("\n".join([*lines, f"  facts of the outcome: {facts}"]))
    return outcome


def _evidence(check: Check, case: Case) -> tuple[Evidence, ...]:
    kinds = [probe.value for probe in check.probes]
    if len(kinds) == 1:
        return (build_evidence(kinds[0], case.evidence),)
    unknown = set(case.evidence) - set(kinds)
    if unknown:
        raise ValueError(f"the check needs {kinds}, the case also gives {sorted(unknown)}")
    return tuple(build_evidence(kind, case.evidence.get(kind) or {}) for kind in kinds)


def _differences(case: Case, outcome: Outcome) -> Iterator[str]:
    if outcome.verdict is not case.verdict:
        reason = f" ({outcome.reason})" if outcome.reason else ""
        yield f"verdict: expected {case.verdict}, got {outcome.verdict}{reason}"
    if case.reason is not None and outcome.reason != case.reason:
        yield f"reason: expected {case.reason}, got {outcome.reason}"
    facts = _plain(outcome.facts)
    for name, expected in case.facts.items():
        if name not in facts:
            yield f"fact {name}: expected {expected!r}, got no such fact"
        elif facts[name] != expected:
            yield f"fact {name}: expected {expected!r}, got {facts[name]!r}"


def _unsayable(entry: CatalogueEntry, outcome: Outcome) -> Iterator[str]:
    """What keeps the outcome from being told in both languages."""
    for template in _sentences(entry, outcome):
        try:
            fill(template, outcome.facts)
        except KeyError as error:
            yield f"the sentence {template!r} wants the fact {error}, which the outcome lacks"
    if outcome.verdict in {Verdict.NOT_APPLICABLE, Verdict.UNKNOWN} and not outcome.reason:
        yield f"a verdict {outcome.verdict} needs a reason code"


def _sentences(entry: CatalogueEntry, outcome: Outcome) -> tuple[str, ...]:
    texts = entry.texts
    both = {Verdict.PASS: texts.passed, Verdict.FAIL: texts.failed}.get(outcome.verdict)
    both = both or texts.reasons.get(outcome.reason or "")
    return (both.id, both.en) if both else ()


def _plain(facts: Mapping[str, Fact]) -> dict[str, Any]:
    """The facts after a trip through JSON. Raises TypeError for a fact that is not plain data."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(facts), allow_nan=False))
    return plain


__all__ = ["Case", "CaseFile", "build_evidence", "check_case", "load_cases", "run_case"]
