"""Whether all addresses of a name, and its bare and www forms, give the same answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """What one address of one name answered to a GET of the service's URL.

    ``tls`` is the version and suite (OpenSSL's name) that a modern client gets, '' without TLS;
    ``certificate`` is the SHA-256 of the leaf. ``location`` is the absolute URL that a redirect
    names, without its query. ``failure`` is a FailureKind value when no HTTP answer came; ``tls``
    and ``certificate`` are there all the same when the handshake succeeded. ``address`` is '' when
    the name server did not tell one.
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
    """The answers of the addresses in scope of the service's own name, then of its twin.

    ``answers`` is empty when there is nothing to compare: one address and no twin. ``twin`` is the
    name with or without "www.", '' when there is none in scope or in the DNS. ``left_out`` are
    addresses of the own name that were not asked: out of scope, or too many.
    """

    host: str
    collected_at: datetime
    answers: tuple[AddressAnswer, ...]
    twin: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def own_answers(self) -> tuple[AddressAnswer, ...]:
        """The answers of the addresses of the service's own name."""
        return tuple(answer for answer in self.answers if answer.host == self.host)
