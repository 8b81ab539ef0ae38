"""What parent and child say to each other: a job one way, a report the other."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, RootModel

from spbe_audit.evidence import Failure, TlsEvidence
from spbe_audit.targets import Intensity

ENGINE = "sslyze"
GRACE = 1.0
"""Seconds between the end that a child is told and the end that it is given."""


@dataclass(frozen=True, slots=True)
class EngineJob:
    """What the child shall find out, and within which bounds.

    ``server_name`` is the SNI, None for none. ``until`` is when the child must have answered, on
    the machine's monotonic clock, which parent and child share; ``patience`` is the longest life
    of one connection, in seconds.
    """

    host: str
    server_name: str | None
    address: str
    port: int
    intensity: Intensity
    at_once: int
    per_second: float
    patience: float
    until: float
    user_agent: str


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What the child found, and how many connections that took."""

    result: TlsEvidence | Failure
    connections: int = 0


class JobDocument(RootModel[EngineJob]):
    """A job as the line of JSON that the child reads."""


class ReportDocument(RootModel[EngineReport]):
    """A report as the JSON that the child writes."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
