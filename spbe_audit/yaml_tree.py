"""YAML as a tree in which every value has its place; the only module that knows the syntax.

Plain words are read as in YAML 1.2: only true and false are truth values, a number with leading
zeros or colons is text, and a date stays text until a model asks for a date.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from spbe_audit.errors import FileError, Mistake
from spbe_audit.text_file import LARGEST_FILE, UnfitError, shown

Place = tuple[str | int, ...]
"""The way to a value: keys and list indexes from the root."""

DEEPEST = 64
LARGEST_EXPANSION = 1_000_000
"""Values after aliases are expanded; every 32 characters of text count as one more."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_HARMLESS_TAGS = frozenset(
    {None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))}
)
_QUOTE_IT = "the text to stand in quotes"


@dataclass(slots=True)
class _Node:
    """A value with its place, counted from 1.

    ``text`` is a scalar as it is written, ``size`` counts the values inside it, aliases expanded.
    """

    line: int
    column: int
    text: str | None = None
    data: Any = None
    size: int = 1
    items: list[_Node] = field(default_factory=list)
    entries: dict[str, tuple[_Node, _Node]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Positions:
    """Where everything stands in one YAML file."""

    source: str
    _root: _Node

    def known(self, path: Place) -> Place:
        """The longest beginning of a path that exists in the file; unknown parts are skipped.

        pydantic puts the names of union members into its paths: those are the parts skipped.
        """
        node, found = self._root, []
        for part in path:
            child = _child(node, part)
            if child is not None:
                node = child[1]
                found.append(part)
        return tuple(found)

    def value(self, path: Place) -> tuple[int, int]:
        """Line and column of a value; of its key where the value is left empty."""
        key, node = self._find(path)
        place = key if key and node.data is None else node
        return place.line, place.column

    def key(self, path: Place) -> tuple[int, int]:
        """Line and column of the key of a value; of the value itself in a list or at the root."""
        key, node = self._find(path)
        place = key or node
        return place.line, place.column

    def data(self, path: Place) -> Any:
        """The value itself, as it stands in the file."""
        return self._find(path)[1].data

    def mistake(
        self,
        path: Place,
        problem: str,
        *,
        found: str = "",
        expected: str = "",
        suggestion: str = "",
    ) -> Mistake:
        """A mistake at a value."""
        return Mistake(self.source, *self.value(path), problem, found, expected, suggestion)

    def key_mistake(
        self,
        path: Place,
        problem: str,
        *,
        found: str = "",
        expected: str = "",
        suggestion: str = "",
    ) -> Mistake:
        """A mistake at the key of a value."""
        return Mistake(self.source, *self.key(path), problem, found, expected, suggestion)

    def unfit(self, path: Place, problem: UnfitError) -> Mistake:
        """A mistake at a value that was refused."""
        found = problem.found or shown(self.data(path))
        return self.mistake(
            path,
            problem.problem,
            found=found,
            expected=problem.expected,
            suggestion=problem.suggestion,
        )

    def _find(self, path: Place) -> tuple[_Node | None, _Node]:
        key, node = None, self._root
        for part in path:
            child = _child(node, part)
            if child is None:
                break
            key, node = child
        return key, node


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """A file that is YAML, before anything is known of its meaning.

    ``mistakes`` are those that do not stop reading: repeated keys (``data`` holds the first).
    """

    data: Any
    positions: Positions
    mistakes: tuple[Mistake, ...]


def parse_yaml(text: str, *, source: str, error: type[FileError]) -> YamlDocument:
    """A YAML text as plain data; raises ``error`` where it is not YAML, or too large."""
    builder = _Builder(source)
    try:
        _check_text(text, source)
        for event in yaml.parse(text.removeprefix("\ufeff"), Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as problem:
        raise error([*builder.mistakes, _syntax_mistake(text, source, problem)]) from problem
    except _StopReadingError as problem:
        raise error([*builder.mistakes, problem.mistake]) from problem
    if builder.root is None:
        raise error([Mistake(source, 1, 1, "the file holds nothing")])
    positions = Positions(source, builder.root)
    return YamlDocument(builder.root.data, positions, tuple(builder.mistakes))


class _StopReadingError(Exception):
    """The text cannot be read on after this mistake."""

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake
        super().__init__(str(mistake))


class _Builder:
    """Builds nodes from the parser's events, without recursion, so that depth is bounded here."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.root: _Node | None = None
        self.mistakes: list[Mistake] = []
        self._documents = 0
        self._open: list[_Node] = []
        self._anchors: dict[str, _Node | None] = {}
        self._names: list[str | None] = []

    def take(self, event: Any) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._stop(event, "a second document begins", expected="one document in a file")
        elif isinstance(event, yaml.AliasEvent):
            self._add(event, self._anchored(event))
        elif isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event)
            self._add(event, _scalar(event), anchor=event.anchor)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)

    def _begin(self, event: Any) -> None:
        self._refuse_tag(event)
        if len(self._open) >= DEEPEST:
            self._stop(event, f"values are nested more than {DEEPEST} deep")
        if event.anchor:
            self._anchors[event.anchor] = None
        self._names.append(event.anchor)
        self._open.append(_at(event))

    def _end(self, event: Any) -> None:
        node = self._open.pop()
        if isinstance(event, yaml.MappingEndEvent):
            self._fill_mapping(node)
        else:
            node.data = [item.data for item in node.items]
        self._add(event, node, anchor=self._names.pop())

    def _fill_mapping(self, node: _Node) -> None:
        keys, values = node.items[::2], node.items[1::2]
        node.items = []
        for key, value in zip(keys, values, strict=True):
            self._fill_entry(node, key, value)
        node.data = {name: value.data for name, (_, value) in node.entries.items()}

    def _fill_entry(self, node: _Node, key: _Node, value: _Node) -> None:
        name = key.text
        if name is None:
            self._mistake(key, "a key is not a single word or text", found=shown(key.data))
        elif name == "<<":
            self._mistake(key, "merge keys are not read", expected="the keys written out")
        elif name in node.entries:
            first = node.entries[name][0].line
            problem = f"the key {shown(name)} is repeated"
            self._mistake(key, problem, found=f"the first on line {first}")
        else:
            node.entries[name] = (key, value)

    def _mistake(self, node: _Node, problem: str, *, found: str = "", expected: str = "") -> None:
        self.mistakes.append(
            Mistake(self.source, node.line, node.column, problem, found=found, expected=expected)
        )

    def _add(self, event: Any, node: _Node, *, anchor: str | None = None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.items.append(node)
        parent.size += node.size
        if parent.size > LARGEST_EXPANSION:
            self._stop(event, "the file grows too large when its aliases are expanded")

    def _anchored(self, event: Any) -> _Node:
        if event.anchor not in self._anchors:
            self._stop(
                event,
                "an alias refers to no anchor",
                found=shown(f"*{event.anchor}"),
                expected='text that begins with "*" to stand in quotes',
            )
        node = self._anchors[event.anchor]
        if node is None:
            self._stop(event, "an alias refers to a value that it is part of")
        return node

    def _refuse_tag(self, event: Any) -> None:
        if event.tag not in _HARMLESS_TAGS:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._stop(event, "tags are not read", found=shown(tag), expected=_QUOTE_IT)

    def _stop(self, event: Any, problem: str, *, found: str = "", expected: str = "") -> NoReturn:
        mark = event.start_mark
        place = (self.source, mark.line + 1, mark.column + 1)
        raise _StopReadingError(Mistake(*place, problem, found=found, expected=expected))


def _child(node: _Node, part: str | int) -> tuple[_Node | None, _Node] | None:
    if isinstance(part, str):
        return node.entries.get(part)
    return (None, node.items[part]) if 0 <= part < len(node.items) else None


def _at(event: Any) -> _Node:
    return _Node(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: Any) -> _Node:
    node = _at(event)
    node.text = event.value
    node.size += len(event.value) // 32
    plain = event.style in {None, ""} and event.tag is None
    node.data = _plain_value(event.value) if plain else event.value
    return node


def _plain_value(text: str) -> Any:
    if text in _PLAIN_WORDS:
        return _PLAIN_WORDS[text]
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _check_text(text: str, source: str) -> None:
    if len(text) > LARGEST_FILE:
        problem = f"the text is longer than {LARGEST_FILE / 2**20:g} MiB"
        raise _StopReadingError(Mistake(source, 0, 0, problem))
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        place = _place(text, unprintable.start())
        found = shown(unprintable.group())
        raise _StopReadingError(
            Mistake(source, *place, "an unprintable character", found, "printable text")
        )


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


@dataclass(frozen=True, slots=True)
class _SyntaxProblem:
    """What a message of the parser means; libyaml and its Python twin share the ``sign``."""

    sign: str
    problem: str
    expected: str = ""
    at_opening: bool = False


_TAB = '"\\t"'
_ALIGNED = "keys of one block to begin in one column"
_SYNTAX_PROBLEMS = (
    _SyntaxProblem(
        "mapping values are not allowed",
        'a ":" is not allowed here',
        f"{_ALIGNED}, and text with a colon to stand in quotes",
    ),
    _SyntaxProblem("cannot start any token", "this character has a meaning in YAML", _QUOTE_IT),
    _SyntaxProblem(
        "alphabetic or numeric", '"*" and "&" have a meaning in YAML', _QUOTE_IT, at_opening=True
    ),
    _SyntaxProblem("end of stream", "a quotation mark is opened and not closed", at_opening=True),
    _SyntaxProblem("',' or ']'", 'a "[" is opened and not closed', 'a "," or "]"', at_opening=True),
    _SyntaxProblem("',' or '}'", 'a "{" is opened and not closed', 'a "," or "}"', at_opening=True),
    _SyntaxProblem(
        "expected key", "this belongs to no key", f"{_ALIGNED}, and quotes around a whole text"
    ),
    _SyntaxProblem("'-' indicator", "a list is mixed with keys", '"-" before every entry'),
)


def _syntax_mistake(text: str, source: str, error: yaml.MarkedYAMLError) -> Mistake:
    technical = error.problem or "it cannot be read"
    known = next((kind for kind in _SYNTAX_PROBLEMS if kind.sign in technical), None)
    meant = known or _SyntaxProblem("", f"not valid YAML: {technical}")
    marks = (error.context_mark, error.problem_mark)
    first, second = marks if meant.at_opening else reversed(marks)
    mark = first or second
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    found = _character_at(text, line, column)
    problem, expected = meant.problem, meant.expected
    if found == _TAB:
        problem, expected = "a tab is used to indent", "spaces"
    return Mistake(source, line, column, problem, found, expected)


def _character_at(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    if line > len(lines) or column > len(lines[line - 1]):
        return ""
    return shown(lines[line - 1][column - 1])
