"""Recognises what answered in a service's place, before anything is said of its page.

A demand for a client certificate, a block page, a maintenance page, a parked name, a name that
lives by a wildcard alone, a host that this side cannot reach: checks about the page have no honest
answer there. Checks about the server are asked all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spbe_audit.check import Fact, Outcome, Verdict
from spbe_audit.evidence import (
    DnsEvidence,
    Evidence,
    Exchange,
    Failure,
    FailureKind,
    HttpEvidence,
    Probe,
    TlsEvidence,
)
from spbe_audit.recorded_run import ServiceEvidence, deciding_attempt

BLOCK_STATUSES = frozenset({200, 401, 403, 405, 406, 418, 429, 456, 501, 503})
"""With these a block page is sent; with any other the words are the service's own."""

MISSING_STATUSES = frozenset({404, 410})
UNAVAILABLE = 503

_SILENT = frozenset({FailureKind.UNREACHABLE, FailureKind.TIMEOUT})
_CUT_OFF = frozenset({FailureKind.TLS_REFUSED, FailureKind.RESET, FailureKind.PROTOCOL_BROKEN})
_Results = Mapping[Probe, Evidence | Failure]


@dataclass(frozen=True, slots=True)
class Contest:
    """Why the answers are not the service's own. ``code`` is a reason with a text in the report.

    ``verdict`` is UNKNOWN where another scan could see the page, NOT_APPLICABLE where there is none
    for the public. With ``explains_silence`` it also stands for every probe that got no answer.
    """

    code: str
    verdict: Verdict
    facts: Mapping[str, Fact] = field(default_factory=dict)
    explains_silence: bool = False

    @property
    def outcome(self) -> Outcome:
        """The answer to every question about the page."""
        return Outcome(self.verdict, self.facts, self.code)


def recognise(evidence: ServiceEvidence) -> Contest | None:
    """The contest that the evidence of one service shows, None where there is none. Pure."""
    results: _Results = {
        probe: deciding_attempt(attempts).attempt.result
        for probe, attempts in evidence.attempts.items()
        if attempts
    }
    contests = (look(results) for look in _LOOKS)
    return next((contest for contest in contests if contest), None)


def _ipv6_only(results: _Results) -> Contest | None:
    """A name with IPv6 addresses alone, none of which answered at all."""
    dns = results.get(Probe.DNS)
    asked = [results[probe] for probe in (Probe.HTTP, Probe.TLS) if probe in results]
    silent = all(isinstance(one, Failure) and one.kind in _SILENT for one in asked)
    if not asked or not silent or not isinstance(dns, DnsEvidence) or not dns.addresses:
        return None
    if not all(":" in address for address in dns.addresses):
        return None
    facts: dict[str, Fact] = {"addresses": dns.addresses}
    return Contest("ipv6_only", Verdict.UNKNOWN, facts, explains_silence=True)


def _client_certificate(results: _Results) -> Contest | None:
    """A server that speaks only to those who show a certificate, by its page or by its alert."""
    front = _front(results)
    if front and front.page and front.page.bears("client_certificate_required"):
        return _not_applicable("client_certificate_required", front)
    tls, http = results.get(Probe.TLS), results.get(Probe.HTTP)
    if not isinstance(tls, TlsEvidence) or not tls.client_certificate_asked:
        return None
    failure = http.kind.value if isinstance(http, Failure) else None
    if isinstance(http, HttpEvidence):
        failure = http.entry_failure
    if failure not in _CUT_OFF:
        return None
    facts: dict[str, Fact] = {"address": tls.address, "port": tls.port, "failure": failure}
    return Contest("client_certificate_required", Verdict.NOT_APPLICABLE, facts)


def _blocked(results: _Results) -> Contest | None:
    front = _front(results)
    if front is None or front.page is None or front.status not in BLOCK_STATUSES:
        return None
    marks = front.page.bears("block", "captcha")
    return _unknown("blocked_page", front) if marks else None


def _maintenance(results: _Results) -> Contest | None:
    front = _front(results)
    if front is None:
        return None
    announced = front.status == UNAVAILABLE and front.header("retry-after") is not None
    told = front.page is not None and front.page.bears("maintenance")
    return _unknown("maintenance_page", front) if announced or told else None


def _parked(results: _Results) -> Contest | None:
    front = _front(results)
    told = front is not None and front.page is not None and front.page.bears("parked")
    return _not_applicable("parked_page", front) if front and told else None


def _wildcard_ghost(results: _Results) -> Contest | None:
    """A name that exists only because every name does, with nothing of its own behind it."""
    dns, front = results.get(Probe.DNS), _front(results)
    if not isinstance(dns, DnsEvidence) or not dns.wildcard or front is None:
        return None
    welcome = front.page is not None and front.page.bears("default")
    nothing = front.status in MISSING_STATUSES or welcome
    return _not_applicable("wildcard_ghost", front) if nothing else None


_LOOKS: tuple[Callable[[_Results], Contest | None], ...] = (
    _ipv6_only,
    _client_certificate,
    _blocked,
    _maintenance,
    _parked,
    _wildcard_ghost,
)


def _front(results: _Results) -> Exchange | None:
    http = results.get(Probe.HTTP)
    return http.front_page if isinstance(http, HttpEvidence) else None


def _unknown(code: str, front: Exchange) -> Contest:
    return Contest(code, Verdict.UNKNOWN, _seen(front))


def _not_applicable(code: str, front: Exchange) -> Contest:
    return Contest(code, Verdict.NOT_APPLICABLE, _seen(front))


def _seen(front: Exchange) -> dict[str, Fact]:
    """What was seen, for whoever wants to know why."""
    page = front.page
    return {
        "url": front.url,
        "status": front.status,
        "title": page.title if page else "",
        "marks": page.marks if page else (),
        "retry_after": front.header("retry-after"),
    }


__all__ = ["Contest", "recognise"]
