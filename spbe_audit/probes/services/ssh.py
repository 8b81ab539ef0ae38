"""Reads what an SSH server says unasked: its identification and its KEXINIT (RFC 4253)."""

from __future__ import annotations

import re

from spbe_audit.evidence import SshOffer

OUR_IDENTIFICATION = b"SSH-2.0-spbe_audit\r\n"

LONGEST_PACKET = 35_000
"""Bytes of the longest packet that everybody must take (RFC 4253, 6.1)."""
MOST_NAMES = 200
"""Names in one list; real servers have fewer than 40."""

_LONGEST_NAME = 64  # RFC 4251, 6
_NAME = re.compile(rb"[\x21-\x2b\x2d-\x7e]+")  # printable, no comma
_IGNORE, _DEBUG, _KEXINIT = 2, 4, 20
_COOKIE = 16
_NAME_LISTS = 10
_AFTER_LISTS = 5  # first_kex_packet_follows and a reserved number
_SHORTEST_PADDING = 4
_MOST_PACKETS = 10


class BrokenOfferError(ValueError):
    """What came after the identification is no KEXINIT."""


def identification(data: bytes) -> bytes | None:
    """The server's identification without its line end; lines before it are allowed (4.2)."""
    found = re.search(rb"^SSH-[^\r\n]*(?=\r?\n)", data, re.MULTILINE)
    return found[0] if found else None


def read_offer(data: bytes) -> SshOffer | None:
    """The algorithm lists in what a server has sent so far; None while more is needed.

    Raises BrokenOfferError for what cannot become a KEXINIT any more.
    """
    said = identification(data)
    if said is None:
        return None
    packets = data[data.index(said) :].partition(b"\n")[2]
    for _ in range(_MOST_PACKETS):
        payload, packets = _next_payload(packets)
        if payload is None:
            return None
        if payload[0] == _KEXINIT:
            return _read_kexinit(payload)
        if payload[0] not in {_IGNORE, _DEBUG}:
            raise BrokenOfferError(f"message {payload[0]} in place of KEXINIT")
    raise BrokenOfferError("no KEXINIT among the first packets")


def offer_settled(data: bytes) -> bool:
    """Whether nothing more need be read: the lists are there, or never will be."""
    try:
        return read_offer(data) is not None
    except BrokenOfferError:
        return True


def _next_payload(data: bytes) -> tuple[bytes | None, bytes]:
    """The payload of the first packet and what follows; None while it is not whole (6)."""
    if len(data) < 5:  # noqa: PLR2004 - a length and the length of the padding
        return None, data
    length, padding = int.from_bytes(data[:4]), data[4]
    if not padding + 2 <= length <= LONGEST_PACKET or padding < _SHORTEST_PADDING:
        raise BrokenOfferError(f"a packet of {length} bytes with {padding} bytes of padding")
    if len(data) < 4 + length:
        return None, data
    return data[5 : 4 + length - padding], data[4 + length :]


def _read_kexinit(payload: bytes) -> SshOffer:
    """The lists of a KEXINIT: key exchange, host keys, then pairs for both directions (7.1)."""
    lists: list[tuple[str, ...]] = []
    rest = payload[1 + _COOKIE :]
    for _ in range(_NAME_LISTS):
        names, rest = _next_list(rest)
        lists.append(names)
    if len(rest) != _AFTER_LISTS:
        raise BrokenOfferError("the lists do not fill the message")
    return SshOffer(
        key_exchange=lists[0],
        host_key=lists[1],
        ciphers=_together(lists[2], lists[3]),
        macs=_together(lists[4], lists[5]),
        compression=_together(lists[6], lists[7]),
    )


def _next_list(data: bytes) -> tuple[tuple[str, ...], bytes]:
    length = int.from_bytes(data[:4])
    if len(data) < 4 + length:
        raise BrokenOfferError("a list is longer than its message")
    text, rest = data[4 : 4 + length], data[4 + length :]
    if not text:
        return (), rest
    names = text.split(b",")
    if len(names) > MOST_NAMES:
        raise BrokenOfferError(f"a list of {len(names)} names")
    for name in names:
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
            raise BrokenOfferError("a name that is no name")
    return tuple(name.decode("ascii") for name in names), rest


def _together(to_server: tuple[str, ...], to_client: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*to_server, *to_client)))
