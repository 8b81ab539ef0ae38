"""Verifies signed records (RFC 4035 section 5): signatures, delegations, proofs of absence."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag

from spbe_audit.evidence import DnssecProblem

_ALGORITHMS = frozenset({5, 7, 8, 10, 13, 14, 15, 16})
"""Those that can be verified here: RSA with SHA-1, SHA-256 and SHA-512, ECDSA, EdDSA."""
_DIGESTS = frozenset({1, 2, 4})

# Caps on the work that hostile keys, signatures and hashes can cause (CVE-2023-50387, -50868).
_MOST_KEYS = 24
_MOST_SIGNATURES = 8
_LONGEST_KEY = 1100  # octets: more than RSA with 8192 bits
_MOST_ITERATIONS = 500

_OPT_OUT = 1

_MALFORMED = (
    dns.exception.DNSException,
    ValueError,
    TypeError,
    IndexError,
    OverflowError,
    struct.error,
)
"""What hostile keys and signatures make the library raise."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why records cannot be believed."""

    problem: DnssecProblem
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ZoneKeys:
    """The proven keys of a zone."""

    zone: dns.name.Name
    keys: tuple[DNSKEY, ...]


Section = list[dns.rrset.RRset]


def found(section: Section, name: dns.name.Name, kind: int) -> dns.rrset.RRset | None:
    """The records of one name and type in a section of a response."""
    for rrset in section:
        if (rrset.name, rrset.rdtype, rrset.rdclass) == (name, kind, dns.rdataclass.IN):
            return rrset
    return None


def fault_of(
    rrset: dns.rrset.RRset, section: Section, trusted: ZoneKeys, now: float
) -> Fault | None:
    """Why the records are not proven by the zone's keys at a time (POSIX), None when they are.

    That a name which came from a wildcard does not exist itself is not proven here.
    """
    signatures = _signatures(rrset, section, trusted.zone)
    if not signatures:
        return Fault(DnssecProblem.NO_SIGNATURE)
    if not trusted.keys:
        return Fault(DnssecProblem.UNKNOWN_KEY)
    keys = dns.rrset.from_rdata_list(trusted.zone, 0, trusted.keys)
    signed_by = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, signatures)
    try:
        dns.dnssec.validate(rrset, signed_by, {trusted.zone: keys}, now=now)
    except _MALFORMED:
        return _diagnosis(signatures, trusted.keys, now)
    return None


def usable_keys(rrset: dns.rrset.RRset) -> tuple[DNSKEY, ...]:
    """The keys that may sign a zone: zone keys that are not revoked, of a known algorithm."""
    keys = [
        key
        for key in rrset
        if isinstance(key, DNSKEY)
        and key.flags & Flag.ZONE
        and not key.flags & Flag.REVOKE
        and key.algorithm in _ALGORITHMS
        and len(key.key) <= _LONGEST_KEY
    ]
    return tuple(keys[:_MOST_KEYS])


def understood(delegation: Iterable[object]) -> tuple[DS, ...]:
    """The DS records that can be followed; where there is none, the zone counts as unsigned."""
    records = [
        ds
        for ds in delegation
        if isinstance(ds, DS) and ds.algorithm in _ALGORITHMS and ds.digest_type in _DIGESTS
    ]
    return tuple(records[:_MOST_KEYS])


def entry_keys(
    zone: dns.name.Name, keys: Iterable[DNSKEY], delegation: Iterable[DS]
) -> tuple[DNSKEY, ...]:
    """The keys that a delegation (or a trust anchor) vouches for."""
    records = tuple(delegation)
    return tuple(key for key in keys if any(_names_key(ds, zone, key) for ds in records))


def proves_no_ds(
    response: dns.message.Message, name: dns.name.Name, parent: ZoneKeys, now: float
) -> bool:
    """Whether the parent signed that a delegation has no DS (RFC 4035 5.4, RFC 5155 8.6)."""
    for rrset in response.authority:
        if rrset.rdtype not in {dns.rdatatype.NSEC, dns.rdatatype.NSEC3}:
            continue
        if fault_of(rrset, response.authority, parent, now):
            continue
        if any(_denies(proof, rrset.name, name, parent.zone) for proof in rrset):
            return True
    return False


