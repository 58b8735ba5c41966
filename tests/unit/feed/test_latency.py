"""Histograms of latencies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedd.feed.latency import Histogram


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


def test_a_latency_below_zero_or_beyond_an_hour_is_counted_at_the_end() -> None:
    histogram = Histogram()
    histogram.add(-5_000_000_000)
    assert histogram.take().max == 0
    histogram.add(10**18)
    assert histogram.take().max == 3_600_000_000
