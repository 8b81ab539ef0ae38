"""The scope rule, clause by clause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

import pytest

from spbe_audit.scope import (
    literal_address,
    name_matches,
    refuse_address,
    refuse_host,
    refuse_window,
)
from spbe_audit.targets import Engagement

WIB = timezone(timedelta(hours=7))


def engagement(*scope: str) -> Engagement:
    """An engagement with these scope entries; those with a digit first or a colon are networks."""
    networks = [entry for entry in scope if entry[0].isdigit() or ":" in entry]
    return Engagement(
        letter="ST-1/2026",
        issued_by="Inspektur",
        valid_from=datetime(2026, 11, 1, tzinfo=WIB),
        valid_until=datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=WIB),
        names=tuple(entry for entry in scope if entry not in networks),
        networks=tuple(ip_network(entry) for entry in networks),
        contact="csirt@dinas.example",
    )


def host_allowed(given: Engagement | None, host: str) -> bool:
    return refuse_host(given, host) is None


def address_allowed(given: Engagement | None, host: str, address: str) -> bool:
    return refuse_address(given, host, ip_address(address)) is None


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        ("dinas.example", "dinas.example", True),
        ("dinas.example", "Dinas.Example.", True),
        ("dinas.example", "www.dinas.example", False),
        ("*.dinas.example", "www.dinas.example", True),
        ("*.dinas.example", "a.b.dinas.example", True),
        ("*.dinas.example", "dinas.example", False),
        ("*.dinas.example", ".dinas.example", False),
        ("*.dinas.example", "evildinas.example", False),
        ("*.dinas.example", "dinas.example.evil.example", False),
    ],
)
def test_name_patterns(pattern: str, host: str, *, covered: bool) -> None:
    assert name_matches(pattern, host) is covered


def test_a_host_is_in_scope_by_its_name_or_as_an_address_inside_a_network() -> None:
    given = engagement("*.dinas.example", "103.10.0.0/22", "2001:db8::/32")
    assert host_allowed(given, "www.dinas.example")
    assert not host_allowed(given, "dinas.example")
    assert not host_allowed(given, "other.example")
    assert host_allowed(given, "103.10.3.255")
    assert not host_allowed(given, "103.10.4.0")
    assert host_allowed(given, "2001:db8::1")
    assert not host_allowed(given, "2001:db9::1")


def test_where_networks_are_listed_every_address_must_be_inside_one() -> None:
    given = engagement("*.dinas.example", "103.10.0.0/22", "10.0.0.0/8")
    assert address_allowed(given, "www.dinas.example", "103.10.0.1")
    assert address_allowed(given, "www.dinas.example", "10.1.2.3")
    assert not address_allowed(given, "www.dinas.example", "93.184.216.34")
    assert not address_allowed(given, "www.dinas.example", "192.168.0.1")
    assert not address_allowed(given, "www.dinas.example", "127.0.0.1")
    assert not address_allowed(given, "www.dinas.example", "2001:db8::1")


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "::",
        "::1",
        "fe80::1",
        "fd00::1",
    ],
)
def test_where_only_names_are_listed_private_addresses_are_out(address: str) -> None:
    given = engagement("*.dinas.example")
    assert not address_allowed(given, "www.dinas.example", address)
    assert address_allowed(given, "www.dinas.example", "103.10.0.1")
    assert address_allowed(given, "www.dinas.example", "2400:cb00::1")


def test_where_only_names_are_listed_no_literal_address_is_in_scope() -> None:
    given = engagement("*.dinas.example")
    assert not host_allowed(given, "103.10.0.1")
    assert not address_allowed(given, "103.10.0.1", "103.10.0.1")


def test_where_only_networks_are_listed_no_name_is_in_scope() -> None:
    given = engagement("103.10.0.0/22")
    assert not host_allowed(given, "www.dinas.example")
    assert host_allowed(given, "103.10.0.1")


def test_ipv4_inside_ipv6_is_judged_as_ipv4() -> None:
    assert literal_address("::ffff:127.0.0.1") == ip_address("127.0.0.1")
    assert literal_address("[::ffff:a00:1]") == ip_address("10.0.0.1")
    inside = engagement("103.10.0.0/22")
    assert host_allowed(inside, "::ffff:103.10.0.1")
    assert not host_allowed(inside, "::ffff:103.10.4.1")
    assert host_allowed(None, "::ffff:127.0.0.1")
    assert not host_allowed(None, "::ffff:10.0.0.1")


def test_an_engagement_binds_loopback_too() -> None:
    given = engagement("*.dinas.example")
    assert not host_allowed(given, "127.0.0.1")
    assert not host_allowed(given, "localhost")
    assert not address_allowed(given, "www.dinas.example", "::1")
    listed = engagement("localhost", "127.0.0.0/8")
    assert host_allowed(listed, "localhost")
    assert address_allowed(listed, "localhost", "127.0.0.1")
    assert not address_allowed(listed, "localhost", "::1")


def test_without_an_engagement_only_loopback_is_in_scope() -> None:
    for address in ("127.0.0.1", "127.255.0.1", "::1"):
        assert host_allowed(None, address)
        assert address_allowed(None, "localhost", address)
    for address in ("10.0.0.1", "103.10.0.1", "fe80::1", "0.0.0.0", "::"):  # noqa: S104 - to refuse
        assert not host_allowed(None, address)
        assert not address_allowed(None, "www.dinas.example", address)


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (datetime(2026, 10, 31, 16, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 31, 17, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 16, 59, 59, 999999, tzinfo=UTC), True),
        (datetime(2026, 12, 31, 17, tzinfo=UTC), False),
    ],
)
def test_the_window_has_its_ends_in_it(now: datetime, *, allowed: bool) -> None:
    assert (refuse_window(engagement("a.example"), now) is None) is allowed


def test_no_engagement_has_no_window() -> None:
    assert refuse_window(None, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_refusal_says_what_to_add() -> None:
    given = engagement("*.dinas.example", "103.10.0.0/22")
    by_name = refuse_host(given, "other.example")
    assert str(by_name) == (
        "other.example: no name in the scope of ST-1/2026 matches it. "
        'If the letter covers it, add "other.example" to engagement.scope'
    )
    by_address = refuse_address(given, "www.dinas.example", ip_address("192.0.2.1"))
    assert str(by_address) == (
        "www.dinas.example (192.0.2.1): its address is in no network of the scope of ST-1/2026. "
        'If the letter covers it, add "192.0.2.1" to engagement.scope'
    )
    by_window = refuse_window(given, datetime(2027, 1, 1, tzinfo=UTC))
    assert by_window is not None
    assert by_window.reason == (
        "it is valid from 2026-11-01T00:00:00+07:00 until 2026-12-31T23:59:59+07:00, "
        "and now is 2027-01-01T00:00:00+00:00"
    )
    without = refuse_host(None, "192.0.2.1")
    assert without is not None
    assert "Add an engagement section" in without.advice
