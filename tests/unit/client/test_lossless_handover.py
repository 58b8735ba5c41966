"""A lossless handover drops nothing, and says when to read no further."""

from __future__ import annotations

from feedd.client.events import StateChange
from feedd.client.handover import Handover


def events(count: int) -> list[StateChange]:
    return [StateChange("", "live", str(number)) for number in range(count)]


def test_it_is_full_beyond_its_bound_until_half_is_taken() -> None:
    handover = Handover(10, only_ticks=False, lossless=True)
    handover.put(events(10))
    assert not handover.full
    handover.put(events(5))
    assert handover.full
    seen = []
    while len(handover.queue) > 5:
        assert handover.full
        handover.queue.popleft()
        seen.append(handover.full)
    assert seen[-1] is False


def test_what_is_put_beyond_the_bound_is_kept_in_order() -> None:
    handover = Handover(3, only_ticks=False, lossless=True)
    handover.put(events(100))
    assert list(handover.queue) == events(100)


def test_a_lossy_one_is_never_full() -> None:
    handover = Handover(3, only_ticks=False)
    handover.put(events(100))
    assert not handover.full
    assert len(handover.queue) == 3
