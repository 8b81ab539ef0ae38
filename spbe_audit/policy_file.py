"""The form of a policy file, and all that can be wrong in one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spbe_audit.bilingual import Bilingual
from spbe_audit.catalogue import Catalogue
from spbe_audit.check import Check, Params
from spbe_audit.errors import Mistake
from spbe_audit.model_mistakes import mistakes_of_model
from spbe_audit.regulation import Confidence, Control
from spbe_audit.severity import Severity
from spbe_audit.text_file import nearest, shown
from spbe_audit.yaml_file import Positions

Place = tuple[str | int, ...]


class RequirementDocument(BaseModel):
    """A requirement as its file has it; what it leaves out is inherited from the base policy."""

    model_config = ConfigDict(extra="forbid")

    id: str | None = None
    check: str | None = None
    severity: Severity | None = None
    params: Mapping[str, Any] = Field(default_factory=dict)
    controls: tuple[str, ...] | None = None
    add_controls: tuple[str, ...] = ()
    gate: str | None = None

    @property
    def name(self) -> str:
        """The id of the requirement; where none is given, that of its check."""
        return self.id or self.check or ""


class AspectDocument(BaseModel):
    """An aspect as its file has it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: Bilingual
    families: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()


class PolicyDocument(BaseModel):
    """A policy as its file has it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: Bilingual
    extends: str | None = None
    controls: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    aspects: tuple[AspectDocument, ...] = ()
    requirements: tuple[RequirementDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a requirement of the base policy hands down: its check and its parameters."""

    check: Check
    params: Params


@dataclass(frozen=True, slots=True)
class Known:
    """All that a policy file may speak of."""

    catalogue: Catalogue
    controls: Mapping[str, Control]
    inherited: Mapping[str, Inherited]


def inspect_policy(data: Any, positions: Positions, known: Known) -> list[Mistake]:
    """What the form alone cannot tell: names that do not exist, repeat, or do not fit."""
    if not isinstance(data, dict):
        return []
    return [
        *_removals(data, positions, known),
        *_control_names(_texts(data, ("controls",)), positions, known.controls),
        *_requirements(data, positions, known),
        *_aspects(data, positions, known),
    ]


def matching(pattern: str, controls: Iterable[str]) -> tuple[str, ...]:
    """The control ids that a pattern names: one id, or all that begin as it does before its *."""
    if pattern.endswith("*"):
        return tuple(control for control in controls if control.startswith(pattern[:-1]))
    return tuple(control for control in controls if control == pattern)


def _requirements(data: dict[str, Any], positions: Positions, known: Known) -> Iterator[Mistake]:
    removed = {text for _, text in _texts(data, ("remove",))}
    given = list(_mappings(data, "requirements"))
    times = Counter(_name(requirement) for _, requirement in given)
    for place, requirement in given:
        name = _name(requirement)
        if name and times[name] > 1:
            problem = f"two requirements have the id {shown(name)}"
            yield positions.mistake(place, problem, expected="an 'id' of its own for each")
        inherited = None if name in removed else known.inherited.get(name)
        yield from _requirement(place, requirement, inherited, positions, known)


def _requirement(
    place: Place,
    given: dict[str, Any],
    inherited: Inherited | None,
    positions: Positions,
    known: Known,
) -> Iterator[Mistake]:
    check_id = given.get("check")
    check = inherited.check if inherited else None
    if isinstance(check_id, str):
        check = known.catalogue.get(check_id).check if check_id in known.catalogue else None
        if check is None:
            yield _no_such((*place, "check"), check_id, known.catalogue.ids, positions, "check")
    elif inherited is None:
        yield from _missing_check(place, given, positions, known)
    if inherited is None and given.get("severity") is None:
        yield positions.key_mistake(place, "a new requirement needs a 'severity'")
    for key in ("controls", "add_controls"):
        texts = [((*place, *at), text) for at, text in _texts(given, (key,))]
        yield from _control_names(texts, positions, known.controls, patterns=False)
    params = given.get("params")
    if check and isinstance(params, dict):
        before = inherited.params if inherited and inherited.check is check else None
        yield from _params((*place, "params"), params, check, before, positions)


