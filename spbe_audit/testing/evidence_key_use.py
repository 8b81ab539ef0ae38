"""Key use evidence for cases: a key that no other service has.

others: [other-agency/service, ...]   services with the same key; they are counted too
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from spbe_audit.evidence import KeyUseEvidence

Json = dict[str, Any]

AGENCY = "diskominfo"


class KeyUseForm(BaseModel):
    """Reads the evidence from JSON and refuses a field that it does not have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    evidence: KeyUseEvidence


def key_use(overrides: Json) -> Json:
    """The evidence as JSON, with the short form above written out."""
    agency = str(overrides.get("agency", AGENCY))
    pairs = [str(other).partition("/") for other in overrides.pop("others", [])]
    foreign = [pair for pair in pairs if pair[0] != agency]
    return {
        "agency": agency,
        "service": "portal",
        "key": "5e" * 32,
        "others": [{"agency": owner, "service": service} for owner, _, service in pairs],
        "foreign": len(foreign),
        "own": len(pairs) - len(foreign),
        **overrides,
    }
