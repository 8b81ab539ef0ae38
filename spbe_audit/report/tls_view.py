"""What a TLS endpoint offers, as the page of its service shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spbe_audit.evidence import (
    KeyExchange,
    Suite,
    SuiteListing,
    TlsAnswer,
    TlsEvidence,
    TlsVersion,
    curve_bits,
    is_hybrid,
    read_suite,
)
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import Told, clipped, told

MOST_SUITES = 100
MOST_NAMES = 40
_FOLDED_FROM = 13
"""So many suites of one version are folded away behind their number."""

_ANSWERS = {
    TlsAnswer.ALERT: "tls_answer_alert",
    TlsAnswer.PLAIN_HTTP: "tls_answer_plain_http",
    TlsAnswer.OTHER_PROTOCOL: "tls_answer_other",
}
_FEATURES = (
    ("server_preference", "feature_preference"),
    ("secure_renegotiation", "feature_secure_renegotiation"),
    ("client_renegotiation", "feature_client_renegotiation"),
    ("compression", "feature_compression"),
    ("fallback_scsv", "feature_fallback"),
    ("extended_master_secret", "feature_extended_master_secret"),
    ("encrypt_then_mac", "feature_encrypt_then_mac"),
    ("session_tickets", "feature_tickets"),
    ("early_data", "feature_early_data"),
    ("client_certificate_asked", "feature_client_certificate"),
)
_FLAWS = {
    "heartbleed": "Heartbleed",
    "ccs_injection": "CCS Injection",
    "robot": "ROBOT",
    "ticketbleed": "Ticketbleed",
}


@dataclass(frozen=True, slots=True)
class Tag:
    """One property of a suite; ``weak`` is one that the suite would better not have."""

    text: str
    weak: bool


@dataclass(frozen=True, slots=True)
class SuiteLine:
    """One suite with its properties."""

    name: str
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One protocol version: "accepted", "refused" or "open", and its suites in the order seen."""

    name: str
    status: str
    word: str
    why: Told | None
    suites: tuple[SuiteLine, ...]
    more: int
    counted: str
    unlisted: Told | None

    @property
    def folded(self) -> bool:
        """Whether the suites are too many to stand open."""
        return len(self.suites) >= _FOLDED_FROM


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the endpoint; ``why`` where it is not known."""

    name: str
    value: str
    why: Told | None = None


@dataclass(frozen=True, slots=True)
class TlsView:
    """``answer`` is what came instead of a handshake, '' where there was one."""

    answer: str
    detail: str
    versions: tuple[VersionLine, ...]
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    features: tuple[Fact, ...]
    flaws: tuple[Fact, ...]


def tls_view(tls: TlsEvidence, labels: Labels) -> TlsView:
    """The endpoint in words."""
    if not tls.offered:
        answer = labels(_ANSWERS[tls.answer])
        detail = clipped(tls.answer_detail, 200, labels)
        return TlsView(answer, detail, (), _notes(tls, labels), (), (), ())
    return TlsView(
        answer="",
        detail="",
        versions=tuple(_version(version, tls, labels) for version in reversed(TlsVersion)),
        notes=_notes(tls, labels),
        facts=tuple(_facts(tls, labels)),
        features=tuple(_feature(tls, name, labels(key), labels) for name, key in _FEATURES),
        flaws=_flaws(tls, labels),
    )


def versions_in_short(tls: TlsEvidence, labels: Labels) -> str:
    """The accepted versions in one line, and the protocol in which the conversation began."""
    if not tls.offered:
        return labels(_ANSWERS[tls.answer])
    versions = ", ".join(tls.versions) or labels("fact_not_settled")
    return f"{versions} (STARTTLS)" if tls.starttls else versions


def _version(version: TlsVersion, tls: TlsEvidence, labels: Labels) -> VersionLine:
    doubt = tls.unknown.get(f"versions.{version}")
    status = "accepted" if version in tls.versions else "open" if doubt else "refused"
    words = {"accepted": "tls_accepted", "open": "tls_open", "refused": "tls_refused"}
    names = tls.suites.get(version, ())
    unlisted = tls.unknown.get(f"suites.{version}")
    return VersionLine(
        name=version.value,
        status=status,
        word=labels(words[status]),
        why=told(doubt, labels) if doubt else None,
        suites=tuple(_suite(name, labels) for name in names[:MOST_SUITES]),
        more=max(0, len(names) - MOST_SUITES),
        counted=labels("suites_n", n=len(names)) if names else "",
        unlisted=told(unlisted, labels) if unlisted else None,
    )


def _suite(name: str, labels: Labels) -> SuiteLine:
    suite = read_suite(name)
    if not suite.readable:
        return SuiteLine(clipped(name, 100, labels), (Tag(labels("suite_unreadable"), weak=False),))
    return SuiteLine(clipped(name, 100, labels), tuple(_tags(suite, labels)))


def _tags(suite: Suite, labels: Labels) -> Iterator[Tag]:
    """What the name of a suite says of it: first what is wanted, then what is not."""
    if suite.forward_secret:
        yield Tag(labels("suite_forward_secret"), weak=False)
    if suite.aead:
        yield Tag("AEAD", weak=False)
    weaknesses = (
        (not suite.forward_secret, labels("suite_not_forward_secret")),
        (suite.null, labels("suite_null")),
        (suite.anonymous, labels("suite_anonymous")),
        (suite.export, labels("suite_export")),
        (suite.rc4, "RC4"),
        (suite.des is not None, suite.des or ""),
        (suite.cbc, "CBC"),
        (suite.short_blocks and suite.des is None, labels("suite_short_blocks")),
    )
    yield from (Tag(text, weak=True) for holds, text in weaknesses if holds)


def _notes(tls: TlsEvidence, labels: Labels) -> tuple[str, ...]:
    """What a reader has to know of how this was found out."""
    notes = [
        labels(
            "tls_seen_with",
            engine=clipped(tls.engine, 80, labels),
            name=clipped(tls.server_name, 120, labels),
        )
    ]
    if tls.starttls:
        notes.append(labels("tls_starttls", protocol=clipped(tls.starttls, 40, labels)))
    if tls.suite_listing is SuiteListing.EACH_KIND:
        notes.append(labels("tls_each_kind"))
    if tls.slowed_to is not None:
        notes.append(labels("tls_slowed", n=tls.slowed_to))
    return tuple(notes)


def _facts(tls: TlsEvidence, labels: Labels) -> Iterator[Fact]:
    yield _list_fact(tls, "groups", tls.groups, labels("tls_groups"), labels)
    for part, key in (("groups.hybrid", "tls_groups_hybrid"), ("groups.weak", "tls_groups_weak")):
        if part in tls.unknown:
            yield Fact(labels(key), "", told(tls.unknown[part], labels))
    shown = [_exchange(one, labels) for one in tls.key_exchanges[:MOST_NAMES]]
    yield _list_fact(tls, "key_exchanges", shown or None, labels("tls_key_exchanges"), labels)
    signatures = tls.key_exchange_signatures
    yield _list_fact(tls, "key_exchange_signatures", signatures, labels("tls_signatures"), labels)
    broken = tls.intolerances
    yield _list_fact(tls, "intolerances", broken, labels("tls_intolerances"), labels)
    if tls.alpn is None:
        yield Fact("ALPN", labels("not_asked"), _why(tls, "alpn", labels))
    else:
        yield Fact("ALPN", clipped(tls.alpn, 40, labels) or labels("word_none"))


def _list_fact(
    tls: TlsEvidence, field: str, items: Sequence[str] | None, name: str, labels: Labels
) -> Fact:
    """A list, or that it was not asked for; doubts about all of it are told too."""
    why = _why(tls, field, labels)
    if items is None:
        return Fact(name, "" if why else labels("not_asked"), why)
    marked = [_group_mark(clipped(one, 80, labels), labels) for one in items[:MOST_NAMES]]
    if len(items) > MOST_NAMES:
        marked.append(labels("and_more", n=len(items) - MOST_NAMES))
    return Fact(name, ", ".join(marked) or labels("word_none"), why)


def _group_mark(name: str, labels: Labels) -> str:
    """A group that quantum computers do not break is worth a word."""
    mark = labels("tls_hybrid")
    return f"{name} ({mark})" if is_hybrid(name) else name


def _exchange(one: KeyExchange, labels: Labels) -> str:
    size = labels("bits", n=one.bits)
    if one.group and curve_bits(one.group) is None:
        return f"{one.kind} {size} ({one.group})"
    return f"{one.kind} {one.group or ''} {size}".replace("  ", " ")


def _feature(tls: TlsEvidence, field: str, name: str, labels: Labels) -> Fact:
    answer: bool | None = getattr(tls, field)
    if answer is not None:
        return Fact(name, labels("word_yes" if answer else "word_no"))
    why = _why(tls, field, labels)
    return Fact(name, "" if why else labels("not_asked"), why)


def _flaws(tls: TlsEvidence, labels: Labels) -> tuple[Fact, ...]:
    """The answers about known flaws; empty where none was asked for."""
    asked = any(name in tls.flaws or f"flaws.{name}" in tls.unknown for name in _FLAWS)
    if not asked:
        return ()
    return tuple(_flaw(tls, name, shown, labels) for name, shown in _FLAWS.items())


def _flaw(tls: TlsEvidence, field: str, name: str, labels: Labels) -> Fact:
    if field in tls.flaws:
        return Fact(name, labels("flaw_found" if tls.flaws[field] else "flaw_not_found"))
    why = _why(tls, f"flaws.{field}", labels)
    return Fact(name, "" if why else labels("not_asked_at_intensity"), why)


def _why(tls: TlsEvidence, field: str, labels: Labels) -> Told | None:
    reason = tls.unknown.get(field)
    return told(reason, labels) if reason else None
