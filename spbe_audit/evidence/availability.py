"""The availability of a service over a period, from its stored samples: derived, not collected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AvailabilitySample:
    """One stored sample. ``first_byte`` and the phases are seconds; None where not reached."""

    at: datetime
    up: bool
    status: int | None = None
    reason: str = ""
    name: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A period that was announced; samples in it are left out of the share."""

    begins: datetime
    ends: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AvailabilityEvidence:
    """The samples of one service before ``until``, oldest first.

    ``interval`` is how many seconds apart samples were meant to be; where they are further apart
    there is a gap, and a gap never counts as up. ``sla`` is the target list's own share, None
    where it names none.
    """

    service: str
    until: datetime
    interval: float
    samples: tuple[AvailabilitySample, ...]
    maintenance: tuple[MaintenanceWindow, ...] = ()
    sla: float | None = None
