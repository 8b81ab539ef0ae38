"""Follows the chain of trust from an anchor down to a host, and says where it breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from spbe_audit.evidence import (
    DNS_STATEMENTS,
    DnsAnswer,
    Dnssec,
    DnssecProblem,
    DnssecStatus,
    DnssecZone,
    DnsStatus,
)
from spbe_audit.probes.dns.questions import Asker, Question, plain_name
from spbe_audit.probes.dns.signatures import (
    Fault,
    ZoneKeys,
    entry_keys,
    fault_of,
    found,
    key_text,
    proves_no_ds,
    understood,
    usable_keys,
)

Anchors = Mapping[str, tuple[str, ...]]
"""DS records in presentation form, by the zone that they vouch for."""

ROOT_ANCHORS: Anchors = {
    ".": (
        "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        "38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    )
}
"""The root's key signing keys of 2017 and 2024, as IANA publishes them."""

_A, _AAAA, _CNAME, _DNAME = (
    dns.rdatatype.A,
    dns.rdatatype.AAAA,
    dns.rdatatype.CNAME,
    dns.rdatatype.DNAME,
)
_DS, _DNSKEY, _SOA = dns.rdatatype.DS, dns.rdatatype.DNSKEY, dns.rdatatype.SOA

_OF_TIME = frozenset({DnssecProblem.EXPIRED_SIGNATURE, DnssecProblem.SIGNATURE_NOT_YET_VALID})

_Responses = Mapping[Question, dns.message.QueryMessage | None]


@dataclass(frozen=True, slots=True)
class _Told:
    """All that was said about the names from the anchor down to the host.

    ``now`` is POSIX time.
    """

    responses: _Responses
    now: float

    def response(self, name: dns.name.Name, kind: str) -> dns.message.QueryMessage | None:
        return self.responses.get((plain_name(name), kind))


@dataclass(frozen=True, slots=True)
class _Proven:
    """How far down the chain of trust holds."""

    trusted: ZoneKeys
    chain: tuple[DnssecZone, ...]


async def follow_chain(
    asker: Asker,
    host: str,
    *,
    zone: str | None,
    anchors: Anchors,
    now: datetime,
    plain: DnsAnswer,
) -> Dnssec:
    """Whether the answers about a host are proven.

    ``zone`` is the zone that the host lies in; ``plain`` is the answer that a resolver which may
    validate gave to an ordinary question for the host's address.
    """
    name = dns.name.from_text(host)
    nearest = _nearest_anchor(name, anchors)
    if nearest is None:
        return Dnssec(DnssecStatus.INDETERMINATE, problem=DnssecProblem.ANCHOR_NOT_MET)
    anchor, records = nearest
    told = _Told(await _fetch(asker, name, anchor, zone), now.timestamp())
    try:
        judged = await asyncio.to_thread(_judge, told, name, anchor, records, zone)
    except ImportError:  # dnspython found no version of cryptography that suits it
        judged = Dnssec(DnssecStatus.INDETERMINATE, problem=DnssecProblem.TOOL_MISSING)
    unchecked = told.response(name, "A") is not None
    if unchecked and plain.status is DnsStatus.SERVER_FAILED:
        (plain,) = await asker.ask_all([(host, "A")])  # it may only have been slow
    return _reconciled(judged, plain, answered_unchecked=unchecked)


async def _fetch(
    asker: Asker, host: dns.name.Name, anchor: dns.name.Name, zone: str | None
) -> _Responses:
    """Ask for delegations, then for the keys of those that are signed."""
    below = _names_down(anchor, host)
    written = [plain_name(name) for name in below]
    first = await asker.fetch_all(
        [*((name, "DS") for name in written), (plain_name(host), "A"), (plain_name(host), "AAAA")]
    )
    signed = {
        plain_name(name) for name in below if _rrset(first.get((plain_name(name), "DS")), name, _DS)
    }
    second = [(plain_name(anchor), "DNSKEY")]
    second += [(name, "DNSKEY" if name in signed else "SOA") for name in written]
    second += [(zone, "DNSKEY")] if zone else []
    return {**first, **await asker.fetch_all(second)}


def _judge(
    told: _Told,
    host: dns.name.Name,
    anchor: dns.name.Name,
    anchor_records: tuple[str, ...],
    zone: str | None,
) -> Dnssec:
    state = _anchored(told, anchor, anchor_records)
    for name in _names_down(anchor, host):
        if isinstance(state, Dnssec):
            break
        state = _descended(told, state, name)
    found_out = state if isinstance(state, Dnssec) else _last_step(told, state, host)
    if zone and found_out.problem in {DnssecProblem.NO_ANSWER, DnssecProblem.ANCHOR_NOT_MET}:
        return _judged_alone(told, host, dns.name.from_text(zone)) or found_out
    return found_out


