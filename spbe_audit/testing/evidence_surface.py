"""Surface evidence for cases: a server that shows nothing beside its pages.

Short forms:

    paths        {"/.env": {confirmed: KEY=VALUE}}   laid over the healthy answers
                 {"/.env": timeout}                  why there was no answer; null: not asked
    missing      {status: 500, page: {...}}          the answer for a random path, which stands in
                                                     ``paths`` too, with its marks
    failures     {trace: reset}                      parts without an answer, "missing" among them
    cors         ["*"]                               what each foreign origin was allowed; "+" at
                                                     the end: with credentials; "=": reflected
    security_txt {Contact: ..., Expires: ...}        fields laid over healthy ones; a list repeats,
                                                     null takes away; a text stands as it is
    intensity    light                               only what that intensity asks
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import SurfaceEvidence
from spbe_audit.evidence.surface import NOT_ASKED

Json = dict[str, Any]
Hop = Callable[[Json, str], Json]

ORIGIN = "https://portal.example.go.id"
RANDOM_PATH = "/3f9c0d4e5b6a7182"
FOREIGN_ORIGINS = (
    "https://3f9c0d4e5b6a7182.example",
    "null",
    "https://portal.example.go.id.example",
)
HEALTHY_PATHS: Mapping[str, str] = {
    "/.git/HEAD": "version_control",
    "/.svn/wc.db": "version_control",
    "/.env": "environment",
    "/.htpasswd": "server_configuration",
    "/id_rsa": "private_key",
    "/.DS_Store": "folder_metadata",
    "/backup.zip": "backup",
    "/dump.sql": "database_dump",
    "/phpinfo.php": "diagnostics",
    "/composer.lock": "component_list",
    "/storage/logs/laravel.log": "log",
    "/phpmyadmin/": "admin",
    "/manager/html": "admin",
    "/swagger-ui.html": "api_documentation",
    "/openapi.json": "api_documentation",
    "/uploads/": "folder",
    "/images/": "folder",
}
"""Some of the well-known paths, each with its purpose."""
SECURITY_TXT_FIELDS: Mapping[str, Any] = {
    "Contact": "mailto:csirt@example.go.id",
    "Expires": "2026-12-31T00:00:00Z",
    "Preferred-Languages": "id, en",
    "Canonical": f"{ORIGIN}/.well-known/security.txt",
}

_SAID_NOT_FOUND: Json = {
    "status": 404,
    "content_type": "text/html; charset=utf-8",
    "body_size": 512,
    "like_missing": True,
}
_SAID_SO: Json = {
    "status": 200,
    "content_type": "text/plain",
    "body_size": 2048,
    "like_missing": False,
}


class SurfaceForm(BaseModel):
    """Reads the evidence from JSON and refuses a field that it does not have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    evidence: SurfaceEvidence


def surface(overrides: Json, *, collected_at: str, hop: Hop) -> Json:
    """The evidence as JSON, with the short forms written out; ``hop`` builds one exchange."""
    light = overrides.pop("intensity", "standard") == "light"
    failures = dict(overrides.pop("failures", {}))
    if light:
        failures = {"trace": NOT_ASKED, "cors": NOT_ASKED, **failures}
    missing = None if "missing" in failures else _missing(overrides.pop("missing", {}), hop)
    random = _random_answer(missing, failures.get("missing", ""))
    base: Json = {
        "origin": ORIGIN,
        "collected_at": collected_at,
        "missing": missing,
        "paths": [random, *_paths(overrides.pop("paths", {}), light=light)],
        "methods": ["GET", "HEAD", "POST", "OPTIONS"],
        "trace": None if "trace" in failures else False,
        "cors": [] if "cors" in failures else _cors(overrides.pop("cors", [""])),
        "failures": [list(pair) for pair in failures.items()],
    }
    if "options" in failures:
        base["methods"] = None
    if "security_txt" not in failures:
        base |= _security_txt(overrides.pop("security_txt", {}))
    return {**base, **overrides}


def _missing(overrides: Json, hop: Hop) -> Json:
    return hop({"status": 404, **overrides}, ORIGIN + RANDOM_PATH)


def _random_answer(missing: Json | None, failure: str) -> Json:
    base: Json = {"path": RANDOM_PATH, "purpose": "missing"}
    if missing is None:
        return {**base, "failure": failure}
    marks = (missing["page"] or {}).get("marks", [])
    said = {**_SAID_NOT_FOUND, "status": missing["status"], "marks": marks}
    return {**base, "url": ORIGIN + RANDOM_PATH, **said}


def _paths(overrides: Mapping[str, Any], *, light: bool) -> list[Json]:
    wanted: dict[str, Any] = {} if light else {path: {} for path in HEALTHY_PATHS}
    wanted |= overrides
    return [_path(path, given) for path, given in wanted.items() if given is not None]


def _path(path: str, given: str | Json) -> Json:
    """One answer: "not found" unless something is said of it."""
    base: Json = {"path": path, "purpose": HEALTHY_PATHS.get(path, "environment")}
    if isinstance(given, str):
        return {**base, "failure": given}
    said = _SAID_SO if {"confirmed", "status"} & set(given) else _SAID_NOT_FOUND
    return {**base, "url": ORIGIN + path, **said, **given}


def _cors(allowed: list[Any]) -> list[Json]:
    """What was allowed to each foreign origin; the last is said of the others too."""
    answers = [*allowed, *[allowed[-1]] * len(FOREIGN_ORIGINS)][: len(FOREIGN_ORIGINS)]
    return [
        {
            "origin": origin,
            "allow_origin": origin if answer.rstrip("+") == "=" else answer.rstrip("+"),
            "allow_credentials": answer.endswith("+"),
        }
        for origin, answer in zip(FOREIGN_ORIGINS, answers, strict=True)
    ]


def _security_txt(given: str | Mapping[str, Any] | None) -> Json:
    if given is None:
        return {}
    text = given if isinstance(given, str) else _fields({**SECURITY_TXT_FIELDS, **given})
    return {
        "security_txt": text,
        "security_txt_type": "text/plain; charset=utf-8",
        "security_txt_url": f"{ORIGIN}/.well-known/security.txt",
    }


def _fields(fields: Mapping[str, Any]) -> str:
    lines = [
        f"{name}: {value}"
        for name, given in fields.items()
        for value in (given if isinstance(given, list) else [] if given is None else [given])
    ]
    return "\n".join([*lines, ""])
