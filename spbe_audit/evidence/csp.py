"""Reads Content-Security-Policy as CSP Level 3 parses it (2.2) and matches sources (6.7.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from spbe_audit.evidence.http import Exchange

_WHITESPACE = re.compile(r"[\t\n\f\r ]+")
_ASCII_WHITESPACE = "\t\n\f\r "

_FALLBACKS: Mapping[str, tuple[str, ...]] = {
    "script-src-elem": ("script-src", "default-src"),
    "script-src-attr": ("script-src", "default-src"),
    "style-src-elem": ("style-src", "default-src"),
    "style-src-attr": ("style-src", "default-src"),
    "worker-src": ("child-src", "script-src", "default-src"),
    "frame-src": ("child-src", "default-src"),
    "fenced-frame-src": ("frame-src", "child-src", "default-src"),
    **dict.fromkeys(
        (
            "child-src",
            "connect-src",
            "font-src",
            "img-src",
            "manifest-src",
            "media-src",
            "object-src",
            "prefetch-src",
            "script-src",
            "style-src",
        ),
        ("default-src",),
    ),
}
"""Where a fetch directive looks when it is absent itself, in order (CSP3 section 6.8.3)."""

KNOWN_DIRECTIVES = frozenset(_FALLBACKS) | {
    "base-uri",
    "block-all-mixed-content",
    "default-src",
    "form-action",
    "frame-ancestors",
    "navigate-to",
    "plugin-types",
    "report-to",
    "report-uri",
    "require-sri-for",
    "require-trusted-types-for",
    "sandbox",
    "trusted-types",
    "upgrade-insecure-requests",
    "webrtc",
}
"""Every directive name that a standard defines or once defined."""

_HASH_OR_NONCE = re.compile(
    r"'(?:nonce|sha256|sha384|sha512)-[A-Za-z0-9+/_-]+={0,2}'", re.IGNORECASE
)
_SCHEME_SOURCE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST_SOURCE = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?"
    r"(?P<host>\*|(?:\*\.)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)"
    r"(?::(?P<port>[0-9]+|\*))?(?P<path>/[^?#]*)?"
)
_ANY_HOST = "any.invalid"
_DEFAULT_PORTS: Mapping[str, int] = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_ALSO_MATCHES: Mapping[str, frozenset[str]] = {
    "http": frozenset({"https"}),
    "ws": frozenset({"wss", "http", "https"}),
    "wss": frozenset({"https"}),
}
"""Schemes that a scheme stands for beside itself: a safer one always serves (CSP3 6.7.2.9)."""

IGNORED_IN_META = frozenset({"frame-ancestors", "report-uri", "sandbox"})
"""Directives that have no effect in a meta element (HTML standard, 4.2.5.3)."""


class PolicySource(StrEnum):
    """Where a policy was written."""

    HEADER = "header"
    META = "meta"


@dataclass(frozen=True, slots=True)
class ContentPolicy:
    """One policy. ``directives`` maps the lower-case name to its values as sent.

    Of a directive that was written twice the first counts; the names of the later ones are in
    ``repeated``. ``unknown`` are the names in ``directives`` that no standard knows.
    """

    text: str
    source: PolicySource
    directives: Mapping[str, tuple[str, ...]]
    repeated: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Directive names that browsers ignore."""
        return tuple(name for name in self.directives if name not in KNOWN_DIRECTIVES)

    @property
    def known(self) -> tuple[str, ...]:
        """Directive names that some standard defines, in the order written."""
        return tuple(name for name in self.directives if name in KNOWN_DIRECTIVES)

    @property
    def frame_ancestors(self) -> tuple[str, ...] | None:
        """The sites that may frame the page; None where the policy does not say."""
        return self.directives.get("frame-ancestors")

    def effective(self, name: str) -> tuple[str, ...] | None:
        """The values that govern a directive, found through its fallbacks; None: unrestricted."""
        for candidate in (name, *_FALLBACKS.get(name, ())):
            if candidate in self.directives:
                return self.directives[candidate]
        return None

    @property
    def forbids_scripts(self) -> bool:
        """Whether the page stands in a sandbox in which no script runs (HTML standard, 7.1.5)."""
        flags = self.directives.get("sandbox")
        return flags is not None and "allow-scripts" not in {flag.lower() for flag in flags}


def allows_all_inline(sources: Iterable[str]) -> bool:
    """Whether a list for scripts lets any script stand in the page (CSP3 6.7.3.2).

    Browsers overlook 'unsafe-inline' beside a nonce, a hash or 'strict-dynamic'.
    """
    words = [source.lower() for source in sources]
    if "'strict-dynamic'" in words or any(map(is_hash_or_nonce, words)):
        return False
    return "'unsafe-inline'" in words


def is_hash_or_nonce(source: str) -> bool:
    """Whether a source names single scripts or styles: by a nonce, or by their hash."""
    return _HASH_OR_NONCE.fullmatch(source) is not None


