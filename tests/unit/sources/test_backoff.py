"""Waits between attempts to reconnect."""

import random

from feedd.sources.base import Backoff
from feedd.sources.ccxt.watching import FailurePauses


def test_backoff_doubles_up_to_its_cap_with_jitter() -> None:
    backoff = Backoff(first_s=1.0, cap_s=8.0, rng=random.Random(1))
    waits = [backoff.next_s() for _ in range(10)]
    for wait, ceiling in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8, 8, 8], strict=True):
        assert ceiling / 2 <= wait <= ceiling
    assert len(set(waits)) == len(waits)
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_backoff_waits_as_long_as_it_was_asked_to_once_and_up_to_its_cap() -> None:
    backoff = Backoff(first_s=1.0, cap_s=30.0)
    backoff.at_least(20.0)
    backoff.at_least(10.0)
    assert 20.0 <= backoff.next_s() <= 22.0
    assert backoff.next_s() <= 2.0
    backoff.at_least(600.0)
    assert 30.0 <= backoff.next_s() <= 33.0
    backoff.at_least(20.0)
    backoff.reset()
    assert backoff.next_s() <= 1.0


def test_backoff_never_overflows() -> None:
    backoff = Backoff()
    assert all(backoff.next_s() <= 30.0 for _ in range(5000))


def test_a_backoff_knows_whether_data_arrived_since_the_last_wait() -> None:
    backoff = Backoff()
    assert backoff.is_reset
    backoff.next_s()
    assert not backoff.is_reset
    backoff.reset()
    assert backoff.is_reset


def test_pauses_grow_while_a_channel_fails_again_and_again_though_it_has_data_between() -> None:
    pauses = FailurePauses()
    waits = [pauses.next_s() for _ in range(14)]
    assert waits[0] <= 0.25
    assert all(15.0 <= wait <= 30.0 for wait in waits[10:])
    assert FailurePauses().next_s() <= 0.25
