"""Histograms of latencies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.feed.latency import Histogram, SessionCounts
from feedd.model import LATENCY_BOUNDS_US


@given(st.lists(st.integers(0, 3_000_000_000_000), min_size=1, max_size=300))
def test_a_percentile_is_within_an_eighth_of_the_truth(latencies_ns: list[int]) -> None:
    histogram = Histogram()
    for latency_ns in latencies_ns:
        histogram.add(latency_ns)
    taken = histogram.take()
    ordered = sorted(latency_ns // 1000 for latency_ns in latencies_ns)
    truth = ordered[max(0, -(-len(ordered) // 2) - 1)]
    assert taken.p50 == pytest.approx(truth, rel=0.125, abs=1)
    assert taken.max == ordered[-1]
    assert histogram.take().p50 is None


def test_a_latency_beyond_an_hour_is_counted_at_the_end() -> None:
    histogram = Histogram()
    histogram.add(10**18)
    assert histogram.take().max == 3_600_000_000
    histogram.add(-(10**18))
    assert histogram.take().max == -3_600_000_000


@given(st.lists(st.integers(-3_000_000_000_000, 3_000_000_000_000), min_size=1, max_size=300))
def test_a_latency_below_zero_counts_as_it_is(latencies_ns: list[int]) -> None:
    histogram = Histogram()
    for latency_ns in latencies_ns:
        histogram.add(latency_ns)
    assert histogram.total == len(latencies_ns)
    taken = histogram.take()
    ordered = sorted(latency_ns // 1000 for latency_ns in latencies_ns)
    truth = ordered[max(0, -(-len(ordered) // 2) - 1)]
    assert taken.p50 == pytest.approx(truth, rel=0.125, abs=1)
    assert taken.max == ordered[-1]
    assert histogram.take().max is None


def test_one_step_of_the_clock_does_not_hide_the_other_latencies() -> None:
    histogram, both = Histogram(), Histogram()
    for latency_us in [*range(100), -2_000_000]:
        histogram.add(latency_us * 1000)
    both.absorb(histogram)
    taken = both.percentiles()
    assert (taken.p50, taken.max) == (pytest.approx(49, rel=0.125), 99)


@given(st.lists(st.integers(-(10**7), 10**7), max_size=300), st.integers(1, 5))
def test_session_counts_add_up_to_the_latencies_since_the_start(
    latencies_us: list[int], statuses: int
) -> None:
    counts = SessionCounts()
    for first in range(statuses):
        histogram = Histogram()
        for latency_us in latencies_us[first::statuses]:
            histogram.add(latency_us * 1000)
        counts.absorb(histogram)
    published = counts.published()
    assert sum(published.counts) == len(latencies_us)
    for number, bound_us in enumerate(LATENCY_BOUNDS_US):
        surely = sum(latency_us <= 0.95 * bound_us for latency_us in latencies_us)
        at_most = sum(latency_us <= 1.05 * bound_us for latency_us in latencies_us)
        assert surely <= sum(published.counts[: number + 1]) <= at_most
    off_us = 1 + 0.0625 * sum(map(abs, latencies_us))
    assert published.sum_us == pytest.approx(sum(latencies_us), abs=off_us)


def test_a_latency_below_zero_counts_at_the_first_bound_and_in_the_sum() -> None:
    histogram, counts = Histogram(), SessionCounts()
    histogram.add(-4_000)
    counts.absorb(histogram)
    assert (counts.published().counts, counts.published().sum_us) == ([1] + 11 * [0], -4)
