"""Reads an SPF record as RFC 7208 writes it. Nothing that it refers to is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv6Address


class SpfProblem(StrEnum):
    """Why a receiver cannot evaluate the record (permerror, RFC 7208 2.6.7)."""

    BAD_SYNTAX = "bad_syntax"
    REPEATED_MODIFIER = "repeated_modifier"


@dataclass(frozen=True, slots=True)
class SpfTerm:
    """One mechanism or modifier.

    ``qualifier`` is one of + - ~ ? for a mechanism and '' for a modifier; ``name`` is in lower
    case; ``value`` is what follows the colon, the slash (kept) or the equals sign.
    """

    qualifier: str
    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """One record. ``bad_term`` is the first term that is not well formed, '' where all are."""

    text: str
    terms: tuple[SpfTerm, ...]
    problem: SpfProblem | None = None
    bad_term: str = ""

    @property
    def lookups(self) -> int:
        """The terms that make a receiver ask the DNS (RFC 7208 4.6.4), those written here alone."""
        return sum(term.name in _LOOKUP_TERMS for term in self.terms)

    @property
    def ending(self) -> str | None:
        """What befalls all other senders: "-all" and the like, or "redirect=name".

        None where the record does not say, which means "?all". A redirect is without effect
        beside any "all" (RFC 7208 6.1).
        """
        for term in self.terms:
            if term.name == "all":
                return f"{term.qualifier}all"
        redirect = next((term for term in self.terms if term.name == "redirect"), None)
        return f"redirect={redirect.value}" if redirect else None


_LOOKUP_TERMS = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_ONCE = ("redirect", "exp")

_MACRO = r"%(?:\{[slodiphcrtv][0-9]*r?[.\-+,/_=]*\}|[%_-])"
_MACRO_STRING = rf"(?:{_MACRO}|[!-$&-~])*"
_TOP_LABEL = r"(?:[0-9]*[a-z][0-9a-z]*|[0-9a-z]+-[0-9a-z-]*[0-9a-z])"
_DOMAIN = rf"(?:{_MACRO_STRING})(?:\.{_TOP_LABEL}\.?|{_MACRO})"
_CIDR4 = r"/(?:0|[1-9]|[12][0-9]|3[0-2])"
_CIDR6 = r"/(?:0|[1-9][0-9]?|1[01][0-9]|12[0-8])"
_DUAL_CIDR = rf"(?:{_CIDR4})?(?:/{_CIDR6})?"

_VALUES = {
    "all": r"",
    "include": rf":{_DOMAIN}",
    "a": rf"(?::{_DOMAIN})?{_DUAL_CIDR}",
    "mx": rf"(?::{_DOMAIN})?{_DUAL_CIDR}",
    "ptr": rf"(?::{_DOMAIN})?",
    "exists": rf":{_DOMAIN}",
    "ip4": rf":[0-9.]+(?:{_CIDR4})?",
    "ip6": rf":[0-9a-f:.]+(?:{_CIDR6})?",
}
"""What follows the name of each mechanism (RFC 7208 section 5, collected in section 12)."""

_MECHANISMS = {
    name: re.compile(f"(?i:{value})", re.ASCII | re.DOTALL) for name, value in _VALUES.items()
}
_MECHANISM = re.compile(r"([+?~-]?)([a-z][a-z0-9]*)(.*)", re.IGNORECASE | re.DOTALL)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE | re.DOTALL)
_DOMAIN_SPEC = re.compile(f"(?i:{_DOMAIN})", re.DOTALL)
_ANY_TEXT = re.compile(f"(?i:{_MACRO_STRING})", re.DOTALL)
_VERSION = "v=spf1"
_LONGEST_TERM = 512  # a domain name has 253 characters, and a macro seldom more than a dozen


def spf_records(texts: Iterable[str]) -> tuple[str, ...]:
    """Those TXT records that are SPF records: of version 1 and no other (RFC 7208 4.5)."""
    return tuple(text for text in texts if text.lower().partition(" ")[0] == _VERSION)


def parse_spf(text: str) -> SpfRecord:
    """Read one record that spf_records() picked."""
    words = [word for word in text.split(" ")[1:] if word]
    terms: list[SpfTerm] = []
    for word in words:
        term = _term(word)
        if term is None:
            return SpfRecord(text, tuple(terms), SpfProblem.BAD_SYNTAX, bad_term=word)
        terms.append(term)
    names = [term.name for term in terms if not term.qualifier]
    repeated = next((name for name in _ONCE if names.count(name) > 1), "")
    problem = SpfProblem.REPEATED_MODIFIER if repeated else None
    return SpfRecord(text, tuple(terms), problem, bad_term=repeated)


def _term(word: str) -> SpfTerm | None:
    """A term that is well formed, else None."""
    if len(word) > _LONGEST_TERM:
        return None
    modifier = _MODIFIER.fullmatch(word)
    if modifier:
        name, value = modifier[1].lower(), modifier[2]
        grammar = _DOMAIN_SPEC if name in _ONCE else _ANY_TEXT
        return SpfTerm("", name, value) if grammar.fullmatch(value) else None
    mechanism = _MECHANISM.fullmatch(word)
    if mechanism is None:
        return None
    qualifier, name, rest = mechanism[1] or "+", mechanism[2].lower(), mechanism[3]
    grammar = _MECHANISMS.get(name, _NOTHING)
    if not grammar.fullmatch(rest) or not _address_is_right(name, rest):
        return None
    return SpfTerm(qualifier, name, rest.removeprefix(":"))


_NOTHING = re.compile(r"(?!)")


def _address_is_right(name: str, rest: str) -> bool:
    address = rest.removeprefix(":").partition("/")[0]
    try:
        if name == "ip4":
            IPv4Address(address)
        elif name == "ip6":
            IPv6Address(address)
    except AddressValueError:
        return False
    return True
