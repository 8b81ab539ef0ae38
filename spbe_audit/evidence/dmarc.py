"""Reads a DMARC record as RFC 7489 section 6 writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class DmarcProblem(StrEnum):
    """Why a receiver does not apply the record as it is written."""

    BAD_SYNTAX = "bad_syntax"
    REPEATED_TAG = "repeated_tag"
    NO_POLICY = "no_policy"
    BAD_POLICY = "bad_policy"
    BAD_PERCENT = "bad_percent"


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """One record.

    ``policy`` and ``subdomain_policy`` are in lower case, '' where they are not given; ``percent``
    is 100 unless the record says otherwise; ``reports_to`` are the URIs for aggregate reports.
    """

    text: str
    policy: str = ""
    subdomain_policy: str = ""
    percent: int = 100
    reports_to: tuple[str, ...] = ()
    problem: DmarcProblem | None = None


_POLICIES = frozenset({"none", "quarantine", "reject"})
_VERSION = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)
_VALUE = re.compile(r"[!-:<-~ \t]*")
_GAP = " \t"
_PERCENT = re.compile(r"[0-9]{1,3}")
_WHOLE = 100


def dmarc_records(texts: Iterable[str]) -> tuple[str, ...]:
    """Those TXT records that are DMARC records: whose first tag is the version (6.6.3)."""
    return tuple(text for text in texts if _VERSION.match(text))


def parse_dmarc(text: str) -> DmarcRecord:
    """Read one record that dmarc_records() picked. Tags that are not known are passed over."""
    tags = _tags(text)
    if tags is None:
        return DmarcRecord(text, problem=DmarcProblem.BAD_SYNTAX)
    values = dict(tags)
    policy, below = values.get("p", "").lower(), values.get("sp", "").lower()
    percent = values.get("pct", str(_WHOLE))
    problem = _problem(values, policy, below, percent)
    if len(values) != len(tags):
        problem = DmarcProblem.REPEATED_TAG
    return DmarcRecord(
        text=text,
        policy=policy,
        subdomain_policy=below,
        percent=int(percent) if _is_percent(percent) else _WHOLE,
        reports_to=tuple(uri.strip() for uri in values.get("rua", "").split(",") if uri.strip()),
        problem=problem,
    )


def _tags(text: str) -> list[tuple[str, str]] | None:
    """The tags after the version, with lower-case names; None for a syntax error."""
    found: list[tuple[str, str]] = []
    for part in text.split(";")[1:]:
        if not part.strip(_GAP):
            continue
        name, equals, value = (piece.strip(_GAP) for piece in part.partition("="))
        if not equals or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            return None
        found.append((name.lower(), value))
    return found


def _problem(values: dict[str, str], policy: str, below: str, percent: str) -> DmarcProblem | None:
    if "p" not in values:
        return DmarcProblem.NO_POLICY
    if policy not in _POLICIES or (below and below not in _POLICIES):
        return DmarcProblem.BAD_POLICY
    return None if _is_percent(percent) else DmarcProblem.BAD_PERCENT


def _is_percent(text: str) -> bool:
    return bool(_PERCENT.fullmatch(text)) and int(text) <= _WHOLE
