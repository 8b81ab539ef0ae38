"""A passing and a failing example of a check, out of its own cases."""

from __future__ import annotations

from importlib.resources import files

import yaml

from spbe_audit.catalogue import BUILT_IN, CatalogueEntry
from spbe_audit.check import Verdict
from spbe_audit.testing.cases import Case, load_cases

SHOWN = (Verdict.PASS, Verdict.FAIL)


def examples_of(entry: CatalogueEntry) -> tuple[Case, ...]:
    """The first passing and the first failing case of a built-in check; none for others."""
    if entry.origin != BUILT_IN:
        return ()
    family, _, name = entry.check.id.partition(".")
    file = files("spbe_audit.check_cases").joinpath(family, f"{name}.yaml")
    if not file.is_file():
        return ()
    cases = load_cases(file).cases
    first = (next((one for one in cases if one.verdict is verdict), None) for verdict in SHOWN)
    return tuple(case for case in first if case is not None)


def evidence_text(case: Case) -> str:
    """What a case lays over healthy evidence, as YAML; '' where it takes it as it is."""
    if not case.evidence:
        return ""
    text: str = yaml.safe_dump(
        _plain(case.evidence), sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    return text.rstrip()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
