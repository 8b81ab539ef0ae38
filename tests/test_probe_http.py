"""The http probe against real nginx and against servers that behave badly."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import ssl
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import (
    Attempt,
    FailureKind,
    HttpEvidence,
    WalkEnd,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Deadlines, Door, NameNotFoundError, NameServerFailedError
from spbe_audit.probes.bounded_body import BoundedBody
from spbe_audit.probes.http import BODY_LIMIT, next_url, probe_http
from spbe_audit.targets import Engagement, Service
from tests.servers.certificates import Identity, make_leaf
from tests.servers.nginx import Nginx, nginx
from tests.servers.raw import (
    Behaviour,
    RawServer,
    answers,
    closes,
    dead_port,
    drips,
    floods,
    page,
    raw_server,
    redirect,
    resets,
    responds,
    silent_port,
    speaks_first,
    stays_silent,
)

SECRET = b"a key of this run"
HASTY = Deadlines(connect=0.5, exchange=0.8, http=3.0)
HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
MEBIBYTE = 1024 * 1024


def service(url: str, http_port: int | None = None) -> Service:
    return Service("portal", "Portal", url, url, "diskominfo", http_port=http_port)


def probe(url: str, http_port: int | None = None, door: Door | None = None) -> Attempt:
    async def run() -> Attempt:
        used = door or Door(hosts={"site.test": ("127.0.0.1",), "other.test": ("127.0.0.1",)})
        return await probe_http(service(url, http_port), door=used, secret=SECRET)

    return asyncio.run(run())


def evidence(attempt: Attempt) -> HttpEvidence:
    assert isinstance(attempt.result, HttpEvidence), attempt.result
    return attempt.result


def hasty(hosts: Mapping[str, tuple[str, ...]] | None = None) -> Door:
    return Door(deadlines=HASTY, hosts=hosts or {})


def engagement(*names: str, networks: tuple[str, ...] = ("127.0.0.1/32",)) -> Engagement:
    return Engagement(
        letter="ST-1",
        issued_by="Inspektur",
        valid_from=datetime(2000, 1, 1, tzinfo=UTC),
        valid_until=datetime(2100, 1, 1, tzinfo=UTC),
        names=names,
        networks=tuple(ip_network(network) for network in networks),
        contact="csirt@example.test",
    )


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_leaf(None, ("site.test",))


PORTAL = """
server {
  listen 127.0.0.1:PORT_0 ssl; server_name site.test;
  ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  ssl_protocols TLSv1.2 TLSv1.3;
  gzip on; gzip_types *; gzip_min_length 1;
  location = / {
    default_type text/html;
    add_header X-Saw "$http_host|$ssl_server_name|$http_user_agent";
    add_header X-B "2"; add_header X-a "1"; add_header X-B "3";
    add_header Set-Cookie "SID=s3cr3t; Path=/; HttpOnly; SameSite=Lax; Secure";
    add_header Set-Cookie "theme=dark; Max-Age=60";
    add_header X-Auth-Token "s3cr3t";
    return 200 "<html lang=id><title>Portal</title><form><input type=password></form></html>";
  }
}
server { listen 127.0.0.1:PORT_1; return 301 https://site.test:PORT_0$request_uri; }
server {
  listen 127.0.0.1:PORT_2 ssl; ssl_certificate CERTIFICATE; ssl_certificate_key KEY;
  ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0; return 200 "old";
}
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, identity: Identity) -> Iterator[Nginx]:
    with nginx(tmp_path_factory.mktemp("portal"), PORTAL, ports=3, identity=identity) as server:
        yield server


def test_a_page_over_tls(portal: Nginx) -> None:
    url = f"https://site.test:{portal.ports[0]}/"
    attempt = probe(url)
    [hop] = evidence(attempt).entry.hops
    assert (hop.method, hop.url, hop.address, hop.status) == ("GET", url, "127.0.0.1", 200)
    assert (hop.http_version, hop.tls_version) == ("HTTP/1.1", "TLS 1.3")
    assert hop.page is not None
    assert (hop.page.title, hop.page.language, hop.page.password_forms) == ("Portal", "id", 1)
    body = b"<html lang=id><title>Portal</title><form><input type=password></form></html>"
    assert hop.header("content-encoding") == "gzip"
    assert (hop.body_size, hop.body_truncated) == (len(body), False)
    assert hop.body_digest == hashlib.sha256(body).hexdigest()
    assert hop.header("x-saw") == f"site.test:{portal.ports[0]}|site.test|spbe-audit"
    assert evidence(attempt).plain is None
    assert attempt.connections == 1


