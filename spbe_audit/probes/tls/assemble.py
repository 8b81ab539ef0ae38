"""Makes the evidence of what a survey has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spbe_audit.evidence import (
    CertificateChain,
    KeyExchange,
    TlsEvidence,
    TlsQuestion,
    TlsVersion,
    read_suite,
)
from spbe_audit.probes.socket_failures import short_text
from spbe_audit.probes.tls.client_hello import SESSION_TICKET
from spbe_audit.probes.tls.codes.groups import GROUPS
from spbe_audit.probes.tls.codes.signatures import scheme_name
from spbe_audit.probes.tls.codes.suites import SUITES
from spbe_audit.probes.tls.key_exchange import exchange_in, read_sent, shown
from spbe_audit.probes.tls.offer import (
    ALPN,
    ENCRYPT_THEN_MAC,
    EXTENDED_MASTER_SECRET,
    RENEGOTIATION_INFO,
    SIGNED_TIMESTAMPS,
    SSL_3_0,
    TLS_1_3,
)
from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.sightings import MOST_CHAINS, VERSIONS, Pick, Sightings, VersionSight
from spbe_audit.probes.tls.survey import Survey

_LONGEST_NAME = 32
_MOST_EXCHANGES = 64
_OPEN = "the version that it belongs to could not be judged"

Facts = tuple[dict[str, Any], dict[str, str]]
"""Fields that are known, and those that are not, with the reason."""


def evidence_of(survey: Survey, blank: TlsEvidence) -> TlsEvidence:
    """The evidence: ``blank`` names the endpoint and the engine, the survey brings the rest."""
    seen = survey.seen
    known: dict[str, Any] = {
        "versions": _versions(seen),
        "suites": _suites(seen),
        "suite_listing": survey.plan.listing,
        "server_preference": seen.own_preference,
        "chains": _chains(seen, survey.name),
        "slowed_to": survey.asker.pace.slowed_to,
        "fallback_scsv": seen.fallback_refused,
        "intolerances": seen.intolerances,
    }
    unknown = _doubts(seen)
    for part in (_key_exchanges, _groups, _signatures, _in_the_clear, _encrypted, _extras):
        fields, doubts = part(seen)
        known |= fields
        unknown |= doubts
    return replace(blank, unknown=dict(sorted(unknown.items())), **known)


def _versions(seen: Sightings) -> tuple[TlsVersion, ...]:
    oldest = (TlsVersion.SSL_2_0,) if seen.ssl2 else ()
    return (*oldest, *(VERSIONS[version] for version in seen.accepted()))


def _suites(seen: Sightings) -> Mapping[TlsVersion, tuple[str, ...]]:
    found = {TlsVersion.SSL_2_0: seen.ssl2.kinds} if seen.ssl2 else {}
    for version in seen.accepted():
        names = tuple(SUITES[suite] for suite in seen.versions[version].suites)
        found[VERSIONS[version]] = names if seen.own_preference else tuple(sorted(names))
    return found


def _chains(seen: Sightings, name: str | None) -> tuple[CertificateChain, ...]:
    """First what a client of today gets, last what one without SNI gets."""
    for pick in seen.picks():
        if pick.flight.chain:
            seen.named.setdefault(pick.flight.chain)
    chains = [CertificateChain(chain, name) for chain in seen.named][:MOST_CHAINS]
    if seen.ssl2 and seen.ssl2.certificate and not chains:
        chains.append(CertificateChain((seen.ssl2.certificate,), None))
    return (*chains, *(CertificateChain(chain, None) for chain in seen.unnamed))


def _doubts(seen: Sightings) -> dict[str, str]:
    """What was asked in vain; versions and suites under names of their own."""
    unknown = dict(seen.unknown)
    shown = seen.first.hello.version if seen.first and seen.first.hello else None
    if shown in seen.versions and not seen.versions[shown].accepted:
        sight = seen.versions[shown]
        sight.doubt = sight.doubt or "it was accepted once, and not any more"
    doubt = unknown.pop("ssl2", "")
    if doubt:
        unknown[f"versions.{TlsVersion.SSL_2_0}"] = doubt
    for version, sight in seen.versions.items():
        if sight.doubt:
            part = "suites" if sight.accepted else "versions"
            unknown[f"{part}.{VERSIONS[version]}"] = sight.doubt
    return unknown


def _key_exchanges(seen: Sightings) -> Facts:
    """The parameters of every key exchange that was seen."""
    found: dict[KeyExchange, None] = {}
    doubt = ""
    if seen.encrypted:
        found |= _as_keys(exchange_in(seen.encrypted.group))
    for pick in seen.picks():
        if pick.hello.version == TLS_1_3:
            continue
        if len(found) == _MOST_EXCHANGES:
            doubt = "the server shows other parameters each time"
            break
        try:
            sent = read_sent(pick.hello, pick.flight)
        except BrokenFlightError as error:
            doubt = str(error)
        else:
            found |= _as_keys(shown(sent) if sent else None)
    return {"key_exchanges": tuple(found)}, {"key_exchanges": doubt} if doubt else {}


def _as_keys(exchange: KeyExchange | None) -> dict[KeyExchange, None]:
    return {exchange: None} if exchange else {}


def _groups(seen: Sightings) -> Facts:
    """The names of the groups; those that were seen by the way where nobody asked for all."""
    names = tuple(GROUPS.get(group, f"0x{group:04x}") for group in sorted(seen.groups))
    if seen.groups_listed or TlsQuestion.GROUPS in seen.unknown or not names:
        return {"groups": names if seen.groups_listed else None}, {}
    return {"groups": names}, {}


def _signatures(seen: Sightings) -> Facts:
    names = tuple(scheme_name(scheme) for scheme in seen.signatures)
    return {"key_exchange_signatures": names if seen.signatures_asked else None}, {}


def _in_the_clear(seen: Sightings) -> Facts:
    """What hellos before TLS 1.3 show, in the newest version of those that is accepted."""
    classic = seen.classic()
    if classic is None:
        open_versions = any(seen.versions[v].doubt for v in seen.versions if v != TLS_1_3)
        gone = ("compression", "client_renegotiation")
        if open_versions:
            return {}, dict.fromkeys(gone, _OPEN)
        return dict.fromkeys(gone, False), {}
    newest = classic.picks[0].hello.extensions
    known: dict[str, Any] = {"secure_renegotiation": RENEGOTIATION_INFO in newest}
    unknown = {}
    if classic.short:
        text = "the server answers short hellos only, which do not offer it"
        unknown = dict.fromkeys(("compression", "extended_master_secret"), text)
        return known, unknown
    picks = [pick for pick in seen.picks() if pick.hello.version != TLS_1_3]
    known["compression"] = any(pick.hello.compression for pick in picks)
    if classic.version > SSL_3_0:
        known["extended_master_secret"] = EXTENDED_MASTER_SECRET in newest
        known["session_tickets"] = SESSION_TICKET in newest
        known["encrypt_then_mac"] = _encrypts_first(classic)
    return known, unknown


def _encrypts_first(classic: VersionSight) -> bool | None:
    """Whether RFC 7366 is agreed upon, which only suites that chain blocks show."""
    chained = [pick for pick in classic.picks if read_suite(SUITES[pick.suite]).cbc]
    if not chained:
        return None
    return any(ENCRYPT_THEN_MAC in pick.hello.extensions for pick in chained)


def _encrypted(seen: Sightings) -> Facts:
    """What one finished handshake of TLS 1.3 shows, and who asks for a certificate of ours."""
    newest, hidden = seen.sight(TLS_1_3), seen.encrypted
    asked = any(pick.flight.certificate_asked for pick in seen.picks())
    known: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    if hidden is not None:
        known["early_data"] = hidden.early_data
        known["client_certificate_asked"] = asked or hidden.client_certificate_asked
        if hidden.early_data is None:
            unknown["early_data"] = "the server ends the handshake without a certificate of ours"
        return known, unknown
    if seen.classic() is not None:
        known["client_certificate_asked"] = asked
    if newest.accepted:
        unknown["early_data"] = seen.hidden or "no handshake was finished"
        if seen.classic() is None:
            unknown["chains"] = unknown["early_data"]
    elif newest.doubt:
        unknown["early_data"] = _OPEN
    else:
        known["early_data"] = False
    return known, unknown


def _extras(seen: Sightings) -> Facts:
    """The staple, the timestamps and the protocol that today's clients get."""
    if seen.encrypted is not None:
        return {
            "ocsp_staple": seen.encrypted.ocsp_staple,
            "signed_timestamps": seen.encrypted.signed_timestamps,
            "alpn": seen.encrypted.alpn,
        }, {}
    pick = next(seen.picks(), None)
    first = seen.first.hello if seen.first else None
    known: dict[str, Any] = {}
    if first is not None and first.version < TLS_1_3:
        chosen = first.extensions.get(ALPN, b"")[3:]
        known["alpn"] = short_text(chosen.decode("ascii", "replace"))[:_LONGEST_NAME]
    if pick is not None:
        known["ocsp_staple"] = pick.flight.staple
        known["signed_timestamps"] = _timestamps(pick)
    return known, {}


def _timestamps(pick: Pick) -> bytes | None:
    return pick.hello.extensions.get(SIGNED_TIMESTAMPS) or None
