"""All that a check author imports: @check, Params, Outcome, Verdict.

A check is one pure function from evidence (and parameters) to an outcome:

    @check("tls.modern_version", needs=TlsEvidence, params=ModernVersionParams)
    def modern_version(tls: TlsEvidence, params: ModernVersionParams) -> Outcome:
        "Is TLS 1.3 accepted?"

It knows no regulation, no severity, no clock and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar, overload

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import (
    AddressesEvidence,
    AvailabilityEvidence,
    DnsEvidence,
    Evidence,
    HttpEvidence,
    KeyUseEvidence,
    PortsEvidence,
    Probe,
    ServicesEvidence,
    SurfaceEvidence,
    TlsEvidence,
    TlsQuestion,
    UptimeEvidence,
)

Fact = str | int | float | bool | None | tuple["Fact", ...] | Mapping[str, "Fact"]
"""What an outcome may tell: plain data that reads the same after a trip through JSON."""

PROBE_OF: Mapping[type, Probe] = {
    AddressesEvidence: Probe.ADDRESSES,
    AvailabilityEvidence: Probe.AVAILABILITY,
    DnsEvidence: Probe.DNS,
    HttpEvidence: Probe.HTTP,
    KeyUseEvidence: Probe.KEY_USE,
    PortsEvidence: Probe.PORTS,
    ServicesEvidence: Probe.SERVICES,
    SurfaceEvidence: Probe.SURFACE,
    TlsEvidence: Probe.TLS,
    UptimeEvidence: Probe.UPTIME,
}
"""Which probe brings which evidence."""


class Verdict(StrEnum):
    """The four answers. ``unknown`` is never good and never bad."""

    PASS = "pass"  # noqa: S105 - the word of the contract, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"


class Params(BaseModel):
    """Base of a check's parameters: defaults in the class, values from a policy."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NoParams(Params):
    """For checks with nothing to set."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, the facts that it rests on, and a reason code where there is no judgement."""

    verdict: Verdict
    facts: Mapping[str, Fact] = field(default_factory=dict)
    reason: str | None = None

    @classmethod
    def passed(cls, **facts: Fact) -> Outcome:
        """The question is answered as wished."""
        return cls(Verdict.PASS, facts)

    @classmethod
    def failed(cls, **facts: Fact) -> Outcome:
        """The question is answered, and not as wished."""
        return cls(Verdict.FAIL, facts)

    @classmethod
    def not_applicable(cls, reason: str, **facts: Fact) -> Outcome:
        """The question does not arise; ``reason`` is a code with a text in the report."""
        return cls(Verdict.NOT_APPLICABLE, facts, reason)

    @classmethod
    def unknown(cls, reason: str, **facts: Fact) -> Outcome:
        """The evidence does not answer the question; ``reason`` is a code with a text."""
        return cls(Verdict.UNKNOWN, facts, reason)


class About(StrEnum):
    """What a check asks about.

    Questions about the PAGE have no honest answer where the page is not the service's own (a block
    page, a maintenance page, a demand for a client certificate); see contested.py. Questions about
    the SERVER are answered all the same.
    """

    SERVER = "server"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Check:
    """A question about evidence, found by its id ``family.name``.

    ``asks`` are the questions about TLS that it needs the answers to, and that a brief scan would
    leave out. ``subject`` names the fact that lists what is at fault, each a finding of its own:
    "cookies" for a list of texts or numbers, "ports.port" for a list of mappings with that key.
    ``among`` names the fact that says which subjects were looked at: a list of them, or ports in
    range notation ("22,80,8000-8010").
    """

    id: str
    needs: tuple[type[Evidence], ...]
    params_type: type[Params]
    function: Callable[..., Outcome]
    about: About = About.SERVER
    asks: frozenset[TlsQuestion] = frozenset()
    subject: str | None = None
    among: str | None = None

    @property
    def family(self) -> str:
        """The part of the id before the dot: the folder it lives in."""
        return self.id.partition(".")[0]

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The probes whose evidence the check needs, in the order of its arguments."""
        return tuple(PROBE_OF[kind] for kind in self.needs)

    def run(self, evidence: tuple[Evidence, ...], params: Params) -> Outcome:
        """Ask the question of one service's evidence, given in the order of ``needs``."""
        return self.function(*evidence, params)


E1 = TypeVar("E1", bound=Evidence)
E2 = TypeVar("E2", bound=Evidence)
P = TypeVar("P", bound=Params)


@overload
def check(
    check_id: str,
    *,
    needs: type[E1],
    params: type[P],
    about: About = ...,
    asks: Collection[TlsQuestion] = ...,
    subject: str | None = ...,
    among: str | None = ...,
) -> Callable[[Callable[[E1, P], Outcome]], Check]: ...
@overload
def check(
    check_id: str,
    *,
    needs: tuple[type[E1], type[E2]],
    params: type[P],
    about: About = ...,
    asks: Collection[TlsQuestion] = ...,
    subject: str | None = ...,
    among: str | None = ...,
) -> Callable[[Callable[[E1, E2, P], Outcome]], Check]: ...
def check(
    check_id: str,
    *,
    needs: Any,
    params: type[Params],
    about: About = About.SERVER,
    asks: Collection[TlsQuestion] = (),
    subject: str | None = None,
    among: str | None = None,
) -> Any:
    """Make a check of a function whose arguments are ``needs`` and ``params`` (mypy holds it)."""
    kinds = needs if isinstance(needs, tuple) else (needs,)

    def decorate(function: Callable[..., Outcome]) -> Check:
        return Check(check_id, kinds, params, function, about, frozenset(asks), subject, among)

    return decorate


__all__ = ["About", "Check", "Fact", "NoParams", "Outcome", "Params", "Verdict", "check"]
