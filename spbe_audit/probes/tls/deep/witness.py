"""What a server said while sslyze tested it: without that, a "not vulnerable" is not to be trusted.

sslyze takes a connection that breaks off, or stays silent, for the sign of a sound server.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sslyze.connection_helpers.tls_connection import SslConnection
from sslyze.server_connectivity import TlsVersionEnum

from spbe_audit.probes.tls.deep.server import KnownServer

_MOST_HEARD = 2**18
_ALERT, _HANDSHAKE = 0x15, 0x16
_RECORD_HEAD, _MESSAGE_HEAD = 5, 4
_SERVER_HELLO_DONE = 14
_ALERT_LENGTH = 2


class TooMuchSaidError(Exception):
    """The server said more than any handshake needs."""


@dataclass(slots=True)
class Heard:
    """All that came on one connection since TLS began."""

    data: bytearray = field(default_factory=bytearray)

    @property
    def whole_greeting(self) -> bool:
        """Whether the server came to its ServerHelloDone, after which the tests begin."""
        handshake = b"".join(body for kind, body in self._records() if kind == _HANDSHAKE)
        start = 0
        while start + _MESSAGE_HEAD <= len(handshake):
            if handshake[start] == _SERVER_HELLO_DONE:
                return True
            start += _MESSAGE_HEAD + int.from_bytes(handshake[start + 1 : start + _MESSAGE_HEAD])
        return False

    @property
    def alerts(self) -> frozenset[int]:
        """The descriptions of all alerts that came in the clear (IANA, TLS Alerts)."""
        bodies = [body for kind, body in self._records() if kind == _ALERT]
        return frozenset(body[1] for body in bodies if len(body) == _ALERT_LENGTH)

    def _records(self) -> Iterator[tuple[int, bytes]]:
        """Type and body of each record that is complete."""
        start = 0
        while start + _RECORD_HEAD <= len(self.data):
            body = start + _RECORD_HEAD
            end = body + int.from_bytes(self.data[start + 3 : body])
            if end > len(self.data):
                return
            yield self.data[start], bytes(self.data[body:end])
            start = end


@dataclass(frozen=True)
class WitnessedServer(KnownServer):
    """A server of which every word is kept, connection by connection.

    It is called by its name always: sslyze leaves the name out of some tests, and a server that
    insists on it then looks sound.
    """

    heard: list[Heard] = field(default_factory=list)

    def get_preconfigured_tls_connection(
        self,
        override_tls_version: TlsVersionEnum | None = None,
        ca_certificates_path: Path | None = None,
        should_use_legacy_openssl: bool | None = None,  # noqa: FBT001 - sslyze's signature
        should_enable_server_name_indication: bool = True,  # noqa: ARG002, FBT001, FBT002 - sslyze's signature
    ) -> SslConnection:
        """Prepare a connection whose socket is listened in on."""
        connection = super().get_preconfigured_tls_connection(
            override_tls_version, ca_certificates_path, should_use_legacy_openssl
        )
        client = connection.ssl_client
        take = client.set_underlying_socket

        def take_witnessed(sock: socket.socket) -> None:
            self.heard.append(Heard())
            take(_Ear(sock, self.heard[-1]))  # type: ignore[arg-type]  # all that nassl uses of a socket

        client.set_underlying_socket = take_witnessed  # type: ignore[method-assign]  # the one way in
        return connection


@dataclass(frozen=True, slots=True)
class _Ear:
    """As much of a socket as nassl uses."""

    _sock: socket.socket
    _heard: Heard

    def recv(self, size: int) -> bytes:
        """The next bytes, which are kept. Raises TooMuchSaidError, and OSError as a socket does."""
        data = self._sock.recv(size)
        self._heard.data += data
        if len(self._heard.data) > _MOST_HEARD:
            raise TooMuchSaidError("the server said more than any handshake needs")
        return data

    def send(self, data: bytes) -> int:
        """Send as much as goes. Raises OSError."""
        return self._sock.send(data)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()
