"""The door: scope before every packet, the budget of each address, the footprint."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest

from spbe_audit.network import Budget, Door, NameNotFoundError, OutOfScopeError
from spbe_audit.targets import Engagement

NOW = datetime(2026, 1, 15, tzinfo=UTC)


def _engagement(*networks: str, names: tuple[str, ...] = ()) -> Engagement:
    return Engagement(
        letter="ST-1",
        issued_by="Inspektur",
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2026, 1, 31, tzinfo=UTC),
        names=names,
        networks=tuple(ip_network(network) for network in networks),
        contact="csirt@example.go.id",
    )


async def _hold(door: Door, host: str, address: str) -> None:
    async with door.admit(host, address):
        pass


def test_without_an_engagement_only_loopback_is_admitted() -> None:
    door = Door()
    asyncio.run(_hold(door, "127.0.0.1", "127.0.0.1"))
    with pytest.raises(OutOfScopeError, match="no engagement"):
        asyncio.run(_hold(door, "10.0.0.1", "10.0.0.1"))
    assert door.footprint() == {"127.0.0.1": 1}


def test_an_engagement_binds_loopback_too() -> None:
    door = Door(engagement=_engagement("10.0.0.0/8"), clock=lambda: NOW)
    with pytest.raises(OutOfScopeError, match=r'add "127\.0\.0\.1" to engagement\.scope'):
        asyncio.run(_hold(door, "127.0.0.1", "127.0.0.1"))


def test_an_address_that_a_name_leads_to_is_checked_again() -> None:
    engagement = _engagement(names=("portal.example.go.id",))
    door = Door(
        engagement=engagement,
        clock=lambda: NOW,
        hosts={"portal.example.go.id": ("127.0.0.1",)},
    )
    with pytest.raises(OutOfScopeError, match="private, loopback or link-local"):
        asyncio.run(door.addresses_in_scope("portal.example.go.id"))


def test_only_the_addresses_inside_the_scope_are_given() -> None:
    engagement = _engagement("127.0.0.0/24", names=("*.example.go.id",))
    hosts = {"portal.example.go.id": ("127.1.0.1", "127.0.0.7")}
    door = Door(engagement=engagement, clock=lambda: NOW, hosts=hosts)
    assert asyncio.run(door.addresses_in_scope("portal.example.go.id")) == ("127.0.0.7",)


def test_outside_the_window_nothing_is_admitted() -> None:
    late = datetime(2026, 2, 1, tzinfo=UTC)
    door = Door(engagement=_engagement("127.0.0.0/8"), clock=lambda: late)
    with pytest.raises(OutOfScopeError, match="it is valid from"):
        asyncio.run(_hold(door, "127.0.0.1", "127.0.0.1"))


def test_a_name_that_does_not_exist_is_told_from_a_failing_resolver() -> None:
    with pytest.raises(NameNotFoundError):
        asyncio.run(Door().resolve("a..b"))


def test_the_places_of_an_address_bound_what_is_open_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("spbe_audit.network.LOOPBACK_BUDGET", Budget(at_once=3, per_second=1e6))
    most = 0

    async def many() -> None:
        door = Door()
        now_open = 0

        async def one() -> None:
            nonlocal most, now_open
            async with door.admit("127.0.0.1", "127.0.0.1"):
                now_open += 1
                most = max(most, now_open)
                await asyncio.sleep(0.001)
                now_open -= 1

        await asyncio.gather(*(one() for _ in range(30)))

    asyncio.run(many())
    assert most == 3


def test_new_connections_are_spread_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = Budget(at_once=99, per_second=100, burst=6)
    monkeypatch.setattr("spbe_audit.network.LOOPBACK_BUDGET", budget)

    async def many() -> float:
        door = Door()
        begun = time.monotonic()
        await asyncio.gather(*(_hold(door, "127.0.0.1", "127.0.0.1") for _ in range(26)))
        return time.monotonic() - begun

    assert asyncio.run(many()) >= 0.19  # six at once, then twenty intervals of 10 ms


def test_addresses_do_not_share_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spbe_audit.network.LOOPBACK_BUDGET", Budget(at_once=1, per_second=1e6))

    async def both() -> None:
        door = Door()
        async with door.admit("127.0.0.1", "127.0.0.1"), asyncio.timeout(5):
            await _hold(door, "127.0.0.2", "127.0.0.2")

    asyncio.run(both())
