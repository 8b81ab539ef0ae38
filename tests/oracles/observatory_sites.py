"""The sites that MDN HTTP Observatory and we both judge, and where the two are known to differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Headers = tuple[tuple[str, str], ...]

GOOD: Headers = (
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; object-src 'none'; base-uri 'none'; "
            "form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Set-Cookie", "__Host-session=0123456789abcdef; Path=/; Secure; HttpOnly; SameSite=Lax"),
)
PAGE = "<!doctype html><html lang=id><title>Portal</title><p>Selamat datang</html>"
TO_HTTPS = "return 301 https://127.0.0.1:HTTPS$request_uri;"

SAME_QUESTION: Mapping[str, tuple[str, ...]] = {
    "content-security-policy": ("http.csp", "http.csp_script_sources"),
    "cookies": ("cookie.secure", "cookie.http_only", "cookie.same_site"),
    "cross-origin-resource-policy": ("http.cross_origin_policies",),
    "cross-origin-resource-sharing": ("http.cors",),
    "redirection": ("http.https_redirect",),
    "referrer-policy": ("http.referrer_policy",),
    "strict-transport-security": ("http.hsts",),
    "subresource-integrity": ("http.subresource_integrity",),
    "x-content-type-options": ("http.content_type_options",),
    "x-frame-options": ("http.clickjacking",),
}
"""Each test of the Observatory with the checks of ours that ask the same."""


@dataclass(frozen=True, slots=True)
class Site:
    """One configuration of nginx.

    ``headers`` take the place of the good ones of the same name; a name in ``without`` is not sent
    at all. ``plain`` is what the http port does, HTTPS stands for the https port. ``differs`` maps
    a test of the Observatory to the heading in docs/oracles.md that says who is right.
    """

    name: str
    headers: Headers = ()
    without: tuple[str, ...] = ()
    page: str = PAGE
    plain: str = TO_HTTPS
    trusted: bool = True
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def sent(self) -> Headers:
        """All headers that the https port sends."""
        replaced = {name for name, _ in self.headers} | set(self.without)
        return (*(pair for pair in GOOD if pair[0] not in replaced), *self.headers)


def _csp(*policies: str) -> Headers:
    return tuple(("Content-Security-Policy", policy) for policy in policies)


NO_ANCESTORS = _csp("default-src 'self'; object-src 'none'")

SITES: tuple[Site, ...] = (
    Site("good"),
    Site(
        "bare",
        without=tuple(name for name, _ in GOOD),
        plain=f"return 200 '{PAGE}';",
        differs={"referrer-policy": "No Referrer-Policy"},
    ),
    # content security policy
    Site("csp inline", _csp("default-src 'self' 'unsafe-inline'")),
    Site("csp nonce", _csp("default-src 'none'; script-src 'nonce-abc' 'unsafe-inline'")),
    Site("csp eval", _csp("default-src 'self'; script-src 'self' 'unsafe-eval'")),
    Site("csp any host", _csp("script-src *; object-src 'none'")),
    Site("csp data", _csp("default-src 'self'; script-src 'self' data:")),
    Site("csp http host", _csp("default-src 'self'; script-src 'self' http://cdn.example")),
    Site(
        "csp https scheme",
        _csp("default-src 'self'; script-src 'self' https:; object-src 'none'"),
        differs={"content-security-policy": "Scripts from any host over https"},
    ),
    Site("csp no scripts named", _csp("frame-ancestors 'none'")),
    Site(
        "csp report only",
        (("Content-Security-Policy-Report-Only", "default-src 'self'"),),
        without=("Content-Security-Policy",),
    ),
    Site(
        "csp two headers",
        _csp("script-src * 'unsafe-inline'; object-src 'none'", "script-src 'self'"),
        differs={"content-security-policy": "Several policies"},
    ),
    Site(
        "csp two in one",
        _csp("default-src 'self', script-src *"),
        differs={"content-security-policy": "Several policies"},
    ),
    Site(
        "csp attributes",
        _csp("default-src 'self'; script-src-attr 'unsafe-inline'"),
        differs={"content-security-policy": "Script elements and attributes"},
    ),
    Site(
        "csp elements",
        _csp("default-src 'self'; script-src-elem *"),
        differs={"content-security-policy": "Script elements and attributes"},
    ),
    Site(
        "csp repeated",
        _csp("default-src 'self'; object-src 'none'; default-src *"),
        differs={"content-security-policy": "A directive that is written twice"},
    ),
    Site(
        "csp lone strict-dynamic",
        _csp("default-src 'none'; script-src 'strict-dynamic'"),
        differs={"content-security-policy": "strict-dynamic without a nonce"},
    ),
    Site(
        "csp meta",
        without=("Content-Security-Policy",),
        page=PAGE.replace(
            "<title>",
            '<meta http-equiv=Content-Security-Policy content="default-src *"><title>',
        ),
    ),
    # frames
    Site(
        "frames open",
        _csp("default-src 'self'; frame-ancestors *"),
        without=("X-Frame-Options",),
        differs={"x-frame-options": "frame-ancestors that admit every site"},
    ),
    Site("frames same origin", (*NO_ANCESTORS, ("X-Frame-Options", "sameorigin"))),
    Site("frames not limited", NO_ANCESTORS, without=("X-Frame-Options",)),
    Site(
        "frames allow-from",
        (*NO_ANCESTORS, ("X-Frame-Options", "ALLOW-FROM https://a.example")),
        differs={"x-frame-options": "X-Frame-Options: ALLOW-FROM"},
    ),
    Site(
        "frames contradiction",
        (*NO_ANCESTORS, ("X-Frame-Options", "DENY"), ("X-Frame-Options", "SAMEORIGIN")),
    ),
    # transport security
    Site(
        "hsts 180 days",
        (("Strict-Transport-Security", "max-age=15552000"),),
        differs={"strict-transport-security": "Half a year of HSTS"},
    ),
    Site("hsts one day", (("Strict-Transport-Security", "max-age=86400"),)),
    Site(
        "hsts no semicolon",
        (("Strict-Transport-Security", "max-age=31536000 preload"),),
        differs={"strict-transport-security": "The syntax of HSTS"},
    ),
    Site(
        "hsts quoted",
        (("Strict-Transport-Security", 'max-age="86400"'),),
        differs={"strict-transport-security": "The syntax of HSTS"},
    ),
    Site("hsts twice", (("Strict-Transport-Security", "max-age=31536000"),) * 2),
    Site(
        "untrusted certificate",
        trusted=False,
        differs={
            "strict-transport-security": "A certificate that is not trusted",
            "redirection": "A certificate that is not trusted",
        },
    ),
    # other headers
    Site(
        "nosniff twice",
        (("X-Content-Type-Options", "nosniff"),) * 2,
        differs={"x-content-type-options": "nosniff, sent twice"},
    ),
    Site("sniffing", (("X-Content-Type-Options", "none"),)),
    Site(
        "no referrer policy",
        without=("Referrer-Policy",),
        differs={"referrer-policy": "No Referrer-Policy"},
    ),
    Site(
        "referrer origin",
        (("Referrer-Policy", "origin"),),
        differs={"referrer-policy": "Referrer-Policy: origin"},
    ),
    Site("referrer unsafe", (("Referrer-Policy", "unsafe-url"),)),
    Site("referrer list", (("Referrer-Policy", "no-referrer, unknown-policy"),)),
    Site(
        "referrer meta",
        without=("Referrer-Policy",),
        page=PAGE.replace("<title>", "<meta name=referrer content=same-origin><title>"),
        differs={"referrer-policy": "A referrer policy in the page"},
    ),
    Site("resource policy mistyped", (("Cross-Origin-Resource-Policy", "same-orgin"),)),
    # cookies
    Site("cookie not secure", (("Set-Cookie", "session=abc; HttpOnly; SameSite=Lax"),)),
    Site("cookie open to scripts", (("Set-Cookie", "session=abc; Secure; SameSite=Lax"),)),
    Site(
        "cookie sid open",
        (("Set-Cookie", "connect.sid=abc; Secure; SameSite=Lax"),),
        differs={"cookies": "Which cookies hold a session"},
    ),
    Site(
        "cookie no samesite",
        (("Set-Cookie", "session=abc; Secure; HttpOnly"),),
        differs={"cookies": "Cookies without SameSite"},
    ),
    Site("cookie none without secure", (("Set-Cookie", "a=b; SameSite=None"),)),
    Site("no cookie", without=("Set-Cookie",)),
    # redirects
    Site(
        "redirect temporary",
        plain="return 302 https://127.0.0.1:HTTPS/;",
        differs={"redirection": "Redirects that are not permanent"},
    ),
    Site("redirect other host", plain="return 301 https://localhost:HTTPS/;"),
    Site("no redirect", plain=f"return 200 '{PAGE}';"),
    # other origins
    Site("cors public", (("Access-Control-Allow-Origin", "*"),)),
    Site(
        "cors reflected",
        (
            ("Access-Control-Allow-Origin", "$http_origin"),
            ("Access-Control-Allow-Credentials", "true"),
        ),
        differs={"cross-origin-resource-sharing": "A reflected origin with credentials"},
    ),
    Site(
        "script without integrity",
        _csp("default-src 'self'; script-src 'self' https://cdn.example; object-src 'none'"),
        page=PAGE.replace("<title>", "<script src=https://cdn.example/a.js></script><title>"),
    ),
)
