"""What a service answered over HTTP, as its page shows it: hops, raw header lines, cookies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from spbe_audit.catalogue import Catalogue
from spbe_audit.check import Fact
from spbe_audit.evidence import AddressesEvidence, Cookie, Exchange, HttpEvidence, Walk, WalkEnd
from spbe_audit.report.finding_view import FindingView
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import Told, clipped, told
from spbe_audit.report.wording import problem_codes

MOST_LINES = 60
LONGEST_LINE = 500
MOST_OTHERS = 5
"""Answers beside the one that stands for the service whose header lines are shown."""
MOST_LINES_OF_OTHERS = 25
LONGEST_LINE_OF_OTHERS = 160
MOST_COOKIES = 40
MOST_ADDRESSES = 20
_MOST_HOPS = 12
_MOST_ATTRIBUTES = 8
_LONGEST_ATTRIBUTE = 100
_LONGEST_NAME = 100
_LONGEST_URL = 300

_ENDS = {
    WalkEnd.TOO_MANY_HOPS: "end_too_many_hops",
    WalkEnd.LOOP: "end_loop",
    WalkEnd.OUT_OF_SCOPE: "end_out_of_scope",
    WalkEnd.BAD_LOCATION: "end_bad_location",
}


@dataclass(frozen=True, slots=True)
class HopLine:
    """One request of a walk and how it was answered."""

    url: str
    status: int
    protocol: str
    address: str
    seconds: str


@dataclass(frozen=True, slots=True)
class WalkView:
    """One walk along redirects; ``end`` says why it stopped where it did not reach a page."""

    title: str
    hops: tuple[HopLine, ...]
    end: str
    why: Told | None


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """One header line as it was received, and the findings that speak of it."""

    name: str
    value: str
    findings: tuple[FindingView, ...]


@dataclass(frozen=True, slots=True)
class AbsentHeader:
    """A header that a finding misses."""

    name: str
    finding: FindingView


@dataclass(frozen=True, slots=True)
class AnswerView:
    """The header lines of one answer; ``more`` lines of it are not shown."""

    url: str
    status: int
    lines: tuple[HeaderLine, ...]
    more: int
    body: str


@dataclass(frozen=True, slots=True)
class CookieLine:
    """One cookie: its name, what it carries beside its value, and who speaks of it."""

    name: str
    host: str
    length: int
    attributes: tuple[str, ...]
    more: int
    findings: tuple[FindingView, ...]


@dataclass(frozen=True, slots=True)
class AddressLine:
    """What one address of the service's name answered."""

    host: str
    address: str
    tls: str
    certificate: str
    status: str
    server: str
    why: Told | None


@dataclass(frozen=True, slots=True)
class HttpView:
    """``front`` is the answer that stands for the service; None where there is none."""

    walks: tuple[WalkView, ...]
    front: AnswerView | None
    absent: tuple[AbsentHeader, ...]
    others: tuple[AnswerView, ...]
    more_others: int
    cookies: tuple[CookieLine, ...]
    more_cookies: int


def http_view(
    http: HttpEvidence, findings: Sequence[FindingView], catalogue: Catalogue, labels: Labels
) -> HttpView:
    """The answers in words. ``findings`` are the faults and observations of the service."""
    front = http.front
    topics = {view.anchor: _Topic(view, _subjects(view, catalogue)) for view in findings}
    others = _others(http, front)
    cookies = [cookie for hop in http.own_exchanges() for cookie in hop.cookies]
    distinct = list(dict.fromkeys(cookies))
    return HttpView(
        walks=tuple(_walks(http, labels)),
        front=_answer(front, topics.values(), labels, _FRONT) if front else None,
        absent=tuple(_absent(front, topics.values())) if front else (),
        others=tuple(_answer(hop, (), labels, _OTHER) for hop in others[:MOST_OTHERS]),
        more_others=max(0, len(others) - MOST_OTHERS),
        cookies=tuple(_cookie(one, findings, labels) for one in distinct[:MOST_COOKIES]),
        more_cookies=max(0, len(distinct) - MOST_COOKIES),
    )


def address_lines(addresses: AddressesEvidence, labels: Labels) -> tuple[AddressLine, ...]:
    """What each address answered; empty where there was nothing to compare."""
    return tuple(
        AddressLine(
            host=clipped(one.host, _LONGEST_NAME, labels),
            address=clipped(one.address, 80, labels),
            tls=clipped(one.tls, 100, labels),
            certificate=one.certificate[:16],
            status=str(one.status or ""),
            server=clipped(one.server, 100, labels),
            why=told(one.failure, labels) if one.failure else None,
        )
        for one in addresses.answers[:MOST_ADDRESSES]
    )


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How much of an answer is shown."""

    lines: int
    longest: int


_FRONT = _Bounds(MOST_LINES, LONGEST_LINE)
_OTHER = _Bounds(MOST_LINES_OF_OTHERS, LONGEST_LINE_OF_OTHERS)


@dataclass(frozen=True, slots=True)
class _Subjects:
    """Header names in lower case: those that a finding's facts name, and those of its check."""

    named: frozenset[str]
    asked: tuple[str, ...]

    def concern(self, name: str, received: frozenset[str]) -> bool:
        """Whether a header is meant. Facts that name one that was received tell which."""
        if self.named & received:
            return name in self.named
        return name in {one.lower() for one in self.asked}


