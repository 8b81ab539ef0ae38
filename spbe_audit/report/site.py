"""The ground that all HTML pages stand on: their names, their templates, their style."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from spbe_audit.finding import Assessment, Score
from spbe_audit.report import charts
from spbe_audit.report.file_names import FileNames
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.labels import TEMPLATES, Labels
from spbe_audit.report.summaries import ServiceKey
from spbe_audit.report.wording import shortened

MOST_SERVICES = 10
"""Services that a list names before it says "and n more"."""

_LONGEST_IN_TABLE = 160
_WEB_ADDRESS = re.compile(r"https?://[!#-;=?-\[\]_a-z~]+")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ServiceLink:
    """A service's page, relative to the report's folder, and its name."""

    page: str
    name: str


@dataclass(frozen=True, slots=True)
class ServiceLinks:
    """The first services of a list, and how many more there are."""

    shown: tuple[ServiceLink, ...]
    more: int


@dataclass(frozen=True)
class Site:
    """Everything that pages share. ``service_pages`` and ``agency_pages`` are relative paths."""

    assessment: Assessment
    narrator: Narrator
    environment: Environment
    agency_pages: Mapping[str, str]
    service_pages: Mapping[ServiceKey, str]
    service_names: Mapping[ServiceKey, str]
    agency_names: Mapping[str, str]

    @property
    def labels(self) -> Labels:
        """The words of the report's language."""
        return self.narrator.labels

    def links(self, services: Sequence[ServiceKey]) -> ServiceLinks:
        """Links to the first few services of a list."""
        shown = tuple(
            ServiceLink(self.service_pages[key], self.service_names[key])
            for key in services[:MOST_SERVICES]
        )
        return ServiceLinks(shown, len(services) - len(shown))

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """One page; it ends with a newline."""
        return self.environment.get_template(template).render(values) + "\n"


def build_site(assessment: Assessment, narrator: Narrator) -> Site:
    """The site of one assessment in one language."""
    agency_names, service_names = FileNames(), FileNames()
    agencies = [agency.agency for agency in assessment.agencies]
    services = [service.service for service in assessment.services]
    return Site(
        assessment=assessment,
        narrator=narrator,
        environment=_environment(narrator.labels),
        agency_pages={
            agency.id: f"agency/{agency_names.name_for(agency.id)}.html" for agency in agencies
        },
        service_pages={
            (one.agency, one.id): f"service/{service_names.name_for(one.agency, one.id)}.html"
            for one in services
        },
        service_names={(one.agency, one.id): one.name for one in services},
        agency_names={agency.id: agency.name for agency in agencies},
    )


def _environment(labels: Labels) -> Environment:
    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        keep_trailing_newline=False,
    )
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {
        "day": labels.day,
        "t": labels,
        "style": Markup(style),  # noqa: S704 - our own file, with no character of the network in it
        "style_hash": Markup("sha256-{}").format(digest),
        "bar": _bar,
        "stack": lambda score: _stack(score, labels),
    }
    environment.filters["short"] = lambda text: shortened(str(text), labels)
    environment.filters["brief"] = _brief
    environment.filters["lines"] = _lines
    environment.tests["web_address"] = lambda text: bool(_WEB_ADDRESS.fullmatch(text))
    return environment


def _template(name: str) -> str:
    return (files(TEMPLATES) / name).read_text(encoding="utf-8")


def _style() -> str:
    """The style sheet without its comments, as it stands between the style tags."""
    style = _CSS_COMMENT.sub("", _template("report.css"))
    return "\n".join(line.strip() for line in style.splitlines() if line.strip())


def _finalize(value: object) -> object:
    """Every text that a template prints passes here: nothing invisible is left in it."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return spelt_out(value)
    return value


def _brief(text: str) -> str:
    """A fact in a table of answers that need no action: its beginning is enough there."""
    return text if len(text) <= _LONGEST_IN_TABLE else text[:_LONGEST_IN_TABLE] + "…"


def _lines(text: str) -> Markup:
    """Preformatted lines: line breaks stay, all else that is invisible is spelt out."""
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
