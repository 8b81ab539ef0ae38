"""How many connections are open at once to one endpoint: fewer, once it begins to turn us away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 2.0


class Pace:
    """Places for connections to one endpoint, of which a refusal takes half away.

    ``slowed_to`` is how many are left after that, None as long as nothing was taken.
    """

    def __init__(self, at_once: int) -> None:
        self.slowed_to: int | None = None
        self._at_once = at_once
        self._open = 0
        self._pause = _FIRST_PAUSE
        self._is_held = False
        self._holder = asyncio.Lock()
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for the life of one connection."""
        await self._wait_for(lambda: self._open < self._at_once and not self._is_held)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self._moved.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold the endpoint, with nobody else in a place, for one connection after the other."""
        async with self._holder:
            self._is_held = True
            try:
                await self._wait_for(lambda: not self._open)
                yield
            finally:
                self._is_held = False
                self._moved.set()

    def narrow(self) -> None:
        """Halve the places."""
        self._at_once = self.slowed_to = max(1, self._at_once // 2)

    async def slow_down(self) -> None:
        """Halve the places, and wait; every further time a little longer."""
        self.narrow()
        pause, self._pause = self._pause, min(_LONGEST_PAUSE, self._pause * 2)
        await asyncio.sleep(pause)

    async def _wait_for(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._moved.clear()
            await self._moved.wait()
