"""Was the service up for the share of time that it is promised?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import (
    AvailabilityEvidence,
    maintenance_sampled,
    utc_text,
    wilson_interval,
)


class AvailabilityParams(Params):
    """The period, the share for services that name none, and how many samples it takes."""

    window_days: int = 30
    sla: float = 99.0
    minimum_samples: int = 100


@check("uptime.availability", needs=AvailabilityEvidence, params=AvailabilityParams)
def availability(history: AvailabilityEvidence, params: AvailabilityParams) -> Outcome:
    """Pass when the share of samples that were up reaches the SLA; gaps are no samples."""
    counted = history.counted(params.window_days)
    total, up = len(counted), sum(sample.up for sample in counted)
    sla = params.sla if history.sla is None else history.sla
    facts: dict[str, Fact] = {
        "up": up,
        "total": total,
        "sla": sla,
        "sla_named_by": "policy" if history.sla is None else "target_list",
        "window_days": params.window_days,
        "minimum_samples": params.minimum_samples,
        "first": utc_text(counted[0].at) if counted else None,
        "last": utc_text(counted[-1].at) if counted else None,
        "maintenance": _announced(history, params.window_days),
        "maintenance_samples": len(history.within(params.window_days)) - total,
        "ledger": history.ledger,
    }
    if total < max(1, params.minimum_samples):
        return Outcome.unknown("too_few_samples", **facts)
    lower, upper = wilson_interval(up, total)
    # Rounded down: a share below the limit must not read as if it reached it.
    facts["percent"] = (100_000 * up // total) / 1000
    facts["confidence_95"] = (round(100 * lower, 3), round(100 * upper, 3))
    facts["sla_within_confidence"] = 100 * lower <= sla <= 100 * upper
    return Outcome.passed(**facts) if 100 * up / total >= sla else Outcome.failed(**facts)


def _announced(history: AvailabilityEvidence, days: int) -> Fact:
    """The announced maintenance that samples were left out for."""
    return tuple(
        {
            "name": window.reason,
            "begins": utc_text(window.begins),
            "ends": utc_text(window.ends),
        }
        for window in maintenance_sampled(history, days=days)
    )
