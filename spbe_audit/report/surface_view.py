"""What a service shows beside its front page, as its page in the report tells it."""

from __future__ import annotations

from dataclasses import dataclass

from spbe_audit.evidence import PathAnswer, SurfaceEvidence
from spbe_audit.report.labels import Labels
from spbe_audit.report.observation import Told, clipped, told

MOST_PATHS = 40
MOST_CORS = 10
_LONGEST = 160
_LONGEST_TEXT = 2000
_MOST_METHODS = 30


@dataclass(frozen=True, slots=True)
class PathLine:
    """One path that is there, or that the server withholds."""

    path: str
    status: str
    kind: str
    sign: str
    why: Told | None


@dataclass(frozen=True, slots=True)
class SurfaceFact:
    """One thing that was asked of the origin; ``why`` where there was no answer."""

    name: str
    value: str
    why: Told | None = None


@dataclass(frozen=True, slots=True)
class SurfaceView:
    """``paths`` are those worth a look; the others were answered as a missing page is."""

    counted: str
    paths: tuple[PathLine, ...]
    more: int
    facts: tuple[SurfaceFact, ...]
    security_txt: str


def surface_view(surface: SurfaceEvidence, labels: Labels) -> SurfaceView:
    """The origin in words."""
    telling = [one for one in surface.paths if _is_telling(one)]
    return SurfaceView(
        counted=labels(
            "paths_asked",
            n=len(surface.paths),
            shown=sum(one.shown for one in surface.paths),
            silent=sum(bool(one.failure) for one in surface.paths),
        ),
        paths=tuple(_path(one, labels) for one in telling[:MOST_PATHS]),
        more=max(0, len(telling) - MOST_PATHS),
        facts=_facts(surface, labels),
        security_txt=_security_txt(surface, labels),
    )


def _is_telling(answer: PathAnswer) -> bool:
    return answer.shown or answer.restricted or bool(answer.failure)


def _path(answer: PathAnswer, labels: Labels) -> PathLine:
    word = "path_shown" if answer.shown else "path_restricted"
    return PathLine(
        path=clipped(answer.path, _LONGEST, labels),
        status="" if answer.status is None else str(answer.status),
        kind="" if answer.failure else labels(word),
        sign=clipped(answer.confirmed, _LONGEST, labels),
        why=told(answer.failure, labels) if answer.failure else None,
    )


def _facts(surface: SurfaceEvidence, labels: Labels) -> tuple[SurfaceFact, ...]:
    """What was asked of the origin itself; what got no answer is never shown as absent."""
    missing = surface.missing
    methods = (clipped(one, 40, labels) for one in (surface.methods or ())[:_MOST_METHODS])
    found = clipped(surface.security_txt_url, _LONGEST, labels) if surface.security_txt else ""
    answers = (
        ("missing", labels("missing_page"), str(missing.status) if missing else ""),
        ("options", labels("methods_told"), ", ".join(methods)),
        ("trace", labels("trace_echoed"), _trace(surface, labels)),
        ("cors", labels("cors_allowed"), _cors(surface, labels)),
        ("security_txt", "security.txt", found),
    )
    return tuple(_fact(surface, *answer, labels) for answer in answers)


def _fact(
    surface: SurfaceEvidence, part: str, name: str, value: str, labels: Labels
) -> SurfaceFact:
    failure = surface.failure(part)
    if failure and not value:
        return SurfaceFact(name, "", told(failure, labels))
    return SurfaceFact(name, value or labels("word_none"))


def _trace(surface: SurfaceEvidence, labels: Labels) -> str:
    return "" if surface.trace is None else labels("word_yes" if surface.trace else "word_no")


def _cors(surface: SurfaceEvidence, labels: Labels) -> str:
    """The foreign origins that were let in."""
    allowed = [
        f"{clipped(one.origin, _LONGEST, labels)} → {clipped(one.allow_origin, _LONGEST, labels)}"
        for one in surface.cors[:MOST_CORS]
        if one.allow_origin
    ]
    return "; ".join(allowed)


def _security_txt(surface: SurfaceEvidence, labels: Labels) -> str:
    lines = surface.security_txt.replace("\r", "").split("\n")[:40]
    return "\n".join(clipped(line, 200, labels) for line in lines)[:_LONGEST_TEXT].strip()
