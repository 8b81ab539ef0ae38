"""One HTTP exchange through the door: a connection of its own, to an address that was checked.

Nothing is trusted and nothing is verified here: an old protocol, a wrong certificate and a silent
server are all evidence. What may be contacted is decided by the door, for every connection.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import httpcore
import httpx

from spbe_audit.evidence import FailureKind, Timings, TlsVersion, Tool
from spbe_audit.network import Door, NameServerFailedError
from spbe_audit.probes.bounded_body import ACCEPTED_ENCODINGS, BoundedBody
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of

TOOL = Tool("httpx", httpx.__version__)

Method = Literal["GET", "OPTIONS", "TRACE"]
"""What is ever sent: methods that ask and change nothing."""

_TLS_NAMES = {
    "TLSv1": TlsVersion.TLS_1_0.value,
    "TLSv1.1": TlsVersion.TLS_1_1.value,
    "TLSv1.2": TlsVersion.TLS_1_2.value,
    "TLSv1.3": TlsVersion.TLS_1_3.value,
}
_OP_LEGACY_SERVER_CONNECT = 0x4  # ssl names it only from Python 3.12 on


@dataclass(slots=True)
class Wire:
    """What a connection showed, filled in while it is used; it outlives a failure.

    ``waited`` is the time (seconds) spent waiting for our own budget, which is no fault of the
    other side and counts in no other figure; ``opened`` counts connections that were tried.
    ``tls_suite`` is OpenSSL's name, ``leaf`` the DER of the certificate that was shown.
    """

    address: str = ""
    opened: int = 0
    waited: float = 0.0
    name: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float | None = None
    tls_version: str | None = None
    tls_suite: str | None = None
    leaf: bytes | None = None
    _asked_at: float | None = None

    def timings(self) -> Timings:
        """The phases as evidence."""
        phases = (self.name, self.connect, self.tls, self.first_byte, self.total)
        return Timings(*(None if phase is None else round(phase, 6) for phase in phases))

    def note_request(self, now: float) -> None:
        """The request begins to leave."""
        if self._asked_at is None:
            self._asked_at = now

    def note_answer(self, now: float) -> None:
        """Bytes came in."""
        if self.first_byte is None and self._asked_at is not None:
            self.first_byte = now - self._asked_at


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it came: headers raw and in order, body decompressed and cut at the limit."""

    requested_at: datetime
    status: int
    http_version: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    truncated: bool
    readable: bool

    def header(self, name: str) -> str:
        """The first value of a field, or ''."""
        wanted = name.lower().encode("ascii")
        values = (value for key, value in self.headers if key.lower() == wanted)
        return next(values, b"").decode("latin-1").strip()


async def fetch(
    url: httpx.URL,
    *,
    door: Door,
    wire: Wire,
    seconds: float,
    body_limit: int,
    enough: bytes = b"",
    headers: Mapping[str, str] | None = None,
    method: Method = "GET",
    address: str | None = None,
) -> Reply:
    """Ask for one URL over a new connection, redirects not followed.

    ``seconds`` is an absolute limit that starts when the budget lets us begin. Headers that came in
    time are kept when the body does not end in time, breaks off, or goes on after ``body_limit``.
    Reading stops early once the body holds ``enough``; a ``body_limit`` of 0 reads none. With
    ``address`` no other address of the host is tried, and no name server is asked.
    Raises one of NETWORK_ERRORS when there was no response.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    request = _request(method, url, door.user_agent, headers or {})
    requested_at = door.clock()
    try:
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(seconds) as limit:
                transport = AdmittedTransport(door, wire, limit, address)
                stack.push_async_callback(transport.aclose)
                response = await transport.handle_async_request(request)
                stack.push_async_callback(response.aclose)
            body = BoundedBody(response.headers.get("content-encoding", ""), body_limit)
            if body_limit:
                await _read_body(response, body, limit.when(), enough)
    finally:
        wire.total = loop.time() - begun - wire.waited
    return Reply(
        requested_at=requested_at + timedelta(seconds=wire.waited),
        status=response.status_code,
        http_version=response.http_version,
        headers=tuple(response.headers.raw),
        body=bytes(body.data),
        truncated=body.truncated,
        readable=body.readable,
    )


async def _read_body(
    response: httpx.Response, body: BoundedBody, end: float | None, enough: bytes
) -> None:
    try:
        async with asyncio.timeout_at(end):
            async for chunk in response.aiter_raw():
                before = max(0, len(body.data) - len(enough))
                if not body.feed(chunk) or (enough and body.data.find(enough, before) >= 0):
                    return
            body.finish()
    except NETWORK_ERRORS:
        body.truncated = True


def _request(
    method: Method, url: httpx.URL, user_agent: str, headers: Mapping[str, str]
) -> httpx.Request:
    """The request that is sent to everybody: Host is added first by httpx."""
    lines = {
        "User-Agent": user_agent.encode("ascii", "replace").decode("ascii"),
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language": "id,en;q=0.7",
        "Accept-Encoding": ACCEPTED_ENCODINGS,
        "Connection": "close",
        **headers,
    }
    host = url.raw_host.decode("ascii").rstrip(".")
    return httpx.Request(method, url, headers=lines, extensions={"sni_hostname": host})


class AdmittedTransport(httpx.AsyncBaseTransport):
    """Carries requests over connections that the door admits, each used once.

    No connection is kept for later: an idle one would hold a place of its address's budget while
    its owner waits for another, and a group of probes could wait for one another for ever.
    """

    def __init__(
        self, door: Door, wire: Wire, limit: asyncio.Timeout, address: str | None = None
    ) -> None:
        self._backend = _AdmittedBackend(door, wire, limit, address)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=permissive_tls(),
            max_connections=1,
            max_keepalive_connections=0,
            http1=True,
            http2=False,
            network_backend=self._backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's body is still to be read, and its stream to be closed."""
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
            request=request,
        )

    async def aclose(self) -> None:
        """Close what is open and give back its place."""
        await self._pool.aclose()
        await self._backend.aclose()


