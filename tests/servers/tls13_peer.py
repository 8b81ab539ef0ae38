"""The other side of a TLS 1.3 handshake, which says whatever a test wants it to say.

peer = Peer(identity)
heard = peer.answer(hello, messages={FINISHED: bytes(32)})   # all of the server's first flight
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from spbe_audit.probes.tls.tls13.encrypted_flight import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_VERIFY,
    ENCRYPTED_EXTENSIONS,
    FINISHED,
)
from spbe_audit.probes.tls.tls13.fields import vector
from spbe_audit.probes.tls.tls13.key_schedule import (
    Transcript,
    application_secrets,
    finished_mac,
    handshake_secrets,
    suite_of,
)
from spbe_audit.probes.tls.tls13.key_shares import new_shares
from spbe_audit.probes.tls.tls13.record_layer import HANDSHAKE, Protection, Record, plain_records
from spbe_audit.probes.tls.tls13.second_hello import read_sent
from tests.servers.certificates import Identity

X25519 = 29
SERVER_HELLO = 2
REQUEST = b"\x00" + vector(b"\x00\x0d" + vector(vector(b"\x04\x03")))
_PREFIX = b" " * 64 + b"TLS 1.3, server CertificateVerify\0"
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(body, 3)


def extensions(pairs: Mapping[int, bytes]) -> bytes:
    return vector(b"".join(kind.to_bytes(2) + vector(body) for kind, body in pairs.items()))


def certificate(*chain: bytes, of_leaf: Mapping[int, bytes] | None = None) -> bytes:
    """The body of a Certificate message."""
    listed = b""
    for at, der in enumerate(chain):
        listed += vector(der, 3) + extensions((of_leaf or {}) if at == 0 else {})
    return b"\x00" + vector(listed, 3)


def ticket(pairs: Mapping[int, bytes] | None = None, *, value: bytes = b"ticket") -> bytes:
    """A NewSessionTicket message."""
    return message(4, bytes(8) + vector(b"n", 1) + vector(value) + extensions(pairs or {}))


def server_hello(
    session: bytes, suite: int, pairs: Mapping[int, bytes], *, retry: bool = False
) -> bytes:
    random = _RETRY if retry else b"r" * 32
    body = b"\x03\x03" + random + vector(session, 1) + suite.to_bytes(2) + b"\x00"
    return message(SERVER_HELLO, body + extensions({43: b"\x03\x04", **pairs}))


@dataclass(slots=True)
class Peer:
    """A server with one certificate (ECDSA, P-256). ``data``: its keys after the handshake."""

    identity: Identity
    suite: int = 0x1301
    asks: bool = False
    data: Protection | None = None
    handshake: Protection | None = None
    own: dict[int, bytes] = field(default_factory=dict)

    def answer(
        self,
        hello: bytes,
        *,
        bodies: Mapping[int, bytes] | None = None,
        order: tuple[int, ...] = (),
        before: Transcript | None = None,
    ) -> bytes:
        """All records up to the Finished. ``bodies`` stand in the place of the honest ones."""
        suite = suite_of(self.suite)
        sent = read_sent(hello)
        shares = new_shares([X25519])
        ours = shares.extension()[2:]
        offered = sent.extensions[51]
        theirs = offered[offered.index(b"\x00\x1d\x00\x20") + 4 :][:32]
        first = server_hello(sent.session, self.suite, {51: ours})
        transcript = before or Transcript(suite)
        transcript.add(hello, first)
        shared = shares.shared_secret(X25519, theirs)
        secrets = handshake_secrets(suite, shared, transcript.value())
        self.handshake = Protection(suite, secrets.server)
        said = b""
        usual = (ENCRYPTED_EXTENSIONS, CERTIFICATE, CERTIFICATE_VERIFY, FINISHED)
        asking = (ENCRYPTED_EXTENSIONS, CERTIFICATE_REQUEST, *usual[1:])
        for kind in order or (asking if self.asks else usual):
            body = (bodies or {}).get(kind)
            if body is None:
                body = self._honest(kind, transcript, secrets.server)
            transcript.add(message(kind, body))
            said += message(kind, body)
        data = application_secrets(suite, secrets.master, transcript.value())
        self.data = Protection(suite, data.server)
        parts = [said[at : at + 2**14] for at in range(0, len(said), 2**14)]
        sealed = (self.handshake.seal(Record(HANDSHAKE, part)) for part in parts)
        return plain_records(first) + b"".join(sealed)

    def _honest(self, kind: int, transcript: Transcript, secret: bytes) -> bytes:
        match kind:
            case 8:
                return extensions(self.own)
            case 11:
                return certificate(self.identity.der)
            case 13:
                return REQUEST
            case 15:
                key = self.identity.key
                assert isinstance(key, ec.EllipticCurvePrivateKey)
                signature = key.sign(_PREFIX + transcript.value(), ec.ECDSA(hashes.SHA256()))
                return b"\x04\x03" + vector(signature)
            case 20:
                return finished_mac(suite_of(self.suite), secret, transcript.value())
            case _:
                return b""
