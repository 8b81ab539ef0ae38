"""Protocols that speak in lines: a line, or a reply of several, within bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spbe_audit.probes.tls.contact import StarttlsDeclinedError
from spbe_audit.probes.tls.starttls.inbox import Inbox, turned_away

LONGEST_LINE = 8192
MOST_LINES = 200

_NOT_AVAILABLE = 421
_CODE = re.compile(rb"[1-5]\d\d(?=[ -]|\Z)")


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of SMTP or FTP (RFC 5321 4.2, RFC 959 4.2): its code, and its lines with codes."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def text(self) -> bytes:
        """The first line, which says it in words."""
        return self.lines[0]


async def read_line(inbox: Inbox) -> bytes:
    """The next line, without its end. Raises StarttlsDeclinedError for one that is too long."""
    while b"\n" not in inbox.waiting:
        if len(inbox.waiting) > LONGEST_LINE:
            break
        await inbox.fill()
    end = inbox.waiting.find(b"\n")
    if not 0 <= end <= LONGEST_LINE:
        raise StarttlsDeclinedError("it sends a line without an end")
    line, inbox.waiting = inbox.waiting[:end], inbox.waiting[end + 1 :]
    return line.removesuffix(b"\r")


async def read_reply(inbox: Inbox) -> Reply:
    """The next reply, all its lines.

    Raises StarttlsDeclinedError for what is none, and TurnedAwayError for one that puts us off.
    """
    first = await read_line(inbox)
    code = _CODE.match(first)
    if code is None:
        raise StarttlsDeclinedError("its answer has no reply code")
    lines = [first]
    last = re.compile(code[0] + rb"(?: |\Z)")
    while not last.match(lines[-1]):
        if len(lines) >= MOST_LINES:
            raise StarttlsDeclinedError("it sends a reply without an end")
        lines.append(await read_line(inbox))
    reply = Reply(int(code[0]), tuple(lines))
    if reply.code == _NOT_AVAILABLE:
        raise turned_away(reply.text)
    return reply


async def ask(inbox: Inbox, command: bytes) -> Reply:
    """Say one line and read the reply to it."""
    await inbox.say(command + b"\r\n")
    return await read_reply(inbox)
