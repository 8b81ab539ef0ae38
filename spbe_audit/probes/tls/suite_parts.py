"""Suites by the way in which keys are exchanged: what one part does to a server spares the others.

A server may break down over a suite that it has chosen, for want of parameters or of a user's name,
and then tells nothing about the rest of the offer.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from spbe_audit.evidence import read_suite
from spbe_audit.probes.tls.codes.suites import SUITES

_BY_CERTIFICATE = frozenset({"ECDHE", "RSA"})


@cache
def part_of(suite: int) -> str:
    """The part that a suite belongs to; one that needs a user's name is of "SRP"."""
    key_exchange = read_suite(SUITES[suite]).key_exchange
    words = key_exchange.split("_")
    for part in ("SRP", "PSK", "anon", "KRB5", "EXPORT"):
        if part in words:
            return part
    return words[0]


def parts(suites: Iterable[int]) -> list[tuple[int, ...]]:
    """The suites, apart, in the order that they have."""
    found: dict[str, list[int]] = {}
    for suite in suites:
        found.setdefault(part_of(suite), []).append(suite)
    return [tuple(part) for part in found.values()]


def halves(suites: Iterable[int]) -> list[tuple[int, ...]]:
    """The suites that need no more than a certificate, and those that need parameters or users."""
    listed = tuple(suites)
    plain = tuple(suite for suite in listed if part_of(suite) in _BY_CERTIFICATE)
    others = tuple(suite for suite in listed if suite not in plain)
    return [half for half in (plain, others) if half]


def is_by_user_name(suite: int) -> bool:
    """Whether a suite works only for users that the server knows (RFC 5054)."""
    return part_of(suite) == "SRP"