def admits_any_host(source: str) -> bool:
    """Whether a source expression stands for every site: "*", "https:", "http://*", "*:443"."""
    if _SCHEME_SOURCE.fullmatch(source):
        return True
    match = _HOST_SOURCE.fullmatch(source)
    return match is not None and match["host"] == "*"


def example_url(source: str, page_url: str) -> str:
    """A URL that a scheme or host expression stands for, the least protected one of them.

    ``page_url`` gives the scheme where none is written. The result is '' for a keyword, a nonce, a
    hash, and for what is no source expression.
    """
    if _SCHEME_SOURCE.fullmatch(source):
        scheme = source[:-1].lower()
        return f"{scheme}://{_ANY_HOST}/" if scheme in _DEFAULT_PORTS else f"{scheme}:example"
    match = _HOST_SOURCE.fullmatch(source)
    if match is None:
        return ""
    host = _ANY_HOST if match["host"] == "*" else match["host"].replace("*", "any")
    port = match["port"] if match["port"] not in {None, "*"} else ""
    implied = "http" if source == "*" else urlsplit(page_url).scheme
    scheme = (match["scheme"] or implied).lower()
    return f"{scheme}://{host}{':' if port else ''}{port}{match['path'] or '/'}"


def source_matches(source: str, url: str, page_url: str) -> bool:
    """Whether a source expression stands for a URL, on a page at ``page_url`` (CSP3 6.7.2.8).

    Redirects are not thought of. Nonces, hashes and keywords but 'self' stand for no URL.
    """
    target, page = urlsplit(url), urlsplit(page_url)
    if source == "*":
        return target.scheme in {"http", "https", "ws", "wss", page.scheme}
    if _SCHEME_SOURCE.fullmatch(source):
        return _scheme_matches(source[:-1].lower(), target.scheme)
    if source.lower() == "'self'":
        same = (target.hostname, _port(url)) == (page.hostname, _port(page_url))
        upgraded = (_port(page_url), _port(url)) == (80, 443) and target.hostname == page.hostname
        return (same or upgraded) and _scheme_matches(page.scheme, target.scheme)
    match = _HOST_SOURCE.fullmatch(source)
    if match is None or not target.hostname:
        return False
    scheme = (match["scheme"] or page.scheme).lower()
    return (
        _scheme_matches(scheme, target.scheme)
        and _host_matches(match["host"].lower(), target.hostname)
        and _port_matches(match["port"], scheme, url)
        and _path_matches(match["path"] or "", target.path)
    )


def _scheme_matches(wanted: str, scheme: str) -> bool:
    return scheme == wanted or scheme in _ALSO_MATCHES.get(wanted, ())


def _host_matches(pattern: str, host: str) -> bool:
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


def _port_matches(wanted: str | None, scheme: str, url: str) -> bool:
    port = _port(url)
    if wanted is None:
        return port == _DEFAULT_PORTS.get(urlsplit(url).scheme)
    if wanted == "*" or (port is not None and wanted.lstrip("0") == str(port)):
        return True
    return wanted == "80" and port == _DEFAULT_PORTS["https"] and scheme in {"http", "https", "ws"}


def _path_matches(pattern: str, path: str) -> bool:
    if pattern in {"", "/"}:
        return True
    wanted, given = unquote(pattern), unquote(path)
    return given.startswith(wanted) if pattern.endswith("/") else given == wanted


def _port(url: str) -> int | None:
    """The port of a URL; None where it has none that can be read."""
    parts = urlsplit(url)
    try:
        return parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None


def parse_csp(text: str, source: PolicySource = PolicySource.HEADER) -> ContentPolicy:
    """Read one serialized policy (CSP3 section 2.2.1). It may turn out to have no directives."""
    directives: dict[str, tuple[str, ...]] = {}
    repeated: list[str] = []
    for token in text.split(";"):
        stripped = token.strip(_ASCII_WHITESPACE)
        if not stripped or not stripped.isascii():
            continue
        name, *values = _WHITESPACE.split(stripped)
        name = name.lower()
        if source is PolicySource.META and name in IGNORED_IN_META:
            continue
        if name in directives:
            repeated.append(name)
        else:
            directives[name] = tuple(values)
    return ContentPolicy(text.strip(_ASCII_WHITESPACE), source, directives, tuple(repeated))


def parse_csp_header(values: Iterable[str]) -> tuple[ContentPolicy, ...]:
    """Read all values of the field: each may list several policies, divided by commas.

    Policies without directives are left out, as browsers do (CSP3 section 2.2.2).
    """
    policies = (parse_csp(text) for value in values for text in value.split(","))
    return tuple(policy for policy in policies if policy.directives)


def enforced_policies(exchange: Exchange) -> tuple[ContentPolicy, ...]:
    """All policies that a browser enforces on a response: from its header, then from its page."""
    metas = exchange.page.meta_policies if exchange.page else ()
    in_page = (parse_csp(text, PolicySource.META) for text in metas)
    header = parse_csp_header(exchange.header_values("content-security-policy"))
    return (*header, *(policy for policy in in_page if policy.directives))