def _anchored(
    told: _Told, anchor: dns.name.Name, anchor_records: tuple[str, ...]
) -> _Proven | Dnssec:
    """The anchor's zone, proven. What goes wrong here says nothing about the host.

    Where its signatures are out of date, it is likelier that our own clock is wrong.
    """
    delegation = [dns.rdata.from_text(dns.rdataclass.IN, _DS, text) for text in anchor_records]
    step = _zone_proven(told, anchor, dns.rrset.from_rdata_list(anchor, 0, delegation), ())
    if isinstance(step, _Proven):
        return step
    if step.problem not in _OF_TIME:
        answered = told.response(anchor, "DNSKEY") is not None
        problem = DnssecProblem.ANCHOR_NOT_MET if answered else DnssecProblem.NO_ANSWER
        return Dnssec(DnssecStatus.INDETERMINATE, plain_name(anchor), problem)
    return replace(step, status=DnssecStatus.INDETERMINATE)


def _descended(told: _Told, above: _Proven, name: dns.name.Name) -> _Proven | Dnssec:
    """One label further down: into a zone of its own, or no further than before."""
    response = told.response(name, "DS")
    if response is None:
        return _ended(DnssecStatus.INDETERMINATE, name, DnssecProblem.NO_ANSWER, above)
    delegation = found(response.answer, name, _DS)
    if delegation is None:
        return _without_ds(told, above, name, response)
    fault = fault_of(delegation, response.answer, above.trusted, told.now)
    if fault:
        return _broken(fault, above)
    return _zone_proven(told, name, delegation, above.chain)


def _without_ds(
    told: _Told, above: _Proven, name: dns.name.Name, response: dns.message.QueryMessage
) -> _Proven | Dnssec:
    """A name that is no signed delegation: an unsigned one, or none at all."""
    beginning = told.response(name, "SOA")
    if beginning is None:
        return _ended(DnssecStatus.INDETERMINATE, name, DnssecProblem.NO_ANSWER, above)
    if found(beginning.answer, name, _SOA) is None:
        return above
    if proves_no_ds(response, name, above.trusted, told.now):
        return _ended(DnssecStatus.INSECURE, name, DnssecProblem.UNSIGNED, above)
    return _broken(Fault(DnssecProblem.UNPROVEN_DENIAL), above)


def _zone_proven(
    told: _Told,
    zone: dns.name.Name,
    delegation: dns.rrset.RRset,
    chain: tuple[DnssecZone, ...],
) -> _Proven | Dnssec:
    """The keys of a zone whose delegation is believed."""
    name = plain_name(zone)
    records = understood(delegation)
    if not records:
        return Dnssec(DnssecStatus.INSECURE, name, DnssecProblem.UNSUPPORTED_ALGORITHM, chain=chain)
    response = told.response(zone, "DNSKEY")
    if response is None:
        return Dnssec(DnssecStatus.INDETERMINATE, name, DnssecProblem.NO_ANSWER, chain=chain)
    rrset = found(response.answer, zone, _DNSKEY)
    if rrset is None:
        return Dnssec(DnssecStatus.BOGUS, name, DnssecProblem.NO_DNSKEY, chain=chain)
    keys = usable_keys(rrset)
    entries = entry_keys(zone, keys, records)
    if not entries:
        tags = ", ".join(sorted({str(ds.key_tag) for ds in records}))
        return Dnssec(DnssecStatus.BOGUS, name, DnssecProblem.DS_MISMATCH, tags, chain)
    fault = fault_of(rrset, response.answer, ZoneKeys(zone, entries), told.now)
    if fault:
        return Dnssec(DnssecStatus.BOGUS, name, fault.problem, fault.detail, chain)
    link = DnssecZone(
        name=name,
        ds=tuple(sorted(str(ds) for ds in records)),
        keys=tuple(sorted(key_text(key) for key in keys)),
    )
    return _Proven(ZoneKeys(zone, keys), (*chain, link))


def _last_step(told: _Told, above: _Proven, host: dns.name.Name) -> Dnssec:
    """Whether the host's own records are proven by the zone that it lies in."""
    zone = above.trusted.zone
    told_last = _host_records(told, host, zone)
    if told_last is None:
        return _ended(DnssecStatus.INDETERMINATE, zone, DnssecProblem.NO_ANSWER, above)
    rrset, section = told_last
    fault = fault_of(rrset, section, above.trusted, told.now)
    if fault:
        return _broken(fault, above)
    return Dnssec(DnssecStatus.SECURE, plain_name(zone), chain=above.chain)


