"""Finds out what speaks on one port: listens first, then says the first words of protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from spbe_audit.evidence import FailureKind, PortService
from spbe_audit.probes.failures import NETWORK_ERRORS, failure_of
from spbe_audit.probes.services.dialogue import ask_offer, settle_mail_or_ftp
from spbe_audit.probes.services.first_words import (
    Word,
    first_words,
    path_of,
    web_reply_is_whole,
    web_request,
    word_about_tls,
)
from spbe_audit.probes.services.heard import Heard, greeting_is_whole, readable, recognise
from spbe_audit.probes.services.line import Contact, Line
from spbe_audit.probes.services.ssh import (
    OUR_IDENTIFICATION,
    BrokenOfferError,
    offer_settled,
    read_offer,
)
from spbe_audit.probes.services.web import WebProgram, read_web
from spbe_audit.probes.tls.starttls.databases import mysql_offers_tls
from spbe_audit.probes.tls.starttls.ldap import ldap_offers_tls
from spbe_audit.probes.tls.starttls.xmpp import stream_offers_tls

LISTEN = 2.0
"""Seconds to wait for a greeting."""
REPLY = 2.5
"""Seconds to wait for the answer to a word of ours."""

_GREETS_IN_TLS = frozenset({465, 990, 993, 995})
_ASKS_VERSION = "/version"
_PACKET_HEAD = 4


_TELLS_OF_TLS: Mapping[str, Callable[[bytes], bool | None]] = {
    "ldap": ldap_offers_tls,
    "xmpp": stream_offers_tls,
    "xmpp-server": stream_offers_tls,
}


async def ask_port(contact: Contact) -> PortService:
    """What one open port says. What the network does is in the result, never raised."""
    try:
        return await _listen_and_speak(contact)
    except NETWORK_ERRORS as error:
        return PortService(contact.port, failure=failure_of(error).kind.value)


async def _listen_and_speak(contact: Contact) -> PortService:
    """The greeting, or the first answer that tells; the first word goes into the same line."""
    words = iter(first_words(contact.port, contact.host, contact.door.user_agent))
    async with contact.line() as line:
        greeting = await line.hear(LISTEN, greeting_is_whole)
        if greeting:
            return await _greeted(line, contact.port)
        if line.ended:
            return PortService(contact.port, failure=FailureKind.RESET.value)
        answers = [await _answer_to(next(words), line, contact.port)]
    for word in words:
        if answers[-1].heard:
            break
        async with contact.line() as line:
            answers.append(await _answer_to(word, line, contact.port))
    if answers[-1].heard:
        return await _followed_up(contact, answers[-1].heard, answers[-1])
    return _nothing_known(contact.port, next((one.data for one in answers if one.data), b""))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back after a word, and what that shows."""

    word: Word
    data: bytes
    heard: Heard | None


async def _answer_to(word: Word, line: Line, port: int) -> _Answer:
    await line.say(word.message)
    data = await line.hear(REPLY, word.enough)
    if word.protocol == "postgresql" and data in {b"S", b"N"}:
        return _Answer(word, data, Heard("postgresql", "", "PostgreSQL"))
    return _Answer(word, data, recognise(data, port))


def _nothing_known(port: int, data: bytes) -> PortService:
    failure = FailureKind.PROTOCOL_BROKEN if data else FailureKind.TIMEOUT
    return PortService(port, banner=readable(data), failure=failure.value)


async def _greeted(line: Line, port: int) -> PortService:
    """What a greeting shows, and what its line tells beyond."""
    heard = recognise(line.data, port)
    if heard is None:
        return _nothing_known(port, line.data)
    service = _service(port, heard)
    if heard.protocol == "ssh":
        return await _with_ssh_offer(line, service)
    if heard.protocol == "mysql":
        return replace(service, starttls=mysql_offers_tls(line.data[_PACKET_HEAD:]))
    if heard.protocol == "220":
        settled = await settle_mail_or_ftp(line)
        failure = None if settled else FailureKind.PROTOCOL_BROKEN.value
        service = replace(service, protocol=settled, failure=failure)
    offer = await ask_offer(line, service.protocol)
    return replace(service, starttls=offer.starttls, clear_login=offer.clear_login)


