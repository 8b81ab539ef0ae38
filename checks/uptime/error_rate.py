"""Are server errors rare among the answers?"""

from collections import Counter

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import AvailabilityEvidence, utc_text


class ErrorRateParams(Params):
    """The period, the share of answers that may be server errors, and which statuses those are."""

    window_days: int = 30
    maximum_percent: float = 1.0
    minimum_samples: int = 100
    first_status: int = 500
    last_status: int = 599


@check("uptime.error_rate", needs=AvailabilityEvidence, params=ErrorRateParams)
def error_rate(history: AvailabilityEvidence, params: ErrorRateParams) -> Outcome:
    """Pass when the share of server errors among samples with an answer is low enough."""
    answered = [one for one in history.counted(params.window_days) if one.status is not None]
    statuses = Counter(
        one.status
        for one in answered
        if one.status is not None and params.first_status <= one.status <= params.last_status
    )
    total, errors = len(answered), statuses.total()
    facts: dict[str, Fact] = {
        "errors": errors,
        "answers": total,
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
        "maximum_percent": params.maximum_percent,
        "minimum_samples": params.minimum_samples,
        "window_days": params.window_days,
        "first": utc_text(answered[0].at) if answered else None,
        "last": utc_text(answered[-1].at) if answered else None,
    }
    if total < max(1, params.minimum_samples):
        return Outcome.unknown("too_few_samples", **facts)
    # Rounded up: a share above the limit must not read as if it kept to it.
    facts["rate_percent"] = -(-100_000 * errors // total) / 1000
    within = 100 * errors / total <= params.maximum_percent
    return Outcome.passed(**facts) if within else Outcome.failed(**facts)
