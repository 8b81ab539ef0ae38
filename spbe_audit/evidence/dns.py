"""What the domain name system says about a host name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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


DNS_STATEMENTS = frozenset({DnsStatus.ANSWER, DnsStatus.NO_DATA, DnsStatus.NO_NAME})
"""The ends of a query that say something about the name."""


class NameKind(StrEnum):
    """What kind of host the service is known by."""

    DOMAIN = "domain"
    ADDRESS = "address"
    SPECIAL_USE = "special_use"


class DnssecStatus(StrEnum):
    """The security states of RFC 4033 section 5."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"


class DnssecProblem(StrEnum):
    """Why a name is not secure.

    RESOLVER_REFUSES: the resolver answers only when told not to validate. DISAGREEMENT: the
    resolver calls secure what we find broken, so one of the two is wrong.
    """

    UNSIGNED = "unsigned"
    UNSUPPORTED_ALGORITHM = "unsupported_algorithm"
    EXPIRED_SIGNATURE = "expired_signature"
    SIGNATURE_NOT_YET_VALID = "signature_not_yet_valid"
    NO_SIGNATURE = "no_signature"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    DS_MISMATCH = "ds_mismatch"
    NO_DNSKEY = "no_dnskey"
    UNPROVEN_DENIAL = "unproven_denial"
    RESOLVER_REFUSES = "resolver_refuses"
    NO_ANSWER = "no_answer"
    ANCHOR_NOT_MET = "anchor_not_met"
    DISAGREEMENT = "disagreement"
    TOOL_MISSING = "tool_missing"


@dataclass(frozen=True, slots=True)
class DnssecZone:
    """One zone of the chain of trust.

    ``ds`` are the DS records (or the trust anchor) in presentation form; ``keys`` its DNSKEYs, each
    as "flags algorithm key-tag".
    """

    name: str
    ds: tuple[str, ...]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dnssec:
    """Whether the answers about a host can be proven.

    ``zone`` is where that was decided; ``chain`` are the zones whose keys were proven, from the
    trust anchor down; ``detail`` says more of the problem (the end of an expired signature).
    """

    status: DnssecStatus
    zone: str = ""
    problem: DnssecProblem | None = None
    detail: str = ""
    chain: tuple[DnssecZone, ...] = ()


class NameServerStatus(StrEnum):
    """How an authoritative name server answered for the zone that is delegated to it.

    LAME: it answers, but not with authority; REFUSED: it refuses to speak of the zone;
    UNREACHABLE: there is no way to it from where the scan ran; NO_ADDRESS: its name leads nowhere;
    UNRESOLVED: its addresses could not be learned; NOT_ASKED: the intensity leaves it out.
    """

    ANSWERS = "answers"
    LAME = "lame"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    OUT_OF_SCOPE = "out_of_scope"
    NO_ADDRESS = "no_address"
    UNRESOLVED = "unresolved"
    NOT_ASKED = "not_asked"


class Openness(StrEnum):
    """Whether a name server gives a stranger what it should keep from strangers."""

    OPEN = "open"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class NameServer:
    """One address of one name server of the zone; ``address`` is '' where it has none."""

    name: str
    address: str
    status: NameServerStatus
    recursion: Openness = Openness.NOT_ASKED
    zone_transfer: Openness = Openness.NOT_ASKED


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
    is ADDRESS for an IP literal and SPECIAL_USE for names that no public DNS serves (RFC 6761), or
    that lead to loopback alone; only a name server that is configured for them, or one on this
    machine, is asked about those.

    ``name_servers`` are those of the zone, asked directly; ``thorough`` tells whether they were
    asked for recursion and a zone transfer. ``wildcard`` is true where a random name beside the
    host leads to the same addresses, None where that is not known.
    """

    host: str
    collected_at: datetime
    kind: NameKind
    addresses: tuple[str, ...]
    answers: tuple[DnsAnswer, ...] = ()
    name_servers_asked: tuple[str, ...] = ()
    dnssec: Dnssec | None = None
    name_servers: tuple[NameServer, ...] = ()
    thorough: bool = False
    wildcard: bool | None = None

    @property
    def outside_dns(self) -> str | None:
        """The reason code why no DNS holds anything on this host; None where one was asked."""
        if self.kind is NameKind.ADDRESS:
            return "ip_literal"
        special = self.kind is NameKind.SPECIAL_USE and not self.answers
        return "special_use_name" if special else None

    @property
    def zone(self) -> str | None:
        """The zone that the host lies in: the nearest name upwards that has name servers."""
        return zone_in(self.climb("NS"))

    @property
    def mail_domain(self) -> str | None:
        """The domain whose mail policies speak for the host; None where its zone is not known."""
        return None if self.zone is None else mail_domain(self.host, self.zone)

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


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which name servers grant a stranger something, and which refuse it, each with its address.

    ``reason`` is the code of why it is not known of some; None where it is known of all.
    """

    opened: tuple[str, ...]
    refused: tuple[str, ...]
    reason: str | None


