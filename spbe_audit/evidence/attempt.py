"""One attempt of a probe: what it collected, or how and why it failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spbe_audit.evidence.kinds import Evidence


class Probe(StrEnum):
    """Where evidence comes from, in the order in which a report speaks of it.

    AVAILABILITY and KEY_USE are derived from what is stored; all others open connections.
    """

    DNS = "dns"
    TLS = "tls"
    HTTP = "http"
    SURFACE = "surface"
    ADDRESSES = "addresses"
    PORTS = "ports"
    SERVICES = "services"
    UPTIME = "uptime"
    AVAILABILITY = "availability"
    KEY_USE = "key_use"


class FailureKind(StrEnum):
    """Why a probe came home with nothing. The value is the reason code of an unknown verdict."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    NAME_NOT_FOUND = "name_not_found"
    NAME_SERVER_FAILED = "name_server_failed"
    TLS_REFUSED = "tls_refused"
    PROTOCOL_BROKEN = "protocol_broken"
    BLOCKED_PAGE = "blocked_page"
    TOOL_MISSING = "tool_missing"
    TOOL_FAILED = "tool_failed"
    OUT_OF_SCOPE = "out_of_scope"


LASTING_FAILURES = frozenset({FailureKind.OUT_OF_SCOPE, FailureKind.TOOL_MISSING})
"""Failures that a second attempt cannot change."""


@dataclass(frozen=True, slots=True)
class Tool:
    """The program that made the observation."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Failure:
    """How an attempt failed; ``text`` is English, for the log and the report's appendix."""

    kind: FailureKind
    text: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a probe was pointed at.

    ``key`` names the endpoint among all of a run, so that services which share it are probed
    once. ``address`` is the IP address that was connected to, where one is known.
    """

    key: str
    host: str
    port: int | None = None
    address: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One visit of one probe to one endpoint.

    ``started`` is UTC; ``duration`` is in seconds; ``number`` is 1 for the first visit and 2 for
    the one that confirms it at the end of the scan; ``connections`` counts what was opened.
    """

    probe: Probe
    endpoint: Endpoint
    started: datetime
    duration: float
    tool: Tool
    result: Evidence | Failure
    number: int = 1
    connections: int = 0

    @property
    def failure(self) -> Failure | None:
        """The failure, or None where evidence was collected."""
        return self.result if isinstance(self.result, Failure) else None
