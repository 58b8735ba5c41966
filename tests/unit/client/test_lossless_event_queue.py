"""A lossless queue drops nothing and signals when to stop reading."""

from __future__ import annotations

from feedd.client.event_queue import EventQueue
from feedd.client.events import StateChange


def events(count: int) -> list[StateChange]:
    return [StateChange("", "live", str(number)) for number in range(count)]


def test_it_is_full_beyond_its_bound_until_half_is_taken() -> None:
    queue = EventQueue(10, only_ticks=False, lossless=True)
    queue.put(events(10))
    assert not queue.full
    queue.put(events(5))
    assert queue.full
    seen = []
    while len(queue.queue) > 5:
        assert queue.full
        queue.queue.popleft()
        seen.append(queue.full)
    assert seen[-1] is False


def test_events_beyond_the_bound_are_kept_in_order() -> None:
    queue = EventQueue(3, only_ticks=False, lossless=True)
    queue.put(events(100))
    assert list(queue.queue) == events(100)


def test_a_lossy_one_is_never_full() -> None:
    queue = EventQueue(3, only_ticks=False)
    queue.put(events(100))
    assert not queue.full
    assert len(queue.queue) == 3
