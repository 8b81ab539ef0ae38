"""One visit to a site: requests one by one, each an answer or a word for why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from spbe_audit.evidence import FailureKind, same_host
from spbe_audit.evidence.surface import BLOCKED
from spbe_audit.network import Door
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of
from spbe_audit.probes.http import next_url
from spbe_audit.probes.http_transport import Method, Reply, Wire, fetch
from spbe_audit.probes.page import decode_text

REDIRECTS_LIMIT = 2
LEAST_TIME = 0.05
"""Seconds: with less than this left, no request is begun."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, where it came from, and what its connection showed."""

    url: httpx.URL
    reply: Reply
    wire: Wire

    @property
    def target(self) -> httpx.URL | None:
        """Where a redirect leads; None for any other answer."""
        if self.reply.status not in _REDIRECTS:
            return None
        return next_url(self.url, self.reply.header("location"))

    def text(self, limit: int) -> str:
        """The first ``limit`` bytes of the body as text; '' where it came in a foreign encoding."""
        body = self.reply.body[:limit] if self.reply.readable else b""
        return decode_text(body, self.reply.header("content-type"))


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why nothing came back: a FailureKind value or BLOCKED, and a sentence for the log."""

    kind: str
    text: str


@dataclass(slots=True)
class Visit:
    """A share of time (``end``, by the loop's clock) and the count of what happened in it."""

    door: Door
    end: float
    opened: int = 0
    answered: int = 0
    failed_in_a_row: int = 0
    address: str = ""

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return self._left() < LEAST_TIME

    async def ask(
        self,
        url: httpx.URL,
        *,
        body_limit: int = 0,
        method: Method = "GET",
        headers: Mapping[str, str] | None = None,
    ) -> Answer | NoAnswer:
        """Send one request. What the network does is a NoAnswer, and so is "too many requests"."""
        left = self._left()
        if left < LEAST_TIME:
            return NoAnswer(FailureKind.TIMEOUT.value, "the time for the whole visit is over")
        wire = Wire()
        try:
            reply = await fetch(
                url,
                door=self.door,
                wire=wire,
                seconds=min(left, self.door.deadlines.exchange),
                body_limit=body_limit,
                headers=headers,
                method=method,
            )
        except NETWORK_ERRORS as error:
            self.failed_in_a_row += 1
            failure = failure_of(error)
            return NoAnswer(failure.kind.value, failure.text)
        finally:
            self.opened += wire.opened
            self.end += wire.waited
            self.address = self.address or wire.address
        self.answered += 1
        if reply.status == _TOO_MANY_REQUESTS:
            self.failed_in_a_row += 1
            return NoAnswer(BLOCKED, "the server says that these are too many requests")
        self.failed_in_a_row = 0
        return Answer(url, reply, wire)

    def _left(self) -> float:
        return self.end - asyncio.get_running_loop().time()

    async def follow(self, first: Answer, *, body_limit: int) -> Answer:
        """Follow at most two redirects on the same host; the last answer that came."""
        answer, seen = first, {str(first.url)}
        for _ in range(REDIRECTS_LIMIT):
            target = answer.target
            if target is None or str(target) in seen or not same_host(target.host, first.url.host):
                break
            following = await self.ask(target, body_limit=body_limit)
            if isinstance(following, NoAnswer):
                break
            seen.add(str(target))
            answer = following
        return answer
