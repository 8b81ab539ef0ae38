"""What the domain name system said of a host, as the page of its service shows it."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.evidence import (
    DnsAnswer,
    DnsEvidence,
    Dnssec,
    DnssecStatus,
    DnsStatus,
    NameKind,
    NameServer,
    NameServerStatus,
    Openness,
)
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import clipped

MOST_ANSWERS = 30
MOST_RECORDS = 6
MOST_SERVERS = 20
_LONGEST = 200

_STATUS = {
    DnsStatus.ANSWER: "dns_answer",
    DnsStatus.NO_DATA: "dns_no_data",
    DnsStatus.NO_NAME: "dns_no_name",
    DnsStatus.SERVER_FAILED: "dns_server_failed",
    DnsStatus.TIMEOUT: "dns_timeout",
    DnsStatus.REFUSED: "dns_refused",
}
_KINDS = {
    NameKind.DOMAIN: "dns_kind_domain",
    NameKind.ADDRESS: "dns_kind_address",
    NameKind.SPECIAL_USE: "dns_kind_special",
}
_DNSSEC = {
    DnssecStatus.SECURE: "dnssec_secure",
    DnssecStatus.INSECURE: "dnssec_insecure",
    DnssecStatus.BOGUS: "dnssec_bogus",
    DnssecStatus.INDETERMINATE: "dnssec_indeterminate",
}
_SERVERS = {
    NameServerStatus.ANSWERS: "ns_answers",
    NameServerStatus.LAME: "ns_lame",
    NameServerStatus.REFUSED: "ns_refused",
    NameServerStatus.NO_ANSWER: "ns_no_answer",
    NameServerStatus.UNREACHABLE: "ns_unreachable",
    NameServerStatus.OUT_OF_SCOPE: "ns_out_of_scope",
    NameServerStatus.NO_ADDRESS: "ns_no_address",
    NameServerStatus.UNRESOLVED: "ns_unresolved",
    NameServerStatus.NOT_ASKED: "not_asked",
}
_OPENNESS = {
    Openness.OPEN: "ns_open",
    Openness.REFUSED: "ns_closed",
    Openness.NO_ANSWER: "ns_no_answer",
    Openness.NOT_ASKED: "not_asked",
}


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One question and its answer; ``records`` as the DNS writes them."""

    name: str
    type: str
    status: str
    records: tuple[str, ...]
    more: int
    alias: str
    authenticated: bool


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One address of one name server of the zone."""

    name: str
    address: str
    status: str
    recursion: str
    transfer: str


@dataclass(frozen=True, slots=True)
class DnsView:
    """``facts`` are a name and a text each; ``code`` is the problem of DNSSEC, if any."""

    facts: tuple[tuple[str, str], ...]
    code: str
    answers: tuple[AnswerLine, ...]
    more: int
    servers: tuple[ServerLine, ...]
    more_servers: int


def dns_view(dns: DnsEvidence, labels: Labels) -> DnsView:
    """The host in words."""
    return DnsView(
        facts=_facts(dns, labels),
        code=_problem(dns.dnssec),
        answers=tuple(_answer(one, labels) for one in dns.answers[:MOST_ANSWERS]),
        more=max(0, len(dns.answers) - MOST_ANSWERS),
        servers=tuple(_server(one, labels) for one in dns.name_servers[:MOST_SERVERS]),
        more_servers=max(0, len(dns.name_servers) - MOST_SERVERS),
    )


def _facts(dns: DnsEvidence, labels: Labels) -> tuple[tuple[str, str], ...]:
    none = labels("word_none")
    addresses = ", ".join(clipped(one, 80, labels) for one in dns.addresses[:MOST_RECORDS])
    asked = ", ".join(clipped(one, 80, labels) for one in dns.name_servers_asked[:MOST_RECORDS])
    wildcard = {True: "word_yes", False: "word_no", None: "fact_not_settled"}[dns.wildcard]
    facts = [
        (labels("host"), clipped(dns.host, _LONGEST, labels)),
        (labels("dns_kind"), labels(_KINDS[dns.kind])),
        (labels("dns_addresses"), addresses or none),
    ]
    if dns.outside_dns is None:
        facts += [
            (labels("dns_asked"), asked or none),
            (labels("dns_wildcard"), labels(wildcard)),
            ("DNSSEC", _dnssec(dns.dnssec, labels)),
        ]
    return tuple(facts)


def _dnssec(dnssec: Dnssec | None, labels: Labels) -> str:
    if dnssec is None:
        return labels("not_asked")
    zone = clipped(dnssec.zone, _LONGEST, labels)
    word = labels(_DNSSEC[dnssec.status])
    return labels("dnssec_in_zone", status=word, zone=zone) if zone else word


def _problem(dnssec: Dnssec | None) -> str:
    return dnssec.problem.value if dnssec and dnssec.problem else ""


def _answer(answer: DnsAnswer, labels: Labels) -> AnswerLine:
    return AnswerLine(
        name=clipped(answer.name, _LONGEST, labels),
        type=clipped(answer.type, 20, labels),
        status=labels(_STATUS[answer.status]),
        records=tuple(clipped(one, _LONGEST, labels) for one in answer.records[:MOST_RECORDS]),
        more=max(0, len(answer.records) - MOST_RECORDS),
        alias=clipped(answer.canonical_name or "", _LONGEST, labels),
        authenticated=answer.authenticated,
    )


def _server(server: NameServer, labels: Labels) -> ServerLine:
    return ServerLine(
        name=clipped(server.name, _LONGEST, labels),
        address=clipped(server.address, 80, labels) or labels("word_none"),
        status=labels(_SERVERS[server.status]),
        recursion=labels(_OPENNESS[server.recursion]),
        transfer=labels(_OPENNESS[server.zone_transfer]),
    )
