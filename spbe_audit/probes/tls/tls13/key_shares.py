"""Key shares for one handshake: elliptic curves and the finite fields of RFC 7919."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from spbe_audit.evidence.dh_primes import ffdhe_prime
from spbe_audit.probes.tls.server_flight import BrokenFlightError
from spbe_audit.probes.tls.tls13.fields import vector

_CURVES: Mapping[int, ec.EllipticCurve] = {
    23: ec.SECP256R1(),
    24: ec.SECP384R1(),
    25: ec.SECP521R1(),
}
_X25519, _X448 = 29, 30
# Bits of the prime, and of an exponent that is as strong (RFC 7919, 5.2 and appendix A).
_FIELDS = {256: (2048, 225), 257: (3072, 275), 258: (4096, 325)}
_UNCOMPRESSED = 4
_GENERATOR = 2


class UnsupportedGroupError(BrokenFlightError):
    """The server wants a group that we have no arithmetic for."""


class _Key(Protocol):
    """A private key. ``secret`` raises ValueError for what is no public key of its group."""

    def public(self) -> bytes: ...

    def secret(self, peer: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class KeyShares:
    """Private keys by group, in the order of preference."""

    _keys: Mapping[int, _Key] = field(repr=False)

    def extension(self) -> bytes:
        """The body of the key_share extension of a ClientHello (RFC 8446, 4.2.8)."""
        entries = (group.to_bytes(2) + vector(key.public()) for group, key in self._keys.items())
        return vector(b"".join(entries))

    def shared_secret(self, group: int, peer: bytes) -> bytes:
        """What both sides know now (RFC 8446, 7.4).

        Raises BrokenFlightError for a group without a share of ours, and for a share that is no
        public key of that group.
        """
        key = self._keys.get(group)
        if key is None:
            raise BrokenFlightError(f"the server chose group {group:#06x}, for which it has no key")
        try:
            return key.secret(peer)
        except ValueError as error:
            raise BrokenFlightError(
                f"the key of the server is none of group {group:#06x}"
            ) from error


def new_shares(groups: Iterable[int]) -> KeyShares:
    """Fresh keys for these groups. Raises UnsupportedGroupError for one not in SUPPORTED."""
    return KeyShares({group: _new_key(group) for group in groups})


def _new_key(group: int) -> _Key:
    if group not in _MAKERS:
        raise UnsupportedGroupError(f"the server wants group {group:#06x}, which we do not have")
    return _MAKERS[group]()


@dataclass(frozen=True, slots=True)
class _Montgomery:
    """A key of X25519 or X448 (RFC 7748). The library refuses a secret of zeros."""

    private: x25519.X25519PrivateKey | x448.X448PrivateKey

    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def secret(self, peer: bytes) -> bytes:
        if isinstance(self.private, x25519.X25519PrivateKey):
            return self.private.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
        return self.private.exchange(x448.X448PublicKey.from_public_bytes(peer))


@dataclass(frozen=True, slots=True)
class _Point:
    """A key of a NIST curve. The library refuses points that do not lie on it."""

    private: ec.EllipticCurvePrivateKey

    def public(self) -> bytes:
        form = PublicFormat.UncompressedPoint
        return self.private.public_key().public_bytes(Encoding.X962, form)

    def secret(self, peer: bytes) -> bytes:
        if peer[:1] != bytes([_UNCOMPRESSED]):
            raise ValueError("the only form of a point that TLS 1.3 has is the uncompressed one")
        point = ec.EllipticCurvePublicKey.from_encoded_point(self.private.curve, peer)
        return self.private.exchange(ec.ECDH(), point)


@dataclass(frozen=True, slots=True)
class _Power:
    """A key of a finite field of RFC 7919. Its arithmetic is not hidden from the clock.

    Nothing secret passes over the connection, so nobody gains by timing it.
    """

    prime: int
    exponent: int

    def public(self) -> bytes:
        return self._written(pow(_GENERATOR, self.exponent, self.prime))

    def secret(self, peer: bytes) -> bytes:
        number = int.from_bytes(peer)
        if len(peer) != self._length() or not 1 < number < self.prime - 1:
            raise ValueError("not a public key of this field (RFC 8446, 4.2.8.1)")
        return self._written(pow(number, self.exponent, self.prime))

    def _written(self, number: int) -> bytes:
        return number.to_bytes(self._length())

    def _length(self) -> int:
        return self.prime.bit_length() // 8


def _new_point(curve: ec.EllipticCurve) -> _Point:
    return _Point(ec.generate_private_key(curve))


def _new_power(bits: int, strength: int) -> _Power:
    return _Power(ffdhe_prime(bits), secrets.randbits(strength) | 1 << (strength - 1))


def _makers() -> Mapping[int, Callable[[], _Key]]:
    made: dict[int, Callable[[], _Key]] = {
        _X25519: lambda: _Montgomery(x25519.X25519PrivateKey.generate()),
        _X448: lambda: _Montgomery(x448.X448PrivateKey.generate()),
    }
    for group, curve in _CURVES.items():
        made[group] = partial(_new_point, curve)
    for group, (bits, strength) in _FIELDS.items():
        made[group] = partial(_new_power, bits, strength)
    return made


_MAKERS = _makers()
SUPPORTED = tuple(_MAKERS)
"""The groups that there are keys for, those first that cost least."""
