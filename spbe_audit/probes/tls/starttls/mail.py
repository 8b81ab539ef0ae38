"""STARTTLS of the mail protocols: SMTP and LMTP, IMAP, POP3."""

from __future__ import annotations

import re

from spbe_audit.probes.tls.contact import Line, StarttlsDeclinedError
from spbe_audit.probes.tls.starttls.inbox import Inbox, declined, turned_away
from spbe_audit.probes.tls.starttls.text_lines import MOST_LINES, Reply, ask, read_line, read_reply

OUR_NAME = b"spbe-audit.invalid"
"""What we call ourselves where a protocol wants a name. RFC 2606: never the name of anybody."""

_READY, _DONE = 220, 250
_FIRST_REFUSAL = 500
_NOT_OFFERED = "STARTTLS is not offered"


async def open_smtp(line: Line, _host: str) -> None:
    """RFC 3207. A server that says LMTP in its greeting may be greeted as RFC 2033 wants it."""
    inbox = Inbox(line)
    greeting = await read_reply(inbox)
    if greeting.code != _READY:
        raise declined("it does not let us in", greeting.text)
    reply = await ask(inbox, b"EHLO " + OUR_NAME)
    if reply.code >= _FIRST_REFUSAL and re.search(rb"\bLMTP\b", greeting.text):
        reply = await ask(inbox, b"LHLO " + OUR_NAME)
    if reply.code != _DONE:
        raise declined("it refuses our greeting", reply.text)
    if b"STARTTLS" not in _keywords(reply):
        raise StarttlsDeclinedError(_NOT_OFFERED)
    reply = await ask(inbox, b"STARTTLS")
    if reply.code != _READY:
        raise declined("STARTTLS is refused", reply.text)
    inbox.end()


def _keywords(reply: Reply) -> frozenset[bytes]:
    """The extensions in an answer to EHLO (RFC 5321, 4.1.1.1)."""
    return frozenset(line[4:].partition(b" ")[0].strip().upper() for line in reply.lines[1:])


async def open_imap(line: Line, _host: str) -> None:
    """RFC 3501, 6.2.1."""
    inbox = Inbox(line)
    greeting = await read_line(inbox)
    if re.match(rb"\* BYE\b", greeting, re.IGNORECASE):
        raise turned_away(greeting)
    if not re.match(rb"\* OK\b", greeting, re.IGNORECASE):
        raise declined("it does not let us in", greeting)
    told = await _ask_imap(inbox, b"a", b"CAPABILITY")
    offered = [one for one in told if re.match(rb"\* CAPABILITY ", one, re.IGNORECASE)]
    if not any(b"STARTTLS" in one.upper().split() for one in offered):
        raise StarttlsDeclinedError(_NOT_OFFERED)
    *_, last = await _ask_imap(inbox, b"b", b"STARTTLS")
    if not re.match(rb"b OK\b", last, re.IGNORECASE):
        raise declined("STARTTLS is refused", last)
    inbox.end()


async def _ask_imap(inbox: Inbox, tag: bytes, command: bytes) -> list[bytes]:
    """Say a command and read as far as the line that carries its tag."""
    await inbox.say(tag + b" " + command + b"\r\n")
    lines = [await read_line(inbox)]
    while not lines[-1].startswith(tag + b" "):
        if len(lines) >= MOST_LINES:
            raise StarttlsDeclinedError("it sends an answer without an end")
        lines.append(await read_line(inbox))
    return lines


async def open_pop3(line: Line, _host: str) -> None:
    """RFC 2595, 4. Not every server that has STLS also has CAPA, so it is asked for at once."""
    inbox = Inbox(line)
    greeting = await read_line(inbox)
    if greeting.startswith(b"-ERR"):
        raise turned_away(greeting)
    if not greeting.startswith(b"+OK"):
        raise declined("it does not let us in", greeting)
    await inbox.say(b"STLS\r\n")
    answer = await read_line(inbox)
    if not answer.startswith(b"+OK"):
        raise declined("STLS is refused", answer)
    inbox.end()
