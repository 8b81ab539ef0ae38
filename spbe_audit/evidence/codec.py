"""Canonical JSON of an attempt, and the way back."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import ConfigDict, RootModel

from spbe_audit.evidence import attempt as attempt_module
from spbe_audit.evidence import kinds
from spbe_audit.evidence.attempt import Attempt


class _AttemptDocument(RootModel[Attempt]):
    """Carries the JSON settings, so that the evidence types stay plain dataclasses."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", defer_build=True)


# An attempt names the kinds of evidence without importing them; here they are needed.
_AttemptDocument.model_rebuild(_types_namespace={**vars(attempt_module), **vars(kinds)})


def attempt_to_json(attempt: Attempt) -> dict[str, Any]:
    """The attempt as plain JSON data; certificates are base64url."""
    document: dict[str, Any] = _AttemptDocument(attempt).model_dump(mode="json")
    return document


def attempt_from_json(text: str | bytes) -> Attempt:
    """Read an attempt back. Raises ValueError for a text that is not one."""
    return _AttemptDocument.model_validate_json(text).root


def canonical_json(data: object) -> str:
    """One text for one value: sorted keys, no spaces, ASCII only (after RFC 8785's idea)."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode("ascii")).hexdigest()
