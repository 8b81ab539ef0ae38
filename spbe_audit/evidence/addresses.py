"""Whether all addresses of a name, and its bare and www forms, give the same answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """What one address of one name answered.

    ``tls`` is the version and suite that a modern client gets, '' without TLS; ``certificate`` the
    SHA-256 of the leaf; ``failure`` a FailureKind value when there was no answer.
    """

    host: str
    address: str
    tls: str = ""
    certificate: str = ""
    status: int | None = None
    location: str = ""
    title: str = ""
    server: str = ""
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class AddressesEvidence:
    """The answers of every address in scope of the service's own name, then of its twin.

    ``twin`` is the name with or without "www.", '' when there is none in scope or in the DNS.
    """

    host: str
    collected_at: datetime
    answers: tuple[AddressAnswer, ...]
    twin: str = ""
    left_out: tuple[str, ...] = ()
