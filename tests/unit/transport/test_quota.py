"""How much one connection may send."""

from __future__ import annotations

from feedd.transport.quota import BURST_BYTES, REFILL_BYTES_PER_S, Quota


def test_so_much_at_once_is_within_the_quota_and_a_byte_more_is_not() -> None:
    quota = Quota(10.0)
    assert not quota.exceeded(BURST_BYTES, 10.0)
    assert quota.exceeded(BURST_BYTES + 1, 10.0)


def test_it_fills_again_with_time_and_never_beyond_what_it_held_at_first() -> None:
    quota = Quota(0.0)
    assert not quota.exceeded(BURST_BYTES, 0.0)
    assert not quota.exceeded(BURST_BYTES + REFILL_BYTES_PER_S, 1.0)
    assert not quota.exceeded(BURST_BYTES + REFILL_BYTES_PER_S, 1e9)
    assert not quota.exceeded(2 * BURST_BYTES + REFILL_BYTES_PER_S, 1e9)
    assert quota.exceeded(2 * BURST_BYTES + REFILL_BYTES_PER_S + 1, 1e9)


def test_twenty_thousand_long_topics_are_within_it_at_once() -> None:
    assert not Quota(0.0).exceeded(20_000 * (60 + 12), 0.0)
