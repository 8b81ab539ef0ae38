"""Asks one endpoint with care: tells a refusal from a failure, and slows down where it must.

A server that accepts none of what a hello offers sends an alert, or hangs up. One that has had
enough of us hangs up too, does not answer, or lets nobody in. So a hang-up counts as a refusal only
where it is repeated, and where a hello that was answered before is answered still.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from spbe_audit.evidence import FailureKind
from spbe_audit.network import OutOfScopeError
from spbe_audit.probes.socket_failures import failure_of_socket, short_text
from spbe_audit.probes.tls.client_hello import ClientHello
from spbe_audit.probes.tls.contact import Contact, LineClosedError, Reader, StarttlsDeclinedError
from spbe_audit.probes.tls.pace import Pace
from spbe_audit.probes.tls.server_flight import (
    FLIGHT_LIMIT,
    BrokenFlightError,
    Flight,
    ServerHello,
    read_flight,
)
from spbe_audit.probes.tls.ssl2 import read_ssl2, ssl2_hello

_TRIES = 3
T = TypeVar("T")
Place = Callable[[], AbstractAsyncContextManager[None]]


class NoAnswerError(Exception):
    """The question was put as often as is decent, and there is no answer to it."""

    def __init__(self, text: str, kind: FailureKind = FailureKind.PROTOCOL_BROKEN) -> None:
        self.kind = kind
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to a hello: its flight where it accepts, or how it refused.

    ``refusal`` is the alert's name, or "hung up".
    """

    flight: Flight
    refusal: str = ""

    @property
    def hello(self) -> ServerHello | None:
        """The ServerHello, where the server accepted something."""
        return None if self.refusal else self.flight.hello


HUNG_UP = "hung up"


def is_of_nothing(flight: Flight) -> bool:
    """Whether the server hung up without a word."""
    return flight.hello is None and flight.alert is None


class Asker:
    """One endpoint and what is remembered of it: the pace, and a hello that it has answered."""

    def __init__(self, contact: Contact, pace: Pace) -> None:
        self.contact = contact
        self.pace = pace
        self.last_failure: NoAnswerError | None = None
        self._answered: Callable[[], Awaitable[bool]] | None = None
        self._refused: ClientHello | None = None
        self._is_dead = ""
        self._hangs_up = False

    async def ask(self, hello: ClientHello) -> Answer:
        """Put a hello until it is answered or refused for sure.

        Raises NoAnswerError, and OutOfScopeError.
        """
        flight = await self.ask_surely(lambda: self._said(hello.record()), is_of_nothing)
        if flight.hello is not None:
            self.remember(hello)
            return Answer(flight)
        if flight.alert:
            self._refused = self._refused or hello
        return Answer(flight, flight.alert or HUNG_UP)

    async def ask_surely(
        self, talk: Callable[[], Awaitable[T]], is_hang_up: Callable[[T], bool]
    ) -> T:
        """Let a conversation happen until it ends in an answer, or in a hang-up that is meant.

        A server that turns away whoever comes too often or beside too many others hangs up too. So
        it is asked again with nobody else there, and has to answer right after that it has hung up
        what it has answered before; twice, if it has turned us away before.

        Raises NoAnswerError, and OutOfScopeError.
        """
        pace_before = self.pace.slowed_to
        said = await self._patiently(talk, self.pace.place)
        if not is_hang_up(said):
            return said
        async with self.pace.alone():
            for is_last in (*[False] * _TRIES, True):
                for _ in range(1 if self.pace.slowed_to is None else 2):
                    said = await self._patiently(talk, nullcontext)
                    if not is_hang_up(said):
                        if self.pace.slowed_to == pace_before:  # nobody has seen it before us
                            self.pace.narrow()
                        return said
                    if not await self._lives():
                        break
                else:
                    return said
                if not is_last:
                    await self.pace.slow_down()
            self._is_dead = "the server hung up, and later on it did so always"
            raise self._failed(self._is_dead, FailureKind.RESET)

    @property
    def was_answered(self) -> bool:
        """Whether a hello was answered, if only by an alert, so that others can be held to it."""
        return self._answered is not None or self._refused is not None

    async def sends_alerts(self, hopeless: ClientHello) -> bool:
        """Whether the server refuses by an alert, so that a hang-up is not its way to refuse.

        Where none has been seen yet, a hello is put that no server can accept. Raises
        NoAnswerError, and OutOfScopeError.
        """
        if self._refused is None and not self._hangs_up:
            flight = await self.exchange(lambda: self._said(hopeless.record()))
            self._hangs_up = not flight.alert
            self._refused = self._refused or (hopeless if flight.alert else None)
        return self._refused is not None

    def remember(self, hello: ClientHello) -> None:
        """A hello that the server has answered, to see later on whether it lives."""

        async def is_answered() -> bool:
            return (await self._said(hello.record())).hello is not None

        self._answered = self._answered or is_answered

    def remember_ssl2(self) -> None:
        """The same, of a server that has answered in SSL 2.0."""

        async def is_answered() -> bool:
            return await self.contact.say(ssl2_hello(), read_ssl2) is not None

        self._answered = self._answered or is_answered

    async def exchange(self, talk: Callable[[], Awaitable[T]]) -> T:
        """Let a conversation happen in one of the places; tried again where it breaks off.

        Raises NoAnswerError, and OutOfScopeError.
        """
        return await self._patiently(talk, self.pace.place)

    async def say(self, message: bytes, read: Reader[T]) -> T | None:
        """Send bytes that are no ClientHello of TLS. Raises NoAnswerError, OutOfScopeError."""
        return await self.exchange(lambda: self.contact.say(message, read, limit=FLIGHT_LIMIT))

    async def _said(self, record: bytes) -> Flight:
        return await self.contact.say(record, read_flight, limit=FLIGHT_LIMIT) or Flight()

    async def _lives(self) -> bool:
        """Whether the server, where nobody else is, answers what it has answered before."""
        if self._answered is not None:
            return await self._patiently(self._answered, nullcontext)
        if self._refused is None:
            raise self._failed("the server hangs up on every hello", FailureKind.RESET)
        record = self._refused.record()
        return not is_of_nothing(await self._patiently(lambda: self._said(record), nullcontext))

    async def _patiently(self, talk: Callable[[], Awaitable[T]], place: Place) -> T:
        """Try a few times, slower each time. Raises NoAnswerError, and OutOfScopeError."""
        for tries_left in reversed(range(_TRIES)):
            try:
                async with place():
                    if self._is_dead:
                        raise NoAnswerError(self._is_dead, FailureKind.RESET)
                    return await talk()
            except (BrokenFlightError, StarttlsDeclinedError) as error:
                raise self._failed(short_text(str(error))) from error
            except LineClosedError as error:
                if not tries_left:
                    text = "the server hung up in the middle of it"
                    raise self._failed(text, FailureKind.RESET) from error
            except OutOfScopeError:
                raise
            except OSError as error:
                if tries_left < (2 if isinstance(error, TimeoutError) else 1):  # silence costs most
                    failure = failure_of_socket(error)
                    raise self._failed(failure.text, failure.kind) from error
            await self.pace.slow_down()
        raise AssertionError("the last try ends the loop")

    def _failed(self, text: str, kind: FailureKind = FailureKind.PROTOCOL_BROKEN) -> NoAnswerError:
        self.last_failure = NoAnswerError(text, kind)
        return self.last_failure
