"""With which algorithms a server signs its key exchange, which TLS 1.2 sends in the clear."""

from __future__ import annotations

import ssl
from dataclasses import replace

from spbe_audit.evidence import TlsEvidence, TlsVersion, read_suite
from spbe_audit.probes.tls.client_hello import SIGNATURE_ALGORITHMS, numbers, own_hello, vector
from spbe_audit.probes.tls.contact import Contact
from spbe_audit.probes.tls.key_exchange import sent_key_exchange, signing_suites
from spbe_audit.probes.tls.server_flight import BrokenFlightError

_MD5, _SHA1 = (0x0101, 0x0102, 0x0103), (0x0201, 0x0203, 0x0202)
_HASHES = {1: "md5", 2: "sha1", 3: "sha224", 4: "sha256", 5: "sha384", 6: "sha512"}
_KEYS = {1: "rsa_pkcs1", 2: "dsa", 3: "ecdsa"}
# IANA, TLS SignatureScheme: those that are no pair of hash and key.
_SCHEMES = {
    0x0804: "rsa_pss_rsae_sha256",
    0x0805: "rsa_pss_rsae_sha384",
    0x0806: "rsa_pss_rsae_sha512",
    0x0807: "ed25519",
    0x0808: "ed448",
    0x0809: "rsa_pss_pss_sha256",
    0x080A: "rsa_pss_pss_sha384",
    0x080B: "rsa_pss_pss_sha512",
}


async def find_signatures(contact: Contact, tls: TlsEvidence) -> tuple[str, ...]:
    """The algorithms seen: the server's choice of all, of only SHA-1, and of only MD5.

    None are seen where no suite signs its key exchange. Raises BrokenFlightError, and what
    Contact.say raises.
    """
    if not any(_signs(name) for name in tls.suites.get(TlsVersion.TLS_1_2, ())):
        return ()
    hello = own_hello(contact.host, newest=ssl.TLSVersion.TLSv1_2)
    hello = replace(hello, suites=signing_suites())
    choice = await sent_key_exchange(contact, hello)
    if choice is None or choice.signature_scheme is None:
        raise BrokenFlightError("the server accepts suites that sign, and signed nothing")
    seen = [choice.signature_scheme]
    for schemes in (_SHA1, _MD5):
        only = hello.with_extensions({SIGNATURE_ALGORITHMS: vector(numbers(schemes))})
        sent = await sent_key_exchange(contact, only)
        if sent and sent.signature_scheme is not None:
            seen.append(sent.signature_scheme)
    return tuple(dict.fromkeys(scheme_name(scheme) for scheme in seen))


def scheme_name(scheme: int) -> str:
    """The IANA name of a signature scheme; its number where it has none."""
    pair = _KEYS.get(scheme & 0xFF), _HASHES.get(scheme >> 8)
    if all(pair):
        return f"{pair[0]}_{pair[1]}"
    return _SCHEMES.get(scheme, f"0x{scheme:04x}")


def _signs(name: str) -> bool:
    suite = read_suite(name)
    return suite.key_exchange.startswith(("ECDHE_RSA", "ECDHE_ECDSA", "DHE_RSA", "DHE_DSS"))
