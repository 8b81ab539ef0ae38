"""Finds checks and their words: built in, brought by other distributions, or in a folder.

All three travel the same road: a package with one folder for each family, and in it one Python
file and one YAML file for each check. A distribution names its package in the entry point group
"spbe_audit.checks"; so does this one.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType

from spbe_audit.check import Check
from spbe_audit.check_texts import CheckTexts, read_check_texts
from spbe_audit.errors import CatalogueError, CheckTextError

GROUP = "spbe_audit.checks"
BUILT_IN_PACKAGE = "spbe_audit.checks"
BUILT_IN = "built-in"

_ASK_AUTHOR = "Ask the author of the checks to mend it, or leave them out."


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A check with its words. ``origin`` is "built-in", "name version", or a folder's path."""

    check: Check
    texts: CheckTexts
    origin: str


@dataclass(frozen=True)
class Catalogue:
    """All checks that were found, sorted by id.

    ``policy_folders`` are the folders named "policies" that came along with checks of others.
    """

    entries: tuple[CatalogueEntry, ...]
    policy_folders: tuple[Traversable, ...] = ()

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks alone, sorted by id."""
        return tuple(entry.check for entry in self.entries)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all checks, sorted."""
        return tuple(self._by_id)

    def get(self, check_id: str) -> CatalogueEntry:
        """The entry with this id. Raises CatalogueError, which names the nearest id."""
        try:
            return self._by_id[check_id]
        except KeyError:
            pass
        near = get_close_matches(check_id, self._by_id, n=1)
        suggestion = f"; did you mean {near[0]}?" if near else ""
        raise _error(
            f"there is no check {check_id!r}{suggestion}",
            '"spbe-audit checks list" shows all of them; --checks DIR adds a folder of your own.',
        )

    def __contains__(self, check_id: object) -> bool:
        return check_id in self._by_id

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @cached_property
    def _by_id(self) -> dict[str, CatalogueEntry]:
        return {entry.check.id: entry for entry in self.entries}


@dataclass(frozen=True, slots=True)
class _Source:
    """A package of checks: its import name, its files, and where it came from."""

    package: str
    root: Traversable
    origin: str


def load_catalogue(*, folders: Sequence[Path] = ()) -> Catalogue:
    """Every check of every distribution, and those in the given folders.

    Raises CatalogueError for a check that cannot be imported, whose words are incomplete, or whose
    id is taken.
    """
    sources = [*_distributions(), *(_folder(folder) for folder in folders)]
    found: dict[str, CatalogueEntry] = {}
    for source in sources:
        for entry in _entries(source):
            _refuse_second(found.get(entry.check.id), entry)
            found[entry.check.id] = entry
    folders_of_policies = (source.root / "policies" for source in sources)
    return Catalogue(
        entries=tuple(found[check_id] for check_id in sorted(found)),
        policy_folders=tuple(folder for folder in folders_of_policies if folder.is_dir()),
    )


def load_check(check_id: str) -> CatalogueEntry:
    """One built-in check, without looking at any other. Raises CatalogueError."""
    family, _, name = check_id.partition(".")
    source = _Source(BUILT_IN_PACKAGE, files(BUILT_IN_PACKAGE), BUILT_IN)
    if not (source.root / family / f"{name}.py").is_file():
        raise _error(f"there is no built-in check {check_id!r}", "See CONTRIBUTING.md.")
    entry = _entry(source, (family, name), source.root / family)
    if entry is None:
        raise _error(f"checks/{family}/{name}.py defines no check", "See CONTRIBUTING.md.")
    return entry


def _distributions() -> Iterator[_Source]:
    points = {point.value: point for point in entry_points(group=GROUP)}
    if BUILT_IN_PACKAGE not in points:
        raise _error(
            "the built-in checks are not registered: spbe-audit is not properly installed",
            'Install it: "pipx install spbe-audit", or "pip install --editable ." in a checkout.',
        )
    for value in sorted(points, key=lambda value: (value != BUILT_IN_PACKAGE, value)):
        origin = BUILT_IN if value == BUILT_IN_PACKAGE else _origin(points[value])
        yield _package(value, origin)


