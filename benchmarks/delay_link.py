"""A network link with a delay between two namespaces, for kernels that have no tc netem.

    with delay_link(client, server, round_trip=0.04):
        ...  # in ``client``, every address of SERVER_NETWORK now leads to ``server``

Each namespace gets a TUN device; a process of its own carries the packets from one to the other and
holds each of them back for half the round trip. It loses nothing, reorders nothing and has no limit
of bandwidth. As a command, ``relay`` is that process, and ``measure`` prints how long connecting
takes, in seconds.
"""

from __future__ import annotations

import argparse
import fcntl
import gc
import json
import os
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from statistics import median

from benchmarks.namespaces import Namespace

SERVER_NETWORK = IPv4Network("10.200.0.0/16")
CLIENT_ADDRESS = IPv4Address("10.199.0.1")

_ROOT = Path(__file__).parent.parent
_DEVICE = "delay0"
_LONGEST_PACKET = 2048
_PACKETS_AT_ONCE = 1024
_TICK = 0.0005
# The device's own queue must hold what arrives while the relay does something else.
_QUEUE_LENGTH = 20_000
_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_STOP_LIMIT = 10.0


@dataclass(slots=True)
class Carried:
    """What a relay did: times in seconds; ``late`` is how long after its due time a packet left."""

    packets: int = 0
    octets: int = 0
    dropped: int = 0
    late_mean: float = 0.0
    late_most: float = 0.0
    busiest_second: int = 0
    cpu_seconds: float = 0.0


@dataclass(slots=True)
class _Way:
    """One direction: packets wait here, first come first gone, each with the time it is due."""

    source: int
    sink: int
    waiting: deque[tuple[float, bytes]] = field(default_factory=deque)

    def take(self, due: float) -> None:
        """Take what has arrived, though not so much that the other direction starves."""
        for _ in range(_PACKETS_AT_ONCE):
            try:
                packet = os.read(self.source, _LONGEST_PACKET)
            except BlockingIOError:
                return
            self.waiting.append((due, packet))


class Relay:
    """Carries packets both ways until it is told to stop, and counts."""

    def __init__(self, first: int, second: int, delay: float) -> None:
        self._ways = (_Way(first, second), _Way(second, first))
        self._delay = delay
        self._late = 0.0
        self._second = (0, 0)
        self.carried = Carried()

    def run(self, until_readable: int) -> None:
        """Carry until ``until_readable`` has something to read, or was closed."""
        while not self._wait(until_readable):
            due = time.monotonic() + self._delay - _TICK / 2
            for way in self._ways:
                way.take(due)
                self._send_due(way)
        self.carried.late_mean = self._late / max(1, self.carried.packets)
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.carried.cpu_seconds = used.ru_utime + used.ru_stime

    def _wait(self, until_readable: int) -> bool:
        """Sleep for a tick, or until a packet comes where none is waiting; true to stop.

        Waking for every single packet would cost the processor more than carrying it. select is
        used since epoll and poll count in whole milliseconds.
        """
        if any(way.waiting for way in self._ways):
            readable, _, _ = select.select([until_readable], (), (), _TICK)
        else:
            sources = [way.source for way in self._ways]
            readable, _, _ = select.select([until_readable, *sources], (), ())
        return until_readable in readable

    def _send_due(self, way: _Way) -> None:
        now = time.monotonic() + _TICK / 2
        sent = 0
        while way.waiting and way.waiting[0][0] <= now:
            due, packet = way.waiting.popleft()
            try:
                os.write(way.sink, packet)
            except OSError:
                self.carried.dropped += 1
                continue
            sent += 1
            self.carried.octets += len(packet)
            late = now - _TICK / 2 - due
            self._late += late
            self.carried.late_most = max(self.carried.late_most, late)
        self._count(int(now), sent)

    def _count(self, second: int, packets: int) -> None:
        self.carried.packets += packets
        before = self._second[1] if self._second[0] == second else 0
        self._second = (second, before + packets)
        self.carried.busiest_second = max(self.carried.busiest_second, before + packets)


