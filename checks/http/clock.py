"""Does the server's clock agree with the scanner's?"""

from spbe_audit.check import Fact, Outcome, Params, check
from spbe_audit.evidence import HttpEvidence, clock_offset


class ClockParams(Params):
    """How far the two clocks may be apart, in seconds."""

    tolerance_seconds: int = 60


@check("http.clock", needs=HttpEvidence, params=ClockParams)
def clock(http: HttpEvidence, params: ClockParams) -> Outcome:
    """Pass when the Date of an answer lies within the tolerance of when it was received."""
    dated = [exchange for exchange in http.own_exchanges() if exchange.header("date")]
    if not dated:
        return Outcome.not_applicable("no_date")
    measured = [(abs(offset), one) for one in dated if (offset := clock_offset(one)) is not None]
    # A copy out of a cache that does not tell its age is old; the closest answer tells the clock.
    closest = min(measured, key=lambda pair: pair[0])[1] if measured else dated[0]
    offset = clock_offset(closest)
    facts: dict[str, Fact] = {
        "url": closest.url,
        "received": closest.header("date"),
        "reference": "scanner",
        "scanner_time": closest.requested_at.isoformat(timespec="milliseconds"),
        "offset_seconds": None if offset is None else round(offset, 1),
        "tolerance_seconds": params.tolerance_seconds,
    }
    if offset is None:
        return Outcome.failed(problem="unreadable", **facts)
    if abs(offset) > params.tolerance_seconds:
        return Outcome.failed(problem="ahead" if offset > 0 else "behind", **facts)
    return Outcome.passed(**facts)
