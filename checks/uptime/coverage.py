"""Are there enough samples for a statement about availability?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import AvailabilityEvidence, sample_coverage, utc_text


class CoverageParams(Params):
    """The period, the share that is enough, what counts as a gap, and how many are listed."""

    window_days: int = 30
    minimum_percent: float = 90.0
    minimum_samples: int = 100
    gap_factor: float = 1.5
    listed: int = 20


@check("uptime.coverage", needs=AvailabilityEvidence, params=CoverageParams)
def coverage(history: AvailabilityEvidence, params: CoverageParams) -> Outcome:
    """Pass when enough of the samples that were due were taken; gaps are named."""
    covered = sample_coverage(history, days=params.window_days, gap_factor=params.gap_factor)
    longest = sorted(covered.gaps, key=lambda gap: -gap.seconds)[: params.listed]
    worst = longest[0] if longest else None
    facts: dict[str, Fact] = {
        "taken": covered.taken,
        "expected": covered.expected,
        # Rounded down: a share below the limit must not read as if it reached it.
        "percent": (100_000 * covered.taken // covered.expected) / 1000,
        "minimum_percent": params.minimum_percent,
        "minimum_samples": params.minimum_samples,
        "interval_seconds": history.interval,
        "window_days": params.window_days,
        "begins": utc_text(covered.begins),
        "ends": utc_text(history.until),
        "begins_with_first_sample": covered.young,
        "gap_count": len(covered.gaps),
        "longest_gap_begins": utc_text(worst.begins) if worst else None,
        "longest_gap_ends": utc_text(worst.ends) if worst else None,
        "gaps": tuple(
            {
                "begins": utc_text(gap.begins),
                "ends": utc_text(gap.ends),
                "minutes": round(gap.seconds / 60, 1),
                "missing": gap.missing,
            }
            for gap in sorted(longest, key=lambda gap: gap.begins)
        ),
        "ledger": history.ledger,
    }
    if covered.expected < params.minimum_samples:
        return Outcome.unknown("too_few_samples", **facts)
    if 100 * covered.taken / covered.expected >= params.minimum_percent:
        return Outcome.passed(**facts)
    return Outcome.failed(**facts)
