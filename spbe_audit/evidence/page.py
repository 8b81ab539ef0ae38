"""What is kept of a page: the few things that checks ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from spbe_audit.evidence.dns import registrable_domain


@dataclass(frozen=True, slots=True)
class Subresource:
    """Something that a browser fetches to show the page; ``url`` is absolute.

    ``kind`` is "script", "style", "image", "frame", "media", "object", "icon" or "preload".
    ``crossorigin`` is None where the attribute is absent.
    """

    kind: str
    url: str
    integrity: str = ""
    crossorigin: str | None = None

    @property
    def host(self) -> str:
        """The host that it comes from; '' for what comes from nowhere, as data: does."""
        return host_in(self.url)


@dataclass(frozen=True, slots=True)
class Form:
    """A form; ``action`` is absolute, and the page's own URL where the form names none.

    ``method`` is in lower case, '' where it is not written. ``other_actions`` are those of its
    buttons. ``scripted`` is true where no form element surrounds the fields, so that only a script
    can send them; ``action`` is then ''.
    """

    action: str
    method: str = ""
    has_password: bool = False
    autocomplete: str = ""
    other_actions: tuple[str, ...] = ()
    scripted: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A link with its visible text, white space folded; ``href`` is absolute."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class PageExtract:
    """The few things that checks ask of a page; the page itself is not kept.

    ``html`` is false for other text (JSON, plain text), of which only ``marks`` are taken; see
    ``page_marks``. ``links`` are the first and the last ones, ``links_left_out`` counts the rest.
    Of ``subresources``, images, media and icons are kept only where they come over http:.
    """

    title: str = ""
    generator: str = ""
    language: str = ""
    password_forms: int = 0
    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    form_actions: tuple[str, ...] = ()
    meta_policies: tuple[str, ...] = ()
    html: bool = True
    subresources: tuple[Subresource, ...] = ()
    forms: tuple[Form, ...] = ()
    links: tuple[Link, ...] = ()
    links_left_out: int = 0
    marks: tuple[str, ...] = ()

    def bears(self, *families: str) -> tuple[str, ...]:
        """The marks that are one of these or of their family: "block" takes "block.f5"."""
        return tuple(mark for mark in self.marks if mark.partition(".")[0] in families)


def host_in(url: str) -> str:
    """The host of a URL in lower case; '' where there is none, or none that can be read."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # a bracket without its partner
        return ""


def same_site(left: str, right: str) -> bool:
    """Whether two hosts are under one registered name (``registrable_domain``), or are equal."""
    one, other = (host.strip("[]").rstrip(".").lower() for host in (left, right))
    if one == other:
        return True
    if ":" in one + other or one.rpartition(".")[2].isdigit() or other.rpartition(".")[2].isdigit():
        return False  # addresses have no registered name
    return registrable_domain(one) == registrable_domain(other)
