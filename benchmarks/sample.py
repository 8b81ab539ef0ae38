"""How long the sampler takes for many services, as a ratio to asking them one after another.

    python benchmarks/sample.py [--services 1000] [--delay 0.02]

A server of its own process answers on a hundred loopback addresses, each time after ``--delay``
seconds, as a network would make it wait. Printed are the wall times, their ratio, how many
connections the server counted, and how large the evidence file became.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
import time
from contextlib import closing, suppress
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path

from spbe_audit.sampler import SampleResult, sample
from spbe_audit.store import Store
from spbe_audit.targets import Agency, Service, TargetList

ADDRESSES = tuple(f"127.0.1.{number}" for number in range(1, 101))
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def _serve(delay: float, pipe: Connection) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_told(delay, pipe))


async def _serve_until_told(delay: float, pipe: Connection) -> None:
    """Answer everybody until the other side of the pipe sends something; then send the count."""
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(delay)
            writer.write(ANSWER)
            await writer.drain()
        writer.close()

    first = await asyncio.start_server(answer, ADDRESSES[0], 0, backlog=1024)
    port = first.sockets[0].getsockname()[1]
    for address in ADDRESSES[1:]:
        await asyncio.start_server(answer, address, port, backlog=1024)
    pipe.send(port)
    while True:
        await asyncio.to_thread(pipe.recv)
        pipe.send(connections)
        connections = 0


def _targets(count: int, port: int) -> TargetList:
    urls = [f"http://{ADDRESSES[n % len(ADDRESSES)]}:{port}/{n}" for n in range(count)]
    services = tuple(
        Service(id=f"s{n}", name=f"s{n}", url=url, display_url=url, agency="a")
        for n, url in enumerate(urls)
    )
    return TargetList(agencies=(Agency(id="a", name="A", services=services),))


def _one_after_another(targets: TargetList) -> float:
    begun = time.monotonic()
    for service in targets.services:
        with closing(HTTPConnection(service.host, service.port, timeout=10)) as connection:
            connection.request("GET", service.url.partition(f":{service.port}")[2])
            connection.getresponse().read()
    return time.monotonic() - begun


def _sampled(targets: TargetList) -> tuple[SampleResult, float, int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "benchmark.db"
        with Store.open(path) as store:
            begun = time.monotonic()
            result = sample(targets, store=store)
            took = time.monotonic() - begun
        return result, took, path.stat().st_size


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--delay", type=float, default=0.02)
    wanted = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(wanted.delay, theirs), daemon=True)
    server.start()
    try:
        targets = _targets(wanted.services, ours.recv())
        result, took, size = _sampled(targets)
        ours.send("count")
        connections = ours.recv()
        sequential = _one_after_another(targets)
    finally:
        server.terminate()
        server.join()
    lines = (
        f"services            {wanted.services}",
        f"up, down, missing   {result.up}, {result.down}, {len(result.missing)}",
        f"connections         {connections}",
        f"sampler             {took:.2f} s",
        f"one after another   {sequential:.2f} s",
        f"ratio               {took / sequential:.2f}",
        f"evidence file       {size} bytes",
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
