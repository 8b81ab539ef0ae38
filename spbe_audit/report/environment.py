"""The ground that templates stand on: what they may print, and how a fault in one is told."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb

from jinja2 import Environment, FunctionLoader, StrictUndefined
from jinja2.exceptions import TemplateNotFound
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from spbe_audit.bilingual import Bilingual
from spbe_audit.errors import Mistake, TemplateError
from spbe_audit.finding import Score
from spbe_audit.report import charts
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import Labels
from spbe_audit.report.templates import Templates
from spbe_audit.report.wording import Piece, shortened

_LONGEST_IN_TABLE = 160
_WEB_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_ADVICE = (
    "What was scanned is kept. Mend the template, then run: spbe-audit report --templates DIR. "
    "docs/templates.md says what each template is given."
)
_SCRIPT_WORDS = "script_"
_KEPT = 8192
"""Short texts that are kept escaped, because a large report prints them again and again."""
_LONGEST_KEPT = 200
_QUOTED = re.compile(r"'([^']+)'")


def environment_for(labels: Labels) -> Environment:
    """Templates in one language. A user's own are confined: they are looks, not programs."""
    templates = labels.templates
    kind = ImmutableSandboxedEnvironment if templates.own else Environment
    environment = kind(
        loader=FunctionLoader(lambda name: _source(templates, name)),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        keep_trailing_newline=False,
    )
    style = page_style(templates)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {
        "branding": _branding(labels),
        "day": labels.day,
        "t": labels,
        "script_words": _script_words(labels),
        "style": Markup(style),  # noqa: S704 - a style sheet, with no character of the network in it
        "style_hash": Markup("sha256-{}").format(digest),
        "bar": _bar,
        "kept": _keeper(),
        "stack": lambda score: _stack(score, labels),
    }
    environment.filters["short"] = lambda text: shortened(str(text), labels)
    environment.filters["brief"] = _brief
    environment.filters["lines"] = _lines
    environment.filters["told"] = _told
    environment.tests["web_address"] = lambda text: bool(_WEB_ADDRESS.fullmatch(text))
    return environment


def rendered(
    environment: Environment, templates: Templates, name: str, values: Mapping[str, object]
) -> str:
    """One template filled. Raises TemplateError where a user's own template is at fault."""
    with faults_told(templates, name):
        return environment.get_template(name).render(values)


def macro_of(
    environment: Environment, templates: Templates, name: str, macro: str
) -> Callable[..., Markup]:
    """A macro of a template. It raises TemplateError where a user's own template is at fault."""
    with faults_told(templates, name):
        made: Callable[..., Markup] = getattr(environment.get_template(name).module, macro)

    def called(*values: object) -> Markup:
        with faults_told(templates, name):
            return made(*values)

    return called if templates.own else made


@contextmanager
def faults_told(templates: Templates, name: str) -> Iterator[None]:
    """Whatever goes wrong in a user's own template becomes a TemplateError with its place."""
    try:
        yield
    except Exception as error:
        if not templates.own:
            raise
        failure = TemplateError([_mistake(error, templates, name)])
        failure.advice = _ADVICE
        raise failure from error


def page_style(templates: Templates) -> str:
    """The style sheet without its comments, as it stands between the style tags of a page."""
    style = _CSS_COMMENT.sub("", templates.text("report.css"))
    lines = [line.strip() for line in style.splitlines() if line.strip()]
    return "\n".join([*lines, *templates.branding.style().splitlines()])


def print_style(templates: Templates) -> str:
    """The style sheet of the PDF."""
    return f"{templates.text('print.css')}\n{templates.branding.style()}"


def _source(templates: Templates, name: str) -> tuple[str, str, None] | None:
    """The text of a template and its place, which jinja puts into tracebacks."""
    try:
        return templates.text(name), templates.place(name), None
    except FileNotFoundError:
        return None


def _mistake(error: Exception, templates: Templates, name: str) -> Mistake:
    """Where in which template something went wrong, and what."""
    place, line = templates.place(name), 0
    known = {templates.place(one) for one in templates.own}
    for frame, number in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if file in known or file.startswith("report_templates/"):
            place, line = file, number
    problem = f"{_what(error)}"
    if place not in known:
        own = ", ".join(sorted(templates.own))
        problem += f" (this file is ours: what it needs may be missing from your {own})"
    return Mistake(place, line, _column(templates, place, line, problem) if line else 0, problem)


