"""Asks for well-known paths, three at once, and stops when the server begins to refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import httpx

from spbe_audit.evidence import FailureKind, page_marks
from spbe_audit.evidence.surface import BLOCKED, MISSING, PathAnswer
from spbe_audit.probes.surface.likeness import (
    alike,
    redirect_goal,
    says_not_found,
    without_echo,
)
from spbe_audit.probes.surface.recognisers import Content
from spbe_audit.probes.surface.visit import Answer, NoAnswer, Visit
from spbe_audit.probes.surface.well_known_paths import WellKnownPath

BODY_LIMIT = 16 * 1024
TEXT_LIMIT = 500
"""Characters that are kept of a URL or a header's value."""
AT_ONCE = 3
FAILURES_IN_A_ROW = 3
REFUSALS_IN_A_ROW = 5

_REFUSALS = frozenset({403, 406, 503})
_FOUND = range(200, 300)
_FOLLOWED = frozenset({"admin", "api_documentation", "folder"})
"""What is worth finding behind a redirect; a file that is exposed is answered at once."""


@dataclass(frozen=True, slots=True)
class Missing:
    """The site's answer for one random path: as it came, and after its redirects."""

    path: str
    first: Answer
    last: Answer

    @property
    def status(self) -> int:
        """The status at the end of the redirects."""
        return self.last.reply.status

    @property
    def content(self) -> Content:
        """As much of the body as is read of a well-known path."""
        return Content(self.last.reply.body[:BODY_LIMIT], self.last.text(BODY_LIMIT))

    @property
    def refused(self) -> bool:
        """Whether the site refuses this path, as a firewall would."""
        return self.status in _REFUSALS or _block_marks(page_marks(self.content.text))


async def ask_missing(visit: Visit, root: httpx.URL, path: str, limit: int) -> Missing | NoAnswer:
    """Ask for a path that does not exist, following redirects on the same host."""
    first = await visit.ask(root.join(path), body_limit=limit)
    if isinstance(first, NoAnswer):
        return first
    return Missing(path, first, await visit.follow(first, body_limit=limit))


def missing_answer(missing: Missing) -> PathAnswer:
    """The answer for a random path, as evidence; ``marks`` are those of the whole body."""
    body = missing.last.reply.body
    answer = _plain_answer(missing.path, MISSING, missing.last)
    return replace(answer, like_missing=True, marks=page_marks(missing.last.text(len(body))))


async def ask_paths(
    visit: Visit,
    root: httpx.URL,
    paths: Sequence[tuple[str, WellKnownPath]],
    missing: Sequence[Missing],
) -> tuple[PathAnswer, ...]:
    """Ask for every path, in order, until the time is over or the server begins to refuse.

    A run of failures or refusals is told apart from paths that are withheld by asking for a random
    path again: where that is refused now too, what was refused and what is left were BLOCKED.
    """
    answers: list[PathAnswer] = []
    trusted = 0  # of the answers so far: up to here, the random path was answered as before
    for start in range(0, len(paths), AT_ONCE):
        group = paths[start : start + AT_ONCE]
        if visit.over:
            break
        answers += await asyncio.gather(
            *(_ask_path(visit, root, path, known, missing) for path, known in group)
        )
        doubtful = answers[trusted:]
        if visit.over or not _in_trouble(doubtful, last=len(answers) == len(paths)):
            continue
        if await _refuses_all(visit, root, missing[0]):
            blocked = [_disbelieved(answer) for answer in doubtful]
            return (*answers[:trusted], *blocked, *_unanswered(paths[len(answers) :], BLOCKED))
        trusted = len(answers)
    return (*answers, *_unanswered(paths[len(answers) :], FailureKind.TIMEOUT.value))


def _in_trouble(answers: Sequence[PathAnswer], *, last: bool) -> bool:
    """Whether the failures and refusals at the end are worth a second look; the last ones are."""
    failures = refusals = 0
    for answer in reversed(answers):
        if answer.failure:
            failures += 1
        elif _refused(answer):
            refusals += 1
        else:
            break
    enough = 1 if last else REFUSALS_IN_A_ROW
    return failures >= FAILURES_IN_A_ROW or failures + refusals >= enough


def _refused(answer: PathAnswer) -> bool:
    """A refusal that is not simply what the site says of every missing path."""
    return not answer.like_missing and (answer.status in _REFUSALS or _block_marks(answer.marks))


def _block_marks(marks: Sequence[str]) -> bool:
    return any(mark.partition(".")[0] in {"block", "captcha"} for mark in marks)


def _disbelieved(answer: PathAnswer) -> PathAnswer:
    """A refusal, once it is known to be no answer about its path; other answers stay."""
    if not _refused(answer) or answer.failure:
        return answer
    return PathAnswer(answer.path, answer.purpose, failure=BLOCKED)


async def _refuses_all(visit: Visit, root: httpx.URL, before: Missing) -> bool:
    now = await ask_missing(visit, root, before.path, BODY_LIMIT)
    if isinstance(now, NoAnswer):
        return not visit.over
    return now.refused and not before.refused


def _unanswered(paths: Sequence[tuple[str, WellKnownPath]], kind: str) -> tuple[PathAnswer, ...]:
    return tuple(PathAnswer(path, known.purpose, failure=kind) for path, known in paths)


async def _ask_path(
    visit: Visit,
    root: httpx.URL,
    path: str,
    known: WellKnownPath,
    missing: Sequence[Missing],
) -> PathAnswer:
    first = await visit.ask(root.join(path), body_limit=BODY_LIMIT)
    if isinstance(first, NoAnswer):
        return PathAnswer(path, known.purpose, failure=first.kind)
    last = first
    if known.purpose in _FOLLOWED and not _redirects_like_missing(first, path, missing):
        last = await visit.follow(first, body_limit=BODY_LIMIT)
    content = Content(last.reply.body, last.text(BODY_LIMIT))
    confirmed = known.recognise(content) if last.reply.status in _FOUND else ""
    like_missing = (
        says_not_found(last.reply.status)
        or _redirects_like_missing(first, path, missing)
        or any(same_answer(last, path, one) for one in missing)
        or bool(confirmed and any(known.recognise(one.content) for one in missing))
    )
    return replace(
        _plain_answer(path, known.purpose, last),
        confirmed=confirmed,
        like_missing=like_missing,
        marks=() if like_missing else page_marks(content.text),
    )


def _plain_answer(path: str, purpose: str, answer: Answer) -> PathAnswer:
    return PathAnswer(
        path=path,
        purpose=purpose,
        status=answer.reply.status,
        url=str(answer.url)[:TEXT_LIMIT],
        content_type=answer.reply.header("content-type")[:TEXT_LIMIT],
        body_size=len(answer.reply.body),
    )


def _redirects_like_missing(first: Answer, path: str, missing: Sequence[Missing]) -> bool:
    """Whether a redirect leads to where every missing path is sent, to the front page, say."""
    goal = redirect_goal(str(first.target), path) if first.target else None
    others = ((one.first.target, one.path) for one in missing)
    return goal is not None and any(
        other is not None and redirect_goal(str(other), name) == goal for other, name in others
    )


def same_answer(answer: Answer, path: str, missing: Missing) -> bool:
    """Whether an answer is the one for a missing path: same status, same words."""
    return answer.reply.status == missing.status and alike(
        without_echo(answer.text(BODY_LIMIT), path),
        without_echo(missing.content.text, missing.path),
    )