@dataclass(slots=True)
class DelayLink:
    """A link that is up. ``carried`` is filled in when it is taken down."""

    client: Namespace
    server: Namespace
    carried: Carried = field(default_factory=Carried)

    def measure(self, address: str, port: int, times: int = 20) -> tuple[float, ...]:
        """Seconds that connecting from the client takes, which is one round trip each."""
        asked = [address, str(port), "--times", str(times)]
        command = [sys.executable, "-m", "benchmarks.delay_link", "measure", *asked]
        told = subprocess.run(  # noqa: S603 - the words are this package's own
            self.client.command(command), stdout=subprocess.PIPE, check=True, text=True, cwd=_ROOT
        )
        return tuple(json.loads(told.stdout))


@contextmanager
def delay_link(client: Namespace, server: Namespace, round_trip: float) -> Iterator[DelayLink]:
    """Join two namespaces by a link with this round trip in seconds, until the block ends.

    Raises OSError where there is no TUN device.
    """
    command = [sys.executable, "-m", "benchmarks.delay_link", "relay"]
    command += [str(client.pid), str(server.pid), str(round_trip)]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - the words are this package's own
        command, stdin=pipe, stdout=pipe, cwd=_ROOT
    ) as relay:
        try:
            _wait_until_ready(relay)
            _configure(client, server)
            _let_go(relay)
            link = DelayLink(client, server)
            yield link
        except BaseException:
            relay.kill()
            raise
        told, _ = relay.communicate(timeout=_STOP_LIMIT)
        link.carried = Carried(**json.loads(told))


def _wait_until_ready(relay: subprocess.Popen[bytes]) -> None:
    if relay.stdout is None or relay.stdout.readline() != b"ready\n":
        raise OSError("the relay of the delay link did not start; what it printed says why")


def _let_go(relay: subprocess.Popen[bytes]) -> None:
    """Tell the relay that both devices are up: one that is not takes no packets."""
    if relay.stdin is not None:
        relay.stdin.write(b"go\n")
        relay.stdin.flush()


def _configure(client: Namespace, server: Namespace) -> None:
    up = f"link set {_DEVICE} txqueuelen {_QUEUE_LENGTH} up"
    client.configure(
        f"address add {CLIENT_ADDRESS}/32 dev {_DEVICE}",
        up,
        f"route add {SERVER_NETWORK} dev {_DEVICE} src {CLIENT_ADDRESS}",
    )
    server.configure(
        f"route add local {SERVER_NETWORK} dev lo",
        up,
        f"route add {CLIENT_ADDRESS}/32 dev {_DEVICE}",
    )


def _open_device(namespace: Namespace) -> int:
    """The descriptor of a new TUN device inside; it stays usable from outside."""
    with namespace.entered():
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        request = struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor


def _relay(options: argparse.Namespace) -> None:
    devices = [_open_device(Namespace(pid)) for pid in (options.client, options.server)]
    relay = Relay(devices[0], devices[1], options.round_trip / 2)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    gc.disable()  # a collection would hold packets back; nothing here makes cycles
    with suppress(OSError):  # a wire does not wait for a processor
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    relay.run(sys.stdin.fileno())
    sys.stdout.write(json.dumps(asdict(relay.carried)))


def _measure(options: argparse.Namespace) -> None:
    seconds = []
    for _ in range(options.times):
        begun = time.perf_counter()
        with socket.create_connection((options.address, options.port), timeout=30):
            seconds.append(time.perf_counter() - begun)
    sys.stdout.write(json.dumps(seconds))
    sys.stderr.write(f"median of {len(seconds)}: {median(seconds) * 1000:.2f} ms\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Be the relay, or measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    relay = commands.add_parser("relay", help="carry packets until standard input ends")
    relay.add_argument("client", type=int, help="a process in the client's namespace")
    relay.add_argument("server", type=int, help="a process in the server's namespace")
    relay.add_argument("round_trip", type=float, help="seconds")
    relay.set_defaults(run=_relay)
    measure = commands.add_parser("measure", help="time connections")
    measure.add_argument("address")
    measure.add_argument("port", type=int)
    measure.add_argument("--times", type=int, default=20)
    measure.set_defaults(run=_measure)
    options = parser.parse_args(arguments)
    options.run(options)


if __name__ == "__main__":
    main()
