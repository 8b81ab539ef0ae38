"""Availability evidence for cases: a sample in each of 720 hours, all up, until the audit began.

Hours count from 0, the oldest; "100-104" are five of them and "100" is one. Short forms:

    hours        how many there are
    down         {"100-104": timeout}            the reason why those were not up
    missing      ["200-229"]                     hours in which no sample was taken
    phases       {"0-71": {first_byte: 4.0}}     laid over the healthy ones, in seconds
    maintenance  ["100-104", {begins: ..., ends: ..., reason: ...}]
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import AvailabilityEvidence

Json = dict[str, Any]

UNTIL = datetime.fromisoformat("2026-01-15T00:00:00+00:00")
STATUS_OF: Mapping[str, int] = {"status": 503, "keyword": 200}
HEALTHY_PHASES: Mapping[str, float] = {
    "name": 0.02,
    "connect": 0.01,
    "tls": 0.02,
    "first_byte": 0.1,
}


class AvailabilityForm(BaseModel):
    """Reads the evidence from JSON and refuses a field that it does not have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    evidence: AvailabilityEvidence


def availability(overrides: Json) -> Json:
    """The evidence as JSON, with the short forms above written out."""
    hours = int(overrides.pop("hours", 720))
    down = _by_hour(overrides.pop("down", {}))
    phases = _by_hour(overrides.pop("phases", {}))
    missing = set(_by_hour(dict.fromkeys(overrides.pop("missing", ()))))
    announced = overrides.pop("maintenance", ())
    return {
        "service": "portal",
        "until": UNTIL.isoformat(),
        "interval": 3600.0,
        "samples": [
            _sample(_moment(hour, hours), down.get(hour), phases.get(hour, {}))
            for hour in range(hours)
            if hour not in missing
        ],
        "maintenance": [_window(one, hours) for one in announced],
        "ledger": "5a" * 32,
        **overrides,
    }


def _moment(hour: int, hours: int) -> datetime:
    return UNTIL - timedelta(hours=hours - hour)


def _hours(text: str) -> Iterable[int]:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _by_hour(ranges: Mapping[Any, Any]) -> dict[int, Any]:
    return {hour: value for text, value in ranges.items() for hour in _hours(str(text))}


def _sample(at: datetime, reason: str | None, phases: Mapping[str, float]) -> Json:
    status = 200 if reason is None else STATUS_OF.get(reason)
    answered = status is not None
    return {
        "at": at.isoformat(),
        "up": reason is None,
        "status": status,
        "reason": reason or "",
        **({**HEALTHY_PHASES, **phases} if answered else {}),
    }


def _window(given: Any, hours: int) -> Json:
    if isinstance(given, Mapping):
        return dict(given)
    covered = list(_hours(str(given)))
    begins, ends = _moment(covered[0], hours), _moment(covered[-1], hours)
    return {"begins": begins.isoformat(), "ends": ends.isoformat(), "reason": "announced"}
