"""What a web service answered, hop by hop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

from spbe_audit.evidence.page import PageExtract


def same_host(left: str, right: str) -> bool:
    """Whether two host names are one: case, a final dot and the brackets of IPv6 do not count."""
    return _plain_host(left) == _plain_host(right)


def _plain_host(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


class WalkEnd(StrEnum):
    """Why a walk along redirects ended."""

    PAGE = "page"
    TOO_MANY_HOPS = "too_many_hops"
    LOOP = "loop"
    OUT_OF_SCOPE = "out_of_scope"
    BAD_LOCATION = "bad_location"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Cookie:
    """One Set-Cookie field. The value is not kept, only its length and a keyed digest.

    ``attributes`` holds (name in lower case, value as sent) in the order sent. ``host`` and
    ``secure_origin`` tell who set it and whether that was over https. ``marks`` are words for what
    the value was seen to hold before it was replaced: "bigip_address".
    """

    name: str
    value_length: int
    value_digest: str
    attributes: tuple[tuple[str, str], ...]
    host: str
    secure_origin: bool
    marks: tuple[str, ...] = ()

    def attribute(self, name: str) -> str | None:
        """The value of an attribute (the last one counts, RFC 6265 5.3), None when absent."""
        values = [value for key, value in self.attributes if key == name.lower()]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds spent in each phase; None where the phase did not take place."""

    name: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its response.

    ``headers`` are as received: order, case and repeats kept, bytes read as Latin-1; values of
    Set-Cookie are replaced by their keyed digest. ``body_size`` counts decompressed bytes read.
    """

    method: str
    url: str
    address: str
    status: int
    http_version: str
    headers: tuple[tuple[str, str], ...]
    requested_at: datetime
    timings: Timings
    cookies: tuple[Cookie, ...] = ()
    body_size: int = 0
    body_digest: str = ""
    body_truncated: bool = False
    page: PageExtract | None = None
    tls_version: str | None = None

    def header(self, name: str) -> str | None:
        """All values of a field joined with ", " (RFC 9110 5.3), None when absent."""
        values = self.header_values(name)
        return ", ".join(values) if values else None

    def header_values(self, name: str) -> tuple[str, ...]:
        """The values of a field, one for each time it was sent."""
        wanted = name.lower()
        return tuple(value.strip() for key, value in self.headers if key.lower() == wanted)

    @property
    def scheme(self) -> str:
        """The word http or https."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """The host name that was asked, in lower case, without port."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def redirects(self) -> bool:
        """Whether the response sends the client elsewhere."""
        return self.status in {301, 302, 303, 307, 308} and self.header("location") is not None

    @property
    def target(self) -> str | None:
        """The absolute http(s) URL that a redirect names; None without one that can be read."""
        locations = self.header_values("location")
        if not self.redirects:
            return None
        try:
            target = urljoin(self.url, locations[0])
            parts = urlsplit(target)
        except ValueError:  # a bracket without its partner, from a hostile or broken server
            return None
        return target if parts.scheme in {"http", "https"} and parts.hostname else None


@dataclass(frozen=True, slots=True)
class Walk:
    """The hops from one starting URL to the page, or to where the walk had to stop.

    ``failure`` is a FailureKind value when ``end`` is FAILED; ``next_url`` is the redirect that was
    not followed, for the other ends. ``hops`` is empty when the first request already failed.
    """

    start: str
    hops: tuple[Exchange, ...]
    end: WalkEnd
    failure: str | None = None
    failure_text: str = ""
    next_url: str | None = None

    @property
    def page(self) -> Exchange | None:
        """The last response, whatever its status; None when nothing answered."""
        return self.hops[-1] if self.hops else None


class NoHtml(StrEnum):
    """Why the front has no HTML to judge; the value is a reason code."""

    NOT_A_PAGE = "not_a_page"
    NOT_HTML = "not_html"
    UNREADABLE = "unreadable_page"

    @property
    def does_not_apply(self) -> bool:
        """Whether questions about HTML do not arise; else they stay open."""
        return self is not NoHtml.UNREADABLE


@dataclass(frozen=True, slots=True)
class FrontHtml:
    """The front page with its extract."""

    answer: Exchange
    page: PageExtract

    @property
    def whole(self) -> bool:
        """Whether all of the page was read, so that what was not seen is not there."""
        return not self.answer.body_truncated


@dataclass(frozen=True, slots=True)
class HttpEvidence:
    """What the service answered on its own URL, and on the plain http port beside it.

    ``entry`` starts at the service's URL. ``plain`` starts at http://host/ on the port where plain
    http is expected; it is None when the service's URL is already http, or when no such port is
    known (an https service on a port of its own). One of the two has at least one hop.
    """

    host: str
    collected_at: datetime
    entry: Walk
    plain: Walk | None = None

    @property
    def front(self) -> Exchange | None:
        """The response that stands for the service: the last hop that its own host answered.

        A page that is served by another host (a login provider, say) is that host's affair. Where
        the service's own URL did not answer at all, the plain http port speaks for it.
        """
        own = [hop for hop in self._telling_walk.hops if same_host(hop.host, self.host)]
        return own[-1] if own else None

    @property
    def front_page(self) -> Exchange | None:
        """The front where it is a page; None where it only sends the client elsewhere."""
        front = self.front
        return None if front is None or front.redirects else front

    @property
    def front_html(self) -> FrontHtml | NoHtml:
        """The front page as HTML, or why there is none to judge."""
        front = self.front_page
        if front is None:
            return NoHtml.NOT_A_PAGE
        if front.page is not None:
            return FrontHtml(front, front.page) if front.page.html else NoHtml.NOT_HTML
        stated = (front.header("content-type") or "").lower()
        return NoHtml.UNREADABLE if "html" in stated or not stated else NoHtml.NOT_HTML

    @property
    def front_failure(self) -> str | None:
        """The FailureKind value that hid the front page from view, None where it was seen.

        A redirect out of the engagement's scope hides it too: what lies behind is not known.
        """
        walk = self._telling_walk
        if walk.end is WalkEnd.OUT_OF_SCOPE:
            return walk.end.value
        return _failure_on(self.host, walk)

    @property
    def entry_failure(self) -> str | None:
        """The FailureKind value that ended the walk from the service's URL on its own host."""
        return _failure_on(self.host, self.entry)

    @property
    def walks(self) -> tuple[Walk, ...]:
        """The walks that were made, the one from the service's own URL first."""
        return (self.entry, self.plain) if self.plain else (self.entry,)

    def own_exchanges(self) -> tuple[Exchange, ...]:
        """Every response that the service's own host gave, in order."""
        hops = (hop for walk in self.walks for hop in walk.hops)
        return tuple(hop for hop in hops if same_host(hop.host, self.host))

    def secure_exchanges(self) -> tuple[Exchange, ...]:
        """Every response that the service's own host gave over https, in order."""
        return tuple(hop for hop in self.own_exchanges() if hop.scheme == "https")

    @property
    def _telling_walk(self) -> Walk:
        return self.plain if self.plain and not self.entry.hops else self.entry


def _failure_on(host: str, walk: Walk) -> str | None:
    """Why a request to this host, in this walk, brought nothing; None where none failed."""
    if walk.end not in {WalkEnd.FAILED, WalkEnd.OUT_OF_SCOPE}:
        return None
    target = walk.hops[-1].target if walk.hops else walk.start
    if target is None or not same_host(urlsplit(target).hostname or "", host):
        return None
    return walk.failure or walk.end.value
