"""The http probe: walks from a service's URL, and from plain http beside it, to the page."""

from __future__ import annotations

import asyncio
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass

import httpx

from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Exchange,
    Failure,
    FailureKind,
    HttpEvidence,
    Probe,
    Walk,
    WalkEnd,
)
from spbe_audit.network import Door
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of, short_text
from spbe_audit.probes.http_transport import TOOL, Reply, Wire, fetch
from spbe_audit.probes.page import extract_page
from spbe_audit.probes.redaction import cookie_pairs, kept_cookies, kept_headers
from spbe_audit.targets import Service

BODY_LIMIT = 1024 * 1024
HOPS_LIMIT = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORT_LIMIT = 65535
_HOST = re.compile(rb"[A-Za-z0-9._:-]+")
_JAR_LIMIT = 50
_COOKIE_LIMIT = 4096

Jar = dict[tuple[str, str], str]
"""Cookies by host and name, for the length of one walk."""


async def probe_http(service: Service, *, door: Door, secret: bytes) -> Attempt:
    """Collect what a service answers over http(s); ``secret`` keys the digests of cookie values.

    What the network does is evidence or a Failure, never an exception.
    """
    loop = asyncio.get_running_loop()
    started, begun = door.clock(), loop.time()
    urls = [url for url in (service.url, _plain_url(service)) if url]
    visits = [_Visit(door, secret, begun + door.deadlines.http) for _ in urls]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_walk(url, visit)) for url, visit in zip(urls, visits, strict=True)
        ]
    entry, plain = tasks[0].result(), tasks[1].result() if tasks[1:] else None
    failure = _failure(entry, plain)
    endpoint = Endpoint(
        key=f"http {service.url}",
        host=service.host,
        port=service.port,
        address=visits[0].address or None,
        url=service.url,
    )
    return Attempt(
        probe=Probe.HTTP,
        endpoint=endpoint,
        started=started,
        duration=round(loop.time() - begun, 6),
        tool=TOOL,
        result=failure or HttpEvidence(service.host, started, entry, plain),
        connections=sum(visit.opened for visit in visits),
    )


def _plain_url(service: Service) -> str | None:
    """Where plain http is expected; None where it is not, or is the service's own URL."""
    if service.scheme == "http" or service.http_port is None:
        return None
    host = f"[{service.host}]" if ":" in service.host else service.host
    port = "" if service.http_port == 80 else f":{service.http_port}"  # noqa: PLR2004 - of http
    return f"http://{host}{port}/"


def _failure(entry: Walk, plain: Walk | None) -> Failure | None:
    """Why there is no evidence; None where at least one walk got an answer."""
    if not entry.hops and entry.end is WalkEnd.OUT_OF_SCOPE:
        return Failure(FailureKind.OUT_OF_SCOPE, entry.failure_text)
    if entry.hops or (plain and plain.hops) or entry.failure is None:
        return None
    return Failure(FailureKind(entry.failure), entry.failure_text)


@dataclass(slots=True)
class _Visit:
    """One walk's share of time (``end``, by the loop's clock) and the count of what it opened."""

    door: Door
    secret: bytes
    end: float
    opened: int = 0
    address: str = ""

    async def ask(self, url: httpx.URL, jar: Jar) -> tuple[Exchange, Reply]:
        """Fetch one URL. Raises one of NETWORK_ERRORS."""
        left = self.end - asyncio.get_running_loop().time()
        if left <= 0:
            raise TimeoutError("the time for the whole walk is over")
        wire = Wire()
        try:
            reply = await fetch(
                url,
                door=self.door,
                wire=wire,
                seconds=min(left, self.door.deadlines.exchange),
                body_limit=BODY_LIMIT,
                headers=_cookie_header(jar, url),
            )
        finally:
            self.opened += wire.opened
            self.end += wire.waited
            self.address = self.address or wire.address
        return kept_exchange(url, reply, wire, self.secret), reply


async def _walk(start: str, visit: _Visit) -> Walk:
    """Walk without cookies; where that goes round in a circle, once more with this walk's own.

    Many sites send the client to the same URL again after they have set a cookie.
    """
    walk = await _follow(start, visit, None)
    if walk.end is WalkEnd.LOOP and any(hop.cookies for hop in walk.hops):
        again = await _follow(start, visit, {})
        if again.end not in {WalkEnd.LOOP, WalkEnd.FAILED}:
            return again
    return walk


