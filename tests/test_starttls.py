"""STARTTLS of each protocol, with scripted servers and with hostile ones."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.evidence import FailureKind
from spbe_audit.probes.failures import failure_of
from spbe_audit.probes.tls.contact import Line, LineClosedError, StarttlsDeclinedError
from spbe_audit.probes.tls.starttls import OPENINGS
from spbe_audit.probes.tls.starttls.inbox import READ_LIMIT, TurnedAwayError
from spbe_audit.probes.tls.starttls.ldap import (
    START_TLS,
    Answer,
    BrokenLdapError,
    answer_is_whole,
    message_length,
    read_answer,
)
from tests.servers.raw import Behaviour, RawServer, raw_server, stays_silent
from tests.servers.starttls import (
    FAREWELL,
    FEATURES,
    GOOD,
    LOOPBACK,
    OID,
    PROCEED,
    STREAM,
    STREAM_ERROR,
    XMPP_FAILURE,
    begin,
    ldap_answer,
    mysql_greeting,
    mysql_packet,
    plays,
    tlv,
)

PROTOCOLS = tuple(OPENINGS)

SAID: Mapping[str, bytes] = {
    "smtp": b"EHLO spbe-audit.invalid\r\nSTARTTLS\r\n",
    "imap": b"a CAPABILITY\r\nb STARTTLS\r\n",
    "pop3": b"STLS\r\n",
    "ftp": b"AUTH TLS\r\n",
    "ldap": START_TLS,
    "postgresql": bytes.fromhex("0000000804d2162f"),
    "mysql": bytes.fromhex("20000001 008a0000 ffffff00 21") + bytes(23),
    "xmpp": b"<?xml version='1.0'?><stream:stream to=\"127.0.0.1\" version='1.0' "
    b"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    "xmpp-server": b"<?xml version='1.0'?><stream:stream to=\"127.0.0.1\" version='1.0' "
    b"xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>"
    b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
}


@dataclass(slots=True)
class Script:
    """A line whose other side answers each message with the next piece, a few bytes at a time."""

    pieces: list[bytes]
    step: int = 4096
    said: list[bytes] = field(default_factory=list)
    waiting: bytes = b""

    def __post_init__(self) -> None:
        self.waiting = self.pieces.pop(0) if self.pieces else b""

    async def send(self, data: bytes) -> None:
        """Hear a message, and put the next piece on the line."""
        self.said.append(data)
        self.waiting += self.pieces.pop(0) if self.pieces else b""

    async def receive(self) -> bytes:
        """What is on the line, a step at a time."""
        if not self.waiting:
            raise LineClosedError
        data, self.waiting = self.waiting[: self.step], self.waiting[self.step :]
        return data


async def opened(protocol: str, script: Script, host: str = LOOPBACK) -> None:
    await OPENINGS[protocol](cast(Line, script), host)


def play(protocol: str, *pieces: bytes, step: int = 4096) -> Script:
    """Open TLS against a script. Raises what the opening raises."""
    script = Script(list(pieces), step)
    asyncio.run(opened(protocol, script))
    return script


@pytest.mark.parametrize("step", [1, 7, 4096])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_said(protocol: str, step: int) -> None:
    script = play(protocol, *GOOD[protocol], step=step)
    assert b"".join(script.said) == SAID[protocol]
    assert script.waiting == b""


@pytest.mark.parametrize("extra", [b"x", b"220 more\r\n", b"\n", b"\x16\x03\x03\x00\x01"])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_bytes_behind_the_go_ahead_are_an_injection(protocol: str, extra: bytes) -> None:
    *before, go_ahead = GOOD[protocol]
    with pytest.raises(StarttlsDeclinedError, match=f"{len(extra)} bytes in the clear"):
        play(protocol, *before, go_ahead + extra)


@pytest.mark.parametrize(
    ("protocol", "at"),
    [(name, at) for name in PROTOCOLS for at in range(len(GOOD[name]) - 1) if GOOD[name][at]],
)
def test_an_answer_before_its_question_is_none(protocol: str, at: int) -> None:
    """The go-ahead, sent with what comes before it: the server has not heard STARTTLS."""
    pieces = list(GOOD[protocol])
    pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
    # A stream that goes on behind its features is listened to, in vain.
    expected = TurnedAwayError if protocol.startswith("xmpp") else StarttlsDeclinedError
    with pytest.raises(expected):
        play(protocol, *pieces)


@pytest.mark.parametrize(
    ("protocol", "pieces", "reason"),
    [
        ("smtp", (b"554 go away\r\n",), "does not let us in: 554 go away"),
        ("smtp", (b"450 not now\r\n",), "does not let us in: 450 not now"),
        ("smtp", (b"220 x\r\n", b"550 who are you\r\n"), "refuses our greeting: 550"),
        ("smtp", (b"220 x\r\n", b"250-x\r\n250-XSTARTTLS\r\n250 HELP\r\n"), "not offered"),
        ("smtp", (b"220 x\r\n", b"250 STARTTLS\r\n"), "not offered"),
        ("smtp", (*GOOD["smtp"][:2], b"454 not\x1b[31m now\r\n"), r"refused: 454 not \[31m now"),
        ("smtp", (*GOOD["smtp"][:2], b"220-and so on\r\n550 no\r\n" * 200), "without an end"),
        ("smtp", (b"HTTP/1.1 400 Bad Request\r\n",), "no reply code"),
        ("imap", (b"* PREAUTH you are in\r\n",), "does not let us in"),
        ("imap", (b"* OK\r\n", b"* CAPABILITY IMAP4rev1\r\na OK\r\n"), "not offered"),
        ("imap", (b"* OK\r\n", b"a BAD what\r\n"), "not offered"),
        ("imap", (*GOOD["imap"][:2], b"b NO not now\r\n"), "refused: b NO not now"),
        ("imap", (*GOOD["imap"][:2], b"* OK still here\r\n" * 500), "without an end"),
        ("pop3", (b"220 mail.test\r\n",), "does not let us in: 220 mail.test"),
        ("pop3", (b"+OK\r\n", b"-ERR what\r\n"), "refused: -ERR what"),
        ("ftp", (b"530 no\r\n",), "does not let us in: 530"),
        ("ftp", (b"220 x\r\n", b"530 Please login\r\n"), "refused: 530"),
        ("ftp", (b"220 x\r\n", b"334 continue\r\n"), "refused: 334"),
        ("ldap", (b"", ldap_answer(2, text=b"unsupported")), "result 2: unsupported"),
        ("ldap", (b"", ldap_answer(52)), "result 52"),
        ("ldap", (b"", b"HTTP/1.1 400 Bad Request\r\n"), "not LDAP"),
        ("postgresql", (b"", b"N"), "not offered"),
        ("postgresql", (b"", b"EFATAL:  unsupported protocol\n\0"), "EFATAL: unsupported"),
        ("mysql", (mysql_greeting(0xF7FF),), "not offered"),
        ("mysql", (mysql_packet(b"\xff\x6a\x04Host 'x' is not allowed"),), "Host 'x' is not"),
        ("mysql", (mysql_packet(b"\x0b5.0\0" + bytes(40)),), "not that of MySQL"),
        ("mysql", (mysql_packet(b"\x0a" + b"x" * 400),), "not that of MySQL"),
        ("mysql", (mysql_packet(b"\x0a8.0\0" + bytes(13)),), "not that of MySQL"),
        ("mysql", (mysql_packet(b""),), "not that of MySQL"),
        ("mysql", (mysql_packet(b"\x0a", number=1),), "not that of MySQL"),
        ("mysql", (b"\xff\xff\xff\x00",), "not that of MySQL"),
        ("xmpp", (b"", STREAM + STREAM_ERROR), "no stream: host-unknown"),
        ("xmpp", (b"", STREAM + b"<stream:features/>"), "not offered"),
        ("xmpp", (b"", FEATURES.replace(b"<starttls", b"<startles")), "not offered"),
        ("xmpp", (b"", FEATURES, XMPP_FAILURE), "refused: <failure"),
        ("xmpp", (b"", FEATURES, XMPP_FAILURE + PROCEED), "refused: <failure"),
        ("xmpp", (b"", FEATURES, b"<!--" + PROCEED + b"-->"), "refused: <!--"),
        ("xmpp", (b"", FEATURES, b"<proceed xmlns='jabber:client'/>" + b" " * 400), "no end"),
        ("xmpp", (b"", FEATURES, b"<proceedings" + b"x" * 400), "no end"),
    ],
)
def test_a_refusal_says_why(protocol: str, pieces: Sequence[bytes], reason: str) -> None:
    with pytest.raises(StarttlsDeclinedError, match=reason) as caught:
        play(protocol, *pieces)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= 200


@pytest.mark.parametrize(
    ("protocol", "pieces", "reason"),
    [
        ("smtp", (b"421 too many\r\n",), "421 too many"),
        ("smtp", (*GOOD["smtp"][:2], b"421 bye\r\n"), "421 bye"),
        ("imap", (b"* BYE busy\r\n",), "BYE busy"),
        ("pop3", (b"-ERR [SYS/TEMP] busy\r\n",), "busy"),
        ("ftp", (b"421 busy\r\n",), "421 busy"),
        ("ldap", (b"", ldap_answer(51, text=b"busy")), "busy"),
        ("ldap", (b"", ldap_answer(52, number=0, name=FAREWELL)), "puts us off"),
        ("mysql", (mysql_packet(b"\xff\x10\x04Too many connections"),), "Too many"),
        (
            "xmpp",
            (b"", STREAM + STREAM_ERROR.replace(b"host-unknown", b"resource-constraint")),
            "resource-constraint",
        ),
    ],
)
def test_being_put_off_is_no_refusal(protocol: str, pieces: Sequence[bytes], reason: str) -> None:
    with pytest.raises(TurnedAwayError, match=reason) as caught:
        play(protocol, *pieces)
    assert failure_of(caught.value).kind is FailureKind.RESET
    assert reason in failure_of(caught.value).text


@pytest.mark.parametrize(
    ("protocol", "pieces"),
    [
        (
            "smtp",
            (b"220 x LMTP\r\n", b"500 say LHLO\r\n", b"250-x\r\n250 starttls\r\n", b"220\r\n"),
        ),
        ("smtp", (b"220\n", b"250-x\n250-StartTLS \n250\n", b"220 go\n")),
        ("imap", (b"* ok\n", b"* capability starttls\r\n* OK hm\r\na OK\r\n", b"* 1\r\nb ok\r\n")),
        ("ftp", (b"120 wait\r\n220 x\r\n", b"234-a\r\nb\r\n234 go\r\n")),
        ("ldap", (b"", ldap_answer(0, name=OID, long=True))),
        ("mysql", (mysql_packet(b"\x0a5.5.5-10.11-MariaDB\0" + bytes(13) + b"\x00\x08"),)),
        ("xmpp", (b"", STREAM + b"<features><starttls/></features>\n", b"\n" + PROCEED)),
        (
            "xmpp",
            (b"", FEATURES, b'<proceed xmlns="urn:ietf:params:xml:ns:xmpp-tls"></proceed>'),
        ),
    ],
)
@pytest.mark.parametrize("step", [1, 4096])
def test_other_ways_to_agree(protocol: str, pieces: Sequence[bytes], step: int) -> None:
    play(protocol, *pieces, step=step)


def test_a_host_cannot_break_out_of_the_stream() -> None:
    script = Script([b"", FEATURES, PROCEED])
    asyncio.run(opened("xmpp", script, "a'b\"<c>&"))
    assert b'to="a\'b&quot;&lt;c&gt;&amp;" version' in script.said[0]


# ---------------------------------------------------------------- hostile servers


def drips_for_ever(drop: bytes) -> Behaviour:
    def behave(connection: socket.socket, server: RawServer) -> None:
        while not server.stopped.wait(0.02):
            connection.sendall(drop)

    return behave


def pours_for_ever(chunk: bytes) -> Behaviour:
    def behave(connection: socket.socket, server: RawServer) -> None:
        while not server.stopped.is_set():
            connection.sendall(chunk)

    return behave


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_silence_ends_at_the_deadline(protocol: str) -> None:
    for heard in range(len(GOOD[protocol])):
        with raw_server(plays(GOOD[protocol][:heard], stays_silent())) as server:
            assert isinstance(begin(protocol, server.port, seconds=0.2), TimeoutError)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_drip_ends_at_the_deadline(protocol: str) -> None:
    """Each drop is progress, and may be the beginning of what is waited for."""
    drops = {"ldap": b"\x30\x82\x20\x00", "mysql": b"\x40\x1f\x00\x00", "postgresql": b""}
    first = drops.get(protocol, b"2")
    with raw_server(plays([first], drips_for_ever(b"x"))) as server:
        outcome = begin(protocol, server.port, seconds=0.4)
    expected = StarttlsDeclinedError if protocol == "postgresql" else TimeoutError
    assert isinstance(outcome, expected), outcome


@pytest.mark.parametrize("chunk", [b"x" * 5000, b"220-x\r\n" * 700, b"* x\r\n" * 900, b"<a>" * 900])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_flood_is_cut(protocol: str, chunk: bytes) -> None:
    for heard in range(len(GOOD[protocol])):
        script = Script([*GOOD[protocol][:heard], chunk * 100])
        with pytest.raises(StarttlsDeclinedError):
            asyncio.run(opened(protocol, script))
        assert len(script.waiting) > 100 * len(chunk) - 2 * READ_LIMIT, "most was never read"
    with raw_server(pours_for_ever(chunk)) as server:
        assert isinstance(begin(protocol, server.port, seconds=5), StarttlsDeclinedError)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hanging_up_is_no_refusal(protocol: str) -> None:
    for heard in range(len(GOOD[protocol])):
        for shortened in (0, 1):
            pieces = [*GOOD[protocol][:heard], GOOD[protocol][heard][:shortened]]
            if pieces[-1] == GOOD[protocol][heard]:
                continue
            with pytest.raises(TurnedAwayError, match="hangs up before TLS has begun"):
                play(protocol, *pieces)
    with raw_server(lambda _connection, _server: None) as server:
        outcome = begin(protocol, server.port)
    assert isinstance(outcome, TurnedAwayError | LineClosedError), outcome


@given(
    st.sampled_from(PROTOCOLS),
    st.integers(0, 3),
    st.lists(st.binary(max_size=80) | st.sampled_from([b"220 ", b"\r\n", b"a OK", b"<proceed"])),
    st.integers(1, 90),
)
def test_no_bytes_break_an_opening(
    protocol: str, heard: int, noise: list[bytes], step: int
) -> None:
    script = Script([*GOOD[protocol][:heard], *noise], step)
    with suppress(StarttlsDeclinedError, TurnedAwayError):
        asyncio.run(opened(protocol, script))


# ---------------------------------------------------------------- BER


def test_a_head_that_is_not_complete_is_waited_for() -> None:
    whole = ldap_answer(0, long=True)
    assert [message_length(whole[:length]) for length in range(6)] == [None] * 6
    assert message_length(whole[:6]) == len(whole)
    assert not any(answer_is_whole(whole[:length]) for length in range(len(whole)))
    assert answer_is_whole(whole)
    assert answer_is_whole(b"HTTP/")
    assert read_answer(whole) == Answer(0)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x30",
        b"\x31\x00",
        b"\x30\x80" + ldap_answer(0)[2:] + bytes(2),
        b"\x30\x85\x00\x00\x00\x00\x00",
        b"\x30\x84\x7f\xff\xff\xff",
        ldap_answer(0) + b"\x00",
        ldap_answer(0)[:-1],
        ldap_answer(0, number=2),
        ldap_answer(0, number=0),
        ldap_answer(0, number=0, name=FAREWELL),
        ldap_answer(0, name=FAREWELL),
        ldap_answer(0, name=b"1.3.6.1.4.1.4203.1.11.3"),
        ldap_answer(0).replace(b"\x78", b"\x61"),
        ldap_answer(0).replace(b"\x02\x01\x01", b"\x02\x02\x00\x01"),
        ldap_answer(0).replace(b"\x0a\x01\x00", b"\x0a\x00\x04"),
        tlv(0x30, tlv(0x02, b"\x01"), tlv(0x78, b"\x0a\x05\x00")),
        tlv(0x30, tlv(0x02, b"\x01"), tlv(0x78)),
        tlv(0x30, tlv(0x02, b"\x01")),
    ],
)
def test_what_is_no_extended_response_is_refused(message: bytes) -> None:
    with pytest.raises(BrokenLdapError):
        read_answer(message)
    if message:
        with pytest.raises((StarttlsDeclinedError, TurnedAwayError)):
            play("ldap", b"", message)


@given(st.binary(max_size=60), st.integers(0, 40))
def test_no_bytes_break_the_ber(noise: bytes, at: int) -> None:
    message = bytearray(ldap_answer(0, text=b"text", name=OID))
    message[at : at + len(noise)] = noise
    for data in (noise, bytes(message)):
        answer_is_whole(data)
        try:
            read_answer(data)
        except BrokenLdapError:
            continue
