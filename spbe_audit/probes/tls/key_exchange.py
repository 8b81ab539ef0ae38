"""The key exchange that a server sends in the clear, up to TLS 1.2, and what it may show."""

from __future__ import annotations

import ssl
from dataclasses import replace
from functools import cache

from spbe_audit.evidence import KeyExchange, TlsEvidence, TlsVersion
from spbe_audit.probes.tls.client_hello import (
    SUPPORTED_GROUPS,
    TLS_1_2,
    ClientHello,
    numbers,
    own_hello,
    vector,
)
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.server_flight import (
    FLIGHT_LIMIT,
    BrokenFlightError,
    Flight,
    SentKeyExchange,
    read_flight,
    read_key_exchange,
)

# Suites that the local library no longer has.
_ECDHE_RC4_AND_3DES = (0xC007, 0xC008, 0xC011, 0xC012)
_DHE_3DES = (0x0013, 0x0016)
_DHE_WEAK = (0x0011, 0x0014, 0x0012, 0x0015)
_DH_ANON_WEAK = (0x0017, 0x0019, 0x001A, 0x0018, 0x001B)
# IANA, TLS Supported Groups: over binary fields, or of fewer than 224 bits.
_WEAK_CURVES = {
    1: "sect163k1",
    2: "sect163r1",
    3: "sect163r2",
    4: "sect193r1",
    5: "sect193r2",
    6: "sect233k1",
    7: "sect233r1",
    8: "sect239k1",
    9: "sect283k1",
    10: "sect283r1",
    11: "sect409k1",
    12: "sect409r1",
    13: "sect571k1",
    14: "sect571r1",
    15: "secp160k1",
    16: "secp160r1",
    17: "secp160r2",
    18: "secp192k1",
    19: "secp192r1",
}
_WEAK_CURVES_SHOWN = 3
_VERSIONS = {
    TlsVersion.SSL_3_0: 0x0300,
    TlsVersion.TLS_1_0: 0x0301,
    TlsVersion.TLS_1_1: 0x0302,
    TlsVersion.TLS_1_2: TLS_1_2,
}


async def find_dh_group(contact: Contact, tls: TlsEvidence) -> KeyExchange | None:
    """The Diffie-Hellman group that the server sends where export suites come first.

    The engine does not complete a handshake with a short prime, and shows none. None where the
    server sends none. Raises BrokenFlightError, and what Contact.say raises.
    """
    version = max((_VERSIONS[one] for one in tls.versions if one in _VERSIONS), default=0)
    hello = own_hello(contact.host, newest=ssl.TLSVersion.TLSv1_2)
    suites = (*_DHE_WEAK, *_dh_anon(), *_dhe())
    sent = await sent_key_exchange(contact, replace(hello, version=version, suites=suites))
    if sent is None or sent.prime is None:
        return None
    return KeyExchange("DH", sent.prime.bit_length(), prime=f"{sent.prime:x}")


async def find_weak_curves(contact: Contact) -> tuple[str, ...]:
    """The names of at most three weak curves that the server takes when nothing else is offered.

    The engine asks in the newest version, and TLS 1.3 has no weak curves. Raises as find_dh_group
    does.
    """
    left = dict(_WEAK_CURVES)
    found: list[str] = []
    plain = replace(own_hello(contact.host, newest=ssl.TLSVersion.TLSv1_2), suites=_ecdhe())
    while len(found) < _WEAK_CURVES_SHOWN:
        hello = plain.with_extensions({SUPPORTED_GROUPS: vector(numbers(left))})
        sent = await sent_key_exchange(contact, hello)
        name = left.pop(sent.group or 0, None) if sent else None
        if name is None:
            break
        found.append(name)
    return tuple(found)


async def sent_key_exchange(contact: Contact, hello: ClientHello) -> SentKeyExchange | None:
    """The answer to a hello with ephemeral suites only; None where the server refused.

    Raises BrokenFlightError, and what Contact.say raises.
    """
    flight = await contact.say(hello.record(), read_flight, limit=FLIGHT_LIMIT) or Flight()
    if flight.hello is None:
        return None
    if flight.key_exchange is None:
        raise BrokenFlightError("the server stops before its key exchange")
    is_anonymous = flight.hello.suite in _dh_anon()
    is_dh = is_anonymous or flight.hello.suite in {*_DHE_WEAK, *_dhe()}
    signed = flight.hello.version == TLS_1_2 and not is_anonymous
    return read_key_exchange(flight.key_exchange, is_dh=is_dh, signed=signed)


def signing_suites() -> tuple[int, ...]:
    """Suites whose key exchange the server signs."""
    return (*_ecdhe(), *_dhe())


@cache
def _ecdhe() -> tuple[int, ...]:
    return (*_local_suites("kECDHE:!aNULL"), *_ECDHE_RC4_AND_3DES)


@cache
def _dhe() -> tuple[int, ...]:
    return (*_local_suites("kDHE:!aNULL"), *_DHE_3DES)


@cache
def _dh_anon() -> tuple[int, ...]:
    return (*_DH_ANON_WEAK, *_local_suites("ADH"))


def _local_suites(wanted: str) -> tuple[int, ...]:
    """The suites of the local library, without those of TLS 1.3 and of shared secrets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(f"{wanted}:!PSK:!SRP:@SECLEVEL=0")
    suites = context.get_ciphers()
    return tuple(suite["id"] & 0xFFFF for suite in suites if suite["protocol"] != "TLSv1.3")