def _missing_check(
    place: Place, given: dict[str, Any], positions: Positions, known: Known
) -> Iterator[Mistake]:
    name = given.get("id")
    problem = "a new requirement needs a 'check'"
    if isinstance(name, str) and known.inherited:
        problem = "the base policy has no requirement of this id, and a new one needs a 'check'"
        suggestion = nearest(name, known.inherited)
        found = shown(name)
        yield positions.mistake((*place, "id"), problem, found=found, suggestion=suggestion)
    else:
        yield positions.key_mistake(place, problem)


def _params(
    place: Place,
    given: dict[str, Any],
    check: Check,
    before: Params | None,
    positions: Positions,
) -> Iterator[Mistake]:
    fields = check.params_type.model_fields
    for name in given:
        if name not in fields:
            expected = "one of " + ", ".join(fields) if fields else "no parameter at all"
            yield positions.key_mistake(
                (*place, name),
                f"{check.id} has no such parameter",
                found=shown(name),
                expected=expected,
                suggestion=nearest(name, fields),
            )
    fitting = {name: value for name, value in given.items() if name in fields}
    try:
        merged_params(check, before, fitting)
    except ValidationError as error:
        found = error.errors(include_url=False)
        for detail in found:
            detail["loc"] = (*place, *detail["loc"])
        yield from mistakes_of_model(found, positions, check.params_type)


def merged_params(check: Check, before: Params | None, given: Mapping[str, Any]) -> Params:
    """The parameters of a check: given ones over inherited ones over the defaults.

    Raises pydantic's ValidationError.
    """
    inherited = before.model_dump(mode="json") if before else {}
    return check.params_type.model_validate_json(json.dumps({**inherited, **given}))


def _removals(data: dict[str, Any], positions: Positions, known: Known) -> Iterator[Mistake]:
    for place, name in _texts(data, ("remove",)):
        if name not in known.inherited:
            yield _no_such(place, name, known.inherited, positions, "requirement to remove")


def _aspects(data: dict[str, Any], positions: Positions, known: Known) -> Iterator[Mistake]:
    given = list(_mappings(data, "aspects"))
    times = Counter(str(aspect.get("id")) for _, aspect in given)
    families = sorted({check.family for check in known.catalogue.checks})
    for place, aspect in given:
        if times[str(aspect.get("id"))] > 1:
            yield positions.mistake((*place, "id"), "two aspects have one id")
        for key, words, what in (
            ("families", families, "family of checks"),
            ("checks", known.catalogue.ids, "check"),
        ):
            for at, text in _texts(aspect, (key,)):
                if text not in words:
                    yield _no_such((*place, *at), text, words, positions, what)
        texts = [((*place, *at), text) for at, text in _texts(aspect, ("controls",))]
        yield from _control_names(texts, positions, known.controls)


def _control_names(
    texts: Iterable[tuple[Place, str]],
    positions: Positions,
    controls: Mapping[str, Control],
    *,
    patterns: bool = True,
) -> Iterator[Mistake]:
    for place, text in texts:
        if not patterns and "*" in text:
            expected = "the id of one control; only 'controls' of a policy or aspect take a *"
            yield positions.mistake(place, "no pattern is read here", expected=expected)
        elif not matching(text, controls):
            what = "control that begins so" if text.endswith("*") else "control"
            yield _no_such(place, text, controls, positions, what)
        elif text in controls and controls[text].confidence is Confidence.UNVERIFIED:
            yield positions.mistake(
                place,
                "this control is unverified, and a report must not cite it",
                found=shown(text),
                expected="a control whose confidence is verified or secondary",
            )


def _no_such(
    place: Place, found: str, words: Iterable[str], positions: Positions, what: str
) -> Mistake:
    return positions.mistake(
        place, f"there is no such {what}", found=shown(found), suggestion=nearest(found, words)
    )


def _name(requirement: dict[str, Any]) -> str:
    return str(requirement.get("id") or requirement.get("check") or "")


def _mappings(data: dict[str, Any], key: str) -> Iterator[tuple[Place, dict[str, Any]]]:
    values = data.get(key)
    for number, value in enumerate(values if isinstance(values, list) else []):
        if isinstance(value, dict):
            yield (key, number), value


def _texts(data: dict[str, Any], place: Place) -> Iterator[tuple[Place, str]]:
    values = data.get(str(place[-1]))
    for number, value in enumerate(values if isinstance(values, list) else []):
        if isinstance(value, str):
            yield (*place, number), value


__all__ = [
    "AspectDocument",
    "Inherited",
    "Known",
    "PolicyDocument",
    "RequirementDocument",
    "inspect_policy",
    "matching",
    "merged_params",
]