def _host_records(
    told: _Told, host: dns.name.Name, zone: dns.name.Name
) -> tuple[dns.rrset.RRset, list[dns.rrset.RRset]] | None:
    """The records that answer for the host, or those with which the zone denies it any."""
    responses = [told.response(host, "A"), told.response(host, "AAAA")]
    for response in responses:
        for rrset in response.answer if response else ():
            # An alias that follows from a DNAME has no signature of its own (RFC 6672 5.3.1).
            above = rrset.rdtype == _DNAME and host.is_subdomain(rrset.name)
            if above or (rrset.name == host and rrset.rdtype in {_A, _AAAA, _CNAME}):
                return rrset, response.answer if response else []
    for response in responses:
        denial = found(response.authority, zone, _SOA) if response else None
        if response and denial is not None:
            return denial, response.authority
    return None


def _judged_alone(told: _Told, host: dns.name.Name, zone: dns.name.Name) -> Dnssec | None:
    """What the host's zone shows when nobody answers for the zones above it.

    Its faults show all the same; that it is secure does not. A zone without any signature may have
    lost them on the way, so that says nothing.
    """
    name = plain_name(zone)
    response = told.response(zone, "DNSKEY")
    if response is None:
        return None
    rrset = found(response.answer, zone, _DNSKEY)
    delegation = _rrset(told.response(zone, "DS"), zone, _DS)
    if rrset is None:
        if delegation is not None:
            return Dnssec(DnssecStatus.BOGUS, name, DnssecProblem.NO_DNSKEY)
        return Dnssec(DnssecStatus.INSECURE, name, DnssecProblem.UNSIGNED)
    keys = usable_keys(rrset)
    records = understood(delegation or ())
    entries = entry_keys(zone, keys, records) if records else keys
    if not entries:
        return Dnssec(DnssecStatus.BOGUS, name, DnssecProblem.DS_MISMATCH)
    fault = fault_of(rrset, response.answer, ZoneKeys(zone, entries), told.now)
    if fault is None:
        step = _last_step(told, _Proven(ZoneKeys(zone, keys), ()), host)
        fault = Fault(step.problem, step.detail) if step.problem else None
    if fault is None or fault.problem in {DnssecProblem.NO_SIGNATURE, DnssecProblem.NO_ANSWER}:
        return None
    return Dnssec(DnssecStatus.BOGUS, name, fault.problem, fault.detail)


def _reconciled(judged: Dnssec, plain: DnsAnswer, *, answered_unchecked: bool) -> Dnssec:
    """Our own judgement beside that of the resolver, which may have validated too."""
    refused = plain.status is DnsStatus.SERVER_FAILED and answered_unchecked
    vouched_for = plain.authenticated and plain.status in DNS_STATEMENTS
    if refused and judged.status is not DnssecStatus.BOGUS:
        problem = DnssecProblem.RESOLVER_REFUSES
        return replace(judged, status=DnssecStatus.BOGUS, problem=problem, detail="")
    if vouched_for and judged.status is DnssecStatus.INDETERMINATE:
        return replace(judged, status=DnssecStatus.SECURE, problem=None)
    if vouched_for and judged.status is DnssecStatus.BOGUS:
        problem = DnssecProblem.DISAGREEMENT
        return replace(judged, status=DnssecStatus.INDETERMINATE, problem=problem)
    return judged


def _ended(
    status: DnssecStatus, zone: dns.name.Name, problem: DnssecProblem, above: _Proven
) -> Dnssec:
    return Dnssec(status, plain_name(zone), problem, chain=above.chain)


def _broken(fault: Fault, above: _Proven) -> Dnssec:
    """What the zone that was reached says of itself or of a delegation does not hold."""
    zone = plain_name(above.trusted.zone)
    return Dnssec(DnssecStatus.BOGUS, zone, fault.problem, fault.detail, above.chain)


def _rrset(
    response: dns.message.QueryMessage | None, name: dns.name.Name, kind: int
) -> dns.rrset.RRset | None:
    return found(response.answer, name, kind) if response else None


def _names_down(anchor: dns.name.Name, host: dns.name.Name) -> list[dns.name.Name]:
    """The names below the anchor, the nearest to it first, the host last."""
    depths = range(len(anchor) + 1, len(host) + 1)
    return [host.split(depth)[1] for depth in depths]


def _nearest_anchor(
    host: dns.name.Name, anchors: Anchors
) -> tuple[dns.name.Name, tuple[str, ...]] | None:
    """The deepest zone above a host whose keys are known beforehand, with their DS records."""
    named = ((dns.name.from_text(zone), records) for zone, records in anchors.items())
    above = [(zone, records) for zone, records in named if host.is_subdomain(zone)]
    return max(above, key=lambda one: len(one[0]), default=None)
