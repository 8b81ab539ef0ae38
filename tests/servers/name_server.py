"""A name server that says what a test tells it to, right or wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

Reply = Callable[[bytes], list[bytes]]


@dataclass(slots=True)
class UdpServer:
    """A name server that says what a test tells it to, and keeps the questions."""

    address: tuple[str, int]
    queries: list[bytes] = field(default_factory=list)


@contextmanager
def udp_server(reply: Reply, *, address: str = "127.0.0.1", port: int = 0) -> Iterator[UdpServer]:
    """Answer each datagram with those that ``reply`` makes of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((address, port))
        udp.settimeout(0.05)
        server = UdpServer(udp.getsockname())
        stopped = threading.Event()
        thread = threading.Thread(target=_serve, args=(udp, server, reply, stopped))
        thread.start()
        try:
            yield server
        finally:
            stopped.set()
            thread.join()


def _serve(udp: socket.socket, server: UdpServer, reply: Reply, stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            query, sender = udp.recvfrom(4096)
        except TimeoutError:
            continue
        server.queries.append(query)
        for datagram in reply(query):
            udp.sendto(datagram, sender)


def silence(_query: bytes) -> list[bytes]:
    """Answer nothing."""
    return []


def response_to(wire: bytes, *records: str, flags: int = 0, rcode: int = 0) -> dns.message.Message:
    """A response with the given records, each as "name type data"."""
    query = dns.message.from_wire(wire)
    response = dns.message.make_response(query)
    response.flags |= flags
    response.set_rcode(dns.rcode.Rcode(rcode))
    for record in records:
        name, kind, data = record.split(" ", 2)
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, data))
    return response


def whole(response: dns.message.Message) -> bytes:
    """The response in one datagram, however large."""
    return response.to_wire(max_size=65535)


def addresses_only(*records: str, flags: int = dns.flags.AA) -> Reply:
    """Answer questions for A with records, and every other one with nothing."""

    def reply(wire: bytes) -> list[bytes]:
        wanted = dns.message.from_wire(wire).question[0].rdtype == dns.rdatatype.A
        return [whole(response_to(wire, *(records if wanted else ()), flags=flags))]

    return reply


def rcode_only(rcode: int) -> Reply:
    """Answer every question with a response code and no records."""
    return lambda wire: [response_to(wire, rcode=rcode).to_wire()]


@contextmanager
def relay(
    server: tuple[str, int],
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    change: Callable[[dns.message.Message], None] = lambda _response: None,
) -> Iterator[tuple[str, int]]:
    """Another address of a server, which may change what passes through it."""

    def reply(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        response = dns.query.tcp(query, server[0], port=server[1], timeout=5)
        change(response)
        return [whole(response)]

    with udp_server(reply, address=address, port=port) as front:
        yield front.address
