"""The reference services: what each one is, what is wrong with it, and what must be found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spbe_audit.regulation import Bilingual


class Certificate(StrEnum):
    """What kind of certificate a service shows."""

    GOOD = "good"
    EXPIRED = "expired"
    SELF_SIGNED = "self_signed"
    WRONG_NAME = "wrong_name"


class Behaviour(StrEnum):
    """How a service treats those who connect."""

    HTTPS = "https"
    HTTP = "http"
    SILENT = "silent"
    DEAD = "dead"


GOOD_HEADERS: tuple[tuple[str, str], ...] = (
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    (
        "Content-Security-Policy",
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
)
GOOD_COOKIES = ("__Host-session=0123456789abcdef; Path=/; Secure; HttpOnly; SameSite=Lax",)
GOOD_SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True, slots=True)
class ReferenceService:
    """One service of known state.

    ``must_fail`` are the checks that must fail on it; no other check of severity low or above
    may. ``unknown_reason`` is set where nothing can be judged. ``oldest_tls`` is "1.0" or "1.2".
    """

    id: str
    name: Bilingual
    fault: Bilingual
    must_fail: tuple[str, ...] = ()
    unknown_reason: str = ""
    behaviour: Behaviour = Behaviour.HTTPS
    certificate: Certificate = Certificate.GOOD
    oldest_tls: str = "1.2"
    suites: str = GOOD_SUITES
    rsa_bits: int = 0
    headers: tuple[tuple[str, str], ...] = GOOD_HEADERS
    server: str = "reference"
    cookies: tuple[str, ...] = GOOD_COOKIES
    redirects_http: bool = True
    database: bool = False


REFERENCE_SERVICES: tuple[ReferenceService, ...] = (
    ReferenceService(
        id="good",
        name=Bilingual("Layanan acuan yang baik", "Good reference service"),
        fault=Bilingual("tidak ada", "none"),
    ),
    ReferenceService(
        id="expired",
        name=Bilingual("Sertifikat kedaluwarsa", "Expired certificate"),
        fault=Bilingual("sertifikat berakhir 10 hari yang lalu", "certificate ended 10 days ago"),
        certificate=Certificate.EXPIRED,
        must_fail=("certificate.validity_period", "certificate.expiry_margin"),
    ),
    ReferenceService(
        id="self-signed",
        name=Bilingual("Sertifikat ditandatangani sendiri", "Self-signed certificate"),
        fault=Bilingual("tidak ada penyelenggara sertifikasi", "no certification provider"),
        certificate=Certificate.SELF_SIGNED,
        must_fail=("certificate.self_signed", "certificate.trusted_chain"),
    ),
    ReferenceService(
        id="wrong-name",
        name=Bilingual("Sertifikat untuk nama lain", "Certificate for another name"),
        fault=Bilingual("nama pada sertifikat tidak cocok", "the certificate names another host"),
        certificate=Certificate.WRONG_NAME,
        must_fail=("certificate.hostname",),
    ),
    ReferenceService(
        id="old-tls",
        name=Bilingual("TLS usang", "Outdated TLS"),
        fault=Bilingual(
            "TLS 1.0 dan 1.1, serta tanda tangan SHA-1, diterima",
            "TLS 1.0 and 1.1 are accepted, and SHA-1 signatures made",
        ),
        oldest_tls="1.0",
        suites="ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA:@SECLEVEL=0",
        rsa_bits=2048,
        must_fail=("tls.protocol_versions", "tls.signature_algorithms"),
    ),
    ReferenceService(
        id="weak-suites",
        name=Bilingual("Cipher suite lemah", "Weak cipher suites"),
        fault=Bilingual(
            "suite tanpa enkripsi, anonim, dan tanpa forward secrecy, serta SHA-1, diterima",
            "suites without encryption, anonymous, without forward secrecy; SHA-1 signatures",
        ),
        suites="ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA:NULL-SHA256:AECDH-AES128-SHA:@SECLEVEL=0",
        rsa_bits=2048,
        must_fail=(
            "tls.null_suites",
            "tls.anonymous_suites",
            "tls.forward_secrecy",
            "tls.signature_algorithms",
        ),
    ),
    ReferenceService(
        id="missing-headers",
        name=Bilingual("Tanpa header keamanan", "No security headers"),
        fault=Bilingual(
            "header keamanan tidak ada, versi perangkat lunak tampak",
            "security headers missing, software version shown",
        ),
        headers=(),
        server="Apache/2.4.41 (Ubuntu)",
        must_fail=(
            "http.hsts",
            "http.csp",
            "http.clickjacking",
            "http.content_type_options",
            "http.referrer_policy",
            "http.permissions_policy",
            "http.version_disclosure",
        ),
    ),
    ReferenceService(
        id="bad-cookies",
        name=Bilingual("Cookie tanpa pelindung", "Unprotected cookies"),
        fault=Bilingual(
            "cookie sesi tanpa Secure, HttpOnly, SameSite",
            "session cookie without Secure, HttpOnly, SameSite",
        ),
        cookies=("PHPSESSID=0123456789abcdef0123456789; Path=/",),
        must_fail=(
            "cookie.secure",
            "cookie.http_only",
            "cookie.same_site",
            "cookie.internal_leak",
        ),
    ),
    ReferenceService(
        id="plain-http",
        name=Bilingual("Tanpa enkripsi", "No encryption"),
        fault=Bilingual("layanan hanya lewat http", "the service is http only"),
        behaviour=Behaviour.HTTP,
        cookies=(),
        must_fail=(
            "tls.offered",
            "http.https_available",
            "http.https_redirect",
            "http.security_txt",
        ),
    ),
    ReferenceService(
        id="database-port",
        name=Bilingual("Port basis data terbuka", "Open database port"),
        fault=Bilingual("port basis data dapat dihubungi", "a database port can be reached"),
        database=True,
        must_fail=("ports.database_exposed", "ports.unexpected_open"),
    ),
    ReferenceService(
        id="silent",
        name=Bilingual("Host diam", "Silent host"),
        fault=Bilingual("menerima sambungan, tidak menjawab", "accepts connections, never answers"),
        behaviour=Behaviour.SILENT,
        unknown_reason="timeout",
    ),
    ReferenceService(
        id="dead",
        name=Bilingual("Port mati", "Dead port"),
        fault=Bilingual("tidak ada yang mendengarkan", "nothing listens"),
        behaviour=Behaviour.DEAD,
        unknown_reason="refused",
    ),
)
"""Every reference service; the good one first."""
