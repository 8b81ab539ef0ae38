"""Policies: which checks are asked, how grave a failure is, and which clauses it touches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from spbe_audit.bilingual import Bilingual
from spbe_audit.catalogue import Catalogue, load_catalogue
from spbe_audit.check import NoParams, Params
from spbe_audit.errors import Mistake, PolicyError
from spbe_audit.evidence import TlsQuestion, canonical_json, digest
from spbe_audit.policy_file import (
    Inherited,
    Known,
    PolicyDocument,
    RequirementDocument,
    inspect_policy,
    matching,
    merged_params,
)
from spbe_audit.regulation import (
    Confidence,
    Control,
    Regulation,
    built_in_regulations,
    regulations_in,
)
from spbe_audit.resource_file import read_resource
from spbe_audit.severity import Severity
from spbe_audit.text_file import nearest, shown, whole_file_error
from spbe_audit.yaml_file import YamlDocument, fit, parse_yaml

File = Path | Traversable


@dataclass(frozen=True, slots=True)
class Requirement:
    """One check that a policy asks, with its parameters, severity and the clauses it speaks to.

    ``gate`` is a reason code: where this requirement fails, every other answer about the service
    is unknown for that reason. It is None for all that do not stand in the way of others.
    """

    id: str
    check: str
    params: Params
    severity: Severity
    controls: tuple[str, ...]
    gate: str | None = None


@dataclass(frozen=True, slots=True)
class Aspect:
    """A heading of the national evaluation; what belongs to it is our choice, not the law's."""

    id: str
    title: Bilingual
    families: tuple[str, ...]
    checks: tuple[str, ...]
    controls: tuple[str, ...]

    def covers(self, requirement: Requirement) -> bool:
        """Whether a requirement belongs here: by its check, its family, or one of its clauses."""
        return (
            requirement.check in self.checks
            or requirement.check.partition(".")[0] in self.families
            or any(matching(pattern, requirement.controls) for pattern in self.controls)
        )


