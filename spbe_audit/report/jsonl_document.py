"""findings.jsonl: the records of audit.json one to a line, for programs that read streams."""

from __future__ import annotations

import json
from collections.abc import Iterator

from spbe_audit.finding import Assessment
from spbe_audit.report.finding_view import Narrator
from spbe_audit.report.json_document import document_head, document_lists

_TYPES = {
    "aspects": "aspect",
    "agencies": "agency",
    "services": "service",
    "controls": "control",
    "findings": "finding",
    "waivers": "waiver",
    "changes": "change",
}


def jsonl_chunks(assessment: Assessment, narrator: Narrator) -> Iterator[str]:
    """Line by line: the run first, the findings last; "type" says what a line holds."""
    yield _line({"type": "run", **document_head(assessment, narrator.labels)})
    for key, records in document_lists(assessment, narrator).items():
        for record in records:
            yield _line({"type": _TYPES[key], **record})


def _line(record: dict[str, object]) -> str:
    return json.dumps(record, allow_nan=False, separators=(",", ":")) + "\n"
