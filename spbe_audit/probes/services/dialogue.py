"""Asks mail and FTP servers what they offer before a login: TLS, and a login in the clear."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spbe_audit.probes.services.line import Line
from spbe_audit.probes.tls.starttls.mail import OUR_NAME

_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether the way into TLS is offered, and a login without it; None where it was not told."""

    starttls: bool | None = None
    clear_login: bool | None = None


@dataclass(frozen=True, slots=True)
class _Dialogue:
    """The question, how the last line of its answer looks, and what the answer means."""

    question: bytes
    last_line: re.Pattern[bytes]
    read: Callable[[bytes], Offer]


def _read_smtp(answer: bytes) -> Offer:
    """RFC 5321 4.1.1.1; AUTH is offered as RFC 4954 says, or in the older form with "="."""
    if not answer.startswith(b"250"):
        return Offer()
    words = _first_words(rb"250[- ]([A-Za-z0-9]+)", answer)
    return Offer(b"STARTTLS" in words, b"AUTH" in words)


def _read_ftp(answer: bytes) -> Offer:
    """RFC 2389 3.2 and RFC 4217 6; without the list it is not known whether TLS is offered."""
    if not answer.startswith(b"211"):
        return Offer(clear_login=True)
    offered = re.search(rb"^ *AUTH\b[^\r\n]*\b(?:TLS|SSL)", answer, re.MULTILINE | re.IGNORECASE)
    return Offer(offered is not None, clear_login=True)


def _read_pop3(answer: bytes) -> Offer:
    """RFC 2449 5 and 6; RFC 2595 4."""
    if not answer.startswith(b"+OK"):
        return Offer()
    words = _first_words(rb"([A-Za-z0-9-]+)", answer)
    return Offer(b"STLS" in words, bool(words & {b"USER", b"SASL"}))


def _read_imap(answer: bytes) -> Offer:
    """RFC 3501 6.1.1 and 6.2.1."""
    line = re.search(rb"^\* CAPABILITY ([^\r\n]*)", answer, re.MULTILINE | re.IGNORECASE)
    if line is None:
        return Offer()
    words = set(line[1].upper().split())
    return Offer(b"STARTTLS" in words, b"LOGINDISABLED" not in words)


def _first_words(pattern: bytes, answer: bytes) -> set[bytes]:
    return {word.upper() for word in re.findall(rb"^" + pattern, answer, re.MULTILINE)}


_REPLY_ENDS = re.compile(rb"^\d{3}(?: [^\n]*)?\r?\n", re.MULTILINE)
_DIALOGUES: Mapping[str, _Dialogue] = {
    "smtp": _Dialogue(b"EHLO " + OUR_NAME + b"\r\n", _REPLY_ENDS, _read_smtp),
    "ftp": _Dialogue(b"FEAT\r\n", _REPLY_ENDS, _read_ftp),
    "pop3": _Dialogue(
        b"CAPA\r\n", re.compile(rb"^(?:\.\r?\n|-ERR[^\n]*\n)", re.MULTILINE), _read_pop3
    ),
    "imap": _Dialogue(
        b"a CAPABILITY\r\n", re.compile(rb"^a (?:OK|NO|BAD)\b[^\n]*\n", re.MULTILINE), _read_imap
    ),
}
_FAREWELLS: Mapping[str, bytes] = {"imap": b"b LOGOUT\r\n"}


async def ask_offer(line: Line, protocol: str) -> Offer:
    """What a server that has greeted offers; nothing known for a protocol without such a word."""
    dialogue = _DIALOGUES.get(protocol)
    if dialogue is None:
        return Offer()
    answer = await _answer(line, dialogue.question, dialogue.last_line)
    offer = dialogue.read(answer) if dialogue.last_line.search(answer) else Offer()
    await line.say(_FAREWELLS.get(protocol, b"QUIT\r\n"))
    return offer


async def settle_mail_or_ftp(line: Line) -> str:
    """Which of the two has greeted with 220: only a mail server takes our EHLO."""
    answer = await _answer(line, b"EHLO " + OUR_NAME + b"\r\n", _REPLY_ENDS)
    if answer.startswith(b"250"):
        return "smtp"
    return "ftp" if re.match(rb"5\d\d", answer) else ""


async def _answer(line: Line, question: bytes, last_line: re.Pattern[bytes]) -> bytes:
    """What came after the question, as far as its last line where that came in time."""
    before = len(line.data)
    await line.say(question)
    data = await line.hear(_PATIENCE, lambda data: last_line.search(data[before:]) is not None)
    return data[before:]
