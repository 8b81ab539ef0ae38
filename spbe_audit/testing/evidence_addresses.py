"""Addresses evidence for cases: an IPv4 and an IPv6 address that answer alike.

answers: [{}, {title: Other}]                 laid over healthy answers, each of an address of
                                              its own, all of the service's own name
answers: [{}, {host: www.portal.example.go.id}]   the twin
answers: [{failure: timeout}]                 nothing else was learned there
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import AddressesEvidence

Json = dict[str, Any]

HOST = "portal.example.go.id"
ADDRESSES = ("203.0.113.10", "2001:db8::10")
_HEALTHY: Mapping[str, Any] = {
    "tls": "TLS 1.3 TLS_AES_256_GCM_SHA384",
    "certificate": "ce" * 32,
    "status": 200,
    "title": "Portal",
    "server": "nginx",
}


class AddressesForm(BaseModel):
    """Reads the evidence from JSON and refuses a field that it does not have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    evidence: AddressesEvidence


def addresses(overrides: Json) -> Json:
    """The evidence as JSON, with the short forms above written out."""
    host = str(overrides.pop("host", HOST))
    given = overrides.pop("answers", [{}, {}])
    answers = [_answer(one, number, host) for number, one in enumerate(given)]
    twins = [str(answer["host"]) for answer in answers if answer["host"] != host]
    return {
        "host": host,
        "collected_at": "2026-01-15T00:00:00Z",
        "answers": answers,
        "twin": twins[0] if twins else "",
        **overrides,
    }


def _answer(given: Json, number: int, host: str) -> Json:
    address = ADDRESSES[number] if number < len(ADDRESSES) else f"203.0.113.{20 + number}"
    healthy = {} if "failure" in given else _HEALTHY
    redirect = {"status": 302, "title": ""} if "location" in given else {}
    return {"host": host, "address": address, **healthy, **redirect, **given}