async def _follow(start: str, visit: _Visit, jar: Jar | None) -> Walk:
    hops: list[Exchange] = []
    seen: set[tuple[str, tuple[str, ...]]] = set()
    url = _without_userinfo(httpx.URL(start))
    while True:
        seen.add(_state(url, jar))
        try:
            exchange, reply = await visit.ask(url, jar or {})
        except NETWORK_ERRORS as error:
            return _broken_walk(start, hops, url, failure_of(error))
        hops.append(exchange)
        if reply.status not in _REDIRECTS:
            return Walk(start, tuple(hops), WalkEnd.PAGE)
        if jar is not None:
            _remember(jar, url, reply)
        following = next_url(url, reply.header("location"))
        end = _end(following, hops, seen, jar)
        if end or following is None:
            stated = str(following or "") or short_text(reply.header("location")) or None
            return Walk(start, tuple(hops), end or WalkEnd.BAD_LOCATION, next_url=stated)
        url = following


def _end(
    following: httpx.URL | None,
    hops: list[Exchange],
    seen: set[tuple[str, tuple[str, ...]]],
    jar: Jar | None,
) -> WalkEnd | None:
    """Why a redirect is not followed; None when it is."""
    if following is None:
        return WalkEnd.BAD_LOCATION
    if _state(following, jar) in seen:
        return WalkEnd.LOOP
    return WalkEnd.TOO_MANY_HOPS if len(hops) > HOPS_LIMIT else None


def _state(url: httpx.URL, jar: Jar | None) -> tuple[str, tuple[str, ...]]:
    """What makes a request the same as an earlier one: its URL and its cookies."""
    cookies = _cookie_header(jar or {}, url)
    return str(url), tuple(cookies.values())


def _broken_walk(start: str, hops: list[Exchange], url: httpx.URL, failure: Failure) -> Walk:
    if failure.kind is FailureKind.OUT_OF_SCOPE:
        return Walk(
            start,
            tuple(hops),
            WalkEnd.OUT_OF_SCOPE,
            failure_text=failure.text,
            next_url=str(url),
        )
    return Walk(start, tuple(hops), WalkEnd.FAILED, failure.kind.value, failure.text)


def next_url(current: httpx.URL, location: str) -> httpx.URL | None:
    """The absolute http(s) URL that a Location (Latin-1 text) names; None for anything else.

    Userinfo and fragment are left out: neither is for us to send.
    """
    if not location:
        return None
    with suppress(UnicodeError):  # else it stays Latin-1
        location = location.encode("latin-1").decode("utf-8")
    try:
        stated = httpx.URL(location)
        target = _without_userinfo(current.join(location).copy_with(fragment=None))
        port = target.port
    except (httpx.InvalidURL, ValueError):
        return None
    if (stated.scheme or location.startswith("//")) and not stated.raw_host:
        return None  # joined to where we are, a missing host would become our own
    whole = target.scheme in {"http", "https"} and _HOST.fullmatch(target.raw_host)
    return target if whole and (port is None or 0 < port <= _PORT_LIMIT) else None


def _without_userinfo(url: httpx.URL) -> httpx.URL:
    return url.copy_with(userinfo=b"") if url.userinfo else url


def kept_exchange(url: httpx.URL, reply: Reply, wire: Wire, secret: bytes) -> Exchange:
    """What is kept of a GET and its answer; ``secret`` keys the digests of cookie values."""
    host = url.raw_host.decode("ascii")
    readable = reply.readable and reply.status not in _REDIRECTS
    content_type = reply.header("content-type")
    return Exchange(
        method="GET",
        url=str(url),
        address=wire.address,
        status=reply.status,
        http_version=reply.http_version,
        headers=kept_headers(reply.headers, secret),
        requested_at=reply.requested_at,
        timings=wire.timings(),
        cookies=kept_cookies(
            reply.headers, secret=secret, host=host, secure_origin=url.scheme == "https"
        ),
        body_size=len(reply.body),
        body_digest=hashlib.sha256(reply.body).hexdigest() if reply.body else "",
        body_truncated=reply.truncated,
        page=extract_page(reply.body, content_type, str(url)) if readable else None,
        tls_version=wire.tls_version,
    )


def _remember(jar: Jar, url: httpx.URL, reply: Reply) -> None:
    """Keep the cookies that can be sent back safely; an empty value takes one away."""
    for name, value in cookie_pairs(reply.headers).items():
        key = (url.raw_host.decode("ascii"), name)
        if not value:
            jar.pop(key, None)
        elif len(jar) < _JAR_LIMIT and _harmless(f"{name}={value}"):
            jar[key] = value


def _harmless(pair: str) -> bool:
    return len(pair) <= _COOKIE_LIMIT and pair.isascii() and pair.isprintable()


def _cookie_header(jar: Jar, url: httpx.URL) -> dict[str, str]:
    asked = url.raw_host.decode("ascii")
    own = [f"{name}={value}" for (host, name), value in jar.items() if host == asked]
    return {"Cookie": "; ".join(own)} if own else {}
