"""What can happen to a flight on its way: by chance, but the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

Damage = Callable[[random.Random, bytearray], None]

_HEADER = 5
_LENGTHS = (0, 1, 2, 3, 4, 5, 0x7F, 0xFF)


def damaged(chance: random.Random, flight: bytes) -> bytes:
    """The flight after one to four accidents."""
    data = bytearray(flight)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if data:
            chance.choice(_DAMAGES)(chance, data)
    return bytes(data)


def in_pieces(chance: random.Random, data: bytes) -> Iterator[bytes]:
    """The same bytes whole, in halves, or in a few dozen pieces."""
    step = max(1, len(data) // chance.choice((1, 1, 2, 30)))
    return (data[at : at + step] for at in range(0, len(data), step))


def _flip(chance: random.Random, data: bytearray) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _overwrite(chance: random.Random, data: bytearray) -> None:
    """Most lengths are among the values that are put in, at any place."""
    data[chance.randrange(len(data))] = chance.choice(_LENGTHS)


def _overwrite_early(chance: random.Random, data: bytearray) -> None:
    """In the first record's header, the message's header, and the hello."""
    data[chance.randrange(min(len(data), 60))] = chance.choice(_LENGTHS)


def _cut(chance: random.Random, data: bytearray) -> None:
    del data[chance.randrange(len(data)) :]


def _leave_out(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.randint(1, 40)]


def _repeat(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data))
    data[at:at] = data[at : at + chance.randint(1, 400)] * chance.choice((1, 1, 30))


def _insert(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.randbytes(chance.randint(1, 40))


def _shuffle_records(chance: random.Random, data: bytearray) -> None:
    """Another order of the records, with one of them left out or said twice."""
    records = _records(bytes(data))
    chosen = chance.choice(records)
    records = [*records, chosen] if chance.random() < 0.5 else records
    chance.shuffle(records)
    data[:] = b"".join(records)


def _add_records(chance: random.Random, data: bytearray) -> None:
    """Records of any type between the others, many or few."""
    record = bytes([chance.choice((20, 21, 22, 23, 24)), 3, chance.randrange(5)])
    body = chance.randbytes(chance.choice((0, 1, 2, 4, 30)))
    records = _records(bytes(data))
    at = chance.randint(0, len(records))
    records[at:at] = [record + len(body).to_bytes(2) + body] * chance.choice((1, 3, 3000))
    data[:] = b"".join(records)


def _noise(chance: random.Random, data: bytearray) -> None:
    data[:] = chance.randbytes(chance.randint(1, 200))


def _records(data: bytes) -> list[bytes]:
    """The data cut at the ends of its records, as far as they have such."""
    found, at = list[bytes](), 0
    while at < len(data):
        end = at + _HEADER + int.from_bytes(data[at + 3 : at + 5])
        found.append(data[at:end])
        at = end
    return found


_DAMAGES: tuple[Damage, ...] = (
    _flip,
    _overwrite,
    _overwrite_early,
    _cut,
    _leave_out,
    _repeat,
    _insert,
    _shuffle_records,
    _add_records,
    _noise,
)