def exposure(
    servers: Iterable[NameServer], openness_of: Callable[[NameServer], Openness]
) -> Exposure:
    """What name servers grant; one that refuses at any of its addresses is known to refuse."""
    servers = [server for server in servers if server.address]
    by_openness = {
        openness: [server for server in servers if openness_of(server) is openness]
        for openness in Openness
    }
    known = {one.name for one in by_openness[Openness.REFUSED] + by_openness[Openness.OPEN]}
    left = {one.status for one in servers if one.name not in known}
    reason = None if servers and not left else "name_server_failed"
    if NameServerStatus.OUT_OF_SCOPE in left:
        reason = "name_servers_out_of_scope"
    opened, refused = (
        tuple(f"{one.name} ({one.address})" for one in by_openness[openness])
        for openness in (Openness.OPEN, Openness.REFUSED)
    )
    return Exposure(opened, refused, reason)


def zone_in(climbed: tuple[DnsAnswer, ...]) -> str | None:
    """The nearest name with name servers of its own, among NS answers from the host upwards.

    None where there is none, or where a name below it was not answered for.
    """
    for answer in climbed:
        if answer.canonical_name:  # what is said of an alias is said of its target
            continue
        if answer.status not in DNS_STATEMENTS:
            return None
        if answer.records:
            return _plain_name(answer.name)
    return None


_SECOND_LEVELS: Mapping[str, frozenset[str]] = {
    "id": frozenset(
        {"ac", "biz", "co", "desa", "go", "mil", "my", "net", "or", "ponpes", "sch", "web"}
    )
}
_USUAL_SECOND_LEVELS = frozenset({"ac", "co", "com", "edu", "go", "gov", "mil", "net", "or", "org"})
_COUNTRY_CODE_LENGTH = 2


def registrable_domain(name: str) -> str:
    """The part of a name that its owner registered: under .id below the registry's categories.

    Elsewhere the usual categories of country domains are assumed; no list of all suffixes is read.
    """
    labels = _plain_name(name).split(".")
    top, second = labels[-1], labels[-2:][0]
    country = len(top) == _COUNTRY_CODE_LENGTH
    categorised = country and second in _SECOND_LEVELS.get(top, _USUAL_SECOND_LEVELS)
    return ".".join(labels[-3:] if categorised else labels[-2:])


def mail_domain(host: str, zone: str) -> str:
    """The zone, or the domain that was registered in it where the zone is a registry's own."""
    registered = registrable_domain(host)
    inside = zone == registered or zone.endswith(f".{registered}")
    return zone if inside else registered


def text_of(record: str) -> str:
    """A TXT record's character strings, joined without a gap (RFC 7208 3.3), as Latin-1 text.

    ``record`` is in presentation form (RFC 1035 5.1); what lies outside quotes is passed over.
    """
    text: list[str] = []
    quoted, position = False, 0
    while position < len(record):
        character = record[position]
        position += 1
        if character == '"':
            quoted = not quoted
        elif quoted and character == "\\":
            escaped, position = _escaped(record, position)
            text.append(escaped)
        elif quoted:
            text.append(character)
    return "".join(text)


_DECIMAL_LENGTH = 3
_HIGHEST_OCTET = 255


def _escaped(record: str, position: int) -> tuple[str, int]:
    """What a backslash before ``position`` stands for, and where the text goes on."""
    digits = record[position : position + _DECIMAL_LENGTH]
    decimal = len(digits) == _DECIMAL_LENGTH and digits.isascii() and digits.isdecimal()
    if decimal and int(digits) <= _HIGHEST_OCTET:
        return chr(int(digits)), position + _DECIMAL_LENGTH
    return record[position : position + 1], position + 1


def _plain_name(name: str) -> str:
    return name.rstrip(".").lower()
