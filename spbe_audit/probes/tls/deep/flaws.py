"""Looks for flaws that show only in a conversation which breaks the rules, by way of sslyze."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from spbe_audit.evidence import Failure, TlsEvidence, TlsVersion
from spbe_audit.network import Door
from spbe_audit.probes.tls.deep.errand import Errand, run_errand
from spbe_audit.probes.tls.deep.job import (
    CLIENT_RENEGOTIATION,
    QUESTIONS,
    STARTTLS,
    FlawsFound,
    KnownOffer,
)
from spbe_audit.probes.tls.deep.process import ask_for_flaws
from spbe_audit.targets import Intensity

_WITHOUT_THE_FLAWS = frozenset({TlsVersion.SSL_2_0, TlsVersion.TLS_1_3})
_STATIC_RSA = ("TLS_RSA_WITH_", "TLS_RSA_EXPORT")


async def find_flaws(
    *,
    host: str,
    address: str,
    port: int,
    door: Door,
    tls: TlsEvidence,
    seconds: float,
    starttls: str | None = None,
) -> FlawsFound:
    """Heartbleed, CCS injection, ROBOT and renegotiation by the client, one after the other.

    ``tls`` is what is known so far: what it rules out is not asked. The wait for one of the few
    places for engines comes on top of ``seconds``. What the network does is in the result.
    """
    if not tls.versions:
        return FlawsFound({}, None, {})
    if not set(tls.versions) - _WITHOUT_THE_FLAWS:
        if tls.versions_unknown():
            return _unknown(QUESTIONS, "the version that it belongs to could not be judged")
        return _ruled_out(QUESTIONS)
    robot = any(name.startswith(_STATIC_RSA) for name in tls.accepted_suites())
    questions = [name for name in QUESTIONS if name != "robot" or robot or not _is_settled(tls)]
    if starttls and starttls not in STARTTLS:
        found = _unknown(questions, f"sslyze cannot begin TLS inside {starttls}")
    else:
        known = KnownOffer(
            tls.versions, tls.suites, bool(tls.client_certificate_asked), tuple(questions)
        )
        errand = Errand(host, address, port, Intensity.THOROUGH, starttls, known)
        answer = await run_errand(errand, door, seconds, ask_for_flaws)
        found = _unknown(questions, answer.text) if isinstance(answer, Failure) else answer
    left_out = _ruled_out(set(QUESTIONS) - set(questions))
    return replace(found, flaws=dict(sorted({**found.flaws, **left_out.flaws}.items())))


def _is_settled(tls: TlsEvidence) -> bool:
    """Whether nothing about versions and suites is in doubt."""
    return not any(key.startswith(("versions", "suites")) for key in tls.unknown)


def _ruled_out(questions: Collection[str]) -> FlawsFound:
    flaws = {name: False for name in sorted(questions) if name != CLIENT_RENEGOTIATION}
    return FlawsFound(flaws, False if CLIENT_RENEGOTIATION in questions else None, {})


def _unknown(questions: Collection[str], why: str) -> FlawsFound:
    names = (name if name == CLIENT_RENEGOTIATION else f"flaws.{name}" for name in questions)
    return FlawsFound({}, None, dict.fromkeys(names, why))
