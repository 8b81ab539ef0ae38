"""The ports probe against real listeners on loopback, with real nmap and without."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from spbe_audit import network
from spbe_audit.evidence import (
    Attempt,
    Failure,
    FailureKind,
    PortsEvidence,
    attempt_from_json,
    attempt_to_json,
    canonical_json,
)
from spbe_audit.network import Budget, Deadlines, Door
from spbe_audit.probes.ports import connect, nmap
from spbe_audit.probes.ports.connect import connect_sweep
from spbe_audit.probes.ports.nmap import NmapFailedError, find_nmap, nmap_sweep
from spbe_audit.probes.ports.port_sets import ports_to_ask
from spbe_audit.probes.ports.probe import probe_ports
from spbe_audit.probes.ports.sweep import Sweep
from spbe_audit.targets import Engagement, Intensity
from tests.servers.raw import (
    answers,
    dead_port,
    page,
    raw_server,
    resets,
    responds,
    silent_port,
    stays_silent,
)

LOOPBACK = "127.0.0.1"
NOT_AN_ADDRESS = [
    "127.0.0.1 -oN {marker}",
    "-oN {marker} 127.0.0.1",
    "--script=default",
    "127.0.0.1%-oN {marker}",
    "::1%-oN {marker}",
    "fe80::1%eth0",
    "127.0.0.0/8",
    "127.0.0.1-9",
    "localhost",
    "",
]


@contextmanager
def listeners(address: str = LOOPBACK) -> Iterator[tuple[int, ...]]:
    """A web server, one that speaks like Redis, one that is silent and one that resets."""
    behaviours = (
        answers(page()),
        responds(lambda _request: b"+PONG\r\n"),
        stays_silent(),
        resets(after_request=False),
    )
    with ExitStack() as stack:
        servers = [stack.enter_context(raw_server(b, address=address)) for b in behaviours]
        yield tuple(server.port for server in servers)


def real_nmap() -> str:
    program = find_nmap()
    assert program, "these tests need nmap: apt-get install nmap"
    return program


def sweep_with_nmap(
    ports: Sequence[int],
    *,
    address: str = LOOPBACK,
    program: str = "",
    seconds: float = 30.0,
    door: Door | None = None,
) -> Sweep:
    async def run() -> Sweep:
        return await nmap_sweep(
            program=program or real_nmap(),
            host=address,
            address=address,
            ports=ports,
            door=door or Door(),
            deadline=asyncio.get_running_loop().time() + seconds,
        )

    return asyncio.run(run())


def sweep_by_connecting(
    ports: Sequence[int],
    *,
    address: str = LOOPBACK,
    seconds: float = 30.0,
    door: Door | None = None,
) -> Sweep:
    async def run() -> Sweep:
        return await connect_sweep(
            host=address,
            address=address,
            ports=ports,
            door=door or Door(),
            deadline=asyncio.get_running_loop().time() + seconds,
        )

    return asyncio.run(run())


def probe(
    declared: tuple[int, ...] = (), *, address: str = LOOPBACK, door: Door | None = None
) -> Attempt:
    return asyncio.run(
        probe_ports(
            host=address,
            address=address,
            declared=declared,
            door=door or Door(),
            intensity=Intensity.LIGHT,
        )
    )


def evidence_of(attempt: Attempt) -> PortsEvidence:
    assert isinstance(attempt.result, PortsEvidence), attempt.result
    return attempt.result


def install_nmap(monkeypatch: pytest.MonkeyPatch, directory: Path, script: str) -> str:
    """Put a program called nmap first in the path; it knows its version, then runs the script."""
    program = directory / "nmap"
    banner = "Nmap version 7.99 ( https://nmap.org )"
    program.write_text(f"#!/bin/sh\nif [ \"$1\" = -V ]; then echo '{banner}'; exit; fi\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    return str(program)


def without_nmap(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("PATH", str(directory))


@pytest.mark.parametrize("address", [LOOPBACK, "::1"])
def test_both_engines_see_the_same(address: str) -> None:
    with listeners(address) as opened, dead_port() as dead:
        ports = (*opened, dead, 1)
        sweeps = [
            sweep_with_nmap(ports, address=address),
            sweep_by_connecting(ports, address=address),
        ]
    for sweep in sweeps:
        assert sorted(sweep.asked) == sorted(ports)
        assert sorted(sweep.open) == sorted(opened)
        assert (sweep.closed, sweep.filtered, sweep.connections) == (2, 0, 6)
    assert [sweep.engine for sweep in sweeps] == ["nmap", "connect"]


def test_both_engines_call_a_silent_port_filtered() -> None:
    with silent_port() as silent, listeners() as opened:
        ports = (silent, *opened)
        for sweep in (sweep_with_nmap(ports), sweep_by_connecting(ports)):
            assert sorted(sweep.open) == sorted(opened)
            assert (sweep.closed, sweep.filtered) == (0, 1)


def test_nmap_does_not_creep_where_nothing_answers() -> None:
    with ExitStack() as stack:
        ports = [stack.enter_context(silent_port()) for _ in range(40)]
        begun = time.monotonic()
        sweep = sweep_with_nmap(ports)
    assert sweep.filtered == 40
    assert time.monotonic() - begun < 5


def test_a_wholly_silent_host_is_evidence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_nmap(monkeypatch, tmp_path)
    with silent_port() as silent:
        monkeypatch.setattr(
            "spbe_audit.probes.ports.probe.ports_to_ask", lambda _intensity, declared: declared
        )
        evidence = evidence_of(probe((silent,)))
    assert evidence.open == ()
    assert (evidence.asked_count, evidence.closed, evidence.filtered) == (1, 0, 1)


def test_folded_and_listed_ports_are_all_counted() -> None:
    ports = ports_to_ask(Intensity.STANDARD, ())
    sweep = sweep_with_nmap(ports)
    assert len(sweep.open) + sweep.closed + sweep.filtered == len(sweep.asked) == len(ports)


def test_batches_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nmap, "_PORTS_PER_BATCH", 2)
    with listeners() as opened, dead_port() as dead:
        sweep = sweep_with_nmap((*opened, dead))
    assert sorted(sweep.open) == sorted(opened)
    assert (sweep.closed, len(sweep.asked), sweep.connections) == (1, 5, 5)


def test_the_probe_says_who_asked_what(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with listeners() as opened:
        door = Door()
        with_nmap = probe(opened, door=door)
        without_nmap(monkeypatch, tmp_path)
        alone = probe(opened)
    asked = set(ports_to_ask(Intensity.LIGHT, opened))
    for attempt, engine in ((with_nmap, "nmap"), (alone, "connect")):
        evidence = evidence_of(attempt)
        assert evidence.engine == engine
        assert evidence.asked_count == len(asked) == attempt.connections
        assert evidence.declared == opened
        assert set(opened) <= {port.port for port in evidence.open}
        assert attempt.endpoint.key == f"ports {LOOPBACK}"
        assert attempt_from_json(canonical_json(attempt_to_json(attempt))) == attempt
    assert with_nmap.tool.name == "nmap"
    assert with_nmap.tool.version[0].isdigit()
    assert alone.tool.name == "spbe-audit"
    assert door.footprint() == {LOOPBACK: len(asked)}


def test_an_open_port_carries_the_name_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(answers(page())) as server:
        monkeypatch.setattr("spbe_audit.probes.ports.probe.PORT_NAMES", {server.port: "Redis"})
        evidence = evidence_of(probe((server.port,)))
    assert {port.port: port.service for port in evidence.open}[server.port] == "Redis"


@pytest.mark.parametrize("template", NOT_AN_ADDRESS)
def test_only_an_address_reaches_nmap(
    template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "started"
    program = install_nmap(monkeypatch, tmp_path, f"touch {marker}")
    address = template.format(marker=marker)
    with pytest.raises(ValueError, match="address"):
        probe(address=address)
    with pytest.raises(ValueError, match="address"):
        sweep_with_nmap((80,), address=address, program=program)
    with pytest.raises(ValueError, match="address"):
        sweep_by_connecting((80,), address=address)
    assert not marker.exists()


@pytest.mark.parametrize(
    "script",
    [
        "echo 'something broke' >&2; exit 1",
        "echo '<nmaprun><runstats>'",
        "echo '<nmaprun/>'",
        (
            'echo \'<nmaprun><runstats><finished exit="error"/><hosts up="0" down="0" total="0"/>'
            "</runstats></nmaprun>'; echo 'Failed to resolve something' >&2"
        ),
        "exit 0",
        "kill -SEGV $$",
        "cat /dev/zero | head -c 1000000",
    ],
)
def test_a_broken_nmap_is_replaced(
    script: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    program = install_nmap(monkeypatch, tmp_path, script)
    with pytest.raises(NmapFailedError):
        sweep_with_nmap((80,), program=program)
    with listeners() as opened:
        attempt = probe(opened)
    evidence = evidence_of(attempt)
    assert evidence.engine == "connect"
    assert attempt.tool.name == "spbe-audit"
    assert set(opened) <= {port.port for port in evidence.open}
    assert attempt.connections == 2 * evidence.asked_count
    assert "nmap failed" in caplog.text


def test_the_reason_that_nmap_gives_is_kept() -> None:
    with pytest.raises(NmapFailedError, match="Ports specified"):
        sweep_with_nmap((99999,))


def test_a_program_that_is_not_nmap_is_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "nmap"
    shutil.copy("/bin/true", program)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert evidence_of(probe()).engine == "connect"


def test_a_host_that_nmap_gives_up_is_a_timeout(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    report = (
        '<nmaprun><host timedout="true"><status state="up"/>'
        f'<address addr="{LOOPBACK}" addrtype="ipv4"/></host>'
        '<runstats><finished exit="success"/><hosts up="1" down="0" total="1"/></runstats>'
        "</nmaprun>"
    )
    install_nmap(monkeypatch, tmp_path, f"echo '{report}'")
    attempt = probe()
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.TIMEOUT
    assert attempt.tool.name == "nmap"


def hanging_nmap(monkeypatch: pytest.MonkeyPatch, directory: Path, first: str = "") -> Path:
    pid = directory / "pid"
    install_nmap(
        monkeypatch, directory, f"{first}\necho $$ > {pid}.new; mv {pid}.new {pid}; exec sleep 60"
    )
    return pid


def is_running(pid: Path) -> bool:
    return Path(f"/proc/{pid.read_text().strip()}").exists()


def test_a_hanging_nmap_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid = hanging_nmap(monkeypatch, tmp_path)
    begun = time.monotonic()
    attempt = probe(door=Door(deadlines=Deadlines(ports=1.5)))
    assert time.monotonic() - begun < 4
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.TIMEOUT
    assert attempt.connections > 0
    assert not is_running(pid)


def test_what_nmap_found_before_the_deadline_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    flag, real = tmp_path / "second", real_nmap()
    first = f'if [ ! -e {flag} ]; then touch {flag}; exec {real} "$@"; fi'
    hanging_nmap(monkeypatch, tmp_path, first)
    monkeypatch.setattr(nmap, "_PORTS_PER_BATCH", 5)
    with listeners() as opened, dead_port() as dead:
        ports = (*opened, dead, 1, 2)
        sweep = sweep_with_nmap(ports, program=str(tmp_path / "nmap"), seconds=2.5)
    assert sweep.asked == ports[:5]
    assert sorted(sweep.open) == sorted(opened)
    assert (sweep.closed, sweep.connections) == (1, 7)


def test_a_cancelled_probe_leaves_no_nmap_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid = hanging_nmap(monkeypatch, tmp_path)

    async def run() -> None:
        task = asyncio.ensure_future(
            probe_ports(
                host=LOOPBACK,
                address=LOOPBACK,
                declared=(),
                door=Door(),
                intensity=Intensity.LIGHT,
            )
        )
        async with asyncio.timeout(10):
            while not pid.exists():  # noqa: ASYNC110 - a file gives no event
                await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    begun = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - begun < 15
    assert not is_running(pid)


def test_ports_without_an_answer_in_time_are_not_asked() -> None:
    with silent_port() as silent, raw_server(stays_silent()) as server:
        sweep = sweep_by_connecting((server.port, silent), seconds=0.5)
        assert sweep.asked == sweep.open == (server.port,)
        assert (sweep.filtered, sweep.connections) == (0, 2)


@pytest.mark.parametrize("with_program", [True, False])
def test_no_time_at_all_is_a_timeout(
    with_program: bool,  # noqa: FBT001 - pytest passes parameters by name
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if not with_program:
        without_nmap(monkeypatch, tmp_path)
    attempt = probe(door=Door(deadlines=Deadlines(ports=0.0)))
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.TIMEOUT
    assert attempt.connections == 0


def test_the_sweep_keeps_to_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOPBACK_BUDGET", Budget(sweep_per_second=20))
    door = Door()
    sweep = sweep_by_connecting(range(1, 101), door=door, seconds=1.0)
    assert 5 <= len(sweep.asked) <= 25
    assert sweep.asked == tuple(range(1, len(sweep.asked) + 1))
    assert door.footprint() == {LOOPBACK: sweep.connections}


def test_nmap_is_told_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LOOPBACK_BUDGET", Budget(sweep_per_second=20))
    begun = time.monotonic()
    sweep = sweep_with_nmap(range(1, 31), door=Door())
    assert len(sweep.asked) == 30
    assert time.monotonic() - begun > 1


def test_a_socket_that_met_itself_is_no_open_port(monkeypatch: pytest.MonkeyPatch) -> None:
    class MeetsItself(socket.socket):
        def connect(self, address: Any) -> None:
            self.bind(address)
            super().connect(address)

    with dead_port() as port:
        pass
    monkeypatch.setattr(socket, "socket", MeetsItself)
    sweep = sweep_by_connecting((port,))
    assert sweep.open == ()
    assert sweep.closed == 1


def test_too_few_file_descriptors_only_slow_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "CONNECT_TIMEOUT", 0.3)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with silent_port() as silent, raw_server(stays_silent()) as server:
        used = {int(name.name) for name in Path("/proc/self/fd").iterdir()}
        sixteenth_free = [number for number in range(4096) if number not in used][16]
        resource.setrlimit(resource.RLIMIT_NOFILE, (sixteenth_free, before[1]))
        try:
            sweep = sweep_by_connecting([silent] * 40 + [server.port])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert sweep.open == (server.port,)
    assert (sweep.filtered, sweep.connections) == (1, 41)


def test_shortage_to_the_end_leaves_ports_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(_self: socket.socket, _address: object) -> None:
        raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

    monkeypatch.setattr(socket.socket, "connect", exhausted)
    sweep = sweep_by_connecting((80,), seconds=0.4)
    assert sweep.asked == ()


def test_a_machine_without_a_route_is_no_silent_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_route(_self: socket.socket, _address: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", no_route)
    attempt = probe()
    assert attempt.failure
    assert attempt.failure.kind is FailureKind.UNREACHABLE
    assert attempt.connections == 0


def engagement(**changes: Any) -> Engagement:
    whole = Engagement(
        letter="ST-1",
        issued_by="Inspektur",
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2026, 12, 31, tzinfo=UTC),
        names=("*.lab.test",),
        networks=(),
        contact="csirt@lab.test",
    )
    return replace(whole, **changes)


def test_out_of_scope_sends_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    with raw_server(answers(page())) as server:
        for strip in (False, True):
            if strip:
                without_nmap(monkeypatch, tmp_path)
            door = Door(engagement=engagement(), clock=lambda: moment)
            attempt = probe((server.port,), door=door)
            assert isinstance(attempt.result, Failure)
            assert attempt.result.kind is FailureKind.OUT_OF_SCOPE
            assert attempt.connections == 0
        assert server.connections == 0


def test_the_sweep_stops_when_the_engagement_ends() -> None:
    letter = engagement(names=(), networks=(ip_network("127.0.0.0/8"),))
    looks = 0

    def clock() -> datetime:
        nonlocal looks
        looks += 1
        return letter.valid_until - timedelta(seconds=10) + timedelta(seconds=looks)

    sweep = sweep_by_connecting(range(1, 101), door=Door(engagement=letter, clock=clock))
    assert 0 < len(sweep.asked) < 12
