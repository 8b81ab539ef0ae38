"""The demonstration: reference services in a process of their own, and the target list for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from spbe_audit.errors import SpbeAuditError
from spbe_audit.reference_services.catalogue import REFERENCE_SERVICES

_STOP_SECONDS = 5


@contextmanager
def reference_targets(folder: Path, *, now: datetime, language: str) -> Iterator[Path]:
    """Start the reference services; gives a target list for them, written into ``folder``.

    Raises SpbeAuditError when they do not start.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "spbe_audit.reference_services"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                raise SpbeAuditError("The reference services did not start")
            document = json.loads(line)
            authority = folder / "reference-root.pem"
            authority.write_text(document["authority"], "ascii")
            targets = folder / "targets.yaml"
            targets.write_text(
                _target_list(document["services"], authority.name, now=now, language=language),
                "utf-8",
            )
            yield targets
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    """Close its input, which ends it; insist if it does not."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _target_list(
    services: Sequence[Mapping[str, Any]], authority: str, *, now: datetime, language: str
) -> str:
    names = {service.id: service for service in REFERENCE_SERVICES}
    document = {
        "engagement": {
            "letter": "DEMO/1",
            "issued_by": "spbe-audit demo",
            "valid": {
                "from": (now - timedelta(days=1)).date(),
                "until": (now + timedelta(days=1)).date(),
            },
            "scope": ["127.0.0.0/8"],
            "contact": "demo@spbe-audit.example",
        },
        "trust_anchors": [authority],
        "defaults": {"policy": "spbe", "ports": {"expected": []}},
        "agencies": [
            {
                "id": "reference",
                "name": "Layanan acuan" if language == "id" else "Reference services",
                "services": [
                    {
                        "id": service["id"],
                        "name": names[service["id"]].name.in_language(language),
                        "url": service["url"],
                        **({"http_port": service["http_port"]} if service["http_port"] else {}),
                    }
                    for service in services
                ],
            }
        ],
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
