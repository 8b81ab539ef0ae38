"""What a web server shows beside its pages: a page that is not there, well-known paths, methods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from spbe_audit.evidence.http import Exchange


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """What came back for one well-known path.

    ``purpose`` is the word under which the path was asked ("version_control", "environment",
    "admin", "api_documentation", ...). ``confirmed`` names the content that shows that the thing is
    really there (never the status alone); '' where nothing does. ``like_missing`` is true when the
    answer is what the site says of a path that does not exist.
    """

    path: str
    purpose: str
    status: int
    content_type: str
    body_size: int
    confirmed: str = ""
    like_missing: bool = False
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CorsAnswer:
    """How the server answered a request that said it came from ``origin``."""

    origin: str
    allow_origin: str
    allow_credentials: bool


@dataclass(frozen=True, slots=True)
class SurfaceEvidence:
    """What one origin shows beside its front page.

    ``missing`` is the answer for a random path. ``paths`` are those that were asked, in order;
    ``methods`` are those of the Allow field of an OPTIONS answer, None when it had none;
    ``trace`` is true when TRACE echoed the request. ``security_txt`` is the text of
    /.well-known/security.txt, '' when there is none. ``failures`` tells which parts got no answer,
    and why (a FailureKind value); such a part must not be read as absent.
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
    failures: tuple[tuple[str, str], ...] = ()
