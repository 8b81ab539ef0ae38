"""What samples say of a period: shares and their bounds, gaps, outages, maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spbe_audit.catalogue import load_check
from spbe_audit.check import Outcome, Verdict
from spbe_audit.evidence import (
    USUAL_INTERVAL,
    AvailabilityEvidence,
    AvailabilitySample,
    MaintenanceWindow,
    maintenance_sampled,
    outages,
    percentile,
    sample_coverage,
    usual_interval,
    wilson_interval,
)

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES = timedelta(minutes=5)
MONTH = 30 * 24 * 12
FAMILY = ("availability", "coverage", "longest_outage", "response_time", "error_rate")


def evidence(
    states: Sequence[bool | None],
    *,
    interval: float = 300.0,
    maintenance: tuple[MaintenanceWindow, ...] = (),
) -> AvailabilityEvidence:
    """One entry each five minutes until the audit: up, down, or no sample (None)."""
    begins = UNTIL - len(states) * MINUTES
    samples = tuple(
        AvailabilitySample(
            begins + number * MINUTES,
            up=state,
            status=200 if state else None,
            reason="" if state else "timeout",
            first_byte=0.1 if state else None,
        )
        for number, state in enumerate(states)
        if state is not None
    )
    return AvailabilityEvidence("portal", UNTIL, interval, samples, maintenance)


def ask(name: str, history: AvailabilityEvidence) -> Outcome:
    check = load_check(f"uptime.{name}").check
    return check.run((history,), check.params_type())


# --- the two figures


@pytest.mark.parametrize(
    ("successes", "total", "expected"),
    [
        # Newcombe (1998), Statistics in Medicine 17, table I: method 3, the score interval.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (29, 29, (0.8830, 1.0)),
    ],
)
def test_the_wilson_interval_has_its_published_values(
    successes: int, total: int, expected: tuple[float, float]
) -> None:
    assert wilson_interval(successes, total) == pytest.approx(expected, abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_the_wilson_interval_holds_what_was_observed(total: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, total))
    lower, upper = wilson_interval(successes, total)
    assert 0 <= lower <= successes / total <= upper <= 1
    mirrored = wilson_interval(total - successes, total)
    assert mirrored == pytest.approx((1 - upper, 1 - lower))


@pytest.mark.parametrize(("successes", "total"), [(0, 0), (-1, 5), (6, 5)])
def test_counts_that_cannot_be(successes: int, total: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson_interval(successes, total)


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 15), (5, 15), (30, 20), (40, 20), (50, 35), (95, 50), (100, 50)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([35, 20, 15, 50, 40], percent) == expected


@given(st.lists(st.floats(0, 100), min_size=1), st.integers(0, 100))
def test_a_percentile_was_observed_and_covers_its_share(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert 100 * sum(value <= found for value in values) >= percent * len(values)
    assert 100 * sum(value < found for value in values) <= percent * len(values)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 101), ([1.0], -1)])
def test_a_percentile_of_nothing(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_the_usual_interval_is_what_was_meant() -> None:
    moments = [UNTIL + n * MINUTES + timedelta(seconds=n % 3) for n in range(50)]
    assert usual_interval(moments) == pytest.approx(300, abs=1)
    assert usual_interval(moments[:20] + moments[40:]) == pytest.approx(300, abs=1)
    assert usual_interval(moments[:1]) == USUAL_INTERVAL
    assert usual_interval([UNTIL, UNTIL]) == 1.0


# --- a month of samples


def test_a_quiet_month() -> None:
    outcomes = {name: ask(name, evidence([True] * MONTH)) for name in FAMILY}
    assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.PASS}
    assert outcomes["availability"].facts["total"] == MONTH
    assert outcomes["coverage"].facts["expected"] == MONTH


def test_flapping_counts_each_sample_and_no_long_outage() -> None:
    flapping = evidence([number % 2 == 0 for number in range(MONTH)])
    assert ask("availability", flapping).facts["percent"] == 50.0
    assert ask("availability", flapping).verdict is Verdict.FAIL
    longest = ask("longest_outage", flapping)
    assert longest.verdict is Verdict.PASS
    assert longest.facts["outage_count"] == MONTH // 2
    assert longest.facts["hours"] == 0.08


@pytest.mark.parametrize("name", FAMILY)
def test_silence_is_never_good(name: str) -> None:
    """A month without a single sample, after one that was all up."""
    silent = evidence([*[True] * MONTH, *[None] * MONTH])
    assert ask(name, silent).verdict in {Verdict.FAIL, Verdict.UNKNOWN}


@given(st.lists(st.sampled_from([True, False, None]), min_size=300, max_size=400), st.data())
def test_taking_a_sample_away_never_makes_the_sampler_look_better(
    states: list[bool | None], data: st.DataObject
) -> None:
    states[0] = states[0] or False
    whole = evidence(states)
    at = data.draw(st.integers(1, len(states) - 1))
    poorer = evidence([*states[:at], None, *states[at + 1 :]])
    before = sample_coverage(whole, days=30, gap_factor=1.5)
    after = sample_coverage(poorer, days=30, gap_factor=1.5)
    assert after.taken <= before.taken
    assert after.expected == before.expected
    assert before.taken == len(whole.samples)


@given(st.lists(st.sampled_from([True, False, None]), min_size=2, max_size=200))
def test_outages_and_what_is_up_do_not_overlap(states: list[bool | None]) -> None:
    history = evidence([True, *states])
    found = outages(history, days=30, gap_factor=1.5)
    for sample in history.samples:
        holding = [one for one in found if one.begins <= sample.at < one.ends]
        assert len(holding) == (not sample.up)
    for outage in found:
        assert 0 <= outage.proven <= outage.longest
        assert outage.longest == (outage.ends - outage.begins).total_seconds()
        unseen = sum(gap.seconds for gap in outage.gaps)
        assert outage.proven == pytest.approx(outage.longest - unseen)


def test_extra_samples_do_not_fill_a_gap() -> None:
    """Twice as many samples in one half of the time say nothing of the other."""
    plain = evidence([True] * 288)
    half = plain.samples[144:]
    doubled = [
        sample
        for one in half
        for sample in (one, AvailabilitySample(one.at + timedelta(seconds=60), up=True))
    ]
    history = AvailabilityEvidence("portal", UNTIL, 300.0, (plain.samples[0], *doubled))
    covered = sample_coverage(history, days=30, gap_factor=1.5)
    assert (covered.expected, covered.taken) == (288, 145)


def test_jitter_is_no_gap() -> None:
    moments = [UNTIL - MINUTES * n + timedelta(seconds=(n * 37) % 55) for n in range(2000, 0, -1)]
    samples = tuple(AvailabilitySample(at, up=True) for at in moments)
    covered = sample_coverage(
        AvailabilityEvidence("portal", UNTIL, 300.0, samples), days=30, gap_factor=1.5
    )
    assert covered.gaps == ()
    assert covered.taken == covered.expected


def test_overlapping_maintenance_is_taken_off_once() -> None:
    begins = UNTIL - 144 * MINUTES
    hours = [
        MaintenanceWindow(begins + timedelta(hours=a), begins + timedelta(hours=b), reason)
        for a, b, reason in ((2, 5, "a"), (4, 6, "b"), (4.5, 5, "c"), (-9, -8, "d"), (20, 30, "e"))
    ]
    history = evidence([*[False] * 143, True], maintenance=tuple(hours))
    (outage,) = outages(history, days=30, gap_factor=1.5)
    assert outage.longest == pytest.approx((143 / 12 - 4) * 3600)
    assert [window.reason for window in maintenance_sampled(history, days=30)] == ["a", "b", "c"]
    assert len(history.counted(30)) == 144 - 49


def test_the_share_decides_and_not_its_bounds() -> None:
    """99 of 100 is compatible with far less, and passes all the same; both are told."""
    history = evidence([False, *[True] * 99])
    outcome = ask("availability", history)
    assert outcome.verdict is Verdict.PASS
    assert outcome.facts["sla_within_confidence"] is True
    assert outcome.facts["confidence_95"] == (94.551, 99.823)


def test_a_share_below_the_limit_never_reads_as_the_limit() -> None:
    samples = tuple(
        AvailabilitySample(UNTIL - timedelta(seconds=n), up=n > 2_001)
        for n in range(200_000, 0, -1)
    )
    outcome = ask("availability", AvailabilityEvidence("portal", UNTIL, 1.0, samples))
    assert outcome.verdict is Verdict.FAIL
    assert outcome.facts["percent"] == 98.999
