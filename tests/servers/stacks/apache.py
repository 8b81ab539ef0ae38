"""Apache httpd with mod_ssl, on the OpenSSL of this system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.apache import apache
from tests.servers.stacks.keys import write_keys
from tests.servers.stacks.stack import EVERYTHING, TLS_1_0_TO_1_3, Stack, needs

_CONFIGURATION = """
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
<VirtualHost 127.0.0.1:PORT_0>
  SSLEngine on
  SSLCertificateFile {rsa.both}
  SSLCertificateKeyFile {rsa.key}
  SSLCertificateFile {ecdsa.certificate}
  SSLCertificateKeyFile {ecdsa.key}
  SSLCertificateFile {dsa.certificate}
  SSLCertificateKeyFile {dsa.key}
  SSLProtocol all +TLSv1 +TLSv1.1
  SSLCipherSuite {ciphers}
</VirtualHost>
"""


@contextmanager
def _serve(directory: Path) -> Iterator[int]:
    keys = write_keys(directory)
    text = _CONFIGURATION.format(rsa=keys.rsa, ecdsa=keys.ecdsa, dsa=keys.dsa, ciphers=EVERYTHING)
    with apache(directory, text) as server:
        yield server.ports[0]


STACKS = (Stack("Apache", TLS_1_0_TO_1_3, needs("apache2", package="apache2"), _serve),)
