"""Does a server bear what it does not know? ClientHellos that any server must answer.

Each differs in one way from a plain hello: a version too new, numbers that mean nothing (GREASE),
a long extension; where TLS 1.3 is not accepted, also that it is offered. Only where the plain one
is answered, and the strange one twice is not, does the server count as intolerant (RFC 8446 4.1.2
and 4.2.1, RFC 8701).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

from spbe_audit.evidence import TlsVersion
from spbe_audit.probes.tls.client_hello import (
    KEY_SHARE,
    SIGNATURE_ALGORITHMS,
    SUPPORTED_GROUPS,
    SUPPORTED_VERSIONS,
    TLS_1_3,
    ClientHello,
    numbers,
    own_hello,
    vector,
)
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.greeting import Sort, hear

_FUTURE_VERSION = 0x0305
# RFC 8701: numbers that will never mean anything.
_GREASE_SUITE, _GREASE_GROUP, _GREASE_SIGNATURE, _GREASE_VERSION = 0x0A0A, 0x1A1A, 0x2A2A, 0x3A3A
_GREASE_EXTENSION, _OTHER_GREASE_EXTENSION, _LONG_EXTENSION = 0x4A4A, 0x5A5A, 0x6A6A
_LONG_BYTES = 2000  # more than fits into one packet, as with the key shares of today's browsers


class PlainHelloError(Exception):
    """The plain hello is not answered either, so the strange one shows nothing."""


async def find_intolerances(contact: Contact, versions: Collection[TlsVersion]) -> tuple[str, ...]:
    """The names of the hellos that a server which accepts these versions does not bear.

    Raises PlainHelloError, and what Contact.say raises: silence tells nothing.
    """
    classic, modern = (
        own_hello(contact.host, newest=ssl.TLSVersion.TLSv1_2),
        own_hello(contact.host),
    )
    found, plain = [], modern
    if TlsVersion.TLS_1_3 not in versions and not await _is_borne(contact, classic, modern):
        found, plain = ["modern_hello"], classic
    for name, base, strange in (
        ("unknown_version", *_of_the_future(classic, modern, versions)),
        ("grease", plain, greased(plain)),
        ("long_hello", plain, lengthened(plain)),
    ):
        if not await _is_borne(contact, base, strange):
            found.append(name)
    return tuple(found)


def _of_the_future(
    classic: ClientHello, modern: ClientHello, versions: Collection[TlsVersion]
) -> tuple[ClientHello, ClientHello]:
    """A version too new, where the server reads it: TLS 1.3 has moved it to an extension."""
    if set(versions) - {TlsVersion.TLS_1_3}:
        return classic, replace(classic, version=TLS_1_3)
    newer = vector(numbers([_FUTURE_VERSION, TLS_1_3]), length=1)
    return modern, modern.with_extensions({SUPPORTED_VERSIONS: newer})


def lengthened(hello: ClientHello) -> ClientHello:
    """The hello with an extension that fills more than one packet."""
    return hello.with_extensions({_LONG_EXTENSION: bytes(_LONG_BYTES)})


def greased(hello: ClientHello) -> ClientHello:
    """The hello with a number that means nothing in front of every list, and two extensions."""
    alter: Mapping[int, Callable[[bytes], bytes]] = {
        SUPPORTED_GROUPS: partial(_led_by, _GREASE_GROUP),
        SIGNATURE_ALGORITHMS: partial(_led_by, _GREASE_SIGNATURE),
        SUPPORTED_VERSIONS: lambda body: vector(
            numbers([_GREASE_VERSION, _FUTURE_VERSION]) + body[1:], length=1
        ),
        KEY_SHARE: lambda body: vector(numbers([_GREASE_GROUP]) + vector(b"\x00") + body[2:]),
    }
    extensions = {
        number: alter[number](body) if number in alter else body
        for number, body in hello.extensions.items()
    }
    extensions |= {_GREASE_EXTENSION: b"", _OTHER_GREASE_EXTENSION: b"\x00"}
    return replace(hello, suites=(_GREASE_SUITE, *hello.suites), extensions=extensions)


def _led_by(number: int, body: bytes) -> bytes:
    """A list of numbers with one more in front."""
    return vector(numbers([number]) + body[2:])


async def _is_borne(contact: Contact, plain: ClientHello, strange: ClientHello) -> bool:
    if await _is_answered(contact, strange):
        return True
    if not await _is_answered(contact, plain):
        raise PlainHelloError("a plain hello is not answered any more")
    return await _is_answered(contact, strange)


async def _is_answered(contact: Contact, hello: ClientHello) -> bool:
    reply = await hear(contact, hello.record())
    return reply.sort is Sort.HANDSHAKE and reply.version is not None
