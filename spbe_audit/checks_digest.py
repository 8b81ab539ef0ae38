"""A digest of the checks that judge, to tell whether two runs were judged by the same rules."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from spbe_audit.catalogue import Catalogue
from spbe_audit.evidence import canonical_json
from spbe_audit.version import VERSION


def checks_digest(catalogue: Catalogue) -> str:
    """SHA-256 over our version and the files of all checks; a policy has a digest of its own."""
    files = [(one.check.id, _of_file(one.check.function.__code__.co_filename)) for one in catalogue]
    return hashlib.sha256(canonical_json([VERSION, files]).encode("ascii")).hexdigest()


@cache
def _of_file(name: str) -> str:
    """The digest of a check's file; '' where it cannot be read, as inside an archive."""
    try:
        return hashlib.sha256(Path(name).read_bytes()).hexdigest()
    except OSError:
        return ""
