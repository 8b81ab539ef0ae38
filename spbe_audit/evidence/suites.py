"""Reads what the IANA name of a cipher suite says about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from spbe_audit.evidence.tls import TlsEvidence, TlsVersion

LEGACY_VERSIONS = tuple(version for version in TlsVersion if version is not TlsVersion.TLS_1_3)
"""The versions before TLS 1.3, whose suites name a key exchange and a way to authenticate."""

_NAMED_KEY_EXCHANGE = re.compile(
    r"(?:TLS|SSL)_(?P<key_exchange>\w+?)_WITH_(?P<cipher>\w+)", re.ASCII
)
_SSL_2_0 = re.compile(r"(?:SSL_CK|SSL2)_(?P<cipher>\w+)", re.ASCII)
# RFC 8446 B.4, RFC 8998, RFC 9150, RFC 9367 and the registrations of AEGIS and Ascon.
_TLS_1_3 = re.compile(
    r"TLS_(?P<cipher>(?:AES|CHACHA20|SM4|AEGIS|ASCONAEAD128|SHA256|SHA384|GOSTR\w+_MGM)_\w+)",
    re.ASCII,
)
# GM/T 0024-2014, GB/T 38636-2020.
_TLCP = re.compile(r"(?P<key_exchange>ECDHE|ECC|IBSDH|IBC|RSA)_(?P<cipher>SM[14]_\w+)", re.ASCII)
_EPHEMERAL = frozenset({"DHE", "ECDHE", "IBSDH", "SRP", "ECCPWD", "CECPQ1", "ANON"})
_SHORT_BLOCKS = frozenset({"3DES", "EDE3", "DES", "DES40", "IDEA", "RC2", "28147", "MAGMA"})
_AEAD = frozenset({"GCM", "CCM", "POLY1305", "OCB", "MGM", "AEGIS", "ASCONAEAD128"})


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite name taken apart; every property follows from the name alone.

    ``key_exchange`` is the part before "_WITH_" ("ECDHE_RSA", "DH_anon", "RSA_EXPORT"), "RSA" for
    SSL 2.0 and "" for TLS 1.3, where the suite does not decide it. ``cipher`` is the rest.
    ``readable`` is false for a name of no known form, which says nothing at all.
    """

    name: str
    key_exchange: str
    cipher: str
    readable: bool = True

    @property
    def null(self) -> bool:
        """Nothing is encrypted (RFC 9150 has such suites for TLS 1.3 too)."""
        integrity_only = not self.key_exchange and self.cipher.startswith(("SHA256", "SHA384"))
        return "NULL" in _words(self.cipher) or integrity_only

    @property
    def anonymous(self) -> bool:
        """The server does not prove who it is."""
        return "ANON" in _words(self.key_exchange) or self.key_exchange == "NULL"

    @property
    def export(self) -> bool:
        """Weakened on purpose for export: keys of 40 or 56 bits, RSA and DH of 512 or 1024."""
        words = _words(self.key_exchange) | _words(self.cipher)
        return bool(words & {"40", "DES40"}) or any(word.startswith("EXPORT") for word in words)

    @property
    def rc4(self) -> bool:
        """Encrypts with RC4 (RFC 7465)."""
        return "RC4" in _words(self.cipher)

    @property
    def des(self) -> str | None:
        """Which block cipher of 64-bit blocks it uses, "3DES" or "DES"; None for neither."""
        words = _words(self.cipher)
        if words & {"3DES", "EDE3"}:
            return "3DES"
        return "DES" if words & {"DES", "DES40"} else None

    @property
    def short_blocks(self) -> bool:
        """Encrypts in blocks of 64 bits, which repeat within one long connection (SWEET32)."""
        return bool(_words(self.cipher) & _SHORT_BLOCKS)

    @property
    def cbc(self) -> bool:
        """Chains blocks (CBC), with integrity added beside it."""
        # GM/T 0024-2014 names no mode for SM1, and has no other.
        return bool(_words(self.cipher) & {"CBC", "SM1"})

    @property
    def aead(self) -> bool:
        """Encryption and integrity in one (RFC 5116)."""
        return bool(_words(self.cipher) & _AEAD)

    @property
    def forward_secret(self) -> bool:
        """The session key cannot be computed later from the server's long-lived key."""
        if not self.readable:
            return False
        return not self.key_exchange or bool(_words(self.key_exchange) & _EPHEMERAL)


def read_suite(name: str) -> Suite:
    """Take a suite name apart. A name of no known form gives a suite that is not readable."""
    if found := _SSL_2_0.fullmatch(name):
        return Suite(name, "RSA", found["cipher"])
    # RFC 9367 has suites of TLS 1.3 that look as though they named a key exchange.
    if found := _TLS_1_3.fullmatch(name):
        return Suite(name, "", found["cipher"])
    if found := _NAMED_KEY_EXCHANGE.fullmatch(name):
        # AKE is how nmap spells "decided elsewhere".
        key_exchange = found["key_exchange"]
        return Suite(name, "" if key_exchange == "AKE" else key_exchange, found["cipher"])
    if found := _TLCP.fullmatch(name):
        return Suite(name, found["key_exchange"], found["cipher"])
    return Suite(name, "", "", readable=False)


def suites_that(tls: TlsEvidence, wanted: Callable[[Suite], object]) -> tuple[str, ...]:
    """The accepted suites, over all versions, of which something holds."""
    suites = (read_suite(name) for name in tls.accepted_suites())
    return tuple(suite.name for suite in suites if suite.readable and wanted(suite))


def versions_accepting(tls: TlsEvidence, names: Collection[str]) -> tuple[str, ...]:
    """The versions, oldest first, in which one of these suites is accepted."""
    found = {version for version, accepted in tls.suites.items() if set(accepted) & set(names)}
    return tuple(version.value for version in TlsVersion if version in found)


def unsettled_suites(
    tls: TlsEvidence, versions: Collection[TlsVersion] = tuple(TlsVersion)
) -> tuple[str, ...]:
    """The versions whose accepted suites are not wholly known, and names that cannot be read.

    A version is unsettled when the engine could not tell whether it is accepted, when it could not
    list its suites, and when it is accepted with no suite listed.
    """
    unsettled = [
        version.value
        for version in TlsVersion
        if version in versions and not _suites_settled(tls, version)
    ]
    unreadable = [name for name in tls.accepted_suites() if not read_suite(name).readable]
    return (*unsettled, *unreadable)


def _suites_settled(tls: TlsEvidence, version: TlsVersion) -> bool:
    if not tls.versions:
        return False  # a handshake succeeded, so some version is accepted: the list is not whole
    if f"versions.{version}" in tls.unknown or f"suites.{version}" in tls.unknown:
        return False
    return version not in tls.versions or bool(tls.suites.get(version))


def _words(part: str) -> frozenset[str]:
    return frozenset(part.upper().split("_"))
