"""What parent and child say to each other: a job one way, a report the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ConfigDict, RootModel

from spbe_audit.evidence import Failure, TlsEvidence, TlsVersion
from spbe_audit.targets import Intensity

ENGINE = "sslyze"
GRACE = 1.0
"""Seconds between the end that a child is told and the end that it is given."""

STARTTLS = {
    "smtp": "SMTP",
    "imap": "IMAP",
    "pop3": "POP3",
    "ftp": "FTP",
    "ldap": "LDAP",
    "postgresql": "POSTGRES",
    "xmpp": "XMPP",
    "xmpp-server": "XMPP_SERVER",
}
"""Protocols in which sslyze can begin TLS, with the names that it has for them."""

CLIENT_RENEGOTIATION = "client_renegotiation"
FLAWS = ("heartbleed", "ccs_injection", "robot")
QUESTIONS = (*FLAWS, CLIENT_RENEGOTIATION)
"""What the deep engine looks for, in this order: three flaws and one weakness."""


@dataclass(frozen=True, slots=True)
class KnownOffer:
    """What is known of a server before its flaws are looked for.

    ``suites`` are IANA names by version; ``questions`` are those of QUESTIONS that are left.
    """

    versions: tuple[TlsVersion, ...]
    suites: Mapping[TlsVersion, tuple[str, ...]]
    client_certificate_asked: bool
    questions: tuple[str, ...] = QUESTIONS


@dataclass(frozen=True, slots=True)
class EngineJob:
    """What the child shall find out, and within which bounds.

    ``server_name`` is the SNI, None for none. ``until`` is when the child must have answered, on
    the machine's monotonic clock, which parent and child share; ``patience`` is the longest life
    of one connection, in seconds. Without ``known`` the child surveys everything; with it, it
    looks for flaws and for nothing else.
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
    starttls: str | None = None
    known: KnownOffer | None = None


@dataclass(frozen=True, slots=True)
class EngineReport:
    """What the child found, and how many connections that took."""

    result: TlsEvidence | Failure
    connections: int = 0


@dataclass(frozen=True, slots=True)
class FlawsFound:
    """Which flaws a server has, under the names that TlsEvidence has for everything.

    What was asked, but not answered, stands in ``unknown`` with the reason ("flaws.robot",
    "client_renegotiation").
    """

    flaws: Mapping[str, bool]
    client_renegotiation: bool | None
    unknown: Mapping[str, str]
    connections: int = 0


class JobDocument(RootModel[EngineJob]):
    """A job as the line of JSON that the child reads."""


class FlawsDocument(RootModel[FlawsFound]):
    """The flaws as the JSON that the child writes."""


class ReportDocument(RootModel[EngineReport]):
    """A survey as the JSON that the child writes."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
