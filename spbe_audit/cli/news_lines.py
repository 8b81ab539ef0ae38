"""What --only-changes prints: nothing but news, in at most some thirty lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import click

from spbe_audit.catalogue import Catalogue
from spbe_audit.cli.summary import COLOURS
from spbe_audit.cli.waiver_notes import expired_lines
from spbe_audit.finding import Assessment
from spbe_audit.news import Item, Kind, News, Silence
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.severity import Severity

_WORDS = {Kind.NEW: "new", Kind.REGRESSED: "back", Kind.WAIVER_EXPIRED: "with an expired waiver"}
_SHOWN = 12
_PLACES = 4
_LONGEST_SUBJECT = 60


def print_news(assessment: Assessment, news: News, catalogue: Catalogue, *, quiet: bool) -> None:
    """Print the news; where there is none one line that says so, and nothing when ``quiet``."""
    since = f"since run {news.since.id}" if news.since else "in this run, which is the first"
    if not news:
        if not quiet:
            click.echo(f"Nothing is new {since}")
        return
    for line in expired_lines(assessment):
        click.secho(line, fg="red")
    counts = Counter(item.kind for item in news.items)
    told = ", ".join(f"{counts[kind]} {_WORDS[kind]}" for kind in Kind if counts[kind])
    click.echo(f"Findings {since}: {told or 'none'}")
    for line in (*_item_lines(news.items, catalogue), *_silence_lines(news.silences)):
        click.echo(line)


def _item_lines(items: Iterable[Item], catalogue: Catalogue) -> Iterator[str]:
    groups: dict[tuple[Severity, Kind, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.severity, item.kind, item.check), []).append(item)
    for (severity, kind, check), alike in list(groups.items())[:_SHOWN]:
        word = click.style(f"{severity.value:8}", fg=COLOURS.get(severity))
        title = catalogue.get(check).texts.title.en
        places = _some([_place(item) for item in alike])
        yield f"  {word} {_WORDS[kind]}: {spelt_out(f'{title} [{check}]: {places}')}"
    if len(groups) > _SHOWN:
        yield f"  and {len(groups) - _SHOWN} more kinds of finding"


def _place(item: Item) -> str:
    if not item.subject:
        return item.service
    more = "…" if len(item.subject) > _LONGEST_SUBJECT else ""
    return f"{item.service} ({item.subject[:_LONGEST_SUBJECT]}{more})"


def _silence_lines(silences: Sequence[Silence]) -> Iterator[str]:
    by_reason: dict[str, list[str]] = {}
    for one in silences:
        by_reason.setdefault(one.reason, []).append(one.service)
    if by_reason:
        yield "Not judged any more:"
    for reason, services in sorted(by_reason.items(), key=lambda one: (-len(one[1]), one[0])):
        yield f"  {reason}: {spelt_out(_some(services))}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _PLACES} more" if len(names) > _PLACES else ""
    return ", ".join(names[:_PLACES]) + more


__all__ = ["print_news"]
