"""Reads Content-Security-Policy as the CSP Level 3 standard parses it, section 2.2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

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
