"""Does the first byte of an answer come soon enough?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import AvailabilityEvidence, percentile, utc_text


class ResponseTimeParams(Params):
    """The period, how long is soon enough, and for what share of the answers."""

    window_days: int = 30
    maximum_seconds: float = 3.0
    percent: float = 95.0
    minimum_samples: int = 100


@check("uptime.response_time", needs=AvailabilityEvidence, params=ResponseTimeParams)
def response_time(history: AvailabilityEvidence, params: ResponseTimeParams) -> Outcome:
    """Pass when the percentile of the time from the beginning to the first byte is low enough.

    Only samples that were up are counted: an error page that comes quickly serves nobody.
    """
    up = [sample for sample in history.counted(params.window_days) if sample.up]
    waits = [sample.wait for sample in up if sample.wait is not None]
    facts: dict[str, Fact] = {
        "answers": len(waits),
        "percent": params.percent,
        "maximum_seconds": params.maximum_seconds,
        "minimum_samples": params.minimum_samples,
        "window_days": params.window_days,
        "first": utc_text(up[0].at) if up else None,
        "last": utc_text(up[-1].at) if up else None,
    }
    if len(waits) < max(1, params.minimum_samples):
        return Outcome.unknown("too_few_samples", **facts)
    reached = percentile(waits, params.percent)
    phases = {
        "name": [sample.name for sample in up],
        "connect": [sample.connect for sample in up],
        "tls": [sample.tls for sample in up],
        "first_byte": [sample.first_byte for sample in up],
    }
    for phase, seconds in phases.items():
        facts[f"{phase}_seconds"] = _seconds([s for s in seconds if s is not None], params.percent)
    facts["seconds"] = round(reached, 3)
    return Outcome.passed(**facts) if reached <= params.maximum_seconds else Outcome.failed(**facts)


def _seconds(values: list[float], percent: float) -> float | None:
    """The percentile of one phase; None where no answer had it (TLS in plain http)."""
    return round(percentile(values, percent), 3) if values else None
