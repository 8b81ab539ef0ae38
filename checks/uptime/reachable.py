"""Does the service answer as expected, more than once?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import UptimeEvidence


class ReachableParams(Params):
    """How many samples must be up."""

    needed: int = 2


@check("uptime.reachable", needs=UptimeEvidence, params=ReachableParams)
def reachable(uptime: UptimeEvidence, params: ReachableParams) -> Outcome:
    """Pass when enough of the spaced samples were answered as expected."""
    total = len(uptime.samples)
    if total < params.needed:
        return Outcome.unknown("too_few_samples", total=total, needed=params.needed)
    down = [sample for sample in uptime.samples if not sample.up]
    facts: dict[str, Fact] = {
        "url": uptime.url,
        "up": total - len(down),
        "total": total,
        "needed": params.needed,
        "reasons": tuple(dict.fromkeys(sample.reason for sample in down)),
        "statuses": tuple(sample.status for sample in uptime.samples),
    }
    if total - len(down) >= params.needed:
        return Outcome.passed(**facts)
    return Outcome.failed(**facts)
