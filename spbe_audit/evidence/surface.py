"""What a web server shows beside its pages: a page that is not there, well-known paths, methods."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from spbe_audit.evidence.http import Exchange

BLOCKED = "blocked"
"""The failure of a request that was not sent, or not believed: the server had begun to refuse."""

NOT_ASKED = "not_asked_at_this_intensity"
"""The failure of a part that the intensity of a scan leaves out."""

MISSING = "missing"
"""The purpose of a random path, asked to see what the site says of pages that do not exist."""

_RESTRICTED = frozenset({401, 403})
_BLOCK_PAGES = frozenset({"block", "captcha"})


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """What came back for one path.

    ``purpose`` is the word under which the path was asked ("version_control", "environment",
    "admin", "api_documentation", ...). ``url`` is where the answer came from, after at most two
    redirects on the same host; ``body_size`` counts the bytes read, at most 16 KiB. ``confirmed``
    names the content that shows that the thing is really there (never the status alone); '' where
    nothing does. ``like_missing`` is true when the answer is what the site says of a path that does
    not exist. ``marks`` are those of page_marks. ``failure`` is a FailureKind value, or BLOCKED,
    where nothing came back; the status is None then.
    """

    path: str
    purpose: str
    status: int | None = None
    url: str = ""
    content_type: str = ""
    body_size: int = 0
    confirmed: str = ""
    like_missing: bool = False
    marks: tuple[str, ...] = ()
    failure: str = ""

    @property
    def shown(self) -> bool:
        """Whether the thing that was looked for is there for everybody."""
        return bool(self.confirmed) and not self.like_missing

    @property
    def restricted(self) -> bool:
        """Whether the server withholds this path (401, 403) but not any path whatever."""
        return self.status in _RESTRICTED and not self.like_missing

    def bears(self, *families: str) -> tuple[str, ...]:
        """The marks that are one of these or of their family: "listing" takes "listing.iis"."""
        return tuple(mark for mark in self.marks if mark.partition(".")[0] in families)


@dataclass(frozen=True, slots=True)
class CorsAnswer:
    """How the server answered a request that said it came from ``origin``."""

    origin: str
    allow_origin: str
    allow_credentials: bool


@dataclass(frozen=True, slots=True)
class SurfaceEvidence:
    """What one origin shows beside its front page.

    ``missing`` is the answer for a random path. ``paths`` are those that were wanted, in order, the
    random ones among them; ``methods`` are those of the Allow and Public fields of an OPTIONS
    answer, None when it had neither; ``trace`` is true when TRACE echoed the request.
    ``security_txt`` is the text of security.txt, '' when there is none, and ``security_txt_url``
    where it was found. ``failures`` tells which of the parts "missing", "options", "trace", "cors"
    and "security_txt" got no answer, and why (a FailureKind value, BLOCKED, or NOT_ASKED); such a
    part must not be read as absent.
    """

    origin: str
    collected_at: datetime
    missing: Exchange | None = None
    paths: tuple[PathAnswer, ...] = ()
    methods: tuple[str, ...] | None = None
    trace: bool | None = None
    cors: tuple[CorsAnswer, ...] = ()
    security_txt: str = ""
    security_txt_type: str = ""
    security_txt_url: str = ""
    failures: tuple[tuple[str, str], ...] = ()

    def failure(self, part: str) -> str | None:
        """Why a part got no answer; None where it got one."""
        return next((kind for name, kind in self.failures if name == part), None)

    def asked(self, purposes: Collection[str]) -> tuple[PathAnswer, ...]:
        """The paths that were wanted for these purposes, in order; none at intensity light."""
        return tuple(answer for answer in self.paths if answer.purpose in purposes)

    def silence(self, purposes: Collection[str]) -> str | None:
        """Why the paths of these purposes do not tell everything; None where they do.

        A block page in place of the site's own "not found" makes every answer doubtful.
        """
        if any(answer.bears(*_BLOCK_PAGES) for answer in self.asked({MISSING})):
            return "blocked_page"
        return next((answer.failure for answer in self.asked(purposes) if answer.failure), None)
