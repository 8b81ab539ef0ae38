"""The form of waivers.yaml, and all that can be wrong in one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from spbe_audit.errors import Mistake, WaiverError
from spbe_audit.finding import Waiver
from spbe_audit.target_files.values import line_of_text
from spbe_audit.text_file import UnfitError, nearest, read_text, shown
from spbe_audit.yaml_file import Place, Positions, load_yaml

LONGEST_TEXT = 2000
"""Characters of a reason or of a compensating control."""

_WILD = frozenset("*?[")
_SAME = ("service", "check", "subject", "granted")


def _prose(text: str) -> str:
    """A text of one paragraph, however it was broken into lines."""
    words = " ".join(text.split())
    if not words:
        raise UnfitError("the text is empty", expected="some words")
    if len(words) > LONGEST_TEXT:
        raise UnfitError("the text is too long", expected=f"at most {LONGEST_TEXT} characters")
    return words


_Line = Annotated[str, AfterValidator(line_of_text)]
_Text = Annotated[str, AfterValidator(_prose)]


class _Waiver(BaseModel):
    """One waiver as the file holds it; without ``subject`` it is about all of a finding."""

    model_config = ConfigDict(strict=True, extra="forbid")

    service: _Line
    check: _Line
    subject: _Line = ""
    reason: _Text
    compensating_control: _Text
    owner: _Line
    approver: _Line
    reference: _Line
    granted: date
    expires: date


class _Waivers(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    waivers: tuple[_Waiver, ...]


def load_waivers(path: Path, *, checks: Collection[str]) -> tuple[Waiver, ...]:
    """The waivers in a file, in file order; ``checks`` are the ids of all checks that exist.

    Raises WaiverError with every mistake: a check that does not exist, a term of more than one
    year, two for the same.
    """

    def inspect(data: Any, positions: Positions) -> list[Mistake]:
        return list(_mistakes(data, positions, checks))

    document = load_yaml(
        read_text(path, error=WaiverError),
        source=str(path),
        model=_Waivers,
        error=WaiverError,
        inspect=inspect,
    )
    return tuple(
        Waiver(number=number, **one.model_dump())
        for number, one in enumerate(document.waivers, start=1)
    )


def latest_expiry(granted: date) -> date:
    """The last day that a waiver may have: that of the year after with the same number."""
    try:
        return granted.replace(year=granted.year + 1)
    except ValueError:  # the 29th of February
        return date(granted.year + 1, 2, 28)


def is_pattern(text: str) -> bool:
    """Whether a text can mean more than the one thing of that name."""
    return bool(_WILD & set(text))


def _mistakes(data: Any, positions: Positions, checks: Collection[str]) -> Iterator[Mistake]:
    entries = data.get("waivers") if isinstance(data, dict) else None
    seen: dict[tuple[str, ...], int] = {}
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        place = ("waivers", number)
        yield from _wrong_check(entry, (*place, "check"), positions, checks)
        yield from _wrong_term(entry, (*place, "expires"), positions)
        same = tuple(str(entry.get(key, "")) for key in _SAME)
        first = seen.setdefault(same, number)
        if first != number and all(map(entry.get, ("service", "check"))):
            problem = "this is waived twice from the same day on"
            found = f"the first as waiver {first + 1} of the file"
            yield positions.mistake((*place, "service"), problem, found=found)


def _wrong_check(
    entry: Mapping[str, Any], place: Place, positions: Positions, checks: Collection[str]
) -> Iterator[Mistake]:
    check = entry.get("check")
    if not isinstance(check, str) or not check.strip():
        return
    if not check.strip("*"):
        yield positions.mistake(
            place,
            "a waiver of every check would hide what nobody has thought of",
            found=shown(check),
            expected='a check or a family, such as "tls.*"',
        )
    elif not any(fnmatchcase(one, check) for one in checks):
        families = {f"{one.partition('.')[0]}.*" for one in checks}
        yield positions.mistake(
            place,
            "no check matches this pattern" if is_pattern(check) else "no check has this id",
            found=shown(check),
            suggestion=nearest(check, sorted({*checks, *families})),
        )


def _wrong_term(entry: Mapping[str, Any], place: Place, positions: Positions) -> Iterator[Mistake]:
    with suppress(TypeError, ValueError):
        granted = date.fromisoformat(entry.get("granted"))  # type: ignore[arg-type]  # caught here
        expires = date.fromisoformat(entry.get("expires"))  # type: ignore[arg-type]  # caught here
        last = latest_expiry(granted)
        if not granted <= expires <= last:
            late = expires > last
            yield positions.mistake(
                place,
                "a waiver holds for one year at most" if late else "it ends before it is granted",
                found=shown(str(expires)),
                expected=f"a date from {granted} to {last}",
            )


__all__ = ["LONGEST_TEXT", "is_pattern", "latest_expiry", "load_waivers"]
