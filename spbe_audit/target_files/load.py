"""Finds out what kind of target list is given, and reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from spbe_audit.errors import Mistake, TargetError
from spbe_audit.target_files.agencies import agencies_of, service_of_url
from spbe_audit.target_files.csv_list import read_csv_list
from spbe_audit.target_files.service_url import without_password
from spbe_audit.target_files.yaml_list import read_yaml_list
from spbe_audit.targets import Service, TargetList
from spbe_audit.text_file import LARGEST_FILE, UnfitError, read_text, shown, whole_file_error
from spbe_audit.yaml_file import in_file_order

_YAML_ENDINGS = frozenset({".yaml", ".yml", ".json"})
_CSV_ENDINGS = frozenset({".csv", ".tsv"})
_WORKBOOK_ENDINGS = frozenset({".xlsx", ".xls", ".xlsm", ".ods"})
_TEXT_ENDINGS = frozenset({".txt", ".list", ".urls"})
_FILE_ENDINGS = _YAML_ENDINGS | _CSV_ENDINGS | _WORKBOOK_ENDINGS | _TEXT_ENDINGS
_LARGEST_PLAIN_FILE = 32 * 1024 * 1024
"""Bytes of CSV and plain text, which take little memory to read: some 200,000 services."""
_COMMENT = re.compile(r"(^|\s)#.*")
_NOTHING = "Give a target list such as targets.yaml, or one URL or more."


def load_targets(source: str | Path | Sequence[str]) -> TargetList:
    """The targets of a file (YAML, CSV, one URL a line), of a URL or of several URLs.

    Raises TargetError with every mistake of the list, each with its place.
    """
    if isinstance(source, Path):
        return _load_file(source)
    given = [source] if isinstance(source, str) else list(source)
    if len(given) == 1 and not _is_url(given[0]):
        return _load_file(Path(given[0]))
    if not given:
        raise whole_file_error("targets", "there are none", error=TargetError, advice=_NOTHING)
    return _load_urls(given)


def _load_file(path: Path) -> TargetList:
    ending = path.suffix.lower()
    if ending in _WORKBOOK_ENDINGS and path.is_file():
        advice = "Save it from the spreadsheet program as CSV UTF-8, and give that file."
        raise whole_file_error(path, "workbooks are not read", error=TargetError, advice=advice)
    yaml_list = ending in _YAML_ENDINGS
    largest = LARGEST_FILE if yaml_list else _LARGEST_PLAIN_FILE
    text = read_text(path, error=TargetError, largest=largest)
    if yaml_list:
        return read_yaml_list(text, source=str(path), folder=path.parent)
    if ending in _CSV_ENDINGS:
        return read_csv_list(text, source=str(path))
    return _read_url_list(text, str(path))


def _is_url(text: str) -> bool:
    """Whether an argument is an address and not the name of a file."""
    if "://" in text:
        return True
    if Path(text).suffix.lower() in _FILE_ENDINGS or _exists(text):
        return False
    first = text.partition("/")[0]
    return ":" in first or "." in first.strip(".") or first.lower() == "localhost"


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _load_urls(given: Sequence[str]) -> TargetList:
    services: list[Service] = []
    mistakes: list[Mistake] = []
    for number, text in enumerate(given, start=1):
        place = f"argument {number}" if len(given) > 1 else "argument"
        if not _is_url(text):
            problem = "this is no address; a file of targets is given alone"
            mistakes.append(Mistake(place, 0, 0, problem, shown(text), "a URL or a host name"))
            continue
        _collect(text, (place, 0, 0), services, mistakes)
    return _targets(services, mistakes, source="")


def _read_url_list(text: str, source: str) -> TargetList:
    services: list[Service] = []
    mistakes: list[Mistake] = []
    for number, line in enumerate(text.split("\n"), start=1):
        address = _COMMENT.sub("", line).strip()
        if address:
            place = (source, number, line.index(address) + 1)
            _collect(address, place, services, mistakes)
    if not services and not mistakes:
        mistakes.append(Mistake(source, 1, 1, "the file lists no address"))
    return _targets(services, mistakes, source)


def _collect(
    text: str, place: tuple[str, int, int], services: list[Service], mistakes: list[Mistake]
) -> None:
    try:
        services.append(service_of_url(text))
    except UnfitError as wrong:
        found = wrong.found or shown(without_password(text))
        mistakes.append(Mistake(*place, wrong.problem, found, wrong.expected, wrong.suggestion))


def _targets(services: list[Service], mistakes: list[Mistake], source: str) -> TargetList:
    if mistakes:
        raise TargetError(in_file_order(mistakes))
    return TargetList(agencies=agencies_of(services, {}), source=source)
