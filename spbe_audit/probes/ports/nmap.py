"""The nmap engine, through python-nmap.

python-nmap finds out the version and reads nmap's XML. It does not start the scan: its scan()
splits ``hosts`` like a shell line, so that options can be smuggled in, and keeps the child to
itself, so that a cancelled audit would wait for it and its packets would go on. Here nmap gets an
argument list whose only free parts are a parsed address and numbers, and dies with its task.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import nmap  # type: ignore[import-untyped]  # python-nmap has no types and no stubs

from spbe_audit.evidence import Tool
from spbe_audit.network import Budget, Door
from spbe_audit.probes.failures import short_text
from spbe_audit.probes.ports.port_sets import range_notation
from spbe_audit.probes.ports.sweep import AT_ONCE, Sweep, only_an_address

# Connect scan, no host discovery, no names looked up, one retry, and the same for root as for
# anybody: with raw sockets nmap would ask ARP on the local network in spite of -Pn. A host that
# drops everything teaches nmap no pace, and it would wait a second for ten ports at a time (minutes
# for a thousand); so as many are tried at once as our own engine tries.
_FIXED_ARGUMENTS = (
    *("-sT", "-Pn", "-n", "--unprivileged", "--disable-arp-ping"),
    *("--max-retries", "1"),
    *("--min-parallelism", str(AT_ONCE), "--max-parallelism", str(AT_ONCE)),
)
_SECONDS_PER_BATCH = 5.0
_PORTS_PER_BATCH = 10_000
_TIME_TO_WRITE = 0.5
_FOLDED_PORTS = re.compile(rb'<extraports state="([a-z|]+)" count="(\d+)"')
_HOST_TIMED_OUT = re.compile(rb'<host [^>]*timedout="true"')


class NmapFailedError(Exception):
    """nmap is there but gives no usable answer; ``connections`` may have been begun by then."""

    def __init__(self, text: str) -> None:
        super().__init__(short_text(text))
        self.connections = 0


@dataclass(frozen=True, slots=True)
class _Answers:
    open: tuple[int, ...]
    closed: int
    filtered: int


def find_nmap() -> str | None:
    """The path of the nmap program; None when it is not installed."""
    return shutil.which("nmap")


async def nmap_sweep(
    *, program: str, host: str, address: str, ports: Sequence[int], door: Door, deadline: float
) -> Sweep:
    """Ask the ports, in the order given, until the deadline (in the loop's time).

    nmap tells nothing about a host that it did not finish, so ports go to it in batches and the
    batches that ended count. Raises OutOfScopeError, ValueError for what is not an address, and
    NmapFailedError.
    """
    target = only_an_address(address)
    permit = door.permit(host, address)
    scanner = await asyncio.to_thread(_scanner, program)
    asked: list[int] = []
    done: list[_Answers] = []
    begun = 0
    for batch in _batches(ports, permit.budget):
        left = deadline - asyncio.get_running_loop().time()
        if left <= _TIME_TO_WRITE or door.refusal(host, address):
            break
        arguments = _arguments(target, batch, permit.budget, left - _TIME_TO_WRITE)
        permit.count(len(batch))
        begun += len(batch)
        try:
            output, errors = await _run(program, arguments, deadline)
            done.append(_read(scanner, output, errors, batch))
        except TimeoutError:
            break
        except NmapFailedError as error:
            error.connections = begun
            raise
        asked += batch
    return Sweep(
        engine="nmap",
        tool=Tool("nmap", ".".join(str(part) for part in scanner.nmap_version())),
        asked=tuple(asked),
        open=tuple(port for answers in done for port in answers.open),
        closed=sum(answers.closed for answers in done),
        filtered=sum(answers.filtered for answers in done),
        connections=begun,
    )


@lru_cache(maxsize=4)
def _scanner(program: str) -> Any:
    """python-nmap's scanner for a program, which it asks for its version once."""
    try:
        return nmap.PortScanner(nmap_search_path=(program,))
    except nmap.PortScannerError as error:
        raise NmapFailedError(f"{program} does not answer like nmap: {error}") from error


def _batches(ports: Sequence[int], budget: Budget) -> Iterator[Sequence[int]]:
    size = max(1, min(_PORTS_PER_BATCH, int(budget.sweep_per_second * _SECONDS_PER_BATCH)))
    for start in range(0, len(ports), size):
        yield ports[start : start + size]


def _arguments(
    target: IPv4Address | IPv6Address, batch: Sequence[int], budget: Budget, seconds: float
) -> list[str]:
    return [
        *_FIXED_ARGUMENTS,
        *("--max-rate", f"{budget.sweep_per_second:f}"),
        *("--host-timeout", f"{max(1, int(seconds * 1000))}ms"),
        *("-p", range_notation(batch)),
        *(("-6",) if isinstance(target, IPv6Address) else ()),
        *("-oX", "-", "--", str(target)),
    ]


async def _run(program: str, arguments: Sequence[str], deadline: float) -> tuple[bytes, bytes]:
    """What nmap writes; it never outlives the call. Raises TimeoutError at the deadline."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise NmapFailedError(f"{program} cannot be started: {error}") from error
    try:
        async with asyncio.timeout_at(deadline):
            return await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _read(scanner: Any, output: bytes, errors: bytes, batch: Sequence[int]) -> _Answers:
    """The answers in nmap's XML. Raises NmapFailedError, and TimeoutError when nmap gave up.

    python-nmap leaves out the ports that nmap folds together, so those are counted here; and
    where nmap failed it returns no host and hides the reason among the scan's facts.
    """
    if _HOST_TIMED_OUT.search(output):
        raise TimeoutError
    trace = errors.decode("utf-8", "replace").splitlines()
    try:
        result = scanner.analyse_nmap_xml_scan(output, "\n".join(trace), trace, [])
    except (nmap.PortScannerError, AttributeError) as error:
        raise NmapFailedError(" ".join(trace) or f"nmap wrote no report: {error}") from error
    if not result["scan"]:
        reasons = result["nmap"]["scaninfo"].get("error", ["nmap reports no host"])
        raise NmapFailedError(" ".join(reasons))
    listed = next(iter(result["scan"].values())).get("tcp", {})
    counts = Counter(port["state"] for port in listed.values())
    for state, count in _FOLDED_PORTS.findall(output):
        counts[state.decode("ascii")] += int(count)
    if counts.total() != len(batch):
        raise NmapFailedError(f"nmap reports {counts.total()} of {len(batch)} ports")
    opened = tuple(sorted(port for port, answer in listed.items() if answer["state"] == "open"))
    closed = counts["closed"]
    return _Answers(opened, closed, len(batch) - len(opened) - closed)
