"""Is every outage over in time?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import AvailabilityEvidence, Outage, outages, utc_text


class LongestOutageParams(Params):
    """The period, how long an outage may last, and what counts as a gap between samples."""

    window_days: int = 30
    maximum_hours: float = 4.0
    minimum_samples: int = 100
    gap_factor: float = 1.5
    listed: int = 20


@check("uptime.longest_outage", needs=AvailabilityEvidence, params=LongestOutageParams)
def longest_outage(history: AvailabilityEvidence, params: LongestOutageParams) -> Outcome:
    """Pass when no outage may have lasted too long, fail when one is proven to.

    A gap inside an outage neither proves nor ends it: where all hangs on gaps, it is unknown.
    """
    found = outages(history, days=params.window_days, gap_factor=params.gap_factor)
    limit = params.maximum_hours * 3600
    proven = max(found, key=lambda outage: outage.proven, default=None)
    longest = max(found, key=lambda outage: outage.longest, default=None)
    if proven and proven.proven > limit:
        return Outcome.failed(**_facts(proven, found, params))
    facts = _facts(longest, found, params)
    if longest and longest.longest > limit:
        return Outcome.unknown("gap_in_outage", **facts)
    samples = len(history.counted(params.window_days))
    if samples < params.minimum_samples:
        return Outcome.unknown("too_few_samples", samples=samples, **facts)
    return Outcome.passed(**facts)


def _facts(
    told: Outage | None, found: tuple[Outage, ...], params: LongestOutageParams
) -> dict[str, Fact]:
    """The outage that decides, and beside it the longest of all."""
    by_length = sorted(found, key=lambda outage: -outage.longest)[: params.listed]
    return {
        "hours": _hours(told.longest) if told else 0.0,
        "proven_hours": _hours(told.proven) if told else 0.0,
        "unseen_hours": _hours(told.longest - told.proven) if told else 0.0,
        "begins": utc_text(told.begins) if told else None,
        "ends": utc_text(told.ends) if told else None,
        "running": bool(told and told.running),
        "gaps": tuple(
            {"begins": utc_text(gap.begins), "ends": utc_text(gap.ends)}
            for gap in (told.gaps[: params.listed] if told else ())
        ),
        "outage_count": len(found),
        "outages": tuple(
            {
                "begins": utc_text(outage.begins),
                "ends": utc_text(outage.ends),
                "hours": _hours(outage.longest),
            }
            for outage in sorted(by_length, key=lambda outage: outage.begins)
        ),
        "maximum_hours": params.maximum_hours,
        "minimum_samples": params.minimum_samples,
        "window_days": params.window_days,
    }


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 2)
