r"""Servers that say exactly what a test tells them to, well or badly, and count who came.

with raw_server(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")) as server:
    ...  # server.port, server.connections, server.requests
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Behaviour = Callable[[socket.socket, "RawServer"], None]
"""What is done with one accepted connection; it is closed afterwards."""

_REQUEST_LIMIT = 64 * 1024


@dataclass(slots=True)
class RawServer:
    """A running server; ``stopped`` tells its behaviours to end."""

    port: int
    address: str = "127.0.0.1"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)


@contextmanager
def raw_server(
    behaviour: Behaviour, *, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    """Serve every connection with ``behaviour`` in a thread of its own, until the block ends."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, backlog=128) as listener:
        server = RawServer(listener.getsockname()[1], address)
        acceptor = threading.Thread(target=_accept, args=(listener, server, behaviour, tls))
        acceptor.start()
        try:
            yield server
        finally:
            server.stopped.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            acceptor.join()
            for connection in server._open:  # noqa: SLF001 - the module's own class
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            for thread in server._threads:  # noqa: SLF001 - the module's own class
                thread.join()


@contextmanager
def dead_port() -> Iterator[int]:
    """A port that refuses connections, kept so that nobody else takes it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """A port whose queue is full: the kernel drops every further connection request."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.settimeout(0)
                filler.connect_ex(("127.0.0.1", port))
            yield port
        finally:
            for filler in fillers:
                filler.close()


def answers(*replies: bytes) -> Behaviour:
    """Read a request, send the next reply (the last one again and again), close."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        request = _read_request(connection)
        turn = len(server.requests)
        server.requests.append(request)
        connection.sendall(replies[min(turn, len(replies) - 1)])

    return behave


def responds(reply: Callable[[bytes], bytes]) -> Behaviour:
    """Read a request, send what ``reply`` makes of it, close."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        request = _read_request(connection)
        server.requests.append(request)
        connection.sendall(reply(request))

    return behave


def speaks_first(banner: bytes) -> Behaviour:
    """Send a banner at once and wait, as SSH and SMTP do."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        connection.sendall(banner)
        server.requests.append(_read_request(connection))

    return behave


def stays_silent() -> Behaviour:
    """Accept, read, and never say a word."""

    def behave(_connection: socket.socket, server: RawServer) -> None:
        server.stopped.wait()

    return behave


def drips(start: bytes, drop: bytes = b"x", every: float = 0.05) -> Behaviour:
    """Send ``start``, then one ``drop`` at a time for ever."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        server.requests.append(_read_request(connection))
        connection.sendall(start)
        while not server.stopped.wait(every):
            connection.sendall(drop)

    return behave


def floods(start: bytes, chunk: bytes) -> Behaviour:
    """Send ``start``, then ``chunk`` as fast as the other side takes it, for ever."""

    def behave(connection: socket.socket, server: RawServer) -> None:
        server.requests.append(_read_request(connection))
        connection.sendall(start)
        while not server.stopped.is_set():
            connection.sendall(chunk)

    return behave


def closes() -> Behaviour:
    """Close at once, politely."""
    return lambda _connection, _server: None


def resets(start: bytes = b"", *, after_request: bool = True) -> Behaviour:
    """Send ``start``, then break the connection with RST."""

    def behave(connection: socket.socket, _server: RawServer) -> None:
        if after_request:
            _read_request(connection)
        if start:
            connection.sendall(start)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def page(body: bytes = b"ok", *headers: str, status: str = "200 OK") -> bytes:
    """A whole HTTP response with the given header lines and the right length."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "Connection: close"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def redirect(location: str, *headers: str, status: str = "302 Found") -> bytes:
    """A whole HTTP redirect."""
    return page(b"", f"Location: {location}", *headers, status=status)


def _accept(
    listener: socket.socket, server: RawServer, behaviour: Behaviour, tls: ssl.SSLContext | None
) -> None:
    while not server.stopped.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        server.connections += 1
        server._open.append(connection)  # noqa: SLF001 - the module's own class
        thread = threading.Thread(target=_serve, args=(connection, server, behaviour, tls))
        server._threads.append(thread)  # noqa: SLF001 - the module's own class
        thread.start()


def _serve(
    connection: socket.socket, server: RawServer, behaviour: Behaviour, tls: ssl.SSLContext | None
) -> None:
    with suppress(OSError), connection:
        if tls is None:
            behaviour(connection, server)
            return
        with tls.wrap_socket(connection, server_side=True) as secured:
            # The plain socket is detached now; the secured one must be stoppable in its place.
            server._open.append(secured)  # noqa: SLF001 - the module's own class
            behaviour(secured, server)


def _read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request and len(request) < _REQUEST_LIMIT:
        received = connection.recv(4096)
        if not received:
            break
        request += received
    return request
