"""Which suites show something that others have not shown yet: for a search that is to be brief."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from spbe_audit.evidence import read_suite
from spbe_audit.probes.tls.codes.suites import SUITES
from spbe_audit.probes.tls.suite_lanes import LeftOver


@cache
def marks(suite: int) -> frozenset[str]:
    """All that a check may hold against a suite, or for it; what is left is the same to them all.

    A key exchange with parameters of its own counts too, for those are judged as well.
    """
    read = read_suite(SUITES[suite])
    key_exchange = read.key_exchange.partition("_")[0]
    found = {
        "null": read.null,
        "anonymous": read.anonymous,
        "export": read.export,
        f"export {read.key_exchange}": read.export,
        "rc4": read.rc4,
        f"des {read.des}": read.des is not None,
        "short blocks": read.short_blocks,
        "cbc": read.cbc,
        "aead": read.aead,
        "no aead": not read.aead,
        "no forward secrecy": not read.forward_secret,
        "dh": key_exchange in {"DHE", "DH"} and read.forward_secret,
        "ecdh": key_exchange == "ECDHE",
        "signs": read.key_exchange in {"ECDHE_RSA", "ECDHE_ECDSA", "DHE_RSA", "DHE_DSS"},
    }
    return frozenset(name for name, is_so in found.items() if is_so)


def still_telling(shown: frozenset[str], offered: Collection[int]) -> tuple[int, ...]:
    """Those of the suites that have a mark which was not shown yet."""
    return tuple(suite for suite in offered if not marks(suite) <= shown)


def one_of_each_kind() -> LeftOver:
    """For a search that needs no second suite which shows what others have shown."""
    shown: frozenset[str] = frozenset()

    def left_over(taken: int, offered: Collection[int]) -> tuple[int, ...]:
        nonlocal shown
        shown |= marks(taken)
        return still_telling(shown, offered)

    return left_over
