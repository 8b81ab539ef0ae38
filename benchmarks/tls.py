"""Measures our TLS prober beside sslyze, nmap, sslscan and testssl.sh, on the same servers.

    python -m benchmarks.tls [--endpoints 1 100] [--delay-ms 0 40] [--rounds 3]
        [--tools ours sslyze nmap] [--quick] [--write docs/benchmarks.md]

Whole commands are measured, in turn, round after round, inside network namespaces made for the
purpose: one nginx, on loopback or behind a link with a delay. Read the ratios: times depend on the
machine. It takes about half an hour; --quick takes a minute and is good for trying things only.
It ends with 1 when ours left an endpoint without an answer, or missed a suite that another found.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.delay_link import Carried
from benchmarks.machine import machine_table
from benchmarks.measured_command import Cost, measure
from benchmarks.namespaces import NamespaceError
from benchmarks.tls_lab import KINDS, Lab, lab
from benchmarks.tls_tables import (
    Case,
    Row,
    case_table,
    completeness_table,
    missed,
    politeness_table,
)
from benchmarks.tls_tools import TOOLS, Found, Suites, Tool, Work
from spbe_audit.errors import SpbeAuditError

BEGIN = "<!-- measured: written by python -m benchmarks.tls --write -->"
END = "<!-- end of what was measured -->"

_STARTS = 3


@dataclass(slots=True)
class Measured:
    """All that one run of this program found out.

    ``found`` are the accepted suites by kind of server and by scanner; ``unanswered`` the cases
    where ours left an endpoint out.
    """

    tables: list[str] = field(default_factory=list)
    found: dict[str, dict[str, Suites]] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Runs:
    """The runs of one scanner in one case."""

    costs: list[Cost] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit code."""
    options = parsed(arguments)
    tools = _installed(options.tools)
    measured = Measured()
    try:
        for delay_ms in options.delay_ms:
            _measure_at(delay_ms, options, tools, measured)
    except NamespaceError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    text = _page(measured, tools)
    sys.stdout.write(text)
    if options.write:
        write_between_marks(options.write, text)
    lacking = _lacking(measured)
    sys.stderr.write("".join(f"{line}\n" for line in lacking))
    return 1 if lacking else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line's options, with those of --quick filled in."""
    description = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tls", description=description)
    parser.add_argument("--endpoints", type=int, nargs="+", metavar="N", help="default: 1 100")
    parser.add_argument(
        "--delay-ms", type=float, nargs="+", default=[0.0, 40.0], metavar="MS", help="default: 0 40"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="default: 3")
    parser.add_argument("--tools", nargs="+", choices=list(TOOLS), metavar="TOOL")
    parser.add_argument("--servers", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--limit", type=float, default=900.0, help="seconds for one command")
    parser.add_argument(
        "--quick", action="store_true", help="one round, 1 and 5 endpoints, no slow tools"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this page")
    options = parser.parse_args(arguments)
    quick = options.quick
    options.endpoints = options.endpoints or ([1, 5] if quick else [1, 100])
    options.rounds = options.rounds or (1 if quick else 3)
    slow = {"ours-scan", "testssl", "sslscan"} if quick else set()
    options.tools = options.tools or [tool for tool in TOOLS if tool not in slow]
    return options


def write_between_marks(page: Path, text: str) -> None:
    """Put the tables into a page, in place of those that stand between its two marks.

    Raises SystemExit where the page has not the marks.
    """
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page}: needs the lines\n{BEGIN}\n{END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", "utf-8")


def _installed(wanted: Iterable[str]) -> list[str]:
    """Those of the scanners that can be run, in the order of TOOLS."""
    chosen = [tool for tool in TOOLS if tool in set(wanted)]
    installed = []
    for tool in chosen:
        if TOOLS[tool].version():
            installed.append(tool)
        else:
            sys.stderr.write(f"{TOOLS[tool].label} is not installed: left out\n")
    return installed


def _measure_at(
    delay_ms: float, options: argparse.Namespace, tools: Sequence[str], measured: Measured
) -> None:
    """All cases with one delay."""
    with lab(delay_ms / 1000) as servers:
        round_trip = 0.0
        if servers.link:
            port = KINDS[options.servers[0]].port
            round_trip = median(servers.link.measure(str(servers.addresses(1)[0]), port))
        starts = {tool: _start_of(TOOLS[tool], servers) for tool in tools}
        measured.tables.append(_about_starts(starts, delay_ms))
        for case in _cases(options, delay_ms):
            real = replace(case, round_trip=round_trip)
            _measure_case(real, servers, starts, options, measured)
    if servers.link:
        measured.tables.append(_about_link(servers.link.carried, round_trip))


def _cases(options: argparse.Namespace, delay_ms: float) -> list[Case]:
    """Every kind of server for one endpoint on loopback, and the first kind for the rest."""
    cases = []
    for endpoints in options.endpoints:
        every = endpoints == 1 and not delay_ms
        kinds = options.servers if every else options.servers[:1]
        cases += [Case(endpoints, kind, delay_ms) for kind in kinds]
    return cases


def _measure_case(
    case: Case,
    servers: Lab,
    starts: Mapping[str, float],
    options: argparse.Namespace,
    measured: Measured,
) -> None:
    """One case: all scanners in turn, round after round."""
    able = [tool for tool in starts if case.endpoints <= _most(TOOLS[tool], case)]
    runs = {tool: _Runs() for tool in able}
    for number in range(options.rounds):
        for tool in able:
            if number == 0 or not TOOLS[tool].once:
                cost, found = _run(TOOLS[tool], case, servers, options.limit)
                _say(case, TOOLS[tool], cost, len(found))
                runs[tool].costs.append(cost)
                runs[tool].answered.append(sum(bool(suites) for suites in found.values()))
                if case.endpoints == 1 and TOOLS[tool].whole:
                    seen = frozenset[tuple[str, str]]().union(*found.values())
                    measured.found.setdefault(case.kind, {}).setdefault(tool, seen)
    rows = [
        Row(tool, tuple(one.costs), min(one.answered), starts[tool]) for tool, one in runs.items()
    ]
    measured.tables.append(case_table(case, rows))
    measured.unanswered += [
        f"{case.title}: {TOOLS[row.tool].label} answered for {row.answered} only"
        for row in rows
        if TOOLS[row.tool].ours and row.answered < case.endpoints
    ]


def _most(tool: Tool, case: Case) -> int:
    return tool.most_delayed if case.delay_ms else tool.most


def _run(tool: Tool, case: Case, servers: Lab, limit: float) -> tuple[Cost, Found]:
    """One run of a scanner: what it cost, and what it found; nothing where it wrote nothing."""
    folder = Path(tempfile.mkdtemp(prefix="tls-run-"))
    try:
        addresses = tuple(str(address) for address in servers.addresses(case.endpoints))
        work = Work(addresses, KINDS[case.kind].port, folder, letter=servers.link is not None)
        cost = measure(servers.client, tool.command(work), folder, limit=limit)
        try:
            return cost, tool.found(work)
        except (SpbeAuditError, OSError, ValueError, LookupError, SyntaxError) as problem:
            told = (folder / "errors.txt").read_text("utf-8", "replace")
            sys.stderr.write(f"{tool.label}: no result: {problem}\n{told[-2000:]}\n")
            return cost, {}
    finally:
        shutil.rmtree(folder)


def _start_of(tool: Tool, servers: Lab) -> float:
    """Seconds that the scanner takes to start and end without any work."""
    folder = Path(tempfile.mkdtemp(prefix="tls-run-"))
    try:
        work = Work((), 0, folder, letter=servers.link is not None)
        command = tool.start(work)
        return min(measure(servers.client, command, folder).seconds for _ in range(_STARTS))
    finally:
        shutil.rmtree(folder)


def _say(case: Case, tool: Tool, cost: Cost, answered: int) -> None:
    sys.stderr.write(
        f"{case.title}: {tool.label}: {cost.seconds:.2f} s, {cost.cpu_seconds:.2f} CPU s,"
        f" {cost.connections} connections, {answered} answered\n"
    )


def _about_link(carried: Carried, round_trip: float) -> str:
    late = f"{carried.late_mean * 1000:.2f} ms late on average and"
    return (
        f"The link's round trip, measured by connecting: {round_trip * 1000:.1f} ms. It carried"
        f" {carried.packets} packets ({carried.octets / 1e6:.0f} MB), {carried.busiest_second} in"
        f" its busiest second, {late}"
        f" {carried.late_most * 1000:.1f} ms at most, lost {carried.dropped}, and used"
        f" {carried.cpu_seconds:.1f} CPU seconds, which no scanner is charged for.\n"
    )


def _about_starts(starts: Mapping[str, float], delay_ms: float) -> str:
    listed = ", ".join(f"{TOOLS[tool].label} {seconds:.2f} s" for tool, seconds in starts.items())
    where = "On loopback" if not delay_ms else f"With {delay_ms:g} ms"
    return f"{where}, starting without any work takes: {listed}.\n"


def _page(measured: Measured, tools: Sequence[str]) -> str:
    """The whole text."""
    versions = {TOOLS[tool].label: TOOLS[tool].version() for tool in tools if TOOLS[tool].whole}
    parts = [
        f"Measured on {datetime.now(UTC).date()}.\n",
        machine_table(versions.items()),
        politeness_table(tools),
    ]
    parts += measured.tables
    if measured.found:
        parts += ["### Accepted suites found, version by version\n"]
        parts += [completeness_table(measured.found)]
    return "\n".join(parts)


def _lacking(measured: Measured) -> list[str]:
    """What is wrong with ours: endpoints without an answer, and suites that only others found."""
    lines = list(measured.unanswered)
    for kind, by_tool in measured.found.items():
        pairs = missed(by_tool).get("ours", frozenset())
        lines += [f"{kind}: ours missed {name} in {version}" for version, name in sorted(pairs)]
    return lines


if __name__ == "__main__":
    sys.exit(main())
