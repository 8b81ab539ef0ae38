"""The tls probe: what one TLS endpoint offers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import replace

from spbe_audit.evidence import (
    Attempt,
    Endpoint,
    Failure,
    FailureKind,
    Probe,
    SuiteListing,
    TlsAnswer,
    TlsEvidence,
    TlsQuestion,
    Tool,
)
from spbe_audit.network import Door, OutOfScopeError
from spbe_audit.probes.socket_failures import failure_of_socket, short_text
from spbe_audit.probes.tls.asker import Asker
from spbe_audit.probes.tls.assemble import evidence_of
from spbe_audit.probes.tls.contact import Contact, LineClosedError, StarttlsDeclinedError
from spbe_audit.probes.tls.greeting import Greeting, Reply, Sort, greet, sni, sort_reply
from spbe_audit.probes.tls.introduction import Introduction, NotTlsError, introduce
from spbe_audit.probes.tls.offer import TLS_1_0, TLS_1_2, little_of
from spbe_audit.probes.tls.pace import Pace
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.probes.tls.survey import Plan, Survey
from spbe_audit.targets import Intensity
from spbe_audit.version import VERSION

ENGINE = "spbe-audit"
_TLS_SPOKEN = frozenset({TlsAnswer.HANDSHAKE, TlsAnswer.ALERT})
_SURVEY_SHARE = 0.6
"""Of the time allowed, where flaws are looked for afterwards."""


async def probe_tls(
    *,
    host: str,
    port: int,
    address: str,
    door: Door,
    trust_anchors: tuple[bytes, ...] = (),
    intensity: Intensity = Intensity.STANDARD,
    starttls: str | None = None,
    questions: Collection[TlsQuestion] = frozenset(TlsQuestion),
) -> Attempt:
    """Learn what a TLS endpoint offers. What the network does is in the result, never raised.

    ``door.deadlines.tls`` bounds everything together. ``starttls`` names the protocol in which TLS
    has to be begun, a key of OPENINGS. ``questions`` are asked at intensity light, where suites are
    listed one of each kind; otherwise all are.
    """
    key = f"tls {address}:{port} {host}" + (f" {starttls}" if starttls else "")
    endpoint = Endpoint(key, host, port, address)
    started, begun = door.clock(), time.monotonic()
    opening = OPENINGS[starttls] if starttls else None
    contact = Contact(host, address, port, door, opening)
    blank = TlsEvidence(
        server_name=host,
        address=address,
        port=port,
        collected_at=started,
        engine=ENGINE,
        starttls=starttls,
        trust_anchors=trust_anchors,
    )
    visit = _Visit(contact, blank, intensity, _plan(intensity, questions))
    result = await visit.result()
    return Attempt(
        probe=Probe.TLS,
        endpoint=endpoint,
        started=started,
        duration=round(time.monotonic() - begun, 3),
        tool=Tool("spbe-audit", VERSION),
        result=result,
        connections=contact.connections + visit.connections,
    )


def _plan(intensity: Intensity, questions: Collection[TlsQuestion]) -> Plan:
    if intensity is Intensity.LIGHT:
        return Plan(SuiteListing.EACH_KIND, frozenset(questions))
    return Plan()


class _Visit:
    """One visit; ``connections`` are those that another engine has opened."""

    def __init__(
        self, contact: Contact, blank: TlsEvidence, intensity: Intensity, plan: Plan
    ) -> None:
        self.connections = 0
        self._contact, self._blank = contact, blank
        self._intensity, self._plan = intensity, plan

    async def result(self) -> TlsEvidence | Failure:
        """The evidence, or what kept us from it."""
        contact = self._contact
        until = asyncio.get_running_loop().time() + contact.door.deadlines.tls
        try:
            at_once = contact.door.permit(contact.host, contact.address).budget.at_once
            async with asyncio.timeout_at(until):
                first = await self._first()
        except (OutOfScopeError, TimeoutError) as error:
            return failure_of_socket(error)
        if isinstance(first, Greeting) and first.answer not in _TLS_SPOKEN:
            return first.failure or self._other_protocol(first)
        asker = Asker(contact, Pace(at_once))
        survey = Survey(asker, _server_name(contact.host), self._plan)
        is_thorough = self._intensity is Intensity.THOROUGH
        share = _SURVEY_SHARE if is_thorough else 1.0
        introduction = first if isinstance(first, Introduction) else None
        refused = await _run(survey, introduction, until - contact.door.deadlines.tls * (1 - share))
        if refused is not None:
            return refused
        found = evidence_of(survey, self._blank)
        if not found.versions:
            detail = first.detail if isinstance(first, Greeting) else ""
            return _nothing_accepted(asker, found, detail)
        if is_thorough:
            # Only a thorough scan needs what this loads.
            from spbe_audit.probes.tls.flaws import with_flaws  # noqa: PLC0415 - see above

            found, self.connections = await with_flaws(contact, found, until)
        return found

    async def _first(self) -> Introduction | Greeting:
        """The first hello's answer; what speaks there instead, where that is no ServerHello."""
        contact = self._contact
        heard: Reply | None = None
        try:
            name = _server_name(contact.host)
            first = await introduce(contact, name, finish=True, alpn=True)
            if first.hidden:  # some break down over the choice of a protocol
                first = await introduce(contact, name, finish=True)
            if first.flight.hello is not None:
                return first
            alert = first.flight.alert
            heard = Reply(Sort.ALERT, alert) if alert else Reply(Sort.NOTHING)
        except NotTlsError as error:
            heard = sort_reply(error.heard, ended=True) or Reply(Sort.GARBAGE)
        except LineClosedError:
            heard = Reply(Sort.NOTHING)
        except (StarttlsDeclinedError, OSError) as error:
            if contact.opening is not None or not isinstance(error, TimeoutError):
                return Greeting(None, failure=_failure(error))
            if not contact.connected:
                return Greeting(None, failure=failure_of_socket(error))
        if contact.opening is not None and heard is not None and heard.sort is not Sort.ALERT:
            failure = Failure(
                FailureKind.PROTOCOL_BROKEN, "no TLS after the server has agreed to it"
            )
            return Greeting(None, failure=failure)
        name = _server_name(contact.host)
        smaller = [little_of(TLS_1_2, name), little_of(TLS_1_0, None)]
        return await greet(contact, heard, [offer.hello().record() for offer in smaller])

    def _other_protocol(self, greeting: Greeting) -> TlsEvidence:
        answer = greeting.answer or TlsAnswer.OTHER_PROTOCOL
        return replace(self._blank, answer=answer, answer_detail=greeting.detail)


