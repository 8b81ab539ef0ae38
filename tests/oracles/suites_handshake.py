"""Does a server accept this one suite? Asked by clients that are not ours."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache

from spbe_audit.evidence import TlsVersion
from tests.servers.stacks.keys import NAME

_OPENSSL_OPTIONS = {
    TlsVersion.TLS_1_0: "-tls1",
    TlsVersion.TLS_1_1: "-tls1_1",
    TlsVersion.TLS_1_2: "-tls1_2",
}
# Of its own list: TLS_DHE_DSS_ARCFOUR_128_SHA1    0x00, 0x66    TLS1.0
_GNUTLS_SUITE = re.compile(
    r"^TLS_(?P<exchange>(?:(?:EC)?DHE_|RSA_)?(?:PSK|RSA|DSS|ECDSA))_(?P<cipher>\w+?)"
    r"(?:_(?P<mac>SHA1|SHA256|SHA384|MD5))?\s+0x(?P<high>\w\w), 0x(?P<low>\w\w)",
    re.MULTILINE,
)
_SECONDS = 10


def is_accepted(port: int, version: TlsVersion, code: int) -> bool:
    """Whether openssl s_client or gnutls-cli ends a handshake with this suite alone on offer.

    False as well where neither has the suite or the version. The pre-shared key is that of the
    stacks.
    """
    return _openssl_accepts(port, version, code) or _gnutls_accepts(port, version, code)


def _openssl_accepts(port: int, version: TlsVersion, code: int) -> bool:
    name, option = _openssl_names().get(code), _OPENSSL_OPTIONS.get(version)
    if name is None or option is None:
        return False
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", NAME, option]
    command += ["-psk", "01020304", "-psk_identity", "client", "-cipher", f"{name}:@SECLEVEL=0"]
    return f"Cipher is {name}\n" in _said(command)


def _gnutls_accepts(port: int, version: TlsVersion, code: int) -> bool:
    parts = _gnutls_parts().get(code) if shutil.which("gnutls-cli") else None
    if parts is None or not version.startswith("TLS"):
        return False
    priority = f"NONE:+VERS-{version.replace(' ', '')}:+CTYPE-X509:+COMP-NULL:+AEAD:{parts}"
    priority += ":+GROUP-ALL:+SIGN-ALL:+SIGN-DSA-SHA1:+SIGN-DSA-SHA256:%VERIFY_ALLOW_BROKEN"
    command = ["gnutls-cli", "--insecure", f"--sni-hostname={NAME}", f"--priority={priority}"]
    return "Handshake was completed" in _said([*command, f"--port={port}", "127.0.0.1"])


def _said(command: list[str]) -> str:
    try:
        told = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return told.stdout.decode(errors="replace")


@cache
def _openssl_names() -> Mapping[int, str]:
    listed = _said(["openssl", "ciphers", "-V", "-psk", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"])
    rows = (line.split() for line in listed.splitlines())
    return {int(row[0].replace(",0x", ""), 16): row[2] for row in rows}


@cache
def _gnutls_parts() -> Mapping[int, str]:
    """What to add to a priority string so that a suite alone is on offer, by code point."""
    parts = {}
    for found in _GNUTLS_SUITE.finditer(_said(["gnutls-cli", "--list"])):
        named = (found[what] for what in ("exchange", "cipher", "mac") if found[what])
        words = (f"+{part.replace('_EDE', '').replace('_', '-')}" for part in named)
        parts[int(found["high"] + found["low"], 16)] = ":".join(words)
    return parts
