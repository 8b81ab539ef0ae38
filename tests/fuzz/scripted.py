"""A line whose other side says what is written down, and then hangs up."""

from __future__ import annotations

from collections.abc import Iterable

from spbe_audit.probes.tls.contact import LineClosedError


class ScriptedLine:
    """Puts one turn on the line at the start and one for each message; ``step`` bytes at a time."""

    def __init__(self, turns: Iterable[bytes], step: int) -> None:
        self._turns = list(turns)
        self._step = step
        self._waiting = b""
        self._next_turn()

    async def send(self, _data: bytes) -> None:
        """Hear a message, whatever it is."""
        self._next_turn()

    async def receive(self) -> bytes:
        """The next bytes. Raises LineClosedError where the script has no more for now."""
        if not self._waiting:
            raise LineClosedError
        data, self._waiting = self._waiting[: self._step], self._waiting[self._step :]
        return data

    def _next_turn(self) -> None:
        self._waiting += self._turns.pop(0) if self._turns else b""