def test_headers_keep_order_case_and_repeats(portal: Nginx) -> None:
    hop = evidence(probe(f"https://site.test:{portal.ports[0]}/")).entry.hops[0]
    own = [header for header in hop.headers if header[0].lower() in {"x-b", "x-a"}]
    assert own == [("X-B", "2"), ("X-a", "1"), ("X-B", "3")]


def test_secrets_are_replaced_by_keyed_digests(portal: Nginx) -> None:
    attempt = probe(f"https://site.test:{portal.ports[0]}/")
    hop = evidence(attempt).entry.hops[0]
    digest = hmac.new(SECRET, b"s3cr3t", "sha256").hexdigest()[:16]
    lines = hop.header_values("set-cookie")
    assert lines[0] == f"SID={digest}; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert hop.header("x-auth-token") == digest
    assert "s3cr3t" not in canonical_json(attempt_to_json(attempt))
    session, theme = hop.cookies
    assert (session.name, session.value_length, session.value_digest) == ("SID", 6, digest)
    assert session.attributes == (
        ("path", "/"),
        ("httponly", ""),
        ("samesite", "Lax"),
        ("secure", ""),
    )
    assert (session.host, session.secure_origin) == ("site.test", True)
    assert theme.attribute("max-age") == "60"


def test_plain_http_is_walked_beside_https(portal: Nginx) -> None:
    tls, plain = portal.ports[:2]
    attempt = probe(f"https://site.test:{tls}/", http_port=plain)
    walk = evidence(attempt).plain
    assert walk is not None
    assert walk.start == f"http://site.test:{plain}/"
    assert [(hop.scheme, hop.status) for hop in walk.hops] == [("http", 301), ("https", 200)]
    assert walk.end is WalkEnd.PAGE
    assert [hop.tls_version for hop in walk.hops] == [None, "TLS 1.3"]
    assert attempt.connections == 3


def test_an_attempt_survives_the_trip_through_json(portal: Nginx) -> None:
    attempt = probe(f"https://site.test:{portal.ports[0]}/", http_port=portal.ports[1])
    assert attempt_from_json(canonical_json(attempt_to_json(attempt))) == attempt
    assert attempt.endpoint.key == f"http https://site.test:{portal.ports[0]}/"
    assert attempt.endpoint.address == "127.0.0.1"
    assert attempt.tool.name == "httpx"


def test_timings_name_each_phase(portal: Nginx) -> None:
    timings = evidence(probe(f"https://site.test:{portal.ports[0]}/")).entry.hops[0].timings
    phases = (timings.name, timings.connect, timings.tls, timings.first_byte)
    assert all(phase is not None and phase > 0 for phase in phases)
    assert timings.total is not None
    assert sum(phase or 0 for phase in phases) <= timings.total


def test_an_old_server_still_answers(portal: Nginx) -> None:
    hop = evidence(probe(f"https://site.test:{portal.ports[2]}/")).entry.hops[0]
    assert (hop.status, hop.tls_version) == (200, "TLS 1.0")


def test_a_dead_https_port_is_evidence_beside_a_living_http_port(portal: Nginx) -> None:
    with dead_port() as dead:
        found = evidence(probe(f"https://site.test:{dead}/", http_port=portal.ports[1]))
    assert found.entry.end is WalkEnd.FAILED
    assert (found.entry.failure, found.entry.failure_text) == ("refused", "Connection refused")
    assert found.plain is not None
    assert found.plain.end is WalkEnd.PAGE


def test_both_ports_dead_is_a_failure() -> None:
    with dead_port() as tls, dead_port() as plain:
        attempt = probe(f"https://127.0.0.1:{tls}/", http_port=plain)
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.REFUSED
    assert attempt.connections == 2


# Bad behaviour


