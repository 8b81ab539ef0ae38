"""The fields that TLS messages consist of (RFC 8446, 3): taken off the front, one by one."""

from __future__ import annotations

from spbe_audit.probes.tls.server_flight import BrokenFlightError


class Fields:
    """What is left of a message. Everything in it raises BrokenFlightError at its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def left(self) -> int:
        """Bytes that are still to be read."""
        return len(self._data) - self._at

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > self.left():
            raise BrokenFlightError("a message is shorter than it says")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, length: int) -> int:
        """A number of so many bytes."""
        return int.from_bytes(self.take(length))

    def vector(self, length: int) -> bytes:
        """Data with its length in front, which takes so many bytes itself."""
        return self.take(self.number(length))

    def extensions(self) -> dict[int, bytes]:
        """A list of extensions, by type, none of which may stand there twice (4.2)."""
        inner = Fields(self.vector(2))
        found: dict[int, bytes] = {}
        while inner.left():
            number = inner.number(2)
            if number in found:
                raise BrokenFlightError(f"extension {number} comes twice in one message")
            found[number] = inner.vector(2)
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self.left():
            raise BrokenFlightError("a message is longer than it says")


def vector(data: bytes, length: int = 2) -> bytes:
    """Data with its length in front, in so many bytes."""
    return len(data).to_bytes(length) + data
