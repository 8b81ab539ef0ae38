"""What pydantic says of a YAML file, said again for the person who wrote the file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from spbe_audit.errors import Mistake
from spbe_audit.text_file import UnfitError, nearest, shown
from spbe_audit.yaml_tree import Place, Positions

_TEXT = "text"
_KEYS_AND_VALUES = "keys and values"
_DATE = "a date such as 2026-11-01"
_DATE_AND_TIME = "a date and time such as 2026-11-01T08:00:00+07:00"
_EXPECTED = {
    "string_type": _TEXT,
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": _KEYS_AND_VALUES,
    "mapping_type": _KEYS_AND_VALUES,
    "model_type": _KEYS_AND_VALUES,
    "model_attributes_type": _KEYS_AND_VALUES,
    "dataclass_type": _KEYS_AND_VALUES,
    "none_required": "nothing",
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
    "datetime_type": _DATE_AND_TIME,
    "datetime_parsing": _DATE_AND_TIME,
    "datetime_from_date_parsing": _DATE_AND_TIME,
    "timezone_aware": _DATE_AND_TIME,
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "too_short": ("at least", "min_length"),
    "too_long": ("at most", "max_length"),
}
_WORD_ERRORS = frozenset({"enum", "literal_error"})
_MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})
_UNKNOWN = frozenset({"extra_forbidden", "unexpected_keyword_argument"})
_SHOULD_BE = "Input should be "
_QUOTED_WORD = re.compile(r"'((?:[^'\\]|\\.)*)'")


def mistakes_of_model(
    errors: Iterable[ErrorDetails], positions: Positions, model: Any
) -> Iterator[Mistake]:
    """One mistake for each thing that is wrong; what the members of a union say is told as one."""
    told = list(errors)
    misspelt = set(_misspelt_keys(told, positions, model))
    heard = [
        error
        for error in told
        if not _is_echo(error, positions) and not (_is_missing(error) and error["loc"] in misspelt)
    ]
    for _, same in groupby(heard, key=lambda error: positions.known(error["loc"])):
        yield from _merged(_mistake(error, positions, model) for error in same)


def _merged(mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    told: dict[tuple[int, int, str, str], Mistake] = {}
    for mistake in mistakes:
        same = (mistake.line, mistake.column, mistake.problem, mistake.found)
        told[same] = _either(told[same], mistake) if same in told else mistake
    yield from told.values()


def _is_missing(error: ErrorDetails) -> bool:
    return error["type"] in _MISSING


def _misspelt_keys(
    errors: Iterable[ErrorDetails], positions: Positions, model: Any
) -> Iterator[Place]:
    """The keys that unknown ones were meant to be: to call them missing too would be an echo."""
    for error in errors:
        if error["type"] in _UNKNOWN:
            path = positions.known(error["loc"])
            meant = nearest(str(path[-1]), tuple(_keys_at(model, path[:-1]))) if path else ""
            if meant:
                yield (*error["loc"][:-1], meant.strip('"'))


def _is_echo(error: ErrorDetails, positions: Positions) -> bool:
    """Whether a list is called too short only because its entries are wrong, told on their own."""
    if error["type"] != "too_short":
        return False
    data = positions.data(positions.known(error["loc"]))
    return isinstance(data, list | dict) and len(data) >= error["ctx"]["min_length"]


def _either(first: Mistake, second: Mistake) -> Mistake:
    ways = [way for way in (first.expected, second.expected) if way]
    return dataclasses.replace(
        first,
        expected=" or ".join(dict.fromkeys(ways)),
        suggestion=first.suggestion or second.suggestion,
    )


def _mistake(error: ErrorDetails, positions: Positions, model: Any) -> Mistake:
    kind, location = error["type"], error["loc"]
    path = positions.known(location)
    if kind in _MISSING:
        return positions.key_mistake(path, f"the key {shown(location[-1])} is missing")
    if kind in _UNKNOWN:
        return _unknown_key(path, positions, model)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, UnfitError):
        return positions.unfit(path, cause)
    return _wrong_value(error, path, positions)


def _unknown_key(path: Place, positions: Positions, model: Any) -> Mistake:
    key = str(path[-1]) if path else ""
    known = tuple(dict.fromkeys(_keys_at(model, path[:-1])))
    return positions.key_mistake(
        path,
        f"unknown key {shown(key)}",
        expected=", ".join(known),
        suggestion=nearest(key, known),
    )


def _wrong_value(error: ErrorDetails, path: Place, positions: Positions) -> Mistake:
    data = positions.data(path)
    tell = positions.key_mistake if error["loc"][-1:] == ("[key]",) else positions.mistake
    expected = _expected(error, data)
    if not expected:
        message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return tell(path, f"{_name(path)}: {message}", found=shown(data))
    return tell(
        path,
        f"wrong value for {_name(path)}",
        found=f"a list of {len(data)}" if isinstance(data, list) else shown(data),
        expected=expected,
        suggestion=_suggestion(error, data),
    )


def _expected(error: ErrorDetails, data: Any) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _WORD_ERRORS:
        return "one of " + ", ".join(_words(error))
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return f"{word} {context[bound]}"
    if kind == "string_type" and _is_number_or_truth(data):
        return "text, in quotes"
    if kind not in _EXPECTED and error["msg"].startswith(_SHOULD_BE):
        return error["msg"].removeprefix(_SHOULD_BE)
    return _EXPECTED.get(kind, "")


def _suggestion(error: ErrorDetails, data: Any) -> str:
    if error["type"] in _WORD_ERRORS and isinstance(data, str):
        return nearest(data, _words(error))
    if error["type"] == "string_type" and _is_number_or_truth(data):
        return f'"{shown(data)}"'
    return ""


def _words(error: ErrorDetails) -> list[str]:
    return _QUOTED_WORD.findall(str(error.get("ctx", {}).get("expected", "")))


def _is_number_or_truth(data: Any) -> bool:
    return isinstance(data, bool | int | float)


def _name(path: Place) -> str:
    """The last key of a path with the indexes after it, from 1 as a reader counts."""
    keys = [index for index, part in enumerate(path) if isinstance(part, str)]
    if not keys:
        return "the file" if not path else f"entry {int(path[-1]) + 1}"
    indexes = "".join(f", entry {int(part) + 1}" for part in path[keys[-1] + 1 :])
    return shown(path[keys[-1]]) + indexes


def _keys_at(annotation: Any, path: Place) -> Iterator[str]:
    """The keys that a model knows at a path; those of all members of a union."""
    for member in _members(annotation):
        fields = _fields(member)
        if not path:
            yield from fields
        elif isinstance(path[0], str) and path[0] in fields:
            yield from _keys_at(fields[path[0]], path[1:])
        elif not fields and get_args(member):
            inner = [arg for arg in get_args(member) if arg is not Ellipsis]
            yield from _keys_at(inner[-1], path[1:])


def _members(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation


def _fields(kind: Any) -> Mapping[str, Any]:
    if not isinstance(kind, type):
        return {}
    if issubclass(kind, BaseModel):
        fields = kind.model_fields
        return {field.alias or name: field.annotation for name, field in fields.items()}
    if dataclasses.is_dataclass(kind):
        return get_type_hints(kind)
    return {}
