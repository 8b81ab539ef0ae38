"""Runs questions to the server side by side, until the time allowed is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from sslyze.errors import ConnectionToServerFailed

from spbe_audit.probes.tls.deep.guard import Guard, TimeIsUpError

T = TypeVar("T")
P = ParamSpec("P")
_TEXT_LIMIT = 160


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What a question brought: a value, or the error that came in its place."""

    value: T | None = None
    error: Exception | None = None

    def required(self) -> T:
        """The value; raises the error where there is one."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # a question's None is a value of T


class Crew:
    """Threads that put questions to one server under one guard.

    A thread that hangs is left behind: the process ends without waiting for it.
    """

    def __init__(self, guard: Guard, *, at_once: int, until: float) -> None:
        self._guard = guard
        self._until = until
        self._threads = ThreadPoolExecutor(at_once)

    def ask(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a question."""

        def guarded() -> T:
            self._guard.begin()
            try:
                return function(*args, **kwargs)
            finally:
                if self._guard.was_cut():
                    raise TimeIsUpError("the server was too slow")

        return self._threads.submit(guarded)

    def answer(self, question: Future[T]) -> Answer[T]:
        """Wait for a question's answer, at most to the end of the time allowed."""
        wait([question], max(0.0, self._until - time.monotonic()))
        if not question.done():
            return Answer(error=TimeIsUpError("the time allowed was over"))
        try:
            return Answer(question.result())
        except Exception as error:  # noqa: BLE001 - sslyze and OpenSSL raise anything
            return Answer(error=error)

    def answers(self, questions: Iterable[Future[T]]) -> list[Answer[T]]:
        """The answers to many questions, in their order."""
        return [self.answer(question) for question in questions]


def reason(error: Exception) -> str:
    """Why a question was not answered, as one short line."""
    words = error.error_message if isinstance(error, ConnectionToServerFailed) else str(error)
    printable = "".join(letter if letter.isprintable() else " " for letter in words)
    return " ".join(printable.split())[:_TEXT_LIMIT] or type(error).__name__
