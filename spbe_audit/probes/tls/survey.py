"""The survey of one endpoint by hellos of our own, of which one handshake at most is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from spbe_audit.evidence import SuiteListing, TlsQuestion
from spbe_audit.probes.tls.asker import Asker, NoAnswerError, is_of_nothing
from spbe_audit.probes.tls.group_lanes import list_classic_groups, list_weak_curves
from spbe_audit.probes.tls.introduction import Introduction, introduce
from spbe_audit.probes.tls.newest_version import survey_newest
from spbe_audit.probes.tls.offer import (
    SSL_3_0,
    TLS_1_0,
    TLS_1_1,
    TLS_1_2,
    TLS_1_3,
    all_of,
    little_of,
)
from spbe_audit.probes.tls.side_questions import (
    classic_offer,
    find_fallback,
    find_preference,
    find_signatures,
    offer_like,
)
from spbe_audit.probes.tls.sightings import UNFINISHED, Sightings
from spbe_audit.probes.tls.ssl2 import read_reply, ssl2_hello
from spbe_audit.probes.tls.strangers import Bearing, find_bearing, looks_strange, too_new
from spbe_audit.probes.tls.suite_kinds import one_of_each_kind
from spbe_audit.probes.tls.suite_lanes import (
    WRONG_VERSION,
    LeftOver,
    SuiteHunt,
    all_others,
    open_version,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall be found out: suites all or one of each kind, and which questions beside."""

    listing: SuiteListing = SuiteListing.EVERY
    questions: frozenset[TlsQuestion] = frozenset(TlsQuestion)