def key_text(key: DNSKEY) -> str:
    """A key as "flags algorithm key-tag"."""
    return f"{int(key.flags)} {int(key.algorithm)} {dns.dnssec.key_id(key)}"


def _signatures(rrset: dns.rrset.RRset, section: Section, signer: dns.name.Name) -> list[RRSIG]:
    """The zone's signatures over the records, as many as are looked at."""
    signatures = [
        signature
        for candidate in section
        if candidate.name == rrset.name and candidate.rdtype == dns.rdatatype.RRSIG
        for signature in candidate
        if isinstance(signature, RRSIG)
        and signature.type_covered == rrset.rdtype
        and signature.signer == signer
    ]
    return signatures[:_MOST_SIGNATURES]


def _diagnosis(signatures: list[RRSIG], keys: tuple[DNSKEY, ...], now: float) -> Fault:
    """The likeliest reason why none of the signatures holds."""
    last_end = max(signature.expiration for signature in signatures)
    if last_end < now:
        return Fault(DnssecProblem.EXPIRED_SIGNATURE, _moment(last_end))
    first_begin = min(signature.inception for signature in signatures)
    if first_begin > now:
        return Fault(DnssecProblem.SIGNATURE_NOT_YET_VALID, _moment(first_begin))
    tags = {signature.key_tag for signature in signatures}
    if not tags & {dns.dnssec.key_id(key) for key in keys}:
        return Fault(DnssecProblem.UNKNOWN_KEY, ", ".join(str(tag) for tag in sorted(tags)))
    return Fault(DnssecProblem.BAD_SIGNATURE)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _names_key(ds: DS, zone: dns.name.Name, key: DNSKEY) -> bool:
    if (ds.algorithm, ds.key_tag) != (key.algorithm, dns.dnssec.key_id(key)):
        return False
    try:
        made = dns.dnssec.make_ds(zone, key, ds.digest_type, validating=True)
    except _MALFORMED:
        return False
    return bool(made.digest == ds.digest)


def _denies(
    proof: object, owner: dns.name.Name, name: dns.name.Name, parent: dns.name.Name
) -> bool:
    if isinstance(proof, NSEC):
        return owner == name and _unsigned_delegation(proof)
    if not isinstance(proof, NSEC3):
        return False
    if proof.iterations > _MOST_ITERATIONS:
        return True  # too costly to look at, so that the zone counts as unsigned (RFC 9276 3.2)
    begin = owner.labels[0].upper().decode("ascii", "replace")
    if _hashed(name, proof) == begin:
        return _unsigned_delegation(proof)
    end = base64.b32hexencode(proof.next).decode()
    between = _names_between(name, parent)
    return bool(proof.flags & _OPT_OUT) and any(
        _covers(begin, end, _hashed(one, proof)) for one in between
    )


def _names_between(name: dns.name.Name, zone: dns.name.Name) -> list[dns.name.Name]:
    """The name and what lies between it and the zone."""
    names = []
    while name != zone and len(name) > len(zone):
        names.append(name)
        name = name.parent()
    return names


def _hashed(name: dns.name.Name, proof: NSEC3) -> str:
    try:
        return dns.dnssec.nsec3_hash(name, proof.salt, proof.iterations, proof.algorithm)
    except ValueError:
        return ""


def _covers(begin: str, end: str, hashed: str) -> bool:
    if begin < end:
        return begin < hashed < end
    return bool(hashed) and (hashed > begin or hashed < end)


def _unsigned_delegation(proof: NSEC | NSEC3) -> bool:
    types = {kind for kind in _DELEGATION if _has(proof, kind)}
    return types == {dns.rdatatype.NS}


_DELEGATION = (dns.rdatatype.NS, dns.rdatatype.DS, dns.rdatatype.SOA)


def _has(proof: NSEC | NSEC3, kind: int) -> bool:
    """Whether the type bitmap (RFC 4034 4.1.2) holds a type of window 0."""
    position, bit = kind // 8, 0x80 >> kind % 8
    return any(
        window == 0 and len(bitmap) > position and bitmap[position] & bit
        for window, bitmap in proof.windows
    )
