"""What the domain name system says about a host name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DnsStatus(StrEnum):
    """How a query ended. Only ANSWER, NO_DATA and NO_NAME are statements of the DNS."""

    ANSWER = "answer"
    NO_DATA = "no_data"
    NO_NAME = "no_name"
    SERVER_FAILED = "server_failed"
    TIMEOUT = "timeout"
    REFUSED = "refused"


class NameKind(StrEnum):
    """What kind of host the service is known by."""

    DOMAIN = "domain"
    ADDRESS = "address"
    SPECIAL_USE = "special_use"


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """The answer to one question; ``records`` are in presentation form, sorted.

    ``canonical_name`` is the end of the CNAME chain; ``authenticated`` is the resolver's AD flag.
    """

    name: str
    type: str
    status: DnsStatus
    records: tuple[str, ...] = ()
    canonical_name: str | None = None
    authenticated: bool = False


@dataclass(frozen=True, slots=True)
class DnsEvidence:
    """The system resolver's addresses for a host, and what the DNS itself answered.

    ``addresses`` come from the system resolver, so the hosts file and split DNS count. ``kind``
    is ADDRESS for an IP literal and SPECIAL_USE for names that no public DNS serves (RFC 6761);
    DNS questions are not asked for those unless a name server is configured for them.
    """

    host: str
    collected_at: datetime
    kind: NameKind
    addresses: tuple[str, ...]
    answers: tuple[DnsAnswer, ...] = ()
    name_servers_asked: tuple[str, ...] = ()

    def answer(self, name: str, record_type: str) -> DnsAnswer | None:
        """The answer to one question, None when it was not asked."""
        for answer in self.answers:
            if _plain_name(answer.name) == _plain_name(name) and answer.type == record_type:
                return answer
        return None

    def climb(self, record_type: str) -> tuple[DnsAnswer, ...]:
        """The answers for the host and then each parent, for records found by climbing."""
        labels = _plain_name(self.host).split(".")
        names = [".".join(labels[depth:]) for depth in range(len(labels))]
        found = (self.answer(name, record_type) for name in names)
        return tuple(answer for answer in found if answer is not None)


def _plain_name(name: str) -> str:
    return name.rstrip(".").lower()
