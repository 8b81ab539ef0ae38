"""Compares the verdicts that follow from our own prober with those that follow from sslyze.

python -m tests.oracles.engines [--servers NAME ...] [--intensity standard] [--no-stacks]

Both look at each server on loopback, and every check that needs nothing but TlsEvidence judges what
each of them saw, with its own parameters and with those of the policy spbe. A server that is not
installed is left out, and said so. The exit code is 0 when the verdicts differ just where
docs/oracles.md says that they do.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from spbe_audit.catalogue import load_catalogue
from spbe_audit.check import Check, Outcome, Params, Verdict
from spbe_audit.evidence import Failure, TlsEvidence
from spbe_audit.network import Deadlines, Door
from spbe_audit.policy import load_policy
from spbe_audit.probes.tls.deep.survey import survey
from spbe_audit.probes.tls.probe import probe_tls
from spbe_audit.targets import Intensity
from tests.oracles.tls_servers import servers
from tests.servers.stacks import ALL

NAME = "layanan.test"
ADDRESS = "127.0.0.1"
ANY = "*"
_NOT_ASKED = "What sslyze does not ask"
_UNFINISHED = "Suites that sslyze offers and cannot use"
KNOWN: Mapping[tuple[str, str], str] = {
    (ANY, "tls.signature_algorithms"): _NOT_ASKED,
    (ANY, "tls.ticketbleed"): _NOT_ASKED,
    (ANY, "tls.version_tolerance"): _NOT_ASKED,
    ("OpenSSL 0.9.8e SSL 2", "certificate.*"): "A certificate in SSL 2.0",
    ("hitch", "tls.early_data"): "A server that hangs up on early data",
    ("NSS to TLS 1.2", "tls.anonymous_suites"): _UNFINISHED,
    ("NSS to TLS 1.2", "tls.export_suites"): _UNFINISHED,
    ("Java JSSE", "tls.server_preference"): _UNFINISHED,
    ("tlslite-ng", "tls.key_exchange_strength"): "A curve that only old versions have",
}
"""Differences that docs/oracles.md explains: (server or ANY, check or family.*): heading."""

_POLICY = "spbe"
_FAMILIES = frozenset({"certificate", "tls"})
_DEADLINES = Deadlines(exchange=12, tls=150)


@dataclass(frozen=True, slots=True)
class Pair:
    """What both engines saw of one server."""

    server: str
    ours: TlsEvidence | Failure
    theirs: TlsEvidence | Failure


@dataclass(frozen=True, slots=True)
class Question:
    """A check with parameters; ``source`` is where they come from."""

    check: Check
    params: Params
    source: str


@dataclass(frozen=True, slots=True)
class Row:
    """One check of one server, judged twice."""

    server: str
    question: Question
    ours: Outcome
    theirs: Outcome

    @property
    def agrees(self) -> bool:
        """Whether the verdict is the same."""
        return self.ours.verdict is self.theirs.verdict

    @property
    def known(self) -> str:
        """The heading that explains a difference."""
        check = self.question.check
        places = product((self.server, ANY), (check.id, f"{check.family}.*"))
        return next((KNOWN[place] for place in places if place in KNOWN), "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--servers", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--intensity", type=Intensity, default=Intensity.THOROUGH)
    parser.add_argument("--no-stacks", action="store_true", help="leave the other makes out")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for server, port in _running(Path(folder), options.servers, stacks=not options.no_stacks):
            sys.stderr.write(f"{server}\n")
            rows += compared(look_twice(server, port, options.intensity))
    sys.stdout.write(table(rows))
    return 0 if rows and all(row.agrees or row.known for row in rows) else 1


def look_twice(server: str, port: int, intensity: Intensity) -> Pair:
    """Let both engines look, one after the other: sslyze may keep a server busy."""
    ours = asyncio.run(
        probe_tls(
            host=NAME,
            port=port,
            address=ADDRESS,
            door=Door(deadlines=_DEADLINES),
            intensity=intensity,
        )
    ).result
    report = asyncio.run(
        survey(
            host=NAME,
            address=ADDRESS,
            port=port,
            door=Door(deadlines=_DEADLINES),
            intensity=intensity,
            seconds=_DEADLINES.tls,
        )
    )
    if not isinstance(ours, TlsEvidence | Failure):
        raise TypeError(f"the tls probe brought {type(ours).__name__}")
    return Pair(server, ours, report.result)


def compared(pair: Pair) -> list[Row]:
    """Every question, judged on what the one saw and on what the other saw."""
    return [
        Row(pair.server, question, judged(question, pair.ours), judged(question, pair.theirs))
        for question in questions()
    ]


def judged(question: Question, seen: TlsEvidence | Failure) -> Outcome:
    """The outcome of one check; a probe that came home empty leaves it unknown."""
    if isinstance(seen, Failure):
        return Outcome.unknown(seen.kind.value)
    return question.check.run((seen,), question.params)


def questions() -> list[Question]:
    """All checks that need TlsEvidence only, as they are and as the policy asks them."""
    checks = {
        check.id: check
        for check in load_catalogue().checks
        if check.needs == (TlsEvidence,) and check.family in _FAMILIES
    }
    own = [Question(check, check.params_type(), "defaults") for check in checks.values()]
    asked = [
        Question(checks[one.check], one.params, _POLICY)
        for one in load_policy(_POLICY).requirements
        if one.check in checks
    ]
    return own + asked


def table(rows: Sequence[Row]) -> str:
    """What differs, then every check with how often the two agreed."""
    lines = [line for row in rows for line in _difference(row)]
    agreed = Counter((row.question.check.id, row.ours.verdict) for row in rows if row.agrees)
    differing = Counter(row.question.check.id for row in rows if not row.agrees)
    head = f"{'check':36}" + "".join(f"{verdict:>16}" for verdict in Verdict) + f"{'differ':>10}"
    lines += ["", head]
    for check in sorted({row.question.check.id for row in rows}):
        cells = "".join(f"{agreed[check, verdict]:>16}" for verdict in Verdict)
        lines.append(f"{check:36}{cells}{differing[check]:>10}")
    servers_seen = len({row.server for row in rows})
    lines += ["", f"{len(rows)} verdicts on {servers_seen} servers, {differing.total()} differ", ""]
    return "\n".join(lines)


def _difference(row: Row) -> Iterator[str]:
    """A verdict that differs, or the reason of one; nothing where both are the same."""
    if row.agrees and row.ours.reason == row.theirs.reason:
        return
    what = f"{row.server:20} {row.question.check.id} ({row.question.source})"
    yield f"{what}: ours {_told(row.ours)}; sslyze's {_told(row.theirs)}"
    if not row.agrees:
        yield f"{'':20} {'as documented: ' + row.known if row.known else 'NOT DOCUMENTED'}"


def _told(outcome: Outcome) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in outcome.facts.items())
    return f"{outcome.verdict} {outcome.reason or ''} ({facts[:160]})"


def _running(folder: Path, chosen: Sequence[str], *, stacks: bool) -> Iterator[tuple[str, int]]:
    """Every server with its port, while it runs."""
    with servers(folder) as ports:
        for server, port in ports.items():
            if not chosen or server in chosen:
                yield server, port
    for stack in ALL if stacks else ():
        if chosen and stack.name not in chosen:
            continue
        missing = stack.missing()
        if missing:
            sys.stderr.write(f"{stack.name}: left out, {missing}\n")
            continue
        with stack.serve(Path(tempfile.mkdtemp(dir=folder))) as port:
            yield stack.name, port


if __name__ == "__main__":
    sys.exit(main())
