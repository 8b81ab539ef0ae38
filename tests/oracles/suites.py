"""Compares the suites that we find on TLS servers of many makes with what other scanners find.

python -m tests.oracles.suites [--stacks NAME ...] [--tools sslyze nmap sslscan]

A server or a tool that is not installed is left out, and said so. The exit code is 0 when we find,
version by version, what the others find together, and nothing else but what a client that is not
ours gets as well, or what docs/oracles.md explains.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spbe_audit.evidence import TlsVersion
from tests.oracles.suites_handshake import is_accepted
from tests.oracles.suites_tools import TOOLS, Found, ours, suite_name
from tests.servers.stacks import ALL
from tests.servers.stacks.stack import Stack

_BY_USER_NAME = range(0xC01A, 0xC023)
_BEFORE_TLS_1_3 = (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1, TlsVersion.TLS_1_2)
KNOWN: Mapping[tuple[str, TlsVersion, int], str] = {
    ("GnuTLS to TLS 1.2", version, code): "Suites that need the name of a user"
    for version in _BEFORE_TLS_1_3
    for code in _BY_USER_NAME
}
"""Differences that docs/oracles.md explains: (stack, version, code point): heading."""


@dataclass(frozen=True, slots=True)
class Row:
    """One version of one server: what each tool found, and what sets us apart from them.

    ``counts`` has a number of suites per tool, None where the tool does not see the version.
    ``confirmed`` are those of ``only_ours`` that another client got.
    """

    stack: str
    version: TlsVersion
    counts: Mapping[str, int | None]
    union: int
    missed: frozenset[int]
    only_ours: frozenset[int]
    confirmed: frozenset[int]
    configured: bool

    def unexplained(self) -> frozenset[int]:
        """What nobody confirms and no page explains."""
        doubtful = self.missed | (self.only_ours - self.confirmed)
        return frozenset(c for c in doubtful if (self.stack, self.version, c) not in KNOWN)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    names = [stack.name for stack in ALL]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tools", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--stacks", nargs="+", choices=names, default=names, metavar="NAME")
    options = parser.parse_args(arguments)
    tools = [tool for tool in options.tools if not _left_out(tool, TOOLS[tool][1]())]
    rows: list[Row] = []
    sys.stdout.write(_head(tools))
    for stack in ALL:
        if stack.name in options.stacks and not _left_out(stack.name, stack.missing()):
            of_stack = compared(stack, tools)
            sys.stdout.write("".join(_line(row) for row in of_stack))
            sys.stdout.flush()
            rows += of_stack
    sys.stdout.write(_summary(rows))
    return 1 if not rows or any(row.unexplained() for row in rows) else 0


def compared(stack: Stack, tools: Iterable[str]) -> list[Row]:
    """Let each tool and us look at one server, which runs as long as that takes."""
    found: dict[str, Found] = {}
    with tempfile.TemporaryDirectory() as name, stack.serve(Path(name)) as port:
        for tool, ask in [*((tool, TOOLS[tool][0]) for tool in tools), ("ours", ours)]:
            begun = time.monotonic()
            found[tool] = ask(port, Path(name))
            sys.stderr.write(f"{stack.name}: {tool} {time.monotonic() - begun:.1f} s\n")
        seen = {version for suites in found.values() for version in suites} | {*stack.versions}
        return [_row(stack, version, found, port) for version in TlsVersion if version in seen]


def _row(stack: Stack, version: TlsVersion, found: Mapping[str, Found], port: int) -> Row:
    nothing: frozenset[int] = frozenset()
    peers = (suites.get(version, nothing) for tool, suites in found.items() if tool != "ours")
    union = nothing.union(*peers)
    mine = found["ours"].get(version, nothing)
    return Row(
        stack=stack.name,
        version=version,
        counts={t: len(s[version]) if version in s else None for t, s in found.items()},
        union=len(union),
        missed=union - mine,
        only_ours=mine - union,
        confirmed=frozenset(c for c in mine - union if is_accepted(port, version, c)),
        configured=version in stack.versions,
    )


def _left_out(name: str, missing: str) -> bool:
    if missing:
        sys.stderr.write(f"*** {name} IS LEFT OUT: {missing}\n")
    return bool(missing)


def _head(tools: Sequence[str]) -> str:
    columns = "".join(f"{tool:>9}" for tool in [*tools, "ours"])
    return f"{'server':28} {'version':8}{columns}{'union':>9}{'missed':>9}{'only ours':>11}\n"


def _line(row: Row) -> str:
    counts = "".join(f"{'-' if count is None else count:>9}" for count in row.counts.values())
    gap = f"{row.union:>9}{len(row.missed):>9}{len(row.only_ours):>11}"
    lines = [f"{row.stack:28} {row.version:8}{counts}{gap}"]
    if not row.configured:
        lines.append(f"{'':28} {row.version} is not one that the server is configured to accept")
    for kind, codes in (("missed", row.missed), ("only ours", row.only_ours)):
        named = ((suite_name(code), _verdict(row, code)) for code in sorted(codes))
        lines += [f"{'':28} {kind}: {name} ({verdict})" for name, verdict in named]
    return "\n".join([*lines, ""])


def _verdict(row: Row, code: int) -> str:
    known = KNOWN.get((row.stack, row.version, code))
    if known:
        return f"as documented: {known}"
    return "another client gets it too" if code in row.confirmed else "NOT DOCUMENTED"


def _summary(rows: Sequence[Row]) -> str:
    servers = len({row.stack for row in rows})
    open_rows = sum(bool(row.unexplained()) for row in rows)
    return (
        f"{servers} servers, {len(rows)} versions, {sum(row.union for row in rows)} suites by the"
        f" others together; {open_rows} versions differ without an explanation\n"
    )


if __name__ == "__main__":
    sys.exit(main())