@dataclass(frozen=True, slots=True)
class _Topic:
    """A finding and the headers that it may speak of."""

    view: FindingView
    subjects: _Subjects


def _subjects(view: FindingView, catalogue: Catalogue) -> _Subjects:
    check = view.finding.check
    asked = catalogue.get(check).texts.headers if check in catalogue else ()
    return _Subjects(frozenset(one.lower() for one in _texts(view.finding.facts)), asked)


def _texts(fact: Fact) -> Iterator[str]:
    """Every text among some facts, at any depth; names of facts are none."""
    if isinstance(fact, str):
        yield fact
    elif isinstance(fact, Mapping):
        for value in fact.values():
            yield from _texts(value)
    elif isinstance(fact, tuple | list):
        for value in fact:
            yield from _texts(value)


def _walks(http: HttpEvidence, labels: Labels) -> Iterator[WalkView]:
    for walk in http.walks:
        yield WalkView(
            title=labels("walk_from", url=clipped(walk.start, _LONGEST_URL, labels)),
            hops=tuple(_hop(hop, labels) for hop in walk.hops[:_MOST_HOPS]),
            end=_end(walk, labels),
            why=told(walk.failure, labels, walk.failure_text) if walk.failure else None,
        )


def _hop(hop: Exchange, labels: Labels) -> HopLine:
    total = hop.timings.total
    return HopLine(
        url=clipped(hop.url, _LONGEST_URL, labels),
        status=hop.status,
        protocol=clipped(", ".join(filter(None, (hop.http_version, hop.tls_version))), 60, labels),
        address=clipped(hop.address, 80, labels),
        seconds="" if total is None else labels.number(round(total, 3)),
    )


def _end(walk: Walk, labels: Labels) -> str:
    if walk.end not in _ENDS:
        return ""
    following = clipped(walk.next_url or "", _LONGEST_URL, labels) or labels("word_none")
    return labels(_ENDS[walk.end], url=following)


def _others(http: HttpEvidence, front: Exchange | None) -> list[Exchange]:
    """The other answers of the service's own host, each once."""
    seen = {(front.url, front.headers)} if front else set()
    found = []
    for hop in http.own_exchanges():
        key = (hop.url, hop.headers)
        if key not in seen and hop is not front:
            seen.add(key)
            found.append(hop)
    return found


def _answer(hop: Exchange, topics: Iterable[_Topic], labels: Labels, bounds: _Bounds) -> AnswerView:
    topics = tuple(topics)
    received = frozenset(name.lower() for name, _ in hop.headers)
    lines = tuple(
        HeaderLine(
            name=clipped(name, _LONGEST_NAME, labels),
            value=clipped(value, bounds.longest, labels),
            findings=tuple(
                topic.view
                for topic in topics
                if topic.subjects.concern(name.lower(), received)
                or (name.lower() == "set-cookie" and _speaks_of(topic.view, _cookie_in(value)))
            ),
        )
        for name, value in hop.headers[: bounds.lines]
    )
    return AnswerView(
        url=clipped(hop.url, _LONGEST_URL, labels),
        status=hop.status,
        lines=lines,
        more=max(0, len(hop.headers) - bounds.lines),
        body=_body(hop, labels),
    )


def _body(hop: Exchange, labels: Labels) -> str:
    """What is kept of the body: its size, its digest and the title of the page."""
    if not hop.body_size:
        return labels("body_none")
    key = "body_cut" if hop.body_truncated else "body_whole"
    text = labels(key, n=hop.body_size, digest=hop.body_digest or labels("not_recorded"))
    if not (hop.page and hop.page.title):
        return text
    title = labels("body_title", title=clipped(hop.page.title, 160, labels))
    return f"{text} {title}"


def _absent(front: Exchange, topics: Iterable[_Topic]) -> Iterator[AbsentHeader]:
    """The headers that findings call missing, and that were not received."""
    received = {name.lower() for name, _ in front.headers}
    for topic in topics:
        if "missing" not in problem_codes(topic.view.finding.facts):
            continue
        named = [one for one in topic.subjects.asked if one.lower() in topic.subjects.named]
        for name in named or topic.subjects.asked:
            if name.lower() not in received:
                yield AbsentHeader(name, topic.view)


def _cookie(cookie: Cookie, findings: Sequence[FindingView], labels: Labels) -> CookieLine:
    shown = [
        clipped(f"{name}={value}" if value else name, _LONGEST_ATTRIBUTE, labels)
        for name, value in cookie.attributes[:_MOST_ATTRIBUTES]
    ]
    return CookieLine(
        name=clipped(cookie.name, _LONGEST_NAME, labels),
        host=clipped(cookie.host, _LONGEST_NAME, labels),
        length=cookie.value_length,
        attributes=tuple(shown),
        more=max(0, len(cookie.attributes) - _MOST_ATTRIBUTES),
        findings=tuple(view for view in findings if _speaks_of(view, cookie.name)),
    )


def _cookie_in(line: str) -> str:
    """The name of the cookie that a Set-Cookie line sets."""
    return line.partition(";")[0].partition("=")[0].strip()


def _speaks_of(view: FindingView, cookie: str) -> bool:
    """Whether a finding about cookies names this one; ``cookies`` are all that were looked at."""
    if view.finding.check.partition(".")[0] != "cookie":
        return False
    facts = view.finding.facts
    return cookie in set(_texts({key: facts[key] for key in facts if key != "cookies"}))
