"""What an agency is told of news, in plain text that means the same in mail, chat and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spbe_audit.finding import Assessment
from spbe_audit.news import Item, Kind, News, Silence
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.severity import Severity

MOST_ITEMS = 10
"""Findings, and services without an answer, that are named; of the rest only how many."""

_LONGEST = 100
_BETWEEN_LANGUAGES = "\n\n--\n\n"
_NO_MARKUP = str.maketrans(
    {
        "<": "\u2039",
        ">": "\u203a",
        "@": "\uff20",
        "&": "\uff06",
        "*": "\u2217",
        "`": "'",
        "[": "(",
        "]": ")",
        "|": "\u00a6",
        "~": "\u223c",
        "\\": "\u2216",
        "#": "\uff03",
    }
)
"""What begins a mention, a link or markup in some chat, and what looks like it and does not."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: about which agency (its id), and its words."""

    agency: str
    title: str
    body: str


def messages_of(
    assessment: Assessment, news: News, narrators: Sequence[Narrator], *, report: str
) -> tuple[Message, ...]:
    """A message for each agency with news, in the languages of the narrators, one after another.

    ``report`` is where the report is. What was told in an earlier message is left out.
    """
    names = {one.agency.id: one.agency.name for one in assessment.agencies}
    return tuple(
        Message(
            agency,
            title=_title(names.get(agency, agency), told, narrators[0]),
            body=_BETWEEN_LANGUAGES.join(
                "\n".join(_lines(assessment, told, narrator, report)) for narrator in narrators
            ),
        )
        for agency, told in news.fresh.by_agency().items()
    )


def inert(text: str) -> str:
    """A text from elsewhere on one line, with nothing invisible in it and no markup."""
    shown = spelt_out(" ".join(text[: _LONGEST + 1].split())).translate(_NO_MARKUP)
    shown = shown.replace("://", ":\u2215\u2215")
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}\u2026"


def _title(agency: str, news: News, narrator: Narrator) -> str:
    first = next(_counts(news, narrator))
    return narrator.labels("message_title", agency=inert(agency), what=first)


def _lines(assessment: Assessment, news: News, narrator: Narrator, report: str) -> Iterator[str]:
    labels = narrator.labels
    at = labels.moment(assessment.run.started)
    if news.since:
        yield labels("message_since", at=at, before=labels.moment(news.since.at))
    else:
        yield labels("message_first", at=at)
    yield from (f"- {count}" for count in _counts(news, narrator))
    if news.items:
        yield from ("", labels("message_worst"))
        yield from (_item(item, narrator) for item in news.items[:MOST_ITEMS])
        yield from _more(len(news.items), narrator)
    if news.silences:
        yield from ("", labels("message_silences"))
        yield from (_silence(one, narrator) for one in news.silences[:MOST_ITEMS])
        yield from _more(len(news.silences), narrator)
    yield from ("", labels("message_note"), labels("message_report", path=report))


def _counts(news: News, narrator: Narrator) -> Iterator[str]:
    """How many there are of each kind, and of which severity; kinds without any are left out."""
    labels = narrator.labels
    for kind in Kind:
        levels = Counter(one.severity for one in news.items if one.kind is kind)
        if levels:
            told = ", ".join(
                f"{levels[one]} {labels(f'severity_{one.value}')}"
                for one in Severity
                if levels[one]
            )
            yield f"{labels(f'message_{kind.value}', n=levels.total())} ({told})"
    if news.silences:
        yield labels("message_silent", n=len(news.silences))


def _item(item: Item, narrator: Narrator) -> str:
    part = f" ({inert(item.subject)})" if item.subject else ""
    return narrator.labels(
        "message_item",
        severity=narrator.labels(f"severity_{item.severity.value}"),
        title=inert(narrator.title(item.check)),
        place=inert(item.service) + part,
    )


def _silence(silence: Silence, narrator: Narrator) -> str:
    reason = narrator.reason_in_general(silence.reason, (silence.check,))
    return narrator.labels("message_silence", service=inert(silence.service), reason=inert(reason))


def _more(total: int, narrator: Narrator) -> Iterator[str]:
    if total > MOST_ITEMS:
        yield f"- {narrator.labels('and_more', n=total - MOST_ITEMS)}"


__all__ = ["Message", "inert", "messages_of"]
