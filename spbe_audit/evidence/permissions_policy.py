"""Reads Permissions-Policy: a dictionary of structured fields (RFC 9651), as far as it needs one.

A field with one mistake is no dictionary, and browsers ignore the whole of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = re.compile(r"[a-z*][a-z0-9_.*-]*")
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*")
_STRING = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_OTHER_ITEM = re.compile(
    r"-?[0-9]{1,12}\.[0-9]{1,3}|-?[0-9]{1,15}|\?[01]|:[A-Za-z0-9+/=]*:|@-?[0-9]{1,15}"
)
_SPACES = re.compile(r" *")
_COMMA = re.compile(r"[ \t]*,[ \t]*")

ALL_ORIGINS = "*"
OWN_ORIGIN = "self"


@dataclass(frozen=True, slots=True)
class PermissionsPolicy:
    """The features that a field names, each with those who may use it.

    An allowlist holds origins, the word self for the page's own, or the word * for everybody; an
    empty one shuts the feature for all. ``readable`` is false for a field that browsers ignore.
    """

    features: Mapping[str, tuple[str, ...]]
    readable: bool = True

    def open_to_all(self, feature: str) -> bool:
        """Whether every site that the page frames may use the feature."""
        return ALL_ORIGINS in self.features.get(feature, ())


def parse_permissions_policy(value: str) -> PermissionsPolicy:
    """Read the value of the field; where it came several times, joined with commas."""
    text = value.strip(" ")
    features: dict[str, tuple[str, ...]] = {}
    position = 0
    while position < len(text):
        key = _KEY.match(text, position)
        member = _member(text, key.end()) if key else None
        if key is None or member is None:
            return PermissionsPolicy({}, readable=False)
        # Of a key that is written twice the last one counts, RFC 9651 4.2.2.
        features[key.group()], position = member
        if position == len(text):
            break
        comma = _COMMA.match(text, position)
        if comma is None or comma.end() == len(text):
            return PermissionsPolicy({}, readable=False)
        position = comma.end()
    return PermissionsPolicy(features)


_Read = tuple[tuple[str, ...], int]
"""What was read, and where the reading stopped."""


def _member(text: str, position: int) -> _Read | None:
    """The allowlist of one feature, with its parameters skipped; None for a syntax error."""
    words: tuple[str, ...] = ()
    if text.startswith("=", position):
        is_list = text.startswith("(", position + 1)
        value = _inner_list(text, position + 2) if is_list else _item(text, position + 1)
        if value is None:
            return None
        words, position = value
    end = _after_parameters(text, position)
    return None if end is None else (words, end)


def _inner_list(text: str, position: int) -> _Read | None:
    words: list[str] = []
    while True:
        position = _after_spaces(text, position)
        if text.startswith(")", position):
            return tuple(words), position + 1
        item = _item(text, position)
        end = _after_parameters(text, item[1]) if item else None
        if item is None or end is None or text[end : end + 1] not in {" ", ")"}:
            return None
        words.extend(item[0])
        position = end


def _item(text: str, position: int) -> _Read | None:
    """A bare item: a token or a string as a word; numbers and the like are read and dropped."""
    token = _TOKEN.match(text, position)
    if token:
        word = token.group()
        return ((word,) if word in {ALL_ORIGINS, OWN_ORIGIN} else ()), token.end()
    string = _STRING.match(text, position)
    if string:
        origin = re.sub(r"\\(.)", r"\1", string[1])
        return ((origin,) if origin not in {ALL_ORIGINS, OWN_ORIGIN} else ()), string.end()
    other = _OTHER_ITEM.match(text, position)
    return ((), other.end()) if other else None


def _after_parameters(text: str, position: int) -> int | None:
    while text.startswith(";", position):
        key = _KEY.match(text, _after_spaces(text, position + 1))
        if key is None:
            return None
        position = key.end()
        if text.startswith("=", position):
            item = _item(text, position + 1)
            if item is None:
                return None
            position = item[1]
    return position


def _after_spaces(text: str, position: int) -> int:
    match = _SPACES.match(text, position)
    return match.end() if match else position
