"""The tools of benchmarks/ measure what they say: the delay, the costs, the tables."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from benchmarks.delay_link import DelayLink, Relay, delay_link
from benchmarks.measured_command import Cost, measure
from benchmarks.namespaces import namespace, why_not
from benchmarks.tls import BEGIN, END, parsed, write_between_marks
from benchmarks.tls_tables import Case, Row, case_table, completeness_table, missed, ratio

ADDRESS = "10.200.0.1"
SAMPLE = Cost(seconds=1.0, cpu_seconds=0.5, peak_bytes=20_000_000, connections=30)

needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=f"nothing was measured: {why_not()}")


@contextmanager
def _link_to_a_listener(round_trip: float) -> Iterator[tuple[DelayLink, int]]:
    with ExitStack() as stack:
        client, server = (stack.enter_context(namespace()) for _ in range(2))
        link = stack.enter_context(delay_link(client, server, round_trip))
        with server.entered():
            listener = stack.enter_context(socket.create_server((ADDRESS, 0), backlog=64))
        yield link, listener.getsockname()[1]


@needs_namespaces
@pytest.mark.parametrize("wanted", [0.03, 0.09])
def test_a_link_has_the_round_trip_that_was_asked_for(wanted: float) -> None:
    with _link_to_a_listener(wanted) as (link, port):
        # The quickest is what the link does; the others are what a busy machine adds.
        quickest = min(link.measure(ADDRESS, port, 10))
    assert 0.95 < quickest / wanted < 1.3
    assert link.carried.packets >= 10 * 3
    assert link.carried.dropped == 0


@needs_namespaces
def test_a_link_is_slower_than_loopback_by_its_delay_only() -> None:
    with _link_to_a_listener(0.0) as (link, port):
        bare = median(link.measure(ADDRESS, port, 20))
    with _link_to_a_listener(0.05) as (link, port):
        delayed = median(link.measure(ADDRESS, port, 20))
    assert delayed / bare > 5


@needs_namespaces
def test_nothing_outside_can_be_reached_from_a_namespace(tmp_path: Path) -> None:
    with namespace() as inside, socket.create_server(("127.0.0.1", 0)) as outside:
        port = outside.getsockname()[1]
        code = f"import socket; print(socket.socket().connect_ex(('127.0.0.1', {port})) != 0)"
        measure(inside, [sys.executable, "-c", code], tmp_path)
    assert (tmp_path / "output.txt").read_text() == "True\n"


@needs_namespaces
def test_costs_are_those_of_the_command_and_its_children(tmp_path: Path) -> None:
    child = "import time; x = bytearray(60_000_000); time.sleep(0.5)"
    code = (
        "import socket, subprocess, sys\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "all = [socket.create_connection(listener.getsockname()) for _ in range(7)]\n"
        f"subprocess.run([sys.executable, '-c', {child!r}])\n"
    )
    with namespace() as inside:
        cost = measure(inside, [sys.executable, "-c", code], tmp_path)
    assert cost.finished
    assert cost.connections == 7
    assert 60e6 < cost.peak_bytes < 120e6
    assert 0 < cost.cpu_seconds < cost.seconds


@needs_namespaces
def test_a_command_that_takes_too_long_is_cut_short(tmp_path: Path) -> None:
    with namespace() as inside:
        cost = measure(inside, ["sleep", "60"], tmp_path, limit=0.2)
    assert not cost.finished
    assert cost.seconds < 30


def test_a_relay_keeps_the_order_and_holds_back_every_packet() -> None:
    delay, count = 0.05, 300
    (left, left_device), (right, right_device) = (_packet_pair() for _ in range(2))
    told, tell = os.pipe()
    relay = Relay(left_device.fileno(), right_device.fileno(), delay)
    carrying = threading.Thread(target=relay.run, args=(told,))
    carrying.start()
    try:
        begun = time.monotonic()
        for number in range(count):
            left.send(number.to_bytes(2, "big"))
        arrived = [int.from_bytes(right.recv(100), "big") for _ in range(count)]
        waited = time.monotonic() - begun
    finally:
        os.close(tell)
        carrying.join()
        os.close(told)
        for one in (left, left_device, right, right_device):
            one.close()
    assert arrived == list(range(count))
    assert waited / delay > 0.95
    assert relay.carried.packets == count


def _packet_pair() -> tuple[socket.socket, socket.socket]:
    """Our end, and the end that stands for a TUN device."""
    ours, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    device.settimeout(0)
    ours.settimeout(20)
    return ours, device


def test_quick_asks_for_less_and_is_overruled_by_what_is_said() -> None:
    whole, quick = parsed([]), parsed(["--quick"])
    assert (whole.endpoints, whole.rounds, whole.delay_ms) == ([1, 100], 3, [0.0, 40.0])
    assert max(quick.endpoints) < 100
    assert quick.rounds == 1
    assert set(whole.tools) - set(quick.tools) == {"ours-scan", "testssl", "sslscan"}
    told = parsed(["--quick", "--rounds", "5", "--endpoints", "7", "--tools", "ours", "nmap"])
    assert (told.rounds, told.endpoints, told.tools) == (5, [7], ["ours", "nmap"])


def test_a_scanner_that_nobody_knows_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(["--tools", "qualys"])
    assert "qualys" in capsys.readouterr().err


def test_ratios_are_taken_round_by_round() -> None:
    found = ratio([30.0, 20.0, 44.0], [1.0, 1.0, 2.0])
    assert (found.middle, found.least, found.most) == (22.0, 20.0, 30.0)
    assert str(found) == "22.0 (20.0..30.0)"
    assert str(ratio([7.0], [2.0])) == "3.50"


def test_a_table_compares_with_its_first_line() -> None:
    theirs = replace(SAMPLE, seconds=30.0, cpu_seconds=20.0, connections=575)
    rows = [Row("ours", (SAMPLE,), 1, 0.2), Row("sslyze", (theirs,), 1, 0.3)]
    case = Case(1, "modern", 40, round_trip=0.04)
    title, _, heads, _, first, second = case_table(case, rows).rstrip().split("\n")
    assert title == "### 1 endpoint, modern, 40 ms of round trip added (40.0 ms measured)"
    width = heads.count("|")
    assert first == "| spbe-audit | 1.00 |  | 0.50 |  | 20 | 30 | 30.0 | 20 | 1 | 1 |"
    assert second == "| sslyze | 30.0 | 30.0 | 20.0 | 40.0 | 20 | 575 | 575 | 742 | 1 | 1 |"
    assert first.count("|") == second.count("|") == width


def test_a_run_that_was_cut_short_is_said_to_be() -> None:
    rows = [Row("ours", (SAMPLE,), 5, 0.2), Row("sslyze", (replace(SAMPLE, finished=False),), 0, 0)]
    assert "sslyze was cut short" in case_table(Case(5, "modern", 0), rows)


def test_what_one_scanner_misses_is_named() -> None:
    both, more = ("TLS 1.2", "TLS_A"), ("TLS 1.2", "TLS_B")
    found = {"ours": frozenset({both, more}), "sslyze": frozenset({both})}
    assert missed(found) == {"ours": frozenset(), "sslyze": frozenset({more})}
    table = completeness_table({"weak": found})
    assert "| weak | 2 | 1 | 2 |" in table
    assert "- weak: sslyze does not find in TLS 1.2 TLS_B." in table


def test_results_replace_those_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for text in ("new\n", "newer\n"):
        write_between_marks(page, text)
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(SystemExit, match="needs the lines"):
        write_between_marks(page, "new")