BAD_SERVERS: dict[str, tuple[Behaviour, str, str]] = {
    "silence": (stays_silent(), "http", "timeout"),
    "silence instead of TLS": (stays_silent(), "https", "timeout"),
    "a dripping header": (drips(b"HTTP/1.1 200 OK\r\nX: "), "http", "timeout"),
    "dripping headers": (drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), "http", "timeout"),
    "endless interim answers": (
        floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        "http",
        "timeout",
    ),
    "an endless header": (
        floods(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 65536),
        "http",
        "protocol_broken",
    ),
    "endless headers": (
        floods(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
        "http",
        "protocol_broken",
    ),
    "HTTP/0.9": (answers(b"<html>HTTP/0.9</html>\r\n"), "http", "protocol_broken"),
    "a header without colon": (
        answers(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"),
        "http",
        "protocol_broken",
    ),
    "an impossible status": (answers(b"HTTP/1.1 999999 OK\r\n\r\n"), "http", "protocol_broken"),
    "a TLS alert": (answers(b"\x15\x03\x01\x00\x02\x02\x46"), "http", "protocol_broken"),
    "an SSH banner": (speaks_first(b"SSH-2.0-OpenSSH_9.2\r\n"), "http", "protocol_broken"),
    "an SSH banner instead of TLS": (
        speaks_first(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "https",
        "protocol_broken",
    ),
    "a TLS alert to the hello": (
        speaks_first(b"\x15\x03\x01\x00\x02\x02\x28"),
        "https",
        "tls_refused",
    ),
    "a reset": (resets(), "http", "reset"),
    "a reset instead of TLS": (resets(after_request=False), "https", "reset"),
    "a close": (closes(), "http", "reset"),
    "a close instead of TLS": (closes(), "https", "reset"),
}


@pytest.mark.parametrize(("behaviour", "scheme", "kind"), BAD_SERVERS.values(), ids=BAD_SERVERS)
def test_bad_servers_end_in_time_each_with_its_kind(
    behaviour: Behaviour, scheme: str, kind: str
) -> None:
    with raw_server(behaviour) as server:
        begun = time.monotonic()
        door = hasty() if kind == "timeout" else Door()
        attempt = probe(f"{scheme}://127.0.0.1:{server.port}/", door=door)
        took = time.monotonic() - begun
        assert server.connections == attempt.connections == 1
    assert attempt.failure is not None
    assert attempt.failure.kind == kind, attempt.failure.text
    assert took < HASTY.exchange + 2
    assert "0x" not in attempt.failure.text


def test_plain_http_on_the_tls_port_is_not_tls(portal: Nginx) -> None:
    failure = probe(f"https://site.test:{portal.ports[1]}/").failure
    assert failure is not None
    assert failure.kind is FailureKind.PROTOCOL_BROKEN
    assert failure.text == "the answer to the TLS hello is not TLS"


def test_tls_on_the_http_port_is_an_answer_when_the_server_gives_one(portal: Nginx) -> None:
    hop = evidence(probe(f"http://site.test:{portal.ports[0]}/")).entry.hops[0]
    assert hop.status == 400


def test_packets_that_are_dropped() -> None:
    with silent_port() as port:
        failure = probe(f"http://127.0.0.1:{port}/", door=hasty()).failure
    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT


@dataclass
class Unresolving(Door):
    """A door whose resolver fails as a test wants, after as many seconds."""

    error: Exception = field(default_factory=Exception)
    seconds: float = 0

    async def resolve(self, host: str) -> tuple[str, ...]:
        """Fail for every host."""
        await asyncio.sleep(self.seconds)
        self.error.add_note(host)
        raise self.error


@pytest.mark.parametrize(
    ("error", "seconds", "kind"),
    [
        (NameNotFoundError("no such name"), 0, "name_not_found"),
        (NameServerFailedError("SERVFAIL"), 0, "name_server_failed"),
        (NameNotFoundError("too late"), 10, "name_server_failed"),
    ],
)
def test_names_without_an_address(error: Exception, seconds: float, kind: str) -> None:
    door = Unresolving(deadlines=HASTY, error=error, seconds=seconds)
    attempt = probe("http://nowhere.test/", door=door)
    assert attempt.failure is not None
    assert attempt.failure.kind == kind
    assert attempt.connections == 0


def test_a_host_that_is_no_name() -> None:
    attempt = probe("http://a..b/")
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.NAME_NOT_FOUND


BROKEN_BODIES = {
    "it drips": drips(HTML + b"\r\n"),
    "it is reset": resets(HTML + b"Content-Length: 100\r\n\r\n<title>"),
    "it is short": answers(HTML + b"Content-Length: 100\r\n\r\n<title>"),
    "a chunk is no chunk": answers(HTML + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<title>"),
    "it is not gzip": answers(HTML + b"Content-Encoding: gzip\r\n\r\nnot gzip at all"),
    "the gzip is short": answers(
        HTML + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 1000)[:-20]
    ),
}


@pytest.mark.parametrize("behaviour", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_headers_are_kept_when_the_body_breaks_off(behaviour: Behaviour) -> None:
    with raw_server(behaviour) as server:
        walk = evidence(probe(f"http://127.0.0.1:{server.port}/", door=hasty())).entry
    assert walk.end is WalkEnd.PAGE
    assert walk.hops[0].header("content-type") == "text/html"
    assert walk.hops[0].body_truncated


def test_a_walk_ends_with_the_deadline_of_the_probe() -> None:
    deadlines = Deadlines(connect=0.5, exchange=0.5, http=0.8)

    def slow(request: bytes) -> bytes:
        time.sleep(0.3)
        return redirect("/x" + request.split()[1].decode())

    with raw_server(responds(slow)) as server:
        begun = time.monotonic()
        walk = evidence(
            probe(f"http://127.0.0.1:{server.port}/", door=Door(deadlines=deadlines))
        ).entry
        assert time.monotonic() - begun < 1.5
    assert (walk.end, walk.failure) == (WalkEnd.FAILED, "timeout")
    assert 1 <= len(walk.hops) <= 2


# Memory


def peak_of(task: Callable[[], None]) -> int:
    tracemalloc.start()
    try:
        task()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(mebibytes: int) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = bytes(MEBIBYTE)
    return b"".join(squeeze.compress(zeros) for _ in range(mebibytes)) + squeeze.flush()


def test_a_gzip_bomb_takes_no_memory() -> None:
    packed = bomb(64)
    assert len(packed) < 70_000, "one chunk must hold all of it, or the test proves little"
    with raw_server(answers(HTML + b"Content-Encoding: gzip\r\n\r\n" + packed)) as server:
        found: list[HttpEvidence] = []

        def visit() -> None:
            found.append(evidence(probe(f"http://127.0.0.1:{server.port}/")))

        assert peak_of(visit) < 12 * MEBIBYTE
    hop = found[0].entry.hops[0]
    assert (hop.body_size, hop.body_truncated) == (BODY_LIMIT, True)


@pytest.mark.parametrize("encoding", ["", "Content-Encoding: br\r\n"])
def test_a_flood_takes_no_memory(encoding: str) -> None:
    head = HTML + encoding.encode() + b"\r\n"
    with raw_server(floods(head, b"<p>" + b"x" * 65_000)) as server:
        found: list[HttpEvidence] = []

        def visit() -> None:
            found.append(evidence(probe(f"http://127.0.0.1:{server.port}/")))

        assert peak_of(visit) < 12 * MEBIBYTE
    hop = found[0].entry.hops[0]
    assert (hop.body_size, hop.body_truncated) == (BODY_LIMIT, True)
    assert (hop.page is None) == bool(encoding)
    assert hop.timings.total is not None
    assert hop.timings.total < 5, "reading went on after the limit, until the deadline"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", b"hello"),
        ("identity", b"hello"),
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("X-GZIP", gzip.compress(b"hello", mtime=0) + b"trailing garbage"),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
    ],
)
def test_encodings(encoding: str, packed: bytes) -> None:
    for size in (1, 3, 1000):
        body = BoundedBody(encoding, 100)
        for start in range(0, len(packed), size):
            if not body.feed(packed[start : start + size]):
                break
        body.finish()
        assert (bytes(body.data), body.truncated, body.readable) == (b"hello", False, True)


@given(st.binary(max_size=300), st.integers(1, 50), st.sampled_from(["", "gzip", "deflate", "br"]))
def test_a_body_never_exceeds_its_limit(data: bytes, limit: int, encoding: str) -> None:
    for packed in (data, gzip.compress(data), zlib.compress(data)):
        body = BoundedBody(encoding, limit)
        body.feed(packed)
        body.finish()
        assert len(body.data) <= limit


# Redirects


def walk_through(replies: Mapping[str, bytes], door: Door | None = None) -> HttpEvidence:
    """What is found at / of a server that answers each path with the given bytes."""

    def reply(request: bytes) -> bytes:
        return replies.get(request.split(b" ")[1].decode(), page(b"", status="404 Not Found"))

    with raw_server(responds(reply)) as server:
        return evidence(probe(f"http://site.test:{server.port}/", door=door))


def test_the_way_to_the_page() -> None:
    found = walk_through(
        {"/": redirect("a?x=1"), "/a?x=1": redirect("/b#part"), "/b": page(b"there")}
    )
    assert [hop.status for hop in found.entry.hops] == [302, 302, 200]
    assert found.entry.hops[1].url.endswith("/a?x=1")
    assert found.entry.end is WalkEnd.PAGE


def test_a_loop() -> None:
    walk = walk_through({"/": redirect("/a"), "/a": redirect("/")}).entry
    assert (walk.end, len(walk.hops)) == (WalkEnd.LOOP, 2)
    assert walk.next_url == walk.start


def test_too_many_hops() -> None:
    replies = {f"/{'x' * n}": redirect(f"/{'x' * (n + 1)}") for n in range(20)}
    walk = walk_through(replies).entry
    assert (walk.end, len(walk.hops)) == (WalkEnd.TOO_MANY_HOPS, 11)
    assert walk.next_url is not None
    assert walk.next_url.endswith("/" + "x" * 11)


@pytest.mark.parametrize(
    ("location", "stated"),
    [
        ("ftp://site.test/", None),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("http://", "http://"),
        ("http://[::1", "http://[::1"),
        ("http://site.test:99999/", "http://site.test:99999/"),
        ("http://site.test:0/", "http://site.test:0/"),
        ("//", "//"),
        ("http://a b/", "http://a b/"),
    ],
)
def test_a_location_that_leads_nowhere(location: str, stated: str | None) -> None:
    walk = walk_through({"/": redirect(location)}).entry
    assert (walk.end, len(walk.hops)) == (WalkEnd.BAD_LOCATION, 1)
    assert walk.next_url == (stated or location)


def test_a_redirect_without_a_location() -> None:
    walk = walk_through({"/": page(b"", status="302 Found")}).entry
    assert (walk.end, walk.next_url) == (WalkEnd.BAD_LOCATION, None)


def test_userinfo_of_a_location_is_not_sent() -> None:
    with raw_server(answers(redirect("//user:secret@site.test:1/x"))) as server:
        walk = evidence(probe(f"http://site.test:{server.port}/", door=None)).entry
    assert (walk.end, walk.failure) == (WalkEnd.FAILED, "refused")
    assert next_url(httpx.URL("http://a.test/"), "//user:secret@b.test/") == "http://b.test/"


@given(st.text(st.characters(max_codepoint=255)))
def test_any_location_is_a_web_address_or_nothing(location: str) -> None:
    for prefix in ("", "http://", "//", "https://h:", "http://[", "/"):
        target = next_url(httpx.URL("https://site.test/a"), prefix + location)
        assert target is None or (target.scheme in {"http", "https"} and target.raw_host)
        assert target is None or not (target.userinfo or target.fragment)


def needs_cookie(request: bytes) -> bytes:
    if b"Cookie: visited=yes\r\n" in request:
        return page(b"welcome")
    return redirect("/", "Set-Cookie: visited=yes; Path=/")


def test_a_loop_that_a_cookie_opens() -> None:
    with raw_server(responds(needs_cookie)) as server:
        walk = evidence(probe(f"http://site.test:{server.port}/")).entry
    assert [hop.status for hop in walk.hops] == [302, 200]
    assert walk.end is WalkEnd.PAGE
    assert [b"Cookie" in request for request in server.requests] == [False, False, True]


def test_no_cookie_goes_to_another_host() -> None:
    def reply(request: bytes) -> bytes:
        host = request.split(b"Host: ")[1].split(b"\r\n")[0].decode()
        other = host.replace("site.test", "other.test")
        if other == host:
            return redirect(f"http://{host.replace('other.test', 'site.test')}/")
        return redirect(f"http://{other}/", "Set-Cookie: session=private")

    with raw_server(responds(reply)) as server:
        walk = evidence(probe(f"http://site.test:{server.port}/")).entry
    assert walk.end is WalkEnd.LOOP
    foreign = [r for r in server.requests if b"Host: other.test" in r]
    assert foreign
    assert not [request for request in foreign if b"private" in request]
    assert [request for request in server.requests if b"private" in request]


# Scope


@pytest.mark.parametrize("target", ["http://127.0.0.2:{}/", "http://other.test:{}/"])
def test_nothing_is_sent_out_of_scope(target: str) -> None:
    address = "127.0.0.2" if "127" in target else "127.0.0.1"
    door = Door(
        engagement=engagement("site.test"),
        hosts={"site.test": ("127.0.0.1",), "other.test": ("127.0.0.1",)},
    )
    with raw_server(answers(page()), address=address) as forbidden:
        location = target.format(forbidden.port)
        with raw_server(answers(redirect(location))) as server:
            walk = evidence(probe(f"http://site.test:{server.port}/", door=door)).entry
        assert forbidden.connections == 0
    assert (walk.end, walk.next_url, len(walk.hops)) == (WalkEnd.OUT_OF_SCOPE, location, 1)
    assert "ST-1" in walk.failure_text


def test_the_same_redirect_is_followed_when_it_is_in_scope() -> None:
    """The counter of the test above would see a packet if one were sent."""
    door = Door(
        engagement=engagement("site.test", networks=("127.0.0.0/30",)),
        hosts={"site.test": ("127.0.0.1",)},
    )
    with raw_server(answers(page()), address="127.0.0.2") as allowed:
        with raw_server(answers(redirect(f"http://127.0.0.2:{allowed.port}/"))) as server:
            walk = evidence(probe(f"http://site.test:{server.port}/", door=door)).entry
        assert allowed.connections == 1
    assert [hop.address for hop in walk.hops] == ["127.0.0.1", "127.0.0.2"]


def test_a_service_out_of_scope_is_a_failure_without_a_packet() -> None:
    with raw_server(answers(page())) as server:
        attempt = probe(
            f"https://127.0.0.1:{server.port}/",
            http_port=server.port,
            door=Door(engagement=engagement("site.test", networks=("192.0.2.0/24",))),
        )
        assert server.connections == 0
    assert attempt.failure is not None
    assert attempt.failure.kind is FailureKind.OUT_OF_SCOPE
    assert attempt.connections == 0


# Addresses and the budget


def test_the_next_address_is_tried_when_the_first_refuses() -> None:
    with raw_server(answers(page())) as server:
        door = Door(hosts={"site.test": ("127.0.0.2", "127.0.0.1")})
        attempt = probe(f"http://site.test:{server.port}/", door=door)
    assert evidence(attempt).entry.hops[0].address == "127.0.0.1"
    assert attempt.connections == 2
    assert door.footprint() == {"127.0.0.1": 1, "127.0.0.2": 1}


def test_ipv6() -> None:
    with raw_server(answers(page()), address="::1") as server:
        attempt = probe(f"http://[::1]:{server.port}/")
    assert evidence(attempt).entry.hops[0].address == "::1"
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def test_waiting_for_our_own_budget_is_not_held_against_the_server() -> None:
    """Loopback allows 20 at once: the last ten begin when the limit of one exchange is over."""

    def slow(_request: bytes) -> bytes:
        time.sleep(0.5)
        return page()

    async def run(server: RawServer) -> list[Attempt]:
        door = Door(deadlines=Deadlines(exchange=1.2, http=1.2))
        target = service(f"http://127.0.0.1:{server.port}/")
        visits = [probe_http(target, door=door, secret=SECRET) for _ in range(50)]
        async with asyncio.timeout(30):
            return await asyncio.gather(*visits)

    with raw_server(responds(slow)) as server:
        attempts = asyncio.run(run(server))
    assert [attempt.failure for attempt in attempts] == [None] * 50
    assert max(attempt.duration for attempt in attempts) > 1.4


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_cancelling_passes_and_gives_the_places_back(scheme: str) -> None:
    async def run(silent: RawServer, living: RawServer) -> Attempt:
        door = Door()
        target = service(f"{scheme}://127.0.0.1:{silent.port}/")
        visits = [
            asyncio.create_task(probe_http(target, door=door, secret=SECRET)) for _ in range(25)
        ]
        await asyncio.sleep(0.3)
        for visit in visits:
            visit.cancel()
        ends = await asyncio.gather(*visits, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ends)
        target = service(f"http://127.0.0.1:{living.port}/")
        async with asyncio.timeout(10):
            return await probe_http(target, door=door, secret=SECRET)

    with raw_server(stays_silent()) as silent, raw_server(answers(page())) as living:
        assert asyncio.run(run(silent, living)).failure is None


def test_tls_against_a_server_of_python(tmp_path: Path, identity: Identity) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*identity.write(tmp_path))
    with raw_server(answers(page()), tls=context) as server:
        assert evidence(probe(f"https://127.0.0.1:{server.port}/")).entry.end is WalkEnd.PAGE