def _origin(point: EntryPoint) -> str:
    if point.dist is None:
        return point.value
    return f"{point.dist.name} {point.dist.version}"


def _package(name: str, origin: str) -> _Source:
    module = _imported(name, origin)
    if not hasattr(module, "__path__"):
        raise _error(
            f"{origin}: the entry point names {name}, which is a module and not a package",
            "It must name a package with one folder for each family of checks.",
        )
    return _Source(name, files(module), origin)


def _folder(folder: Path) -> _Source:
    """A folder as a package under a private name, so that the search path stays as it is."""
    if not folder.is_dir():
        raise _error(
            f"{folder}: there is no such folder of checks",
            "--checks wants a folder that holds <family>/<name>.py and <family>/<name>.yaml.",
        )
    resolved = folder.resolve()
    name = f"_spbe_audit_checks_{hashlib.sha256(bytes(resolved)).hexdigest()[:16]}"
    package = ModuleType(name, f"Checks in {resolved}.")
    package.__path__ = [str(resolved)]
    sys.modules.setdefault(name, package)
    importlib.invalidate_caches()
    return _Source(name, resolved, str(folder))


def _entries(source: _Source) -> Iterator[CatalogueEntry]:
    for family, folder in _families((), source.root):
        modules = [item.name.removesuffix(".py") for item in folder.iterdir() if _is_module(item)]
        for name in sorted(modules):
            entry = _entry(source, (*family, name), folder)
            if entry:
                yield entry


def _families(
    path: tuple[str, ...], folder: Traversable
) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    """Every folder below the root at any depth, with the names that lead to it."""
    if path:
        yield path, folder
    below = [item for item in folder.iterdir() if item.is_dir() and item.name.isidentifier()]
    for item in sorted(below, key=lambda item: item.name):
        if item.name != "__pycache__":
            yield from _families((*path, item.name), item)


def _is_module(item: Traversable) -> bool:
    stem = item.name.removesuffix(".py")
    return item.name.endswith(".py") and stem.isidentifier() and stem != "__init__"


def _entry(source: _Source, path: tuple[str, ...], folder: Traversable) -> CatalogueEntry | None:
    """The check that one module defines with its words; None where it defines none."""
    module = _imported(".".join((source.package, *path)), source.origin)
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, Check) and value.function.__module__ == module.__name__
    ]
    if not own:
        return None
    wanted = ".".join(path[-2:])
    wrong = next((check for check in own if check.id != wanted), None)
    if wrong:
        raise _error(
            f"{source.origin}: {'/'.join(path)}.py defines the check {wrong.id!r}",
            f"By its place its id must be {wanted!r}: rename the one or the other.",
        )
    return CatalogueEntry(own[0], _texts(source, own[0], folder, path[-1]), source.origin)


def _texts(source: _Source, check: Check, folder: Traversable, name: str) -> CheckTexts:
    words = folder / f"{name}.yaml"
    if not words.is_file():
        raise _error(
            f"{source.origin}: the check {check.id} has no words: {words} is missing",
            "Write it beside the Python file; CONTRIBUTING.md shows its form.",
        )
    try:
        return read_check_texts(words, parameters=tuple(check.params_type.model_fields))
    except CheckTextError as error:
        advice = _ASK_AUTHOR if source.origin != BUILT_IN else "CONTRIBUTING.md shows the form."
        raise _error(
            f"the words of the check {check.id} ({source.origin}):\n{error}", advice
        ) from error


def _imported(name: str, origin: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # a plugin may fail in any way while it is imported
        kind = type(error).__name__
        raise _error(
            f"{origin}: {name} cannot be imported: {kind}: {error}", _ASK_AUTHOR
        ) from error


def _refuse_second(first: CatalogueEntry | None, second: CatalogueEntry) -> None:
    if first is None:
        return
    raise _error(
        f"two checks have the id {second.check.id}: one from {first.origin}, "
        f"one from {second.origin}",
        "Rename one of them, or leave one of the two sources out.",
    )


def _error(message: str, advice: str) -> CatalogueError:
    error = CatalogueError(message)
    error.advice = advice
    return error


__all__ = ["Catalogue", "CatalogueEntry", "load_catalogue", "load_check"]
