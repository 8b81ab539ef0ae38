"""The conversation of one TLS 1.3 handshake, from the ServerHello to the session tickets."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass, replace

from spbe_audit.probes.tls.contact import Line, LineClosedError
from spbe_audit.probes.tls.server_flight import BrokenFlightError, ServerHello, read_server_hello
from spbe_audit.probes.tls.tls13.encrypted_flight import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    ENCRYPTED_EXTENSIONS,
    FINISHED,
    NEW_SESSION_TICKET,
    EncryptedFlight,
    check_certificate_request,
    read_certificates,
    read_encrypted_extensions,
    read_proof,
    read_ticket,
)
from spbe_audit.probes.tls.tls13.fields import Fields, vector
from spbe_audit.probes.tls.tls13.key_proof import check_key_proof
from spbe_audit.probes.tls.tls13.key_schedule import (
    Secrets,
    Suite,
    Transcript,
    application_secrets,
    finished_mac,
    handshake_secrets,
    suite_of,
)
from spbe_audit.probes.tls.tls13.key_shares import KeyShares, new_shares
from spbe_audit.probes.tls.tls13.record_layer import (
    ALERT,
    HANDSHAKE,
    AlertError,
    Incoming,
    Message,
    Protection,
    Record,
    change_cipher_spec,
    plain_records,
)
from spbe_audit.probes.tls.tls13.second_hello import SentHello, read_sent, retry_hello

TICKET_SECONDS = 2.0
"""How long we wait for a server that neither sends a ticket nor hangs up."""

_GOODBYE_SECONDS = 0.25  # and for its goodbye after the first ticket
_SERVER_HELLO = 2
_KEY_SHARE = 51
_TLS_1_3 = 0x0304
_CLOSE_NOTIFY = b"\x01\x00"
_NO_CERTIFICATE = b"\x00" + b"\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class _Talk:
    """A line, and what came over it."""

    line: Line
    incoming: Incoming

    async def hear(self) -> Message:
        """The next handshake message."""
        while (message := self.incoming.message()) is None:
            self.incoming.feed(await self.line.receive())
        return message


@dataclass(frozen=True, slots=True)
class _Settled:
    """What both sides have settled on with their hellos; ``compatible``: see RFC 8446, D.4."""

    suite: Suite
    group: int
    transcript: Transcript
    secrets: Secrets
    compatible: bool


async def read_encrypted(
    line: Line, hello: bytes, shares: KeyShares, heard: bytes, *, finish: bool
) -> EncryptedFlight:
    """Go on with a handshake that ``hello`` began, and tell what comes under the encryption.

    ``hello`` is the ClientHello message as it was sent, without a record around it; ``shares``
    those in it; ``heard`` what came since, from the first byte of the answer. A HelloRetryRequest
    is followed. To ``finish`` means to answer the server, so that it sends its session tickets,
    and to say goodbye: no data are exchanged.

    Raises BrokenFlightError (AlertError where the server refuses, UnsupportedGroupError,
    UnsupportedSuiteError), LineClosedError, OSError, TimeoutError. Once the server's Finished has
    been verified, nothing that goes wrong costs what was read by then, but for the end of the
    visit: leave it TICKET_SECONDS.
    """
    talk = _Talk(line, Incoming())
    talk.incoming.feed(heard)
    settled = await _settle(talk, hello, shares)
    talk.incoming.protect(Protection(settled.suite, settled.secrets.server))
    flight = await _hear_flight(talk, settled)
    if not finish:
        return flight
    return await _finish(talk, settled, flight)


async def _settle(talk: _Talk, hello: bytes, shares: KeyShares) -> _Settled:
    """Hear the ServerHello, after a second ClientHello where the server asks for one."""
    sent = read_sent(hello)
    first = await talk.hear()
    answer = _server_hello(first, sent)
    suite = suite_of(answer.suite)
    transcript = Transcript(suite)
    transcript.add(hello)
    compatible = bool(sent.session)
    if answer.retry:
        if _KEY_SHARE in answer.extensions:
            shares = new_shares(() if answer.retry_group is None else (answer.retry_group,))
        second = retry_hello(hello, answer, shares)
        talk.incoming.check_end()
        await talk.line.send(_for_old_firewalls(needed=compatible) + plain_records(second))
        transcript, compatible = transcript.retried(), False
        transcript.add(first.raw, second)
        first, asked = await talk.hear(), answer
        answer = _server_hello(first, sent)
        if answer.retry or answer.suite != asked.suite:
            raise BrokenFlightError("the server changes its mind after the second hello")
    transcript.add(first.raw)
    group, peer = _key_share(answer)
    shared = shares.shared_secret(group, peer)
    secrets = handshake_secrets(suite, shared, transcript.value())
    return _Settled(suite, group, transcript, secrets, compatible)


def _server_hello(message: Message, sent: SentHello) -> ServerHello:
    """The answer, which fits what was sent."""
    if message.kind != _SERVER_HELLO:
        raise BrokenFlightError(f"a message of type {message.kind} has no place here")
    answer = read_server_hello(message.body)
    if answer.version != _TLS_1_3:
        raise BrokenFlightError("the server settles on another version than TLS 1.3")
    if answer.suite not in sent.suites or answer.session != sent.session:
        raise BrokenFlightError("the answer of the server does not fit what was offered")
    return answer


def _key_share(answer: ServerHello) -> tuple[int, bytes]:
    fields = Fields(answer.extensions.get(_KEY_SHARE, b""))
    group, peer = fields.number(2), fields.vector(2)
    fields.end()
    return group, peer


async def _hear_flight(talk: _Talk, settled: _Settled) -> EncryptedFlight:
    """Hear all up to the Finished of the server, and verify that."""
    suite, transcript = settled.suite, settled.transcript
    message = await talk.hear()
    alpn = read_encrypted_extensions(_told(message, ENCRYPTED_EXTENSIONS, transcript))
    message = await talk.hear()
    asked = message.kind == CERTIFICATE_REQUEST
    if asked:
        check_certificate_request(_told(message, CERTIFICATE_REQUEST, transcript))
        message = await talk.hear()
    shown = read_certificates(_told(message, CERTIFICATE, transcript))
    signed = transcript.value()
    proof = read_proof(_told(await talk.hear(), CERTIFICATE_VERIFY, transcript))
    check_key_proof(shown.chain[0], proof, signed)
    mac = finished_mac(suite, settled.secrets.server, transcript.value())
    if not hmac.compare_digest(_told(await talk.hear(), FINISHED, transcript), mac):
        raise BrokenFlightError("the server's Finished does not fit the handshake")
    talk.incoming.check_end()
    return EncryptedFlight(
        suite=suite.number,
        group=settled.group,
        alpn=alpn,
        chain=shown.chain,
        ocsp_staple=shown.ocsp_staple,
        signed_timestamps=shown.signed_timestamps,
        client_certificate_asked=asked,
        signature_scheme=proof.scheme,
    )


def _told(message: Message, kind: int, transcript: Transcript) -> bytes:
    """The body of a message that has to be of this type, written down in the transcript."""
    if message.kind != kind:
        raise BrokenFlightError(f"a message of type {message.kind} has no place here")
    transcript.add(message.raw)
    return message.body


async def _finish(talk: _Talk, settled: _Settled, flight: EncryptedFlight) -> EncryptedFlight:
    """Answer the server and listen for tickets."""
    secrets = application_secrets(settled.suite, settled.secrets.master, settled.transcript.value())
    talk.incoming.protect(Protection(settled.suite, secrets.server), established=True)
    last_words = _last_words(settled, secrets, has_no_certificate=flight.client_certificate_asked)
    tickets: list[bool] = []
    closed = False
    try:
        await talk.line.send(last_words)
        await _hear_tickets(talk, tickets)
    except AlertError as alert:
        closed = alert.name == "close_notify"
    except (BrokenFlightError, LineClosedError, OSError):
        pass  # what was told by then stands; what was not stays unknown
    early_data = any(tickets) if tickets else None
    if closed and not tickets and not flight.client_certificate_asked:
        early_data = False
    return replace(flight, early_data=early_data, tickets=len(tickets))


def _last_words(settled: _Settled, secrets: Secrets, *, has_no_certificate: bool) -> bytes:
    """Our Finished, before it that we have no certificate, behind it our goodbye."""
    suite, transcript = settled.suite, settled.transcript
    words = bytes([CERTIFICATE]) + vector(_NO_CERTIFICATE, 3) if has_no_certificate else b""
    transcript.add(words)
    mac = finished_mac(suite, settled.secrets.client, transcript.value())
    words += bytes([FINISHED]) + vector(mac, 3)
    answer = Protection(suite, settled.secrets.client).seal(Record(HANDSHAKE, words))
    goodbye = Protection(suite, secrets.client).seal(Record(ALERT, _CLOSE_NOTIFY))
    return _for_old_firewalls(needed=settled.compatible) + answer + goodbye


def _for_old_firewalls(*, needed: bool) -> bytes:
    return change_cipher_spec() if needed else b""


async def _hear_tickets(talk: _Talk, tickets: list[bool]) -> None:
    """Add to ``tickets`` whether each allows early data, until an error says that it is over.

    Most servers hang up on our goodbye. The wait is for those that do not, and ends long before
    the deadline of the visit, which would take everything with it.
    """
    async with asyncio.timeout(TICKET_SECONDS) as patience:
        while True:
            message = await talk.hear()
            if message.kind != NEW_SESSION_TICKET:
                raise BrokenFlightError(f"a message of type {message.kind} has no place here")
            tickets.append(read_ticket(message.body))
            if len(tickets) == 1:
                now = asyncio.get_running_loop().time()
                patience.reschedule(min(patience.when() or now, now + _GOODBYE_SECONDS))
