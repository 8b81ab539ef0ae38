"""How grave a finding is, in one order used everywhere."""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """Gravest first. INFO is an observation that does not count against compliance."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for critical, rising as gravity falls."""
        return list(Severity).index(self)

    def at_least(self, threshold: Severity) -> bool:
        """Whether this is as grave as the threshold or graver."""
        return self.rank <= threshold.rank
