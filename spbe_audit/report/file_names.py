"""Names of the report's pages: safe on every file system, and each its own."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

_LONGEST = 80
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{kind}{n}" for kind in ("com", "lpt") for n in range(10)}
)


@dataclass
class FileNames:
    """Gives out the names in one folder, so that no two things share a page."""

    _taken: set[str] = field(default_factory=set)

    def name_for(self, *parts: str) -> str:
        """A name without suffix for the thing that ``parts`` identify.

        A name that had to be changed, or that is taken, carries a digest of the parts.
        """
        raw = "-".join(parts)
        name = safe_name(raw)
        while name != raw or name in self._taken:
            whole = "\0".join((*parts, name)).encode(errors="surrogatepass")
            raw = name = f"{safe_name(raw)[:_LONGEST]}-{hashlib.sha256(whole).hexdigest()[:10]}"
        self._taken.add(name)
        return name


def safe_name(text: str) -> str:
    """The text in a-z, 0-9, "-", "_" and inner dots, at most _LONGEST characters, never empty."""
    name = re.sub(r"(?:[^a-z0-9._-]|\.[.-])+", "-", text.lower()).strip("-.")[:_LONGEST].strip("-.")
    if not name or name.partition(".")[0] in _DEVICES:
        return f"page-{name}".strip("-")
    return name
