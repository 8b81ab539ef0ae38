"""YAML files as models: all mistakes of a file at once, each with its place and a way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from spbe_audit.errors import FileError, Mistake
from spbe_audit.model_mistakes import mistakes_of_model
from spbe_audit.yaml_tree import Place, Positions, YamlDocument, parse_yaml

M = TypeVar("M")

MOST_MISTAKES = 1000
"""More are not listed: nobody reads them."""

Inspection = Callable[[Any, Positions], Sequence[Mistake]]
"""Finds more mistakes in the raw data, whether or not the data fits its model."""


def load_yaml(
    text: str,
    *,
    source: str,
    model: type[M],
    error: type[FileError],
    inspect: Inspection | None = None,
) -> M:
    """A YAML text as a model; raises ``error`` with every mistake in it, in file order.

    The model itself says that it forbids unknown keys; everything is validated strictly.
    """
    return load_yaml_document(text, source=source, model=model, error=error, inspect=inspect)[0]


def load_yaml_document(
    text: str,
    *,
    source: str,
    model: type[M],
    error: type[FileError],
    inspect: Inspection | None = None,
) -> tuple[M, Positions]:
    """A YAML text as a model, with the positions for mistakes that only the caller can see.

    Raises ``error`` with every mistake, those of ``inspect`` among them, in file order.
    """
    document = parse_yaml(text, source=source, error=error)
    return fit(document, model=model, error=error, inspect=inspect), document.positions


def fit(
    document: YamlDocument,
    *,
    model: type[M],
    error: type[FileError],
    inspect: Inspection | None = None,
) -> M:
    """A document as a model, validated strictly; raises ``error`` with every mistake."""
    mistakes = list(document.mistakes)
    if inspect is not None:
        mistakes += inspect(document.data, document.positions)
    try:
        fitted = TypeAdapter(model).validate_json(json.dumps(document.data), strict=True)
    except ValidationError as problem:
        told = mistakes_of_model(problem.errors(include_url=False), document.positions, model)
        mistakes += islice(told, MOST_MISTAKES + 1)
        raise error(in_file_order(mistakes)) from problem
    if mistakes:
        raise error(in_file_order(mistakes))
    return fitted


def in_file_order(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Mistakes as a reader meets them, each once, and no more of them than can be read."""
    ordered = sorted(dict.fromkeys(mistakes), key=lambda m: (m.line, m.column))
    if len(ordered) <= MOST_MISTAKES:
        return ordered
    last = ordered[MOST_MISTAKES]
    more = Mistake(last.file, last.line, last.column, "there are more mistakes after these")
    return [*ordered[:MOST_MISTAKES], more]


__all__ = [
    "Inspection",
    "Place",
    "Positions",
    "YamlDocument",
    "fit",
    "in_file_order",
    "load_yaml",
    "load_yaml_document",
    "parse_yaml",
]
