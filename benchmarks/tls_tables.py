"""What was measured of TLS scanners, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.measured_command import Cost
from benchmarks.tls_tools import TOOLS, Suites

_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Case:
    """One situation that all scanners are put in; ``round_trip`` is measured, 0 on loopback."""

    endpoints: int
    kind: str
    delay_ms: float
    round_trip: float = 0.0

    @property
    def title(self) -> str:
        """The situation in words."""
        many = f"{self.endpoints} endpoint{'s' if self.endpoints > 1 else ''}"
        if not self.delay_ms:
            return f"{many}, {self.kind}, loopback"
        real = f"{self.round_trip * 1000:.1f} ms measured"
        return f"{many}, {self.kind}, {self.delay_ms:g} ms of round trip added ({real})"


@dataclass(frozen=True, slots=True)
class Row:
    """What one scanner cost in one case, round by round; ``start`` is its idle start in seconds.

    ``answered`` is the smallest number of endpoints it found suites of in any round.
    """

    tool: str
    costs: tuple[Cost, ...]
    answered: int
    start: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much as the first, over the rounds that both have."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        if self.least == self.most:
            return _short(self.middle)
        return f"{_short(self.middle)} ({_short(self.least)}..{_short(self.most)})"


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """Theirs divided by ours, round by round: median, least and most."""
    each = [their / our for their, our in zip(theirs, ours, strict=False)]
    return Ratio(median(each), min(each), max(each))


def case_table(case: Case, rows: Sequence[Row]) -> str:
    """One line for each scanner. Ratios compare with the first, so the first has none."""
    heads = ["scanner", "wall s", "times ours", "CPU s", "times ours", "peak MB", "connections"]
    heads += ["per endpoint"]
    if _has_round_trips(case):
        heads.append("round trips")
    heads += ["answered", "n"]
    lines = [f"### {case.title}", "", *_table(heads, (_cells(case, row, rows[0]) for row in rows))]
    cut = [row for row in rows if not all(cost.finished for cost in row.costs)]
    lines += [f"\n{TOOLS[row.tool].label} was cut short: its times are too small." for row in cut]
    return "\n".join(lines) + "\n"


def politeness_table(tools: Iterable[str]) -> str:
    """How many connections at once each scanner opens to one server."""
    rows = ([TOOLS[tool].label, TOOLS[tool].at_once] for tool in tools)
    return "\n".join(_table(["scanner", "connections at once to one server"], rows)) + "\n"


def completeness_table(found: Mapping[str, Mapping[str, Suites]]) -> str:
    """Accepted (version, suite) pairs each scanner found, by kind of server and by scanner."""
    tools = list(dict.fromkeys(tool for by_tool in found.values() for tool in by_tool))
    heads = ["server", *(TOOLS[tool].label for tool in tools), "all together"]
    rows = [
        [kind, *(_count(by_tool, tool) for tool in tools), str(len(_everything(by_tool)))]
        for kind, by_tool in found.items()
    ]
    lines = [*_table(heads, rows), ""]
    for kind, by_tool in found.items():
        for tool, pairs in missed(by_tool).items():
            if pairs:
                lines.append(f"- {kind}: {TOOLS[tool].label} does not find {_listed(pairs)}.")
    return "\n".join(lines) + "\n"


def missed(found: Mapping[str, Suites]) -> dict[str, Suites]:
    """What each scanner did not find of what any of them did."""
    everything = _everything(found)
    return {tool: everything - suites for tool, suites in found.items()}


def _everything(found: Mapping[str, Suites]) -> Suites:
    return frozenset(pair for suites in found.values() for pair in suites)


def _count(by_tool: Mapping[str, Suites], tool: str) -> str:
    return str(len(by_tool[tool])) if tool in by_tool else ""


def _listed(pairs: Suites) -> str:
    versions = sorted({version for version, _ in pairs})
    names = {v: sorted(name for version, name in pairs if version == v) for v in versions}
    return "; ".join(f"in {version} {', '.join(names[version])}" for version in versions)


def _cells(case: Case, row: Row, first: Row) -> list[str]:
    seconds = [cost.seconds for cost in row.costs]
    work = [cost.cpu_seconds for cost in row.costs]
    opened = median(cost.connections for cost in row.costs)
    is_first = row is first
    cells = [
        TOOLS[row.tool].label,
        _short(median(seconds)),
        "" if is_first else str(ratio(seconds, [cost.seconds for cost in first.costs])),
        _short(median(work)),
        "" if is_first else str(ratio(work, [cost.cpu_seconds for cost in first.costs])),
        f"{median(cost.peak_bytes for cost in row.costs) / _MEGABYTE:.0f}",
        f"{opened:.0f}",
        _short(opened / case.endpoints),
    ]
    if _has_round_trips(case):
        cells.append(f"{max(0.0, median(seconds) - row.start) / case.round_trip:.0f}")
    return [*cells, f"{row.answered}", f"{len(row.costs)}"]


def _has_round_trips(case: Case) -> bool:
    return case.endpoints == 1 and case.round_trip > 0


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [_line(heads), "|---" * len(heads) + "|"]
    return [*lines, *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _short(number: float) -> str:
    """Three figures, and no power of ten."""
    if number >= 100:  # noqa: PLR2004 - three figures
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"  # noqa: PLR2004 - the same
