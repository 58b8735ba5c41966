"""Byte quota of one connection."""

from __future__ import annotations

from feedd.transport.quota import BURST_BYTES, REFILL_BYTES_PER_S, Quota


def test_the_burst_is_within_the_quota_and_one_more_byte_is_not() -> None:
    quota = Quota(10.0)
    assert not quota.exceeded(BURST_BYTES, 10.0)
    assert quota.exceeded(BURST_BYTES + 1, 10.0)


def test_it_refills_with_time_up_to_the_burst() -> None:
    quota = Quota(0.0)
    assert not quota.exceeded(BURST_BYTES, 0.0)
    assert not quota.exceeded(BURST_BYTES + REFILL_BYTES_PER_S, 1.0)
    assert not quota.exceeded(BURST_BYTES + REFILL_BYTES_PER_S, 1e9)
    assert not quota.exceeded(2 * BURST_BYTES + REFILL_BYTES_PER_S, 1e9)
    assert quota.exceeded(2 * BURST_BYTES + REFILL_BYTES_PER_S + 1, 1e9)


def test_twenty_thousand_long_topics_at_once_are_within_the_quota() -> None:
    assert not Quota(0.0).exceeded(20_000 * (60 + 12), 0.0)
