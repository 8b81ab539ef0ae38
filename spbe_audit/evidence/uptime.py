"""Whether a service answers, asked several times with a pause between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from spbe_audit.evidence.http import Timings


@dataclass(frozen=True, slots=True)
class UptimeSample:
    """One request for the service's URL.

    ``up`` is true when the answer was as expected; ``reason`` says why it was not: a FailureKind
    value, ``status`` or ``keyword``.
    """

    at: datetime
    up: bool
    status: int | None
    reason: str
    timings: Timings


@dataclass(frozen=True, slots=True)
class UptimeEvidence:
    """The samples of one visit. At least one of them got an answer."""

    url: str
    collected_at: datetime
    interval: float
    samples: tuple[UptimeSample, ...]
