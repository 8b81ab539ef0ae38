"""A TLS server on tlslite-ng that accepts all that it has; runs where tlslite-ng is installed.

python tlslite_server.py PORT [CERTIFICATE KEY ...]

Without certificates it accepts the anonymous suites, which it does not beside a certificate. The
first pair must be RSA.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

from tlslite import api  # type: ignore[import-not-found] # in an environment of its own
from tlslite import handshakesettings as known

_PATIENCE = 10.0


def main(arguments: list[str]) -> None:
    """Serve until told to end."""
    port, *files = arguments
    pairs = [_read(*pair) for pair in zip(files[::2], files[1::2], strict=True)]
    with socket.create_server(("127.0.0.1", int(port)), backlog=256) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_converse, args=(connection, pairs), daemon=True).start()


def _read(certificate: str, key: str) -> known.Keypair:
    chain = api.X509CertChain()
    chain.parsePemList(Path(certificate).read_text())
    return known.Keypair(api.parsePEMKey(Path(key).read_text(), private=True), chain.x509List)


def _settings(more: list[known.Keypair]) -> api.HandshakeSettings:
    settings = api.HandshakeSettings()
    settings.minVersion = (3, 0)
    settings.versions = [(3, 4), (3, 3), (3, 2), (3, 1), (3, 0)]
    settings.cipherNames = list(known.ALL_CIPHER_NAMES)
    settings.macNames = list(known.ALL_MAC_NAMES)
    settings.eccCurves = list(known.ALL_CURVE_NAMES)
    if more:
        settings.virtual_hosts = [known.VirtualHost()]
        settings.virtual_hosts[0].keys = more
    return settings


def _converse(connection: socket.socket, pairs: list[known.Keypair]) -> None:
    with connection, suppress(Exception):  # refusals, and whatever a client may send
        connection.settimeout(_PATIENCE)
        secure = api.TLSConnection(connection)
        if pairs:
            first, *more = pairs
            chain = api.X509CertChain(first.certificates)
            secure.handshakeServer(certChain=chain, privateKey=first.key, settings=_settings(more))
        else:
            secure.handshakeServer(anon=True, settings=_settings([]))
        secure.recv(4096)
        secure.sendall(b"HTTP/1.0 200 OK\r\n\r\nok")


if __name__ == "__main__":
    main(sys.argv[1:])
