"""spbe-audit tls: a quick look at what TLS endpoints offer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from spbe_audit.evidence.attempt import Attempt, Failure, FailureKind
from spbe_audit.evidence.tls import TlsEvidence, TlsQuestion, TlsVersion
from spbe_audit.network import Door
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.targets import Engagement, Intensity
from spbe_audit.tls_look import DEFAULT_PORTS, HTTPS, TlsTarget, look_at, read_tls_target

_GOOD, _WRONG_INPUT, _NOT_ALL, _OUT_OF_SCOPE = 0, 2, 3, 4  # as in exit_codes, which loads much more
_YES_NO: Mapping[bool | None, str] = {True: "yes", False: "no", None: "not asked"}
_FACTS = {
    "secure_renegotiation": "secure renegotiation",
    "extended_master_secret": "extended master secret",
    "encrypt_then_mac": "encrypt-then-MAC",
    "session_tickets": "session tickets",
    "fallback_scsv": "refuses fallback",
    "compression": "compression",
    "early_data": "early data",
    "client_renegotiation": "renegotiation by clients",
    "client_certificate_asked": "asks for a client certificate",
}
_MOST_SHOWN = 100


@click.command("tls")
@click.argument("endpoints", nargs=-1)
@click.option(
    "--file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with one endpoint a line, instead of or beside ENDPOINTS.",
)
@click.option(
    "--targets",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A target list whose engagement permits what is not loopback.",
)
@click.option(
    "--starttls", type=click.Choice(sorted(OPENINGS)), help="The protocol in which TLS is begun."
)
@click.option(
    "--intensity",
    type=click.Choice([intensity.value for intensity in Intensity]),
    default=Intensity.STANDARD.value,
    show_default=True,
    help="light lists one suite of each kind; thorough looks for flaws as well.",
)
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each endpoint.")
def command(
    *,
    endpoints: tuple[str, ...],
    file: Path | None,
    targets: Path | None,
    starttls: str | None,
    intensity: str,
    as_json: bool,
) -> int:
    """Show what TLS ENDPOINTS offer: host, host:port or URLs. Nothing is stored or judged.

    \b
    Examples:
      spbe-audit tls 127.0.0.1:8443
      spbe-audit tls portal.example.go.id --targets targets.yaml
      spbe-audit tls 127.0.0.1:25 --starttls smtp --json

    Exit codes: 0 all looked at, 2 wrong input, 3 some did not answer, 4 none is in scope.
    """  # noqa: D301 - click wants the control character itself
    wanted = _read_endpoints(endpoints, file, DEFAULT_PORTS.get(starttls or "", HTTPS))
    door = Door(engagement=_engagement(targets))
    questions = frozenset(TlsQuestion)
    if intensity == Intensity.LIGHT.value:
        questions -= {TlsQuestion.GROUPS}  # a dozen connections by itself
    return asyncio.run(
        _look(
            look_at(
                wanted,
                door=door,
                intensity=Intensity(intensity),
                starttls=starttls,
                questions=questions,
            ),
            as_json=as_json,
        )
    )


def _read_endpoints(
    endpoints: Sequence[str], file: Path | None, default_port: int
) -> tuple[TlsTarget, ...]:
    lines = file.read_text("utf-8", "replace").splitlines() if file else []
    texts = [text for text in (*endpoints, *(line.strip() for line in lines)) if text]
    if not texts:
        raise click.UsageError("Give one or more endpoints, such as 127.0.0.1:8443, or --file.")
    try:
        return tuple(read_tls_target(t, default_port) for t in texts if not t.startswith("#"))
    except ValueError as error:
        raise click.UsageError(f"{error}. Write host, host:port or https://host:port.") from error


def _engagement(targets: Path | None) -> Engagement | None:
    if targets is None:
        return None
    from spbe_audit.target_files import load_targets  # noqa: PLC0415 - loads a parser of YAML

    return load_targets(targets).engagement


async def _look(attempts: AsyncIterator[Attempt], *, as_json: bool) -> int:
    failures: list[FailureKind | None] = []
    async for attempt in attempts:
        click.echo(_as_json(attempt) if as_json else _as_text(attempt))
        failures.append(attempt.failure.kind if attempt.failure else None)
    if not any(failures):
        return _GOOD
    refused = all(kind is FailureKind.OUT_OF_SCOPE for kind in failures)
    return _OUT_OF_SCOPE if refused else _NOT_ALL


def _as_json(attempt: Attempt) -> str:
    return json.dumps(asdict(attempt), default=_plain, sort_keys=True)


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return base64.urlsafe_b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _as_text(attempt: Attempt) -> str:
    place = f"{attempt.endpoint.host}:{attempt.endpoint.port}"
    if attempt.endpoint.address not in {None, attempt.endpoint.host}:
        place += f" ({attempt.endpoint.address})"
    cost = f"{attempt.connections} connections, {attempt.duration:.2f} s"
    lines = [f"{place}  {cost}"]
    if isinstance(attempt.result, TlsEvidence):
        lines += [f"  {name:<12}{text}" for name, text in _rows(attempt.result)]
    elif isinstance(attempt.result, Failure):
        lines.append(f"  not known: {attempt.result.text} ({attempt.result.kind.value})")
    return "\n".join(lines) + "\n"


def _rows(tls: TlsEvidence) -> Iterator[tuple[str, str]]:
    if not tls.offered:
        yield "no TLS", f"{tls.answer.value}: {_clean(tls.answer_detail)}"
        return
    for version in reversed(TlsVersion):
        if version in tls.versions:
            names = tls.suites.get(version, ())
            for place, suite in enumerate(names or ("-",)):
                yield "" if place else version.value, suite
    doubtful = tls.versions_unknown()
    refused = [v.value for v in TlsVersion if v not in tls.versions and v not in doubtful]
    yield "refused", ", ".join(refused) or "-"
    yield "order", {True: "the server's", False: "the client's", None: "-"}[tls.server_preference]
    yield "groups", ", ".join(tls.groups or ()) or "-"
    yield "certificate", "; ".join(_chain_names(tls)) or "-"
    facts: dict[str, Any] = {label: getattr(tls, name) for name, label in _FACTS.items()}
    yield "features", ", ".join(f"{label}: {_YES_NO[value]}" for label, value in facts.items())
    for name in tls.intolerances or ():
        yield "chokes on", name
    for name, flawed in tls.flaws.items():
        yield "flaw", f"{name}: {_YES_NO[flawed]}"
    for name, reason in tls.unknown.items():
        yield "not known", f"{name}: {_clean(reason)}"


def _chain_names(tls: TlsEvidence) -> Iterator[str]:
    from spbe_audit.evidence import MalformedCertificateError, read_certificate  # noqa: PLC0415 - loads X.509

    for chain in tls.chains:
        how = "" if chain.server_name else " (without SNI)"
        try:
            leaf = read_certificate(chain.certificates[0])
        except (MalformedCertificateError, IndexError):
            yield "unreadable" + how
            continue
        yield f"{_clean(leaf.subject)}, until {leaf.not_after:%Y-%m-%d}{how}"


def _clean(text: str) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + "..."
