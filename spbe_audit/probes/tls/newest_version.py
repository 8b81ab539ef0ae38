"""TLS 1.3: its suites and groups, asked without a key share, so that nobody computes anything."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

from spbe_audit.probes.tls.asker import Asker, NoAnswerError
from spbe_audit.probes.tls.codes.groups import FFDHE_GROUPS
from spbe_audit.probes.tls.group_lanes import CURVES, find_pairs, list_groups, newest_group
from spbe_audit.probes.tls.offer import TLS_1_3, Offer, all_of, little_of
from spbe_audit.probes.tls.server_flight import Flight, ServerHello
from spbe_audit.probes.tls.sightings import UNFINISHED, Pick, Sightings
from spbe_audit.probes.tls.suite_lanes import LeftOver, SuiteHunt, open_version
from spbe_audit.probes.tls.tls13.key_shares import SUPPORTED, new_shares

_FEW_SHARES = (29, 23, 24)


async def survey_newest(
    asker: Asker,
    name: str | None,
    seen: Sightings,
    *,
    first: ServerHello | None,
    left_over: LeftOver,
    with_groups: bool,
    briefly: bool,
) -> None:
    """Fill the sight of TLS 1.3, and its groups. Raises OutOfScopeError.

    ``first`` is the ServerHello of TLS 1.3 that came before, None where there was none. ``briefly``
    sends key shares at once, as the first hello did, rather than find out what goes without.
    """
    sight, offer = seen.sight(TLS_1_3), all_of(TLS_1_3, name)
    if first is not None and first.suite in offer.suites:
        sight.note(Pick(first, Flight(first), offer.suites))
    else:
        await open_version(asker, offer, little_of(TLS_1_3, name), sight)
    if not sight.accepted:
        return
    if briefly and not with_groups:
        offer = replace(offer, groups=_FEW_SHARES, shares=new_shares(_FEW_SHARES).extension())
    if sight.short:
        offer = replace(little_of(TLS_1_3, name), suites=offer.suites)
    hunt = SuiteHunt(asker, offer, sight, left_over)
    if with_groups:
        await _find_suites_and_groups(hunt, seen)
    else:
        await hunt.run()
    if first is None or (briefly and not with_groups):
        return
    if not await _lives_without_shares(asker, offer, seen):
        await _survey_with_shares(asker, offer, seen, left_over, with_groups=with_groups)


async def _find_suites_and_groups(hunt: SuiteHunt, seen: Sightings) -> None:
    """Suites and groups side by side, two of each with the same hellos."""
    taken = replace(hunt.offer, suites=hunt.sight.suites)

    async def find_the_others() -> None:
        with suppress(NoAnswerError):  # the hunt will meet it again
            await find_pairs(hunt.asker, hunt.offer, seen)
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(hunt.run())
            lanes.create_task(list_groups(hunt.asker, taken, FFDHE_GROUPS, seen))

    async with asyncio.TaskGroup() as lanes:
        lanes.create_task(find_the_others())
        lanes.create_task(list_groups(hunt.asker, taken, CURVES, seen))
    seen.groups_listed = seen.unknown.get("groups") in {None, UNFINISHED}


async def _lives_without_shares(asker: Asker, offer: Offer, seen: Sightings) -> bool:
    """Whether a hello of all groups without a key share is answered (RFC 8446, 4.2.8)."""
    sight = seen.sight(TLS_1_3)
    if sum(group in CURVES for group in seen.groups) > 1:  # one at most is of the first hello
        return True
    try:
        answer = await asker.ask(replace(offer, suites=sight.suites).hello())
    except NoAnswerError:
        return False
    return answer.hello is not None


async def _survey_with_shares(
    asker: Asker, offer: Offer, seen: Sightings, left_over: LeftOver, *, with_groups: bool
) -> None:
    """The same for a server that wants a key share at once: one group in each hello."""
    sight = seen.sight(TLS_1_3)
    shares = new_shares(_FEW_SHARES).extension()
    offer = replace(offer, shares=shares, groups=SUPPORTED)  # of which the first hello has spoken
    await SuiteHunt(asker, offer, sight, left_over).run()
    if not with_groups:
        return
    try:
        for group in SUPPORTED:
            shares = new_shares((group,)).extension()
            one = replace(offer, suites=sight.suites, groups=(group,), shares=shares)
            if newest_group(await asker.ask(one.hello())) == group:
                seen.groups[group] = None
    except NoAnswerError as error:
        seen.unknown["groups"] = str(error)
    else:
        seen.unknown.pop("groups", None)
        seen.groups_listed = True
