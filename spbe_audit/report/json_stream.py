"""JSON written piece by piece: what is long comes item by item, each on a line of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

Json = Mapping[str, object]

_encoded = json.JSONEncoder(allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Opened:
    """An object whose members stand on lines of their own; those that are None are left out."""

    members: Json


def streamed(value: object, depth: int = 0) -> Iterator[str]:
    """The JSON of a value: Opened and iterators line by line, all else at once. ASCII only."""
    if isinstance(value, Opened):
        yield from _object(value.members, depth)
    elif isinstance(value, Iterator):
        yield from _array(value, depth)
    else:
        yield _encoded(value)


def present(**members: object) -> dict[str, object]:
    """An object without the members that are None; "_" in a name stands for "-"."""
    return {key.replace("_", "-"): value for key, value in members.items() if value is not None}


def some(items: Iterable[object]) -> Iterator[object] | None:
    """The items, or None where there are none: for formats in which no list may be empty."""
    rest = iter(items)
    for first in rest:
        return chain([first], rest)
    return None


def _object(members: Json, depth: int) -> Iterator[str]:
    inner = "  " * (depth + 1)
    opening = "{"
    for key, value in members.items():
        if value is not None:
            yield f"{opening}\n{inner}{_encoded(key)}: "
            yield from streamed(value, depth + 1)
            opening = ","
    yield "{}" if opening == "{" else f"\n{inner[2:]}}}"


def _array(items: Iterator[object], depth: int) -> Iterator[str]:
    inner = "  " * (depth + 1)
    opening = "["
    for item in items:
        yield f"{opening}\n{inner}"
        yield from streamed(item, depth + 1)
        opening = ","
    yield "[]" if opening == "[" else f"\n{inner[2:]}]"
