"""Texts and identifiers in the forms that OSCAL allows: tokens, one-line values, Markdown."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from functools import lru_cache
from uuid import NAMESPACE_URL, uuid5

from spbe_audit.report.hostile_text import spelt_out
from spbe_audit.report.json_stream import Json

NAMESPACE = "urn:spbe-audit:oscal"
"""Qualifies every property whose name is not OSCAL's own."""

_UUIDS = uuid5(NAMESPACE_URL, NAMESPACE)
_MARKDOWN = re.compile(r"[\\`*\[\]<>{}]")
_NO_TEXT = "-"


@lru_cache(maxsize=1 << 14)
def stable_uuid(kind: str, *names: str) -> str:
    """The UUID (version 5) of the thing that the names identify, the same in every report."""
    return str(uuid5(_UUIDS, "\0".join(map(spelt_out, (kind, *names)))))


def token(text: str) -> str:
    """An identifier without colons or anything else that a token may not hold.

    Two texts that would give one token are told apart by a few digits of their SHA-256.
    """
    plain = text.replace(":", "_", 1)
    changed = re.sub(r"[^A-Za-z0-9_.-]", "_", plain)
    if not re.match("[A-Za-z_]", changed):
        changed = f"_{changed}"
    if changed == plain:
        return changed
    return f"{changed}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


@lru_cache(maxsize=1 << 10)
def line(text: str) -> str:
    """A value on one line, with no white space at its ends and never empty."""
    return " ".join(spelt_out(text).split()) or _NO_TEXT


@lru_cache(maxsize=1 << 10)
def markup(text: str) -> str:
    """A text of one line in which Markdown finds nothing to read: no link, no image, no HTML."""
    return _MARKDOWN.sub(lambda found: f"\\{found[0]}", line(text))


def instant(moment: datetime) -> str:
    """A time in UTC, as "2026-11-20T03:15:30Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def own_property(name: str, value: object, **more: str) -> Json:
    """A property in our namespace; ``more`` are its class or remarks."""
    return {"name": name, "ns": NAMESPACE, "value": line(str(value)), **more}