async def _run(survey: Survey, first: Introduction | None, ends: float) -> Failure | None:
    """Let a survey run until its time is over; the failure where it may not go there any more."""
    left = max(0.0, ends - asyncio.get_running_loop().time())
    # A task of its own: a TaskGroup that has failed in a task leaves that task's count of
    # cancellations too high in Python 3.11, and asyncio.timeout then does not know its own.
    task = asyncio.create_task(survey.run(first))
    try:
        await asyncio.wait([task], timeout=left)  # what was seen until then stands
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(ended, asyncio.CancelledError | None):
        return None
    if isinstance(ended, BaseExceptionGroup) and ended.split(OutOfScopeError)[1] is None:
        return failure_of_socket(ended)
    raise ended


def _server_name(host: str) -> str | None:
    name = sni(host)
    return name if name and name.isascii() else None


def _failure(error: Exception) -> Failure:
    if isinstance(error, StarttlsDeclinedError):
        return Failure(FailureKind.TLS_REFUSED, short_text(str(error)))
    return failure_of_socket(error)


def _nothing_accepted(asker: Asker, found: TlsEvidence, alert: str) -> TlsEvidence | Failure:
    """A server that refuses everything for sure has answered; otherwise nothing is known."""
    doubts = found.versions_unknown()
    if not doubts:
        detail = alert or "handshake_failure"
        return replace(found, answer=TlsAnswer.ALERT, answer_detail=detail, unknown={})
    last = asker.last_failure
    kind = last.kind if last else FailureKind.TIMEOUT
    reason = found.unknown[f"versions.{doubts[0]}"]
    text = f"no handshake got an answer; {', '.join(doubts)} could not be judged: {reason}"
    return Failure(kind, text)