@dataclass(frozen=True)
class Policy:
    """A policy with everything that it inherits.

    ``regulations`` hold the controls that the policy shows, whether or not a check touches them.
    """

    id: str
    title: Bilingual
    requirements: tuple[Requirement, ...]
    aspects: tuple[Aspect, ...]
    regulations: tuple[Regulation, ...]

    @property
    def controls(self) -> tuple[Control, ...]:
        """The controls in scope, in the order of their regulations."""
        return tuple(control for regulation in self.regulations for control in regulation.controls)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that the policy decides, hexadecimal."""
        return digest(
            canonical_json(
                {
                    "id": self.id,
                    "requirements": [_requirement_json(one) for one in self.requirements],
                    "aspects": [_aspect_json(one) for one in self.aspects],
                    "controls": [control.id for control in self.controls],
                }
            )
        )


@dataclass(frozen=True, slots=True)
class _Library:
    """Where policies, checks and regulations are looked up."""

    catalogue: Catalogue
    files: Mapping[str, File]
    regulations: tuple[Regulation, ...]

    def controls(self) -> dict[str, Control]:
        every = (control for regulation in self.regulations for control in regulation.controls)
        return {control.id: control for control in every}


def load_policy(policy: str | Path, *, catalogue: Catalogue | None = None) -> Policy:
    """A policy by its name, or in a YAML file.

    ``catalogue`` tells which checks exist, and which policies came with them. A file may have its
    own regulations in a folder "regulations" beside it. Raises PolicyError with every mistake.
    """
    library = _library(catalogue or load_catalogue())
    file = _file(policy, library.files)
    if file is None:
        raise whole_file_error(
            str(policy),
            "there is no policy of this name",
            error=PolicyError,
            advice='"spbe-audit policies list" shows all names; a path to a YAML file serves too.',
            suggestion=nearest(str(policy), library.files),
        )
    return _load(file, library, ())


def tls_questions(policy: Policy, catalogue: Catalogue) -> frozenset[TlsQuestion]:
    """What the checks of a policy need to know of TLS beyond what every scan asks."""
    asked = (catalogue.get(requirement.check).check.asks for requirement in policy.requirements)
    return frozenset().union(*asked)


def policy_names(catalogue: Catalogue | None = None) -> tuple[str, ...]:
    """The names of all policies that can be loaded by name, sorted."""
    return tuple(sorted(_library(catalogue or load_catalogue()).files))


def _library(catalogue: Catalogue) -> _Library:
    found: dict[str, File] = {}
    regulations = built_in_regulations()
    for folder in (files("spbe_audit.policies"), *catalogue.policy_folders):
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            name = item.name.removesuffix(".yaml")
            if name == item.name:
                continue
            if name in found:
                problem = f"another policy has the name {shown(name)}: {found[name]}"
                advice = "Rename one of the two files."
                raise whole_file_error(str(item), problem, error=PolicyError, advice=advice)
            found[name] = item
        regulations = _with_regulations(regulations, folder / "regulations")
    return _Library(catalogue, found, regulations)


def _with_regulations(known: tuple[Regulation, ...], folder: File) -> tuple[Regulation, ...]:
    """Known regulations and those of a folder; the same one twice is one."""
    found = list(known)
    for regulation in regulations_in(folder):
        same = next((one for one in found if one.id == regulation.id), None)
        if same is None:
            found.append(regulation)
        elif same != regulation:
            raise whole_file_error(
                str(folder),
                f"another regulation has the id {shown(regulation.id)}",
                error=PolicyError,
                advice="Give yours an id of its own, and its controls ids that begin with it.",
            )
    return tuple(found)


def _file(policy: str | Path, names: Mapping[str, File], beside: File | None = None) -> File | None:
    """The file that a name or a path leads to; None for a name that is not known."""
    if isinstance(policy, str) and not policy.endswith((".yaml", ".yml")) and "/" not in policy:
        return names.get(policy)
    if isinstance(beside, Path):
        return beside.parent / policy
    return Path(policy)


def _load(file: File, library: _Library, chain: tuple[str, ...]) -> Policy:
    """The policy in a file; ``chain`` are the files that extend it, one the next."""
    if isinstance(file, Path):
        regulations = _with_regulations(library.regulations, file.parent / "regulations")
        library = replace(library, regulations=regulations)
    text = read_resource(file, error=PolicyError)
    document = parse_yaml(text, source=str(file), error=PolicyError)
    base, mistakes = _base(document, file, library, chain)
    known = _known(base, library)
    fitted = fit(
        document,
        model=PolicyDocument,
        error=PolicyError,
        inspect=lambda data, positions: mistakes or inspect_policy(data, positions, known),
    )
    return _resolved(fitted, base, library)


def _base(
    document: YamlDocument, file: File, library: _Library, chain: tuple[str, ...]
) -> tuple[Policy | None, list[Mistake]]:
    """The policy that a document extends, or the mistake that keeps it from being found."""
    name = document.data.get("extends") if isinstance(document.data, dict) else None
    if not isinstance(name, str):
        return None, []
    base = _file(name, library.files, file)
    place = ("extends",)
    if base is None:
        near = nearest(name, library.files)
        problem = "there is no policy of this name"
        return None, [
            document.positions.mistake(place, problem, found=shown(name), suggestion=near)
        ]
    chain = (*chain, _identity(file))
    if _identity(base) in chain:
        way = " -> ".join((*chain[chain.index(_identity(base)) :], _identity(base)))
        problem = f"the policies extend each other: {way}"
        return None, [document.positions.mistake(place, problem, found=shown(name))]
    return _load(base, library, chain), []


def _identity(file: File) -> str:
    return str(file.resolve() if isinstance(file, Path) else file)


def _known(base: Policy | None, library: _Library) -> Known:
    inherited = {
        one.id: Inherited(library.catalogue.get(one.check).check, one.params)
        for one in (base.requirements if base else ())
    }
    return Known(catalogue=library.catalogue, controls=library.controls(), inherited=inherited)


def _resolved(document: PolicyDocument, base: Policy | None, library: _Library) -> Policy:
    requirements = _requirements(document, base, library.catalogue)
    cited = {control for one in requirements for control in one.controls}
    shown_before = {control.id for control in base.controls} if base else set()
    return Policy(
        id=document.id,
        title=document.title,
        requirements=requirements,
        aspects=_aspects(document, base),
        regulations=_scope(library, document.controls, cited | shown_before),
    )


def _requirements(
    document: PolicyDocument, base: Policy | None, catalogue: Catalogue
) -> tuple[Requirement, ...]:
    """Those of the base that are not removed, changed where the document says so, and new ones."""
    merged = {one.id: one for one in (base.requirements if base else ())}
    for name in document.remove:
        del merged[name]
    for given in document.requirements:
        merged[given.name] = _requirement(given, merged.get(given.name), catalogue)
    return tuple(merged.values())


def _requirement(
    given: RequirementDocument, before: Requirement | None, catalogue: Catalogue
) -> Requirement:
    if before is None:
        # The inspection has seen to it that a new requirement has its check and its severity.
        before = Requirement(given.name, given.check or "", NoParams(), Severity.INFO, ())
    check_id = given.check or before.check
    inherited = before.params if check_id == before.check else None
    check = catalogue.get(check_id).check
    inherited = inherited if isinstance(inherited, check.params_type) else None
    controls = before.controls if given.controls is None else given.controls
    return Requirement(
        id=given.name,
        check=check_id,
        params=merged_params(check, inherited, given.params),
        severity=given.severity or before.severity,
        controls=tuple(dict.fromkeys((*controls, *given.add_controls))),
        gate=given.gate or before.gate,
    )


def _aspects(document: PolicyDocument, base: Policy | None) -> tuple[Aspect, ...]:
    merged = {one.id: one for one in (base.aspects if base else ())}
    for given in document.aspects:
        merged[given.id] = Aspect(
            given.id, given.title, given.families, given.checks, given.controls
        )
    return tuple(merged.values())


def _scope(
    library: _Library, patterns: Iterable[str], also: Collection[str]
) -> tuple[Regulation, ...]:
    """The regulations with those controls that are shown; unverified ones never are."""
    known = library.controls()
    wanted = {control for pattern in patterns for control in matching(pattern, known)} | set(also)
    scope = []
    for regulation in library.regulations:
        controls = tuple(
            control
            for control in regulation.controls
            if control.id in wanted and control.confidence is not Confidence.UNVERIFIED
        )
        if controls:
            scope.append(replace(regulation, controls=controls))
    return tuple(scope)


def _requirement_json(requirement: Requirement) -> dict[str, object]:
    return {
        "id": requirement.id,
        "check": requirement.check,
        "params": requirement.params.model_dump(mode="json"),
        "severity": requirement.severity.value,
        "controls": list(requirement.controls),
        "gate": requirement.gate,
    }


def _aspect_json(aspect: Aspect) -> dict[str, object]:
    return {
        "id": aspect.id,
        "families": list(aspect.families),
        "checks": list(aspect.checks),
        "controls": list(aspect.controls),
    }


__all__ = ["Aspect", "Policy", "Requirement", "load_policy", "policy_names"]
