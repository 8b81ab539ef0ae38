"""Compares what we say of TLS servers on loopback with sslyze's own command, nmap and testssl.sh.

python -m tests.oracles.tls [--tools sslyze nmap testssl.sh] [--servers NAME ...]

A tool that is not installed is left out, and said so. testssl.sh takes a minute or two per server.
The exit code is 0 when they differ just where docs/oracles.md says that they do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.oracles.tls_servers import servers
from tests.oracles.tls_tools import TOOLS, Fact, Facts, ours

KNOWN: Mapping[tuple[str, str, str], str] = {
    ("sslyze", "old order", "groups"): "Weak curves beside TLS 1.3",
    ("testssl.sh", "old order", "LOGJAM"): "What counts as LOGJAM",
}
"""Differences that docs/oracles.md explains: (tool, server, fact): heading."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fact about one server, as one tool and as we tell it."""

    tool: str
    server: str
    fact: str
    theirs: Fact
    ours: Fact

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.theirs == self.ours

    @property
    def known(self) -> str:
        """The heading that explains a difference."""
        return KNOWN.get((self.tool, self.server, self.fact), "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tools", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--servers", nargs="+", default=[], metavar="NAME")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as ports:
        for server, port in ports.items():
            if not options.servers or server in options.servers:
                rows += _compared(server, port, options.tools, Path(name))
    sys.stdout.write(_table(rows))
    return 0 if all(row.agrees or row.known for row in rows) else 1


def _compared(server: str, port: int, tools: Iterable[str], folder: Path) -> list[Row]:
    """All facts that we and a tool both tell of one server."""
    our_facts = ours(port, folder)
    rows = []
    for tool in tools:
        ask, is_installed = TOOLS[tool]
        if not is_installed():
            sys.stderr.write(f"{tool} is not installed: left out\n")
            continue
        sys.stderr.write(f"{server}: {tool}\n")
        rows += _rows(tool, server, ask(port, folder), our_facts)
    return rows


def _rows(tool: str, server: str, theirs: Facts, our_facts: Facts) -> list[Row]:
    """The facts side by side; suites of a version that one of the two does not see count too."""
    names = {name for name in {*theirs, *our_facts} if name.startswith("suites ")}
    names |= set(theirs) & set(our_facts)
    nothing: Fact = frozenset()
    return [
        Row(tool, server, name, theirs.get(name, nothing), our_facts.get(name, nothing))
        for name in sorted(names)
    ]


def _table(rows: Sequence[Row]) -> str:
    lines = []
    for row in rows:
        if row.agrees:
            continue
        lines.append(f"{row.server:16} {row.fact:30} {row.tool}: {_difference(row)}")
        lines.append(f"{'':16} {'as documented: ' + row.known if row.known else 'NOT DOCUMENTED'}")
    head = f"{'fact':32}" + "".join(f"{tool:>24}" for tool in TOOLS)
    agreed = Counter((row.fact, row.tool) for row in rows if row.agrees)
    differing = Counter((row.fact, row.tool) for row in rows if not row.agrees)
    lines += ["", head]
    for fact in sorted({row.fact for row in rows}):
        cells = (f"{agreed[fact, tool]:>12} same {differing[fact, tool]:>2} not" for tool in TOOLS)
        lines.append(f"{fact:32}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join([*lines, ""])


def _difference(row: Row) -> str:
    if isinstance(row.theirs, frozenset) and isinstance(row.ours, frozenset):
        more, less = sorted(row.theirs - row.ours), sorted(row.ours - row.theirs)
        return f"also {', '.join(more) or '-'}; not {', '.join(less) or '-'}"
    return f"{row.theirs}; ours {row.ours}"


if __name__ == "__main__":
    sys.exit(main())
