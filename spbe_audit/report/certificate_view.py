"""The certificates that a service sent, as its page shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from spbe_audit.evidence import (
    Certificate,
    CertificateChain,
    MalformedCertificateError,
    TlsEvidence,
    TlsQuestion,
    read_certificate,
)
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import Told, clipped, told
from spbe_audit.report.time_strips import Span, renewal_marks, span_of, validity_strip

MOST_CHAINS = 4
MOST_CERTIFICATES = 10
MOST_NAMES = 60
_LONGEST = 300
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CertificateCard:
    """One certificate; ``facts`` is empty for one that cannot be read."""

    title: str
    state: str
    strip: Markup | None
    facts: tuple[tuple[str, str], ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ChainView:
    """One chain, leaf first; ``more`` certificates of it are not shown."""

    title: str
    cards: tuple[CertificateCard, ...]
    more: int


@dataclass(frozen=True, slots=True)
class CertificatesView:
    """All chains of one endpoint. ``leaf`` is the timeline of the first certificate.

    ``unknown`` and ``unnamed`` say why the chain, or the one without SNI, is not known.
    """

    leaf: Markup | None
    leaf_text: str
    marks: tuple[tuple[str, str], ...]
    chains: tuple[ChainView, ...]
    more: int
    facts: tuple[tuple[str, str], ...]
    unknown: Told | None
    unnamed: Told | None


def certificates_view(tls: TlsEvidence, labels: Labels) -> CertificatesView:
    """The chains that were sent, the one for the service's own name first."""
    leaf = _first_leaf(tls)
    now = tls.collected_at
    return CertificatesView(
        leaf=_leaf_strip(leaf, now, labels) if leaf else None,
        leaf_text=_timeline_text(leaf, now, labels) if leaf else "",
        marks=_marks(leaf, now, labels) if leaf else (),
        chains=tuple(_chain(chain, now, labels) for chain in tls.chains[:MOST_CHAINS]),
        more=max(0, len(tls.chains) - MOST_CHAINS),
        facts=_facts(tls, labels),
        unknown=_doubt(tls, "chains", labels),
        unnamed=_doubt(tls, TlsQuestion.UNNAMED, labels),
    )


def _doubt(tls: TlsEvidence, name: str, labels: Labels) -> Told | None:
    reason = tls.unknown.get(name)
    return told(reason, labels) if reason else None


def _first_leaf(tls: TlsEvidence) -> Certificate | None:
    ders = tls.chains[0].certificates if tls.chains else ()
    return _read(ders[0]) if ders else None


def _read(der: bytes) -> Certificate | None:
    try:
        return read_certificate(der)
    except MalformedCertificateError:
        return None


def _leaf_strip(leaf: Certificate, now: datetime, labels: Labels) -> Markup:
    span = span_of((leaf.not_before, leaf.not_after, now))
    text = _timeline_text(leaf, now, labels)
    return validity_strip(leaf.not_before, leaf.not_after, now, span=span, label=text)


def _timeline_text(one: Certificate, now: datetime, labels: Labels) -> str:
    """What a timeline shows, in a sentence."""
    return labels(
        "validity_text",
        begins=labels.moment(one.not_before),
        ends=labels.moment(one.not_after),
        now=labels.moment(now),
        state=_state(one, now, labels),
    )


def _marks(leaf: Certificate, now: datetime, labels: Labels) -> tuple[tuple[str, str], ...]:
    """The legend of the timeline: the class of each mark and what it stands for."""
    soon, last = renewal_marks(leaf.not_before, leaf.not_after)
    days = [labels.day(one.astimezone(labels.zone).date()) for one in (soon, last)]
    marks = [
        ("good", labels("mark_valid")),
        ("now", labels("mark_now", moment=labels.moment(now))),
    ]
    if soon < last:
        marks.append(("part", labels("mark_soon", day=days[0])))
    if last < leaf.not_after:
        marks.append(("bad", labels("mark_last", day=days[1])))
    return tuple(marks)


