"""Serves the reference services on loopback, in one event loop."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import tempfile
import warnings
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from spbe_audit.reference_services.catalogue import (
    REFERENCE_SERVICES,
    Behaviour,
    Certificate,
    ReferenceService,
)
from spbe_audit.reference_services.certificates import Identity, make_authority, make_leaf
from spbe_audit.reference_services.web import HEAD_LIMIT, Answer, answers_for, redirects_to

DATABASE_PORTS = (6379, 5432, 3306, 27017, 9200)
HTTPS_PORT, HTTP_PORT = 8443, 8080
_CLIENT_GONE = (
    OSError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    asyncio.CancelledError,  # we are stopping; the stream's own callback would log it
)


@dataclass(frozen=True, slots=True)
class Running:
    """A service that is up: where, and with which ports."""

    service: ReferenceService
    address: str
    port: int
    http_port: int | None
    database_port: int | None

    @property
    def url(self) -> str:
        """The URL to scan."""
        scheme = "http" if self.service.behaviour is Behaviour.HTTP else "https"
        return f"{scheme}://{self.address}:{self.port}/"


@asynccontextmanager
async def serve(now: datetime) -> AsyncIterator[tuple[tuple[Running, ...], bytes]]:
    """Start every reference service; gives them and the PEM of the root that signs for them.

    Each has a loopback address of its own where the system allows (Linux does), so that its ports
    are its own too. Everything is stopped when the block ends.
    """
    authority = make_authority(now)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spbe-reference-")))
        block = _claim_addresses(stack)
        running = []
        for number, service in enumerate(REFERENCE_SERVICES, start=1):
            address = f"{block}{number}" if block else "127.0.0.1"
            running.append(await _start(stack, service, address, authority, folder, now))
        yield tuple(running), authority.certificate_pem()


async def _start(
    stack: AsyncExitStack,
    service: ReferenceService,
    address: str,
    authority: Identity,
    folder: Path,
    now: datetime,
) -> Running:
    http_port = database_port = None
    if service.behaviour is Behaviour.DEAD:
        return Running(service, address, _free_port(address), None, None)
    if service.behaviour is Behaviour.SILENT:
        port = await _listen(stack, address, HTTPS_PORT, _stay_silent, None)
        return Running(service, address, port, None, None)
    answer = answers_for(service)
    if service.behaviour is Behaviour.HTTP:
        port = await _listen(stack, address, HTTP_PORT, answer, None)
        return Running(service, address, port, None, None)
    context = _tls_context(service, address, authority, folder, now)
    port = await _listen(stack, address, HTTPS_PORT, answer, context)
    if service.redirects_http:
        http_port = await _listen(
            stack, address, HTTP_PORT, redirects_to(f"https://{address}:{port}"), None
        )
    if service.database:
        database_port = await _listen_database(stack, address)
    return Running(service, address, port, http_port, database_port)


def _claim_addresses(stack: AsyncExitStack) -> str:
    """The first three numbers of addresses that no other run of this module uses.

    A bound socket that does not listen holds the claim. Where loopback is 127.0.0.1 alone, that
    one address serves them all.
    """
    for block in range(1, 255):
        claim = stack.enter_context(socket.socket())
        try:
            claim.bind((f"127.94.{block}.254", HTTPS_PORT))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            break
        return f"127.94.{block}."
    return ""


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


async def _listen(
    stack: AsyncExitStack,
    address: str,
    preferred_port: int,
    answer: Answer,
    context: ssl.SSLContext | None,
) -> int:
    """Listen on the preferred port, or on any when it is taken."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*_CLIENT_GONE):
            async with asyncio.timeout(60):
                await answer(reader, writer)
        writer.close()

    for port in (preferred_port, 0):
        try:
            server = await asyncio.start_server(
                handle, address, port, ssl=context, limit=HEAD_LIMIT, backlog=1024
            )
        except OSError:
            continue
        stack.push_async_callback(_stop, server)
        bound: int = server.sockets[0].getsockname()[1]
        return bound
    raise OSError(f"no port can be had on {address}")


async def _stop(server: asyncio.Server) -> None:
    server.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(1):
            await server.wait_closed()


async def _listen_database(stack: AsyncExitStack, address: str) -> int:
    for port in DATABASE_PORTS:
        with suppress(OSError):
            server = await asyncio.start_server(_refuse_like_redis, address, port)
            stack.push_async_callback(_stop, server)
            return port
    raise OSError(f"no database port can be had on {address}")


async def _stay_silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(HEAD_LIMIT):
        pass


async def _refuse_like_redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(10):
            if await reader.read(HEAD_LIMIT):
                writer.write(b"-NOAUTH Authentication required.\r\n")
                await writer.drain()
    writer.close()


def _tls_context(
    service: ReferenceService, address: str, authority: Identity, folder: Path, now: datetime
) -> ssl.SSLContext:
    leaf = _leaf(service, address, authority, now)
    chain, key = folder / f"{service.id}.crt", folder / f"{service.id}.key"
    chain.write_bytes(leaf.certificate_pem())
    key.write_bytes(leaf.key_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.set_ciphers(service.suites)
    with warnings.catch_warnings():  # that TLS 1.0 is deprecated is the point of one service
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = (
            ssl.TLSVersion.TLSv1 if service.oldest_tls == "1.0" else ssl.TLSVersion.TLSv1_2
        )
    return context


def _leaf(service: ReferenceService, address: str, authority: Identity, now: datetime) -> Identity:
    begins, ends = now - timedelta(days=1), now + timedelta(days=179)
    if service.certificate is Certificate.EXPIRED:
        begins, ends = now - timedelta(days=100), now - timedelta(days=10)
    names = (
        ("another-host.example.go.id",)
        if service.certificate is Certificate.WRONG_NAME
        else (address,)
    )
    signer = None if service.certificate is Certificate.SELF_SIGNED else authority
    return make_leaf(
        signer, names=names, not_before=begins, not_after=ends, rsa_bits=service.rsa_bits
    )
