"""StartTLS of LDAP: one extended request, and just as much BER as its answer needs."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.probes.tls.contact import Line, StarttlsDeclinedError
from spbe_audit.probes.tls.starttls.inbox import READ_LIMIT, Inbox, declined, turned_away

_OID = b"1.3.6.1.4.1.1466.20037"
_DISCONNECTION = b"1.3.6.1.4.1.1466.20036"

START_TLS = bytes.fromhex("301d 020101 7718 8016") + _OID
"""An LDAPMessage with number 1 that holds the ExtendedRequest StartTLS (RFC 4511, 4.12, 4.14.1)."""

_SEQUENCE, _INTEGER, _OCTETS, _ENUMERATED = 0x30, 0x02, 0x04, 0x0A
_EXTENDED_RESPONSE, _RESPONSE_NAME = 0x78, 0x8A
_SOLICITED, _UNSOLICITED = b"\x01", b"\x00"
_HEAD = 2
_LONG_FORM = 0x80
_LONGEST_LENGTH = 4
_SUCCESS = 0
_PROTOCOL_ERROR, _BUSY, _UNAVAILABLE = 2, 51, 52
_NO_TLS = frozenset({_PROTOCOL_ERROR, _UNAVAILABLE})


class BrokenLdapError(Exception):
    """These bytes are no ExtendedResponse of LDAP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An ExtendedResponse: its resultCode, 0 for a success, and a text for people.

    ``farewell`` tells one that answers nothing, but announces that the server hangs up.
    """

    code: int
    text: bytes = b""
    farewell: bool = False

    @property
    def goes_ahead(self) -> bool:
        """Whether TLS may begin."""
        return self.code == _SUCCESS


async def open_ldap(line: Line, _host: str) -> None:
    """RFC 4511, 4.14."""
    inbox = Inbox(line)
    await inbox.say(START_TLS)
    try:
        while (length := message_length(inbox.waiting)) is None:
            await inbox.fill()
        answer = read_answer(await inbox.take(length))
    except BrokenLdapError as error:
        raise StarttlsDeclinedError("its answer is not LDAP") from error
    if answer.farewell or answer.code == _BUSY:
        raise turned_away(answer.text)
    if not answer.goes_ahead:
        raise declined(f"StartTLS is refused with result {answer.code}", answer.text)
    inbox.end()


def answer_is_whole(data: bytes) -> bool:
    """Whether an answer can be read, or will never be one."""
    try:
        length = message_length(data)
    except BrokenLdapError:
        return True
    return length is not None and len(data) >= length


def ldap_offers_tls(data: bytes) -> bool | None:
    """Whether an answer to StartTLS lets TLS begin; None where it is no answer to that.

    Of the refusals, two say that there is no TLS to be had (RFC 4511, 4.14.2).
    """
    try:
        answer = read_answer(data[: message_length(data)])
    except BrokenLdapError:
        return None
    if answer.farewell or answer.code not in {_SUCCESS, *_NO_TLS}:
        return None
    return answer.goes_ahead


def message_length(data: bytes) -> int | None:
    """The length of the LDAPMessage that begins here, or None while its head is not complete.

    Raises BrokenLdapError for what begins none, and for one that is far too long.
    """
    if data[:1] not in {b"", bytes([_SEQUENCE])}:
        raise BrokenLdapError
    extent = _extent(data)
    return extent[1] if extent else None


def read_answer(message: bytes) -> Answer:
    """The ExtendedResponse in one LDAPMessage: the answer to our request, or a farewell (4.4.1).

    Raises BrokenLdapError for anything else.
    """
    tag, body, rest = _element(message)
    if tag != _SEQUENCE or rest:
        raise BrokenLdapError
    number, response = _first_of(_elements(body), _INTEGER, _EXTENDED_RESPONSE)
    parts = _elements(response)
    code, _, text = _first_of(parts, _ENUMERATED, _OCTETS, _OCTETS)
    names = [value for tag, value in parts if tag == _RESPONSE_NAME]
    if len(code) != 1:
        raise BrokenLdapError
    if number == _SOLICITED and names in ([], [_OID]):
        return Answer(code[0], text)
    if number == _UNSOLICITED and names == [_DISCONNECTION] and code[0] != _SUCCESS:
        return Answer(code[0], text, farewell=True)
    raise BrokenLdapError


def _first_of(elements: list[tuple[int, bytes]], *tags: int) -> list[bytes]:
    """The values of the first elements, which must carry these tags."""
    first = elements[: len(tags)]
    if tuple(tag for tag, _ in first) != tags:
        raise BrokenLdapError
    return [value for _, value in first]


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """The tags and values of all elements, one after another."""
    found: list[tuple[int, bytes]] = []
    while data:
        tag, value, data = _element(data)
        found.append((tag, value))
    return found


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The tag and value of the first element, and what follows it."""
    extent = _extent(data)
    if extent is None or len(data) < extent[1]:
        raise BrokenLdapError
    begin, end = extent
    return data[0], data[begin:end], data[end:]


def _extent(data: bytes) -> tuple[int, int] | None:
    """Where the value of the first element begins and ends; None while its head is not complete.

    RFC 4511 5.1 allows definite lengths only, in as many bytes as the sender likes.
    """
    if len(data) < _HEAD:
        return None
    if data[1] < _LONG_FORM:
        return _HEAD, _HEAD + data[1]
    more = data[1] - _LONG_FORM
    if not 0 < more <= _LONGEST_LENGTH:
        raise BrokenLdapError
    begin = _HEAD + more
    if len(data) < begin:
        return None
    end = begin + int.from_bytes(data[_HEAD:begin])
    if end > READ_LIMIT:
        raise BrokenLdapError
    return begin, end