def _state(one: Certificate, now: datetime, labels: Labels) -> str:
    if now < one.not_before:
        return labels("state_not_yet", n=(one.not_before - now) // _DAY)
    if now > one.not_after:
        return labels("state_over", n=(now - one.not_after) // _DAY)
    return labels("state_valid", n=(one.not_after - now) // _DAY)


def _chain(chain: CertificateChain, now: datetime, labels: Labels) -> ChainView:
    shown = [(der, _read(der)) for der in chain.certificates[:MOST_CERTIFICATES]]
    readable = [one for _, one in shown if one]
    moments = [moment for one in readable for moment in (one.not_before, one.not_after)]
    ground = _Ground(now, span_of([*moments, now]), len(readable) > 1, labels)
    name = chain.server_name
    title = labels("chain_of", name=clipped(name, 120, labels)) if name else labels("chain_unnamed")
    return ChainView(
        title=title,
        cards=tuple(_card(place, der, one, ground) for place, (der, one) in enumerate(shown)),
        more=max(0, len(chain.certificates) - MOST_CERTIFICATES),
    )


@dataclass(frozen=True, slots=True)
class _Ground:
    """What the certificates of one chain are drawn on, where there are several to compare."""

    now: datetime
    span: Span
    several: bool
    labels: Labels


def _card(place: int, der: bytes, one: Certificate | None, ground: _Ground) -> CertificateCard:
    labels, fingerprint = ground.labels, hashlib.sha256(der).hexdigest()
    if one is None:
        title = labels("certificate_unreadable", n=place + 1, size=len(der))
        return CertificateCard(title, "", None, (), fingerprint)
    return CertificateCard(
        title=labels(_role(place, one), n=place + 1),
        state=_state(one, ground.now, labels),
        strip=validity_strip(
            one.not_before,
            one.not_after,
            ground.now,
            span=ground.span,
            label=_timeline_text(one, ground.now, labels),
        )
        if ground.several
        else None,
        facts=_certificate_facts(one, labels, leaf=place == 0),
        fingerprint=fingerprint,
    )


def _role(place: int, one: Certificate) -> str:
    if place == 0:
        return "certificate_leaf"
    return "certificate_root" if one.self_issued else "certificate_between"


def _certificate_facts(
    one: Certificate, labels: Labels, *, leaf: bool
) -> tuple[tuple[str, str], ...]:
    named = (_names(one, labels),) if leaf else ()
    return (
        (labels("subject"), clipped(one.subject, _LONGEST, labels) or labels("word_none")),
        *named,
        (labels("issuer"), clipped(one.issuer, _LONGEST, labels) or labels("word_none")),
        (
            labels("validity"),
            labels(
                "from_until", start=labels.moment(one.not_before), end=labels.moment(one.not_after)
            ),
        ),
        (labels("key"), clipped(one.key.label, 80, labels)),
        (labels("signature"), clipped(one.signature_algorithm, 80, labels)),
        (labels("serial"), clipped(one.serial, 80, labels)),
    )


def _names(one: Certificate, labels: Labels) -> tuple[str, str]:
    """The names that a certificate is for; none is not the same as unreadable."""
    if not one.extensions_readable:
        return labels("names"), labels("names_unreadable")
    shown = [clipped(name, 120, labels) for name in one.names[:MOST_NAMES]]
    if len(one.names) > MOST_NAMES:
        shown.append(labels("and_more", n=len(one.names) - MOST_NAMES))
    return labels("names"), ", ".join(shown) or labels("word_none")


def _facts(tls: TlsEvidence, labels: Labels) -> tuple[tuple[str, str], ...]:
    """What came beside the chain."""
    staple = labels("staple_sent", n=len(tls.ocsp_staple)) if tls.ocsp_staple else ""
    facts: Sequence[tuple[str, str]] = (
        (labels("staple"), staple or labels("word_none")),
        (
            labels("timestamps_in_handshake"),
            labels("word_yes" if tls.signed_timestamps else "word_none"),
        ),
        (
            labels("trust_anchors"),
            labels.number(len(tls.trust_anchors)) if tls.trust_anchors else labels("word_none"),
        ),
    )
    return tuple(facts)