@dataclass(slots=True)
class Survey:
    """One endpoint under survey. ``name`` is the SNI; ``seen`` grows as answers come."""

    asker: Asker
    name: str | None
    plan: Plan
    seen: Sightings = field(default_factory=Sightings)
    bearing: Bearing = field(default_factory=Bearing)

    async def run(self, first: Introduction | None) -> None:
        """Ask everything that the plan wants. Raises OutOfScopeError, also in a group.

        ``first`` is the answer to the first hello, None where it was none of TLS. What has been
        seen stays seen when this is cancelled; the rest is marked as unfinished from the start.
        """
        self._mark_all_unfinished()
        if first is not None:
            self._note_first(first)
        if not self.asker.was_answered:
            await self._ssl2()
            await self._classics_in_turn()
        async with asyncio.TaskGroup() as lanes:
            if "ssl2" in self.seen.unknown:
                lanes.create_task(self._ssl2())
            lanes.create_task(self._newest(first))
            if first is not None:
                lanes.create_task(self._classics())
            lanes.create_task(self._unnamed())
        async with asyncio.TaskGroup() as lanes:
            for question, answering in self._side_questions():
                if question in self.plan.questions:
                    lanes.create_task(self._settled(question, answering))
                else:
                    answering.close()
        self._mark_all_finished()

    def _mark_all_unfinished(self) -> None:
        for version in (SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3):
            self.seen.sight(version)
        for name in ("ssl2", *(question.value for question in self.plan.questions)):
            self.seen.unknown[name] = UNFINISHED

    async def _settled(self, question: TlsQuestion, answering: Coroutine[Any, Any, None]) -> None:
        """See a question answered: it is unknown no longer, unless it has left a reason."""
        await answering
        self._settle(question)

    def _settle(self, question: TlsQuestion) -> None:
        if self.seen.unknown.get(question) == UNFINISHED:
            del self.seen.unknown[question]

    def _mark_all_finished(self) -> None:
        """What no answering has left a reason for is answered, or does not arise."""
        unfinished = [name for name, why in self.seen.unknown.items() if why == UNFINISHED]
        for name in unfinished:
            del self.seen.unknown[name]

    def _note_first(self, first: Introduction) -> None:
        seen = self.seen
        seen.first, seen.encrypted, seen.hidden = first.flight, first.encrypted, first.hidden
        if first.chain:
            seen.named[first.chain] = None
        if first.encrypted:
            seen.groups[first.encrypted.group] = None
        if first.flight.hello:
            self.asker.remember(first.hello)

    def _side_questions(self) -> list[tuple[TlsQuestion, Coroutine[Any, Any, None]]]:
        asker, name, seen = self.asker, self.name, self.seen
        classic = seen.classic()
        found = [
            (TlsQuestion.PREFERENCE, find_preference(asker, name, seen)),
            (TlsQuestion.FALLBACK, find_fallback(asker, name, seen)),
            (TlsQuestion.SIGNATURES, find_signatures(asker, name, seen)),
            (TlsQuestion.INTOLERANCES, find_bearing(asker, name, seen, self.bearing)),
        ]
        if classic is not None and classic.version > SSL_3_0:
            offer = offer_like(classic, name)
            found.append((TlsQuestion.WEAK_GROUPS, list_weak_curves(asker, offer, seen)))
            if not seen.sight(TLS_1_3).accepted:
                found.append((TlsQuestion.GROUPS, list_classic_groups(asker, offer, seen)))
        elif not seen.sight(TLS_1_3).accepted:
            seen.groups_listed = True  # SSL has none
        return found

    async def _ssl2(self) -> None:
        contact = self.asker.contact
        try:
            reply = await self.asker.ask_surely(
                lambda: contact.say(ssl2_hello(), read_reply),
                lambda reply: reply is None or not reply.heard,
            )
        except NoAnswerError as error:
            self.seen.unknown["ssl2"] = str(error)
            return
        del self.seen.unknown["ssl2"]
        self.seen.ssl2 = reply.answer if reply else None
        if self.seen.ssl2 is not None:
            self.asker.remember_ssl2()

    async def _newest(self, first: Introduction | None) -> None:
        """TLS 1.3; a server that takes an older version when it may have this one does not."""
        if self.plan.listing is SuiteListing.EACH_KIND and first and not first.speaks_newest:
            self.seen.sight(TLS_1_3).doubt = ""
            return
        await survey_newest(
            self.asker,
            self.name,
            self.seen,
            first=first.flight.hello if first and first.speaks_newest else None,
            left_over=self._left_over(),
            with_groups=TlsQuestion.GROUPS in self.plan.questions,
            briefly=self.plan.listing is SuiteListing.EACH_KIND,
        )
        if self.seen.groups_listed:
            self._settle(TlsQuestion.GROUPS)

    async def _classics(self) -> None:
        """The versions before, side by side; one of each kind needs no version named twice.

        When it is to be brief, a server that calls TLS 1.1 a wrong version has answered for all
        older ones too: it was free to take them.
        """
        if self.plan.listing is SuiteListing.EVERY:
            async with asyncio.TaskGroup() as lanes:
                for version in (SSL_3_0, TLS_1_0, TLS_1_1, TLS_1_2):
                    lanes.create_task(self._classic(version))
            return
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._classic(TLS_1_2))
            refusal = await self._classic(TLS_1_1)
            if refusal == WRONG_VERSION:
                self.seen.sight(SSL_3_0).doubt = self.seen.sight(TLS_1_0).doubt = ""
                return
            for version in (SSL_3_0, TLS_1_0):
                lanes.create_task(self._classic(version))

    async def _classics_in_turn(self) -> None:
        """For a server that has answered no hello yet, so that a hang-up can be held against it."""
        before_any_answer = []
        for version in (TLS_1_2, TLS_1_1, TLS_1_0, SSL_3_0):
            if not self.asker.was_answered:
                before_any_answer.append(version)
            await self._classic(version)
        for version in before_any_answer if self.asker.was_answered else ():
            if not self.seen.sight(version).accepted:
                await self._classic(version)

    async def _classic(self, version: int) -> str:
        """One version before TLS 1.3; returns the alert where it is refused by one."""
        sight, offer = self.seen.sight(version), all_of(version, self.name)
        brief = any(other.in_portions for other in self.seen.versions.values())
        little = little_of(version, self.name)
        refusal = await open_version(self.asker, offer, little, sight, brief=brief)
        if not sight.accepted:
            return refusal
        several = self.plan.listing is SuiteListing.EVERY  # of one kind there may be no second
        strangely = version == TLS_1_2 and TlsQuestion.INTOLERANCES in self.plan.questions
        disguise = too_new if strangely and several else None
        offer = replace(offer_like(sight, self.name), suites=offer.suites)
        hunt = SuiteHunt(self.asker, offer, sight, self._left_over(), disguise)
        await hunt.run()
        if hunt.borne:
            self.bearing.classic = True
        return ""

    async def _unnamed(self) -> None:
        """The certificate for clients that name no host, in a strange hello where that is borne."""
        if self.name is None or TlsQuestion.UNNAMED not in self.plan.questions:
            self.seen.unknown.pop(TlsQuestion.UNNAMED, None)
            return
        try:
            chain = await self._strangely_unnamed() or await self._plainly_unnamed()
        except NoAnswerError as error:
            self.seen.unknown[TlsQuestion.UNNAMED] = str(error)
            return
        del self.seen.unknown[TlsQuestion.UNNAMED]
        if chain:
            self.seen.unnamed[chain] = None

    async def _strangely_unnamed(self) -> tuple[bytes, ...]:
        """The chain that a strange hello brings, () for none."""
        if TlsQuestion.INTOLERANCES not in self.plan.questions:
            return ()
        contact = self.asker.contact
        try:
            shown = await self.asker.exchange(
                lambda: introduce(contact, None, finish=False, disguise=looks_strange)
            )
        except NoAnswerError:
            return ()
        self.bearing.modern = shown.flight.hello is not None
        return shown.chain

    async def _plainly_unnamed(self) -> tuple[bytes, ...]:
        """The chain that a hello without SNI brings, () where it is refused.

        Raises NoAnswerError, and OutOfScopeError.
        """
        contact, classic = self.asker.contact, classic_offer(self.seen, None)
        if self.seen.first is None and classic is not None:
            answer = await self.asker.ask(classic.hello())
            return answer.flight.chain
        shown = await self.asker.ask_surely(
            lambda: introduce(contact, None, finish=False),
            lambda shown: is_of_nothing(shown.flight),
        )
        if shown.hidden or (self.seen.first is None and shown.flight.hello is None):
            raise NoAnswerError(shown.hidden or "no handshake was finished")
        return shown.chain

    def _left_over(self) -> LeftOver:
        brief = self.plan.listing is SuiteListing.EACH_KIND
        return one_of_each_kind() if brief else all_others
