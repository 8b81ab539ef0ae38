"""Which suites a server accepts: offer all, leave out the one it takes, and so on until it refuses.

One lane alone would take a round trip for every suite, so it splits once it has found a few. The
kinds of suites are found in the same way: with one, all suites that show nothing new are left out.

A server may break down over what it has chosen, and refuse the whole offer by that: it hangs up, or
tells of an internal error. So such a refusal counts for each way of exchanging keys by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from spbe_audit.probes.tls.asker import HUNG_UP, Answer, Asker, NoAnswerError
from spbe_audit.probes.tls.client_hello import ClientHello
from spbe_audit.probes.tls.codes.suites import GREASE
from spbe_audit.probes.tls.offer import Offer
from spbe_audit.probes.tls.sightings import Pick, VersionSight
from spbe_audit.probes.tls.suite_parts import halves, is_by_user_name, parts

FIRST_SPLIT, LATER_SPLIT, LANES = 7, 4, 3
UNKNOWN_USER = "unknown_psk_identity"
BREAKDOWNS = frozenset({"internal_error", "decode_error"})
WRONG_VERSION = "protocol_version"
SHORT_LIST = 40
"""Suites in one hello to a server that does not answer long ones."""

Disguise = Callable[[ClientHello], ClientHello]
LeftOver = Callable[[int, Collection[int]], tuple[int, ...]]
"""What is still worth offering, once a suite is taken, of those that were offered."""


def all_others(taken: int, offered: Collection[int]) -> tuple[int, ...]:
    """Every suite but the one that was taken."""
    return tuple(suite for suite in offered if suite != taken)


@dataclass(slots=True)
class SuiteHunt:
    """The search through one version: what is offered, and where the finds are written down.

    ``disguise`` alters the second hello, to learn beside the suite whether the server bears the
    alteration; ``borne`` is what came of it, None where that hello did not go out or tells nothing.
    """

    asker: Asker
    offer: Offer
    sight: VersionSight
    left_over: LeftOver = all_others
    disguise: Disguise | None = None
    borne: bool | None = None
    by_user_name: list[int] = field(default_factory=list)

    async def run(self) -> None:
        """Fill the sight; what cannot be found out is its doubt. Raises OutOfScopeError."""
        suites = self.offer.suites
        for pick in self.sight.picks:
            suites = self.left_over(pick.suite, suites)
        try:
            if self.sight.short or self.sight.in_portions:
                await self._search_in_portions(suites)
            else:
                await self._search(suites, FIRST_SPLIT - len(self.sight.picks))
            for suite in self.by_user_name:
                await self._ask_without_user(suite)
        except NoAnswerError as error:
            self.sight.doubt = str(error)
        else:
            self.sight.doubt = ""

    async def _search(self, suites: tuple[int, ...], before_split: int) -> None:
        found = 0
        while suites:
            if found >= before_split and len(suites) > LANES:
                await self._split(suites)
                return
            answer = await self._answer(replace(self.offer, suites=suites))
            if answer.refusal == UNKNOWN_USER:
                suites = self._without_user_names(suites)
                continue
            taken = self._noted(answer, suites)
            if taken is None:
                await self._search_parts(answer.refusal, suites)
                return
            suites = self.left_over(taken, suites)
            found += 1

    async def _search_parts(self, refusal: str, suites: tuple[int, ...]) -> None:
        """Ask once more for each part of an offer that a breakdown may have cost the server.

        Where a hang-up is the server's way to refuse, that would take three connections for each
        part, so only what works with a certificate alone is told from the rest.
        """
        apart = [suites]
        if refusal in BREAKDOWNS:
            apart = parts(suites)
        elif refusal == HUNG_UP:
            hopeless = replace(self.offer, suites=GREASE[:1]).hello()
            apart = parts(suites) if await self.asker.sends_alerts(hopeless) else halves(suites)
        for part in apart if len(apart) > 1 else ():
            await self._search(part, LATER_SPLIT)

    def _without_user_names(self, suites: tuple[int, ...]) -> tuple[int, ...]:
        """The suites that need no user; the others are asked one by one in the end."""
        named = tuple(suite for suite in suites if is_by_user_name(suite))
        self.by_user_name += named
        return tuple(suite for suite in suites if suite not in named) if named else ()

    async def _ask_without_user(self, suite: int) -> None:
        """A server that misses the user has chosen the suite (RFC 5054, 2.5.1.2)."""
        answer = await self.asker.ask(replace(self.offer, suites=(suite,)).hello())
        if answer.refusal == UNKNOWN_USER:
            self.sight.by_user_name[suite] = None
        else:
            self._noted(answer, (suite,))

    async def _split(self, suites: tuple[int, ...]) -> None:
        """Search several portions side by side; neighbours, often alike, go different ways."""
        lanes = (self._search(suites[lane::LANES], LATER_SPLIT) for lane in range(LANES))
        for ended in await asyncio.gather(*lanes, return_exceptions=True):
            if ended is not None:
                raise ended

    async def _search_in_portions(self, suites: tuple[int, ...]) -> None:
        for at in range(0, len(suites), SHORT_LIST):
            await self._search(suites[at : at + SHORT_LIST], SHORT_LIST)

    def _noted(self, answer: Answer, suites: tuple[int, ...]) -> int | None:
        """The suite that the server takes; None where it takes none of them in this version."""
        hello = answer.hello
        if hello is None or hello.version != self.offer.version:
            return None
        if hello.suite not in suites:
            raise NoAnswerError("the server takes a suite that was not offered")
        known = set(self.sight.suites)
        in_order = {*known, *suites} >= set(self.offer.suites)
        self.sight.note(Pick(hello, answer.flight, suites, in_order))
        return hello.suite

    async def _answer(self, offer: Offer) -> Answer:
        """The answer to an offer; the first one goes out in disguise where there is one to try."""
        if self.disguise is None or not self.sight.picks:
            return await self.asker.ask(offer.hello())
        disguise, self.disguise = self.disguise, None
        try:
            answer = await self.asker.ask(disguise(offer.hello()))
        except NoAnswerError:
            answer = None
        if answer is not None and answer.hello and answer.hello.version == self.offer.version:
            self.borne = True
            return answer
        plain = await self.asker.ask(offer.hello())
        self.borne = False if plain.hello is not None else None
        return plain


async def open_version(
    asker: Asker, offer: Offer, little: Offer, sight: VersionSight, *, brief: bool = False
) -> str:
    """Ask whether a version is accepted at all; returns how it was refused, where it was.

    A server that does not name the version as its reason may have choked on the long list, or
    broken down over its first suites, and is asked with a short one; ``brief`` asks with that one
    only. Raises OutOfScopeError.
    """
    refusal, doubt = "", ""
    try:
        if not brief:
            answer = await asker.ask(offer.hello())
            if _is_taken(answer, offer, sight):
                return ""
            refusal = answer.refusal
            if answer.hello or refusal == WRONG_VERSION:
                sight.doubt = ""
                return refusal
    except NoAnswerError as error:
        doubt = str(error)
    try:
        answer = await asker.ask(little.hello())
        refusal = refusal or answer.refusal
        if _is_taken(answer, little, sight):
            sight.in_portions = True
            sight.short = not await _is_borne(asker, replace(offer, suites=sight.suites))
            return ""
    except NoAnswerError as error:
        doubt = doubt or str(error)
    sight.doubt = doubt
    return refusal


async def _is_borne(asker: Asker, offer: Offer) -> bool:
    try:
        return (await asker.ask(offer.hello())).hello is not None
    except NoAnswerError:
        return False


def _is_taken(answer: Answer, offer: Offer, sight: VersionSight) -> bool:
    hello = answer.hello
    if hello is None or hello.version != offer.version:
        return False
    if hello.suite not in offer.suites:
        raise NoAnswerError("the server takes a suite that was not offered")
    sight.note(Pick(hello, answer.flight, offer.suites, in_order=not offer.short))
    return True
