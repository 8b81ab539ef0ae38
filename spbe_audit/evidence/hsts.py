"""Reads the Strict-Transport-Security field as RFC 6797 section 6.1 writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_DIRECTIVE = re.compile(rf'({_WORD})(?:[ \t]*=[ \t]*(?:({_WORD})|"((?:[^"\\]|\\.)*)"))?[ \t]*')
_GAP = re.compile(r"[ \t]*")
_DIGITS = re.compile(r"[0-9]+")
_MOST_DIGITS = 15  # thirty million years; a longer number is cut, for int() has a limit of its own


class HstsProblem(StrEnum):
    """Why a browser must ignore the field."""

    BAD_SYNTAX = "bad_syntax"
    REPEATED_DIRECTIVE = "repeated_directive"
    NO_MAX_AGE = "no_max_age"
    BAD_MAX_AGE = "bad_max_age"


@dataclass(frozen=True, slots=True)
class HstsPolicy:
    """One field's value. ``max_age`` is in seconds, None where it cannot be read.

    ``problem`` is None for a well-formed field; ``other`` are the names of the directives that
    RFC 6797 does not define, in lower case.
    """

    max_age: int | None
    include_subdomains: bool = False
    preload: bool = False
    other: tuple[str, ...] = ()
    problem: HstsProblem | None = None


def parse_hsts(value: str) -> HstsPolicy:
    """Read one field value, as received."""
    directives = _directives(value)
    if directives is None:
        return HstsPolicy(max_age=None, problem=HstsProblem.BAD_SYNTAX)
    names = [name for name, _ in directives]
    values = dict(directives)
    max_age = _seconds(values.get("max-age"))
    return HstsPolicy(
        max_age=max_age,
        include_subdomains="includesubdomains" in values,
        preload="preload" in values,
        other=tuple(name for name in values if name not in _KNOWN),
        problem=_problem(names, values, max_age),
    )


_KNOWN = frozenset({"max-age", "includesubdomains", "preload"})


def _problem(
    names: list[str], values: dict[str, str | None], max_age: int | None
) -> HstsProblem | None:
    if len(set(names)) != len(names):
        return HstsProblem.REPEATED_DIRECTIVE
    if "max-age" not in values:
        return HstsProblem.NO_MAX_AGE
    if max_age is None:
        return HstsProblem.BAD_MAX_AGE
    if values.get("includesubdomains") is not None:  # it is valueless, RFC 6797 6.1.2
        return HstsProblem.BAD_SYNTAX
    return None


def _directives(value: str) -> list[tuple[str, str | None]] | None:
    """The directives with lower-case names, empty ones left out; None for a syntax error."""
    found: list[tuple[str, str | None]] = []
    position = _end_of_gap(value, 0)
    while position < len(value):
        match = _DIRECTIVE.match(value, position)
        if match:
            name, token, quoted = match.groups()
            found.append((name.lower(), token if quoted is None else _unquoted(quoted)))
            position = match.end()
        if position < len(value) and value[position] != ";":
            return None
        position = _end_of_gap(value, position + 1)
    return found


def _end_of_gap(value: str, position: int) -> int:
    match = _GAP.match(value, position)
    return match.end() if match else position


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _seconds(text: str | None) -> int | None:
    if text is None or not _DIGITS.fullmatch(text):
        return None
    return int(text[:_MOST_DIGITS]) if len(text) <= _MOST_DIGITS else 10**_MOST_DIGITS