class _Body(httpx.AsyncByteStream):
    """The bytes of a response as they arrive."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_stream():
            yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _AdmittedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections through the door, to the addresses that it allows, in their order."""

    def __init__(self, door: Door, wire: Wire, limit: asyncio.Timeout, address: str | None) -> None:
        self._door = door
        self._address = address
        self._wire = wire
        self._limit = limit
        self._held = AsyncExitStack()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - the interface of httpcore
        local_address: str | None = None,  # noqa: ARG002 - the interface of httpcore
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.AsyncNetworkStream:
        errors: list[Exception] = []
        for address in await self._addresses(host.strip("[]")):
            try:
                return await self._open(host.strip("[]"), address, port)
            except (httpcore.ConnectError, TimeoutError) as error:
                errors.append(error)
        raise _most_telling(errors)

    async def aclose(self) -> None:
        await self._held.aclose()

    async def _addresses(self, host: str) -> tuple[str, ...]:
        if self._address is not None:
            return (self._address,)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self._door.deadlines.connect):
                addresses = await self._door.addresses_in_scope(host)
        except TimeoutError as error:
            message = f"{host}: no answer from the name server within the time allowed"
            raise NameServerFailedError(message) from error
        self._wire.name = loop.time() - begun
        return addresses

    async def _open(self, host: str, address: str, port: int) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            await self._wait_for_place(stack, host, address)
            self._wire.opened += 1
            self._wire.address = address
            begun = loop.time()
            async with asyncio.timeout(self._door.deadlines.connect):
                stream = await httpcore.AnyIOBackend().connect_tcp(address, port)
            self._wire.connect = loop.time() - begun
            stack.push_async_callback(stream.aclose)
            self._held = stack.pop_all()
        return _ObservedStream(stream, self._wire)

    async def _wait_for_place(self, stack: AsyncExitStack, host: str, address: str) -> None:
        """Enter the door. The time limit stands still: the wait is ours, not the other side's."""
        loop = asyncio.get_running_loop()
        begun, end = loop.time(), self._limit.when()
        self._limit.reschedule(None)
        await stack.enter_async_context(self._door.admit(host, address))
        waited = loop.time() - begun
        self._wire.waited += waited
        self._limit.reschedule(None if end is None else end + waited)


class _ObservedStream(httpcore.AsyncNetworkStream):
    """A connection that writes down on its Wire what it sees."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, wire: Wire) -> None:
        self._inner = inner
        self._wire = wire

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's interface
        data = await self._inner.read(max_bytes, timeout)
        if data:
            self._wire.note_answer(asyncio.get_running_loop().time())
        elif self._wire.first_byte is None:
            raise ConnectionResetError("the connection was closed without an answer")
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's interface
        self._wire.note_request(asyncio.get_running_loop().time())
        await self._inner.write(buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._inner = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        self._wire.tls = loop.time() - begun
        conversation = self._inner.get_extra_info("ssl_object")
        version, suite = conversation.version(), conversation.cipher()
        self._wire.tls_version = _TLS_NAMES.get(version, version)
        self._wire.tls_suite = suite[0] if suite else None
        self._wire.leaf = conversation.getpeercert(binary_form=True)
        return self

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def _most_telling(errors: list[Exception]) -> Exception:
    """The first error that is not our own lack of a route (IPv6, mostly), else the first."""
    told = [e for e in errors if failure_of(e).kind is not FailureKind.UNREACHABLE]
    return (told or errors)[0]


@functools.cache
def permissive_tls() -> ssl.SSLContext:
    """A context that talks to anybody: nothing verified, from TLS 1.0 on, weak suites too.

    Suites without authentication or encryption stay out: no browser offers them, and with them a
    server would answer as it answers nobody else.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.options |= _OP_LEGACY_SERVER_CONNECT
    return context