def _what(error: Exception) -> str:
    if isinstance(error, TemplateNotFound):
        return f"there is no template '{error.name}'"
    if isinstance(error, RecursionError):
        return "the template calls itself without end"
    return " ".join(str(error).split()) or type(error).__name__


def _column(templates: Templates, place: str, line: int, problem: str) -> int:
    """Where in a line the thing stands that the message names; 1 where it is not found."""
    lines = templates.text(Path(place).name).splitlines()
    named = _QUOTED.findall(problem)
    text = lines[line - 1] if line <= len(lines) else ""
    found = [text.find(word) for word in named if word in text]
    return found[-1] + 1 if found else 1


def _branding(labels: Labels) -> Mapping[str, str]:
    branding = labels.templates.branding
    return {
        "office": _chosen(branding.office, labels),
        "footer": _chosen(branding.footer, labels),
        "logo": branding.logo,
    }


def _chosen(text: Bilingual | None, labels: Labels) -> str:
    return labels.choose(text) if text else ""


def _script_words(labels: Labels) -> Mapping[str, str]:
    """The words that report.js puts on a page: those of its own, and those of the codes."""
    prefixes = (_SCRIPT_WORDS, "severity_", "verdict_", "status_", "family_")
    return {
        key.removeprefix(_SCRIPT_WORDS): text
        for key, text in labels.texts.items()
        if key.startswith(prefixes) and isinstance(text, str)
    }


def _finalize(value: object) -> object:
    """Every text that a template prints passes here: nothing invisible is left in it."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return escape(spelt_out(value)) if len(value) > _LONGEST_KEPT else _shown(value)


@lru_cache(maxsize=_KEPT)
def _shown(text: str) -> Markup:
    return escape(spelt_out(text))


def _keeper() -> Callable[..., Markup]:
    """Calls a macro once for each key, and gives what it made then ever after.

    For what is the same on many pages: the key has to name everything that the macro depends on.
    """
    made: dict[object, Markup] = {}

    def kept(key: object, macro: Callable[..., Markup], *values: object) -> Markup:
        if key not in made:
            if len(made) >= _KEPT:
                made.clear()
            made[key] = macro(*values)
        return made[key]

    return kept


def _brief(text: str) -> str:
    """A fact in a table of answers that need no action: its beginning is enough there."""
    return text if len(text) <= _LONGEST_IN_TABLE else text[:_LONGEST_IN_TABLE] + "…"


def _told(pieces: Iterable[Piece], brief: bool = False) -> Markup:  # noqa: FBT001, FBT002 - a filter's argument
    """A sentence; each fact in it stands apart, so that none can reorder or pass for our words."""
    parts = []
    for piece in pieces:
        text = _finalize(_brief(piece.text) if brief and piece.is_fact else piece.text)
        parts.append(f'<bdi class="fact">{text}</bdi>' if piece.is_fact else f"{text}")
    return Markup("".join(parts))  # noqa: S704 - each part is escaped by _finalize


def _lines(text: str) -> Markup:
    """Preformatted lines: line breaks stay, all else that is invisible is spelt out."""
    if "\n" not in text:
        return escape(spelt_out(text))
    return Markup("\n").join(escape(spelt_out(line)) for line in text.split("\n"))


def _bar(share: float | None, kind: str, label: str) -> Markup:
    return charts.share_bar(share, kind=kind, label=spelt_out(label))


def _stack(score: Score, labels: Labels) -> Markup:
    counted: Iterable[tuple[str, str, int]] = (
        ("good", "count_passed", score.passed),
        ("bad", "count_failed", score.failed),
        ("open", "count_unknown", score.unknown),
    )
    parts = [charts.Part(kind, count) for kind, _, count in counted]
    words = ", ".join(labels(key, n=count) for _, key, count in counted)
    return charts.stacked_bar(parts, label=labels("stack_text", parts=words))
