"""The key exchange that a server sends in the clear, up to TLS 1.2."""

from __future__ import annotations

from spbe_audit.evidence import KeyExchange, curve_bits, read_suite
from spbe_audit.probes.tls.codes.groups import GROUPS
from spbe_audit.probes.tls.codes.suites import SUITES
from spbe_audit.probes.tls.offer import TLS_1_2
from spbe_audit.probes.tls.server_flight import (
    BrokenFlightError,
    Flight,
    SentKeyExchange,
    ServerHello,
    read_key_exchange,
)


def read_sent(hello: ServerHello, flight: Flight) -> SentKeyExchange | None:
    """The ephemeral key exchange of a flight; None where the suite has none.

    Raises BrokenFlightError where it does not follow, or does not follow the rules.
    """
    key_exchange = read_suite(SUITES.get(hello.suite, "")).key_exchange
    is_dh = key_exchange.startswith(("DHE_", "DH_anon"))
    if not is_dh and not key_exchange.startswith(("ECDHE_", "ECDH_anon")):
        return None
    body = flight.key_exchange
    if body is None:
        raise BrokenFlightError("the server stops before its key exchange")
    if "PSK" in key_exchange:
        body = body[2 + int.from_bytes(body[:2]) :]  # a hint at the key comes first
    signed = hello.version == TLS_1_2 and not key_exchange.endswith(("PSK", "anon", "anon_EXPORT"))
    return read_key_exchange(body, is_dh=is_dh, signed=signed)


def shown(sent: SentKeyExchange) -> KeyExchange | None:
    """A key exchange as evidence; None for a curve whose size nobody has told us."""
    if sent.prime is not None:
        return KeyExchange("DH", sent.prime.bit_length(), prime=f"{sent.prime:x}")
    return exchange_in(sent.group or 0)


def exchange_in(group: int) -> KeyExchange | None:
    """A key exchange in a group that has a number; None where its size is not known."""
    name = GROUPS.get(group, "")
    if name.startswith("ffdhe"):
        return KeyExchange("DH", int(name.removeprefix("ffdhe")), name)
    bits = curve_bits(name)
    return KeyExchange("ECDH", bits, name) if bits else None
