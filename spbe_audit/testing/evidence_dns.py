"""DNS evidence for cases: a domain in good order, with what a case says laid over it.

records: {CAA: [...]}      of the host; "name CAA" of another; a status word; null takes away
dnssec: bogus              a status, or fields of the evidence's dnssec
name_servers: [lame, ...]  for each a status, or fields; null for none
recursion, zone_transfer   laid over every name server
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import DnsEvidence

Json = dict[str, Any]

HOST = "portal.example.go.id"
ADDRESSES = ("203.0.113.10", "2001:db8::10")
NAME_SERVERS = (
    ("ns1.example.go.id", "203.0.113.53"),
    ("ns2.example.go.id", "198.51.100.53"),
    ("ns2.example.go.id", "2001:db8:2::53"),
)
DNSSEC: Mapping[str, Json] = {
    "secure": {"problem": None},
    "insecure": {"problem": "unsigned"},
    "bogus": {"problem": "expired_signature", "detail": "2026-01-10T00:00:00Z"},
    "indeterminate": {"problem": "no_answer"},
}


class DnsForm(BaseModel):
    """Reads DNS evidence from JSON and refuses a field that it does not have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    evidence: DnsEvidence


def dns(overrides: Json, *, collected_at: str) -> Json:
    """The evidence as JSON. Raises ValueError for "answers" beside "records"."""
    records = overrides.pop("records", {})
    shown = {name: overrides.pop(name) for name in _SERVER_FIELDS if name in overrides}
    servers = overrides.pop("name_servers", [{}] * len(NAME_SERVERS))
    dnssec = overrides.pop("dnssec", "secure")
    document: Json = {
        "host": HOST,
        "collected_at": collected_at,
        "kind": "domain",
        "addresses": list(ADDRESSES),
        "name_servers_asked": ["192.0.2.53:53"],
        "dnssec": _dnssec(dnssec),
        "name_servers": [
            _name_server(given, number, shown) for number, given in enumerate(servers or ())
        ],
        "thorough": False,
        "wildcard": False,
        **overrides,
    }
    if "answers" not in document:
        host, addresses = str(document["host"]), document["addresses"]
        document["answers"] = _answers(host, addresses, records)
    elif records:
        raise ValueError("a case gives either 'answers' or 'records'")
    return document


_SERVER_FIELDS = ("recursion", "zone_transfer")


def _dnssec(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    return {"status": given, "zone": "example.go.id", **DNSSEC.get(given, {})}


def _name_server(given: Any, number: int, shown: Json) -> Json:
    name, address = NAME_SERVERS[number % len(NAME_SERVERS)]
    fields = {"status": given} if isinstance(given, str) else given
    return {"name": name, "address": address, "status": "answers", **shown, **fields}


def _answers(host: str, addresses: Iterable[str], records: Json) -> list[Json]:
    """The healthy answers, with ``records`` laid over: "CAA" (of the host) or "name CAA"."""
    labels = host.split(".")
    parents = [".".join(labels[depth:]) for depth in range(len(labels))]
    domain = parents[1] if len(parents) > 1 else host
    answers: dict[tuple[str, str], Any] = {
        (host, "A"): [address for address in addresses if ":" not in address],
        (host, "AAAA"): [address for address in addresses if ":" in address],
        (host, "NS"): [],
        **{(name, "CAA"): [] for name in parents},
        (domain, "CAA"): ['0 issue "letsencrypt.org"'],
        (domain, "NS"): ["ns1.example.go.id.", "ns2.example.go.id."],
        (domain, "MX"): [f"10 mail.{domain}."],
        (domain, "TXT"): ['"v=spf1 mx -all"'],
        (f"_dmarc.{domain}", "TXT"): ['"v=DMARC1; p=reject"'],
    }
    for question, answer in records.items():
        name, _, record_type = str(question).rpartition(" ")
        answers[name or host, record_type] = answer
    given = ((name, kind, answer) for (name, kind), answer in answers.items())
    return [_answer(*one) for one in given if one[2] is not None]


def _answer(name: str, record_type: str, answer: Any) -> Json:
    question = {"name": name, "type": record_type}
    if isinstance(answer, Mapping):
        return {**question, "status": "answer", **answer}
    if isinstance(answer, str):
        return {**question, "status": answer}
    status = "answer" if answer else "no_data"
    return {**question, "status": status, "records": sorted(answer)}