async def _with_ssh_offer(line: Line, service: PortService) -> PortService:
    await line.say(OUR_IDENTIFICATION)
    data = await line.hear(REPLY, offer_settled)
    try:
        offer = read_offer(data)
    except BrokenOfferError:
        return replace(service, failure=FailureKind.PROTOCOL_BROKEN.value)
    if offer is None:
        kind = FailureKind.RESET if line.ended else FailureKind.TIMEOUT
        return replace(service, failure=kind.value)
    return replace(service, ssh=offer)


async def _followed_up(contact: Contact, heard: Heard, answer: _Answer) -> PortService:
    """What was recognised by its answer, with the program behind HTTP where that is spoken."""
    service = _service(contact.port, heard)
    asked = answer.word.protocol
    if heard.protocol == "postgresql" and asked == "postgresql":
        return replace(service, starttls=answer.data == b"S")
    if heard.protocol in _TELLS_OF_TLS:
        return await _with_offer_of_tls(contact, service, answer)
    if heard.protocol == "http":
        return await _with_web_program(contact, service, answer.data if asked == "http" else b"")
    if heard.protocol == "tls":
        return await _with_program_inside(contact, service)
    return service


async def _with_offer_of_tls(
    contact: Contact, service: PortService, answer: _Answer
) -> PortService:
    """Whether LDAP or XMPP goes over to TLS, asked in its own words where others found it."""
    data = answer.data
    if answer.word.protocol != service.protocol:
        word = word_about_tls(service.protocol, contact.host)
        data = await _reply_to(word, contact)
    return replace(service, starttls=_TELLS_OF_TLS[service.protocol](data))


async def _reply_to(word: Word, contact: Contact) -> bytes:
    """What comes back after one more word; empty where nothing does."""
    try:
        async with contact.line() as line:
            await line.say(word.message)
            return await line.hear(REPLY, word.enough)
    except NETWORK_ERRORS:
        return b""


async def _with_web_program(contact: Contact, service: PortService, data: bytes) -> PortService:
    """The answer to the path that tells most, and to /version where that does not name it."""
    path = path_of(contact.port)
    program = read_web(data or await _fetched(contact, path))
    if not program.known and path != _ASKS_VERSION:
        other = read_web(await _fetched(contact, _ASKS_VERSION))
        program = other if other.known else program
    return _with_program(service, program)


async def _fetched(contact: Contact, path: str, *, tls: bool = False) -> bytes:
    """The response to a GET; empty where none comes."""
    try:
        async with contact.line(tls=tls) as line:
            await line.say(web_request(path, contact.door.user_agent))
            return await line.hear(REPLY, web_reply_is_whole)
    except NETWORK_ERRORS:
        return b""


async def _with_program_inside(contact: Contact, service: PortService) -> PortService:
    """What speaks inside TLS: mail and FTP greet on their own ports, others are asked in HTTP."""
    if contact.port in _GREETS_IN_TLS:
        data = await _greeting_inside(contact)
    else:
        data = await _fetched(contact, path_of(contact.port), tls=True)
    if data.startswith(b"HTTP/"):
        return _with_program(service, read_web(data))
    heard = recognise(data, contact.port)
    if heard is None:
        return service
    named = heard.software or heard.protocol.upper()
    return replace(service, banner=heard.banner, software=named, version=heard.version)


async def _greeting_inside(contact: Contact) -> bytes:
    try:
        async with contact.line(tls=True) as line:
            return await line.hear(LISTEN, greeting_is_whole)
    except NETWORK_ERRORS:
        return b""


def _service(port: int, heard: Heard) -> PortService:
    return PortService(port, heard.protocol, heard.banner, heard.software, heard.version)


def _with_program(service: PortService, program: WebProgram) -> PortService:
    return replace(
        service,
        banner=program.banner or service.banner,
        software=program.software,
        version=program.version,
    )
